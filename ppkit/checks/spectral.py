"""The largest singular value of a matrix: a closed form."""

import numpy as np

from ..rigor.matrices import spectral_at_most
from .base import Checker, require


def spectral_upper(norm, M, data):
    """The largest singular value of ``M`` (m, n)."""
    return float(np.linalg.norm(M, 2)) if M.size else 0.0


def symmetric_upper(norm, M, data):
    """The largest absolute eigenvalue of a symmetric ``M`` (n, n)."""
    return float(np.max(np.abs(np.linalg.eigvalsh(M))))


def prove_spectral(norm, M, bound, data):
    """``||M||_2 <= bound`` for Balls ``M``, by pivots."""
    require(spectral_at_most(M, bound))


SPECTRAL = Checker(spectral_upper, prove_spectral)
SYMMETRIC = Checker(symmetric_upper, prove_spectral)
