"""ppkit: certificates of global optimality for parallel positively homogeneous networks."""

from . import bounds, families, testing, torch_bridge
from .certificates import Certificate, certify
from .errors import CertificateError, InputError
from .losses import HuberLoss, LogisticLoss, SquaredLoss
from .polars.base import Polar
from .problem import Problem
from .training import ConvexSolution, Fit, RelaxedBound, convex_lower_bound, fit, relaxed_lower_bound

__version__ = "0.1.0"

__all__ = [
    "Certificate",
    "CertificateError",
    "ConvexSolution",
    "Fit",
    "HuberLoss",
    "InputError",
    "LogisticLoss",
    "Polar",
    "Problem",
    "RelaxedBound",
    "SquaredLoss",
    "bounds",
    "certify",
    "convex_lower_bound",
    "families",
    "fit",
    "relaxed_lower_bound",
    "testing",
    "torch_bridge",
]
