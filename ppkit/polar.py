r"""The polar :math:`\Omega^\circ(g) = \sup\{\langle g, \phi(V)\rangle_{\mu_N} : \theta(V) \le 1\}`.

A family returns a :class:`Polar`: an interval that holds the polar, the factor that attains its
lower end, and what is needed to recheck the upper end without repeating a search.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .errors import InputError

KINDS = ("exact", "bounded", "heuristic")
EFFORTS = ("fast", "default", "exact")
EPS = np.finfo(float).eps


@dataclass(frozen=True)
class Polar:
    """An interval for the polar of one residual.

    Attributes
    ----------
    lower, upper : float
        ``lower <= Omega°(g) <= upper``.  ``lower`` is attained by ``factor``; ``upper`` is a theorem
        when ``kind`` is ``"exact"`` or ``"bounded"`` and ``inf`` when it is ``"heuristic"``.
        An exact polar has the two ends equal up to the rounding margin in ``upper``.
    factor : mapping
        One factor (leading axis of length 1) with ``theta <= 1`` and ``<g, phi(factor)> = lower``.
    kind : {"exact", "bounded", "heuristic"}
        Why to believe ``upper``: a closed form or exhaustive proof, a relaxation or a branch and
        bound, or nothing.
    candidates : mapping or None
        Unit factors (leading axis k) worth appending to a network, best first; the first is ``factor``.
    proof : mapping name -> array
        What ``family.polar_upper`` needs to recompute ``upper`` with no solver and no search.
    """

    lower: float
    upper: float
    factor: Mapping[str, np.ndarray]
    kind: str
    candidates: Mapping[str, np.ndarray] | None = None
    proof: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
        if self.kind == "heuristic" and np.isfinite(self.upper):
            raise ValueError("a heuristic polar has upper = inf: a search is never a certificate")
        object.__setattr__(self, "lower", outward(self.lower, -np.inf))
        object.__setattr__(self, "upper", outward(self.upper, np.inf))

    @property
    def gap(self):
        """``upper - lower``."""
        return self.upper - self.lower


def outward(x, way):
    """``x``, of any numeric type, as a Python float, rounded towards ``way`` if it is not one already."""
    y = float(x)
    return float(np.nextafter(y, way)) if y != x and not np.isnan(y) else y


def power_of_two(G):
    """The power of two just below the largest entry of ``|G|`` (1 for zero): dividing by it is exact."""
    top = float(np.max(np.abs(G), initial=0.0))
    return 2.0 ** max(-1022, int(np.frexp(top)[1]) - 1) if top > 0 else 1.0


def check_effort(effort):
    """Raise :class:`InputError` unless ``effort`` is "fast", "default" or "exact"."""
    if effort not in EFFORTS:
        raise InputError(f"unknown effort {effort!r}; choose one of {', '.join(EFFORTS)}")


def rounding_margin(n_terms, magnitude, value=0.0, size=1):
    r"""An upper bound on the rounding error of a norm of a sum of products.

    ``n_terms`` products are summed whose absolute values sum to at most ``magnitude`` (in the norm
    at hand), the standard bound :math:`\gamma_n = n u/(1 - n u)` of floating-point summation; the
    norm itself, of an array of ``size`` entries with norm ``value``, then carries a backward error of
    a small multiple of ``size * u * value``.
    """
    return EPS * ((n_terms + 4) * magnitude + 8 * (size + 4) * value)


def largest_eigenvalue(S, n_terms=0, magnitude=0.0):
    """At least the largest eigenvalue of a symmetric ``S`` (n, n): one ``eigvalsh``, rounded outward.

    What turns the dual matrix of any semidefinite relaxation into a theorem, however it was found.
    ``n_terms`` and ``magnitude`` describe the sums that the entries were computed by, as in
    :func:`rounding_margin`.  Costs O(n^3).
    """
    top = float(np.linalg.eigvalsh(S)[-1])
    return top + rounding_margin(n_terms, magnitude, float(np.linalg.norm(S)), len(S))
