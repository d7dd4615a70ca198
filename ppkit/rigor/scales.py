r"""Data of any scale: polars computed at size one, where squares stay within the range of floats.

A polar is positively homogeneous of degree one in the residual and, for most families, of some degree
in the inputs.  Scales are powers of two, so dividing by one is exact but for entries that underflow.
Data of ordinary size are left alone: a search would round its iterates differently, and results keep
their bits.
"""

from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Array

ORDINARY = 100  # binary exponents beyond this are extreme: 1e30
#: relative to the data, more than what sums of products and norms lose where squares underflow
UNDERFLOW = -300
SMALL = 1e-130  # squares of less lose digits or underflow


def exponent(a: Array | None, what: str = "the data") -> int | None:
    """The binary exponent of the largest entry of ``|a|``, None if there is none or if it is zero."""
    top = 0.0 if a is None else float(np.max(np.abs(a), initial=0.0))
    if not np.isfinite(top):
        raise InputError(f"{what} holds NaN or infinite entries")
    return int(np.frexp(top)[1]) - 1 if top > 0 else None


def excess(power: int | None, ordinary: tuple[int, int] = (-ORDINARY, ORDINARY)) -> int:
    """The binary exponent to divide by: ``power`` itself outside the ordinary range, 0 inside."""
    return 0 if power is None or ordinary[0] <= power <= ordinary[1] else power


def times_power(x: float, power: int, towards: float) -> float:
    """``x 2^power`` as a float, rounded towards ``towards``."""
    with np.errstate(over="ignore", under="ignore"):
        y = np.ldexp(x, power)
        exact = np.ldexp(y, -power) == x or np.isnan(x)
    return float(y if exact else np.nextafter(y, towards))


def lifted(a: Array) -> tuple[Array, np.ndarray]:
    """``(rows, power)``: the rows of ``a`` (k, d) whose squares would underflow, over ``2^power`` (k, 1)."""
    top = np.max(np.abs(a), axis=1, keepdims=True, initial=0.0)
    power = np.where((top > 0) & (top < SMALL), np.frexp(top)[1], 0)
    return np.ldexp(a, -power), power


def row_norms(a: Array) -> Array:
    """Euclidean norms of the rows of ``a`` (k, d), shape (k, 1), right where squares underflow."""
    rows, power = lifted(a)
    return np.ldexp(np.linalg.norm(rows, axis=1, keepdims=True), power)


def unit_rows(a: Array) -> Array:
    """The rows of ``a`` (k, d) over their norms; a zero row becomes the first basis vector."""
    rows = lifted(a)[0]
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(norm > 0, rows / np.where(norm > 0, norm, 1.0), np.eye(1, a.shape[1]))


def at_size_one(X: Any, G: Array, degree: int | None) -> tuple[Any, Any, int, float]:
    """``(X, G, power, underflowed)``: the data divided by their excess, and what that does to a polar.

    The polar of ``degree`` in the inputs (None: it has none, and they stay as they are) is ``2^power``
    times that of the data returned, whose computation may have underflowed ``underflowed`` to underflow.
    """
    top = exponent(X, "X"), exponent(G, "a residual")
    down = 0 if degree is None else excess(top[0]), excess(top[1])
    underflowed = 0.0
    if degree is not None and top[0] is not None and top[1] is not None:
        underflowed = float(np.ldexp(1.0, UNDERFLOW + degree * (top[0] - down[0]) + top[1] - down[1]))
    X, G = (a if k == 0 else np.ldexp(a, -k) for a, k in zip((X, G), down, strict=True))
    return X, G, (degree or 0) * down[0] + down[1], underflowed
