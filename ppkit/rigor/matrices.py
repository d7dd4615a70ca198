"""Inequalities between matrices and numbers, proved in ball arithmetic."""

import numpy as np

from ..factors import Numbers
from .balls import Balls, arbs, matmul, to_arb


def spectral_at_most(M: Numbers, bound: float) -> bool:
    """Whether ``||M||_2 <= bound`` is proved for Balls ``M`` (m, n).

    By the pivots of ``bound^2 I - M^T M``: if all of them are positive the matrix is positive
    definite.
    """
    A = arbs(M if M.shape[0] >= M.shape[1] else M.T)
    if all(x == 0 for x in A.flat):
        return bound >= 0
    K = -arbs(matmul(Balls(A.T), Balls(A)))
    K[np.diag_indices(len(K))] += to_arb(bound) ** 2
    return positive_definite(K)


def positive_definite(K: np.ndarray) -> bool:
    """Whether a symmetric array of balls is proved positive definite, by its pivots."""
    K = K.copy()
    for j in range(len(K)):
        if not K[j, j] > 0:
            return False
        column = K[j + 1 :, j] / K[j, j]
        K[j + 1 :, j + 1 :] -= np.outer(column, K[j, j + 1 :])
    return True


def at_most(values: Numbers, bound: float) -> bool:
    """Whether every entry of the Balls ``values`` is proved to be at most ``bound``."""
    return all(x <= bound for x in arbs(values).flat)
