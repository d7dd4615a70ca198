"""Arithmetic that errs on the safe side: outward margins, exact products, balls, trees of halved boxes."""

from .balls import Balls, NoProof, precision
from .matrices import at_most, positive_definite, spectral_at_most

__all__ = ["Balls", "NoProof", "at_most", "positive_definite", "precision", "spectral_at_most"]
