"""The largest singular value of a matrix: a closed form."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..rigor.balls import Balls
from ..rigor.matrices import spectral_at_most
from .base import Checker, require

Data = Mapping[str, np.ndarray]


def spectral_upper(norm: Any, M: np.ndarray, data: Data) -> float:
    """The largest singular value of ``M`` (m, n)."""
    return float(np.linalg.norm(M, 2)) if M.size else 0.0


def symmetric_upper(norm: Any, M: np.ndarray, data: Data) -> float:
    """The largest absolute eigenvalue of a symmetric ``M`` (n, n)."""
    return float(np.max(np.abs(np.linalg.eigvalsh(M))))


def prove_spectral(norm: Any, M: Balls, bound: float, data: Data) -> None:
    """``||M||_2 <= bound`` for Balls ``M``, by pivots."""
    require(spectral_at_most(M, bound))


SPECTRAL = Checker(spectral_upper, prove_spectral)
SYMMETRIC = Checker(symmetric_upper, prove_spectral)
