"""The largest singular value, rounded outward."""

import numpy as np

from ..rigor.margins import rounding_margin


def spectral_upper(M, n_terms, magnitude):
    """The largest singular value of ``M`` (m, n), rounded outward.

    ``M`` is a computed mean of ``n_terms`` products whose absolute values have norm at most
    ``magnitude``.
    """
    s = float(np.linalg.norm(M, 2)) if M.size else 0.0
    return s + rounding_margin(n_terms, magnitude, s, sum(M.shape))
