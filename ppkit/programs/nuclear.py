"""The least norm of a matrix (or tensor) with given predictions: a closed form, or a convex program."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..optional import optional
from ..rigor.margins import power_of_two
from .solve import solve_program

cp = optional("cvxpy")

Program = tuple[Any, Any, list[Any]]  # (prediction, omega, constraints) in CVXPY

REPRESENTED = 1e-9  # relative size of what may be left over of a prediction that counts as represented
RANK = 1e-11  # relative size of a singular value below which a combination of predictions is not seen


def least_norm(
    A: np.ndarray,
    F: np.ndarray,
    program: Callable[[np.ndarray], Program] | None = None,
    closed_form: Callable[[np.ndarray, int], float | None] = lambda M, rank: None,
) -> float:
    """The least norm among the ``M`` with ``A M = F``; ``inf`` where there is none, at any scale of ``F``.

    Parameters
    ----------
    A : array (N, p)
    F : array (N, c)
    program : callable
        ``program(rows)``: the CVXPY program of the norm with the prediction ``rows M`` (k, c); None where
        the closed form leaves nothing to it.
    closed_form : callable
        ``closed_form(M, rank)``: the norm of the least-squares solution ``M`` (p, c) of least Euclidean
        norm, where the rank of ``A`` says that it is the one to be taken; None elsewhere.
    """
    size = power_of_two(F)
    F = F / size
    found = representation(A, F)
    if found is None:
        return float("inf")
    known = closed_form(*found)
    if known is None:
        assert program is not None, "a norm without a program has a closed form everywhere"
        known = solved(A, F, program)
    return size * known


def representation(A: np.ndarray, F: np.ndarray) -> tuple[np.ndarray, int] | None:
    """The M of least Euclidean norm with ``A M = F`` and the rank of ``A``; None if there is no such M."""
    M, _, rank, _ = np.linalg.lstsq(A, F, rcond=None)
    left = np.linalg.norm(A @ M - F)
    return None if left > REPRESENTED * np.linalg.norm(F) else (M, int(rank))


def solved(A: np.ndarray, F: np.ndarray, program: Callable[[np.ndarray], Program]) -> float:
    """The least norm by ``program``, for entries of size one, where solvers are at home.

    ``A M = F`` is written in the right singular vectors of ``A``: samples that say the same twice, or
    nearly, cost a solver digits.
    """
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    seen = s > RANK * s[0]
    target = U[:, seen].T @ F / s[seen, None]
    size = float(np.max(np.abs(target), initial=0.0))
    if size == 0:
        return 0.0
    prediction, omega, constraints = program(Vt[seen])
    return size * solve_program(cp.Minimize(omega), [*constraints, prediction == target / size])


def least_symmetric(X: np.ndarray, F: np.ndarray) -> float:
    """The least nuclear norm of a symmetric S with ``x_i^T S x_i = F_i``, X (N, n), F (N, 1), or ``inf``."""
    n = X.shape[1]
    a, b = np.triu_indices(n)
    weight = np.where(a == b, 1.0, np.sqrt(2.0))

    def closed_form(s: np.ndarray, rank: int) -> float | None:
        k = np.linalg.matrix_rank(X)
        if rank != k * (k + 1) // 2:
            return None
        S = np.zeros((n, n))
        S[a, b] = S[b, a] = s[:, 0] / weight
        return float(np.sum(np.abs(np.linalg.eigvalsh(S))))

    A = weight * X[:, a] * X[:, b]
    return least_norm(A, F, lambda A: symmetric_program(A, weight, a, b), closed_form)


# ---- programs ---------------------------------------------------------------------------------------


def matrix_program(shape: tuple[int, int], A: np.ndarray, n_columns: int = 1, n_outputs: int = 1) -> Program:
    """The nuclear norm of ``M``, whose entries as a (p, n_columns) matrix are mapped by ``A`` (N', p)."""
    M = cp.Variable(shape)
    F = A @ cp.reshape(M, (A.shape[1], n_columns), order="C")
    return cp.reshape(F, (F.size // n_outputs, n_outputs), order="C"), cp.normNuc(M), []


def regression_program(shape: tuple[int, int], X: np.ndarray) -> Program:
    """The nuclear norm of ``M`` (n_y, n_x) with predictions ``X M^T``."""
    M = cp.Variable(shape)
    return X @ M.T, cp.normNuc(M), []


def entries_program(shape: tuple[int, int]) -> Program:
    """The nuclear norm of ``M`` that is seen entry by entry, (1, m n)."""
    M = cp.Variable(shape)
    return cp.reshape(M, (1, shape[0] * shape[1]), order="C"), cp.normNuc(M), []


def quadratic_program(X: np.ndarray) -> Program:
    """The nuclear norm, least ``tr P + tr Q``, of a symmetric ``S = P - Q`` with predictions ``x^T S x``."""
    n = X.shape[1]
    P, Q = cp.Variable((n, n), PSD=True), cp.Variable((n, n), PSD=True)
    F = cp.reshape(cp.sum(cp.multiply(X @ (P - Q), X), axis=1), (len(X), 1), order="C")
    return F, cp.trace(P) + cp.trace(Q), []


def symmetric_program(A: np.ndarray, weight: np.ndarray, a: np.ndarray, b: np.ndarray) -> Program:
    """The same for predictions that ``A`` (N, p) maps from the entries ``weight S[a, b]`` (p,)."""
    n = int(b[-1]) + 1
    P, Q = cp.Variable((n, n), PSD=True), cp.Variable((n, n), PSD=True)
    entries = cp.multiply(weight, (P - Q)[a, b])
    return cp.reshape(A @ entries, (len(A), 1), order="C"), cp.trace(P) + cp.trace(Q), []
