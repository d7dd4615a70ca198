"""Spectral norms as polars: singular and symmetric eigenvectors."""

from collections.abc import Sequence

import numpy as np

from ..checks import Proof
from .base import MOST_UNITS, Found, Norm, Units

RANK = 1e-12  # relative size below which a singular value is rounding


class SpectralNorm(Norm):
    """``sup u^T M v`` over unit vectors: units ``u`` (k, m) and ``v`` (k, n), leading singular vectors."""

    kinds = ("spectral",)

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        U, s, Vt = np.linalg.svd(M, full_matrices=False)
        k = max(1, min(MOST_UNITS, int(np.sum(s > RANK * s[0]))))
        return Found({"u": U.T[:k], "v": Vt[:k]}, s[:k], Proof("spectral"), float(s[0]))


class SymmetricNorm(Norm):
    """``sup u v^T M v`` over ``|u| = |v| = 1`` for symmetric M: units ``u`` (k, 1) and ``v`` (k, n)."""

    kinds = ("symmetric",)

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        w, E = np.linalg.eigh(M)
        order = np.argsort(-np.abs(w), kind="stable")
        size = np.abs(w[order])
        k = max(1, min(MOST_UNITS, int(np.sum(size > RANK * size[0]))))
        order = order[:k]
        units = {"u": np.where(w[order] < 0, -1.0, 1.0)[:, None], "v": E.T[order]}
        return Found(units, size[:k], Proof("symmetric"), float(size[0]))
