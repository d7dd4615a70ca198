r"""The polar :math:`\Omega^\circ(g) = \sup\{\langle g, \phi(V)\rangle_{\mu_N} : \theta(V) \le 1\}`.

A family returns a :class:`Polar`: an interval that holds the polar, the factor that attains its
lower end, and what is needed to recheck the upper end without repeating a search.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..rigor.margins import outward

KINDS = ("exact", "bounded", "heuristic")
EFFORTS = ("fast", "default", "exact")


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


def check_effort(effort):
    """Raise :class:`InputError` unless ``effort`` is "fast", "default" or "exact"."""
    if effort not in EFFORTS:
        raise InputError(f"unknown effort {effort!r}; choose one of {', '.join(EFFORTS)}")
