"""Floating point with outward margins: what rounds towards the safe side, and by how much."""

from typing import Any

import numpy as np

from ..factors import Array

EPS = np.finfo(float).eps
LONG_EPS = float(np.finfo(np.longdouble).eps)
TINY = float(np.finfo(float).tiny)  # the smallest normal number


def round_up(x: Any) -> float:
    """``x``, of any numeric type, as a Python float that is not below it."""
    return _towards(x, np.inf)


def round_down(x: Any) -> float:
    """``x``, of any numeric type, as a Python float that is not above it."""
    return _towards(x, -np.inf)


def _towards(x: Any, end: float) -> float:
    y = float(x)
    return float(np.nextafter(y, end)) if y != x and not np.isnan(y) else y


def power_of_two(G: Array) -> float:
    """The power of two just below the largest entry of ``|G|`` (1 for zero): dividing by it is exact."""
    top = float(np.max(np.abs(G), initial=0.0))
    return 2.0 ** max(-1022, int(np.frexp(top)[1]) - 1) if top > 0 else 1.0


def rounding_margin(n_terms: int, magnitude: float, value: float = 0.0, size: int = 1) -> float:
    r"""An upper bound on the rounding error of a norm of a sum of products.

    ``n_terms`` products are summed whose absolute values sum to at most ``magnitude`` (in the norm
    at hand), the standard bound :math:`\gamma_n = n u/(1 - n u)` of floating-point summation; the
    norm itself, of an array of ``size`` entries with norm ``value``, then carries a backward error of
    a small multiple of ``size * u * value``.
    """
    return EPS * ((n_terms + 4) * magnitude + 8 * (size + 4) * value)


def largest_eigenvalue_up(S: Array, n_terms: int = 0, magnitude: float = 0.0) -> float:
    """At least the largest eigenvalue of a symmetric ``S`` (n, n): one ``eigvalsh``, rounded outward.

    What turns the dual matrix of any semidefinite relaxation into a theorem, however it was found.
    ``n_terms`` and ``magnitude`` describe the sums that the entries were computed by, as in
    :func:`rounding_margin`.  Costs O(n^3).
    """
    top = float(np.linalg.eigvalsh(S)[-1])
    return top + rounding_margin(n_terms, magnitude, float(np.linalg.norm(S)), len(S))
