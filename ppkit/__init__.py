"""ppkit: certificates of global optimality for parallel positively homogeneous networks."""

from . import bounds, families, torch_bridge
from .certificate import Certificate, certify
from .convex import ConvexSolution, RelaxedBound, convex_lower_bound, relaxed_lower_bound
from .errors import CertificateError, InputError
from .fit import Fit, fit
from .losses import HuberLoss, LogisticLoss, SquaredLoss
from .polar import Polar
from .problem import Problem

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
    "torch_bridge",
]
