"""Training until certified, descent at a fixed width, and lower bounds from convex programs."""

from .convex import ConvexSolution, RelaxedBound, convex_lower_bound, relaxed_lower_bound
from .descent import descend
from .fit import Fit, fit
from .grow import grow, stationary, tidy

__all__ = [
    "ConvexSolution",
    "Fit",
    "RelaxedBound",
    "convex_lower_bound",
    "descend",
    "fit",
    "grow",
    "relaxed_lower_bound",
    "stationary",
    "tidy",
]
