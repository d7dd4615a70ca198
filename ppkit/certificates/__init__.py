"""Certificates of global optimality: made, rechecked, saved and read."""

from .certify import certify
from .dual import dual_value, feasible_dual
from .files import load, save
from .record import Certificate
from .verify import Verification, verify

__all__ = [
    "Certificate",
    "Verification",
    "certify",
    "dual_value",
    "feasible_dual",
    "load",
    "save",
    "verify",
]
