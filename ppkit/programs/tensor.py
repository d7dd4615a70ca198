"""The relaxed nuclear norm of a tensor as a semidefinite program."""

import numpy as np

from ..checks.forms import binomials, other_sizes
from ..optional import optional
from .nuclear import Program

cp = optional("cvxpy")


def relaxed_program(X: np.ndarray, shape: tuple[int, ...]) -> Program:
    r"""``(prediction, value, constraints)`` for measurements ``X`` (N, n1, ..., nK) of a tensor.

    The least ``(tr P + tr R)/2`` with ``[[P, U], [U^T, R]]`` positive semidefinite, U the unfolding
    of a tensor with the predictions, R orthogonal to every binomial: the dual of the bound on the
    spectral norm.
    """
    mode = int(np.argmax(shape))
    others = other_sizes(shape, mode)
    m, n = shape[mode], int(np.prod(others))
    S = cp.Variable((m + n, m + n), PSD=True)
    rows = binomials(others) + m
    constraints = []
    if len(rows):
        a, b, c, d = rows.T
        constraints = [S[a, b] == S[c, d]]
    A = np.moveaxis(X, mode + 1, 1).reshape(len(X), m * n)
    F = cp.reshape(A @ cp.reshape(S[:m, m:], (m * n,), order="C"), (len(X), 1), order="C")
    return F, cp.trace(S) / 2, constraints
