"""Operator norms with an l1 side: the largest dual norm of a line of the matrix, a closed form."""

from collections.abc import Sequence

import numpy as np

from ..checks import Proof
from ..checks.vector_norms import L1, VectorNorm
from .base import Found, Norm, Units

MOST = 128  # units that a search hands on


class LinesNorm(Norm):
    """``sup u^T M v`` with l1 measuring ``u``, or ``v`` with ``by_columns``, and ``line`` the other side.

    With ``nonnegative`` both are kept to entries ``>= 0``.
    """

    kinds = ("lines",)

    def __init__(self, line: VectorNorm, by_columns: bool = False, nonnegative: bool = False):
        self.line, self.by_columns, self.nonnegative = line, by_columns, nonnegative

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        value, one, other = touching_rows(M.T if self.by_columns else M, self.line, self.nonnegative)
        units = {"u": other, "v": one} if self.by_columns else {"u": one, "v": other}
        return Found(units, value, Proof("lines"))


def touching_rows(
    M: np.ndarray, norm: VectorNorm, nonnegative: bool, most: int = MOST
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(value, u, v)``: unit factors ``e_i v^T`` and their products with ``M`` (m, n), best first.

    For each row the ``v`` that attains the dual norm; for "l1" the ``most`` largest entries instead,
    several in a row.  At least one factor is returned, the first attains the polar.
    """
    W = np.maximum(M, 0.0) if nonnegative else M
    if isinstance(norm, L1):
        order = np.argsort(-np.abs(W), axis=None, kind="stable")[:most]
        i, j = np.unravel_index(order, W.shape)
        v = np.zeros((len(order), W.shape[1]))
        v[np.arange(len(order)), j] = np.where(W[i, j] < 0, -1.0, 1.0)
    else:
        i = np.argsort(-norm.dual(W), kind="stable")[:most]
        v = norm.touch(W[i])
    if nonnegative:
        v = v * (W[i] > 0)
    value = np.sum(M[i] * v, axis=1)
    keep = value > 0
    keep[0] = True
    return value[keep], np.eye(len(M))[i[keep]], v[keep]
