"""Networks as mappings ``name -> array (r, ...)``, and checks of the arrays that come in."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Array: TypeAlias = NDArray[np.float64]
#: an array of floats, or of balls (:class:`ppkit.rigor.Balls`), on which the package's formulas run as well
Numbers: TypeAlias = Any
#: a network: name -> array whose first axis is the width
Factors: TypeAlias = Mapping[str, np.ndarray]


class Shaped(Protocol):
    """What the functions below need of a family."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter array of one factor."""

    def theta(self, factors: Factors) -> Numbers:
        """Cost of each factor."""


# ---- small functions on factors -----------------------------------------------------------------------


def as_float(a: Any, what: str) -> np.ndarray:
    """A finite float64 array, or :class:`InputError` naming ``what``."""
    try:
        a = np.asarray(a)
        if a.dtype.kind not in "fiub":
            raise TypeError
        a = a.astype(np.float64, order="C")
    except (TypeError, ValueError):
        raise InputError(f"{what} must be a numeric array") from None
    if not np.all(np.isfinite(a)):
        raise InputError(f"{what} holds NaN or infinite entries")
    return a


def width(factors: Factors) -> int:
    """Number of factors r."""
    return next(iter(factors.values())).shape[0]


def take(factors: Factors, index: Any) -> dict[str, np.ndarray]:
    """The sub-network of the factors in ``index``."""
    return {k: a[index] for k, a in factors.items()}


def append(factors: Factors, more: Factors) -> dict[str, np.ndarray]:
    """The two networks side by side."""
    return {k: np.concatenate([a, more[k]]) for k, a in factors.items()}


def zero_network(family: Shaped) -> dict[str, np.ndarray]:
    """The network of width 0."""
    return {k: np.zeros((0, *s)) for k, s in family.shapes.items()}


def drop_dead(family: Shaped, factors: Factors, tol: float = 1e-14) -> dict[str, np.ndarray]:
    """Drop the factors whose cost is below ``tol`` times the total."""
    cost = family.theta(factors)
    return take(factors, cost > tol * cost.sum()) if cost.size else dict(factors)


def check_sizes(family: str, **sizes: Any) -> None:
    """Raise :class:`InputError` unless every size is a positive integer."""
    for name, n in sizes.items():
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InputError(f"{family}: {name} must be a positive integer, got {n!r}")


def sample_shape(
    family: str, X: Any, axes: str, dimensions: Collection[int] | None = None
) -> tuple[int, ...]:
    """Shape of one sample of ``X``, whose ``axes`` are called "N, m, n"; InputError if it has others.

    ``dimensions`` are the numbers of axes allowed, where the names do not say it.
    """
    X = as_float(X, "X")
    if X.ndim not in (dimensions or (axes.count(",") + 1,)):
        raise InputError(f"{family}: X must have shape ({axes}), got {X.shape}")
    return X.shape[1:]


def output_width(family: str, Y: Any) -> int:
    """Number of outputs of ``Y`` (N,) or (N, n_outputs), or :class:`InputError`."""
    Y = as_float(Y, "Y")
    if Y.ndim not in (1, 2):
        raise InputError(f"{family}: Y must have shape (N,) or (N, n_outputs), got {Y.shape}")
    return 1 if Y.ndim == 1 else Y.shape[1]


def check_shape(family: str, shape: Any, length: int) -> tuple[int, ...]:
    """``shape`` as a tuple of ``length`` positive integers, or :class:`InputError`."""
    try:
        shape = tuple(shape)
    except TypeError:
        shape = ()
    if len(shape) != length:
        raise InputError(f"{family}: shape must hold {length} positive integers")
    check_sizes(family, **{f"shape[{i}]": n for i, n in enumerate(shape)})
    return tuple(int(n) for n in shape)
