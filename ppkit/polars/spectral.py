"""The spectral norm as a polar."""

import numpy as np

from ..rigor.margins import rounding_margin
from .base import Polar


def spectral_polar(M, n_terms, magnitude, pack, most=16):
    """The exact polar ``sigma_1(M)``; ``pack(U, V)`` turns unit columns into unit-cost factors.

    ``U`` is (k, m), ``V`` is (k, n): the leading singular vectors, best first.
    """
    U, s, Vt = np.linalg.svd(M, full_matrices=False)
    k = max(1, min(most, int(np.sum(s > 1e-12 * s[0]))))
    candidates = pack(U.T[:k], Vt[:k])
    return Polar(
        lower=float(s[0]),
        upper=float(s[0]) + rounding_margin(n_terms, magnitude, float(s[0]), sum(M.shape)),
        factor={name: a[:1] for name, a in candidates.items()},
        kind="exact",
        candidates=candidates,
    )
