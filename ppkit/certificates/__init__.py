"""Certificates of global optimality: made, rechecked, saved and read."""

from .certificate import Certificate, load
from .certify import certify
from .dual import dual_value, feasible_dual
from .files import save
from .record import Record
from .verify import Verification, verify

__all__ = [
    "Certificate",
    "Record",
    "Verification",
    "certify",
    "dual_value",
    "feasible_dual",
    "load",
    "save",
    "verify",
]
