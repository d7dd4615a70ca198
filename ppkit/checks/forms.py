"""Quadratic forms that vanish on rank-one tensors: upper ends of a tensor's spectral norm."""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from ..rigor.balls import Balls, arbs, matmul, to_arb, upper
from ..rigor.margins import EPS, largest_eigenvalue_up, rounding_margin
from ..rigor.matrices import positive_definite, spectral_at_most
from .base import Checker, require

Data = Mapping[str, np.ndarray]


def binomials(sizes: Sequence[int]) -> np.ndarray:
    """Index quadruples (m, 4): the forms ``z_a z_b - z_c z_d`` that span those vanishing on rank one.

    ``sizes`` are the modes of z; indices are flat, in C order.
    """
    index = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)
    groups: dict[tuple, list[tuple[int, int]]] = {}
    for a, b in combinations_with_replacement(range(len(index)), 2):
        if np.sum(index[a] != index[b]) > 1:
            key = tuple(map(tuple, np.sort(index[[a, b]], axis=0)))
            groups.setdefault(key, []).append((a, b))
    rows = [(*group[0], *other) for group in groups.values() for other in group[1:]]
    return np.array(rows, int).reshape(-1, 4)


def binomial_count(sizes: Sequence[int]) -> int:
    """The number of rows of ``binomials(sizes)``, without making them."""
    n = int(np.prod(sizes))
    return n * (n + 1) // 2 - int(np.prod([k * (k + 1) // 2 for k in sizes]))


def combine(weights: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    """The symmetric matrix (n, n) of the form ``sum_k weights[k] (z_a z_b - z_c z_d)_k``."""
    N = np.zeros((n, n), weights.dtype)
    np.add.at(N, (rows[:, 0], rows[:, 1]), 0.5 * weights)
    np.add.at(N, (rows[:, 2], rows[:, 3]), -0.5 * weights)
    return N + N.T


def other_sizes(shape: Sequence[int], mode: int) -> tuple[int, ...]:
    """Sizes of the modes other than ``mode``."""
    return tuple(n for k, n in enumerate(shape) if k != mode)


def unfold(T: Any, mode: int) -> Any:
    """The matrix with mode ``mode`` as rows, the others as columns in C order; Balls in, Balls out."""
    others = int(np.prod(other_sizes(T.shape, mode)))
    return np.moveaxis(T, mode, 0).reshape(T.shape[mode], others)


# ---- the checkers ---------------------------------------------------------------------------------


def mode_of(M: Any, data: Data) -> int:
    """The mode that a proof unfolds along."""
    mode = int(data["mode"])
    if not 0 <= mode < len(M.shape):
        raise ValueError("no such mode")
    return mode


def form_of(M: Any, data: Data, square: Any = 1.0) -> tuple[Any, np.ndarray]:
    """The unfolding U of ``M`` and the proof's matrix N, whose weights are relative to ``square``."""
    mode = mode_of(M, data)
    U, rows = unfold(M, mode), binomials(other_sizes(M.shape, mode))
    weights = np.asarray(data["weights"], float)
    if weights.shape != (len(rows),) or not np.all(np.isfinite(weights)):
        raise ValueError("one finite weight for every binomial")
    return U, combine(square * weights, rows, U.shape[1])


def unfolding_upper(norm: Any, M: np.ndarray, data: Data) -> float:
    """The largest singular value of the unfolding, rounded outward."""
    mode, size = mode_of(M, data), float(np.linalg.norm(M))
    if size == 0:
        return 0.0
    U = unfold(M / size, mode)
    value = size * float(np.linalg.norm(U, 2))
    return value + rounding_margin(0, 0.0, value, sum(U.shape))


def form_upper(norm: Any, M: np.ndarray, data: Data, error: float = 0.0) -> float:
    r"""``sqrt(lambda_max(U^T U + N))`` with the proof's N, rounded outward; U is an unfolding of ``M``.

    At least the norm also of every tensor within ``error`` of ``M``: where ``|U z| <= sqrt(lambda_max)``
    and ``|U z| <= |U|``, adding E with ``|E z| <= e`` gives ``|(U + E) z|^2 <= lambda_max + 2 |U| e + e^2``.
    """
    size = float(np.linalg.norm(M))
    U, N = form_of(M / (size or 1.0), data)
    if size == 0:
        return error
    square = largest_eigenvalue_up(U.T @ U + N, sum(U.shape), 1.0 + float(np.linalg.norm(N)))
    error = error / size + 4 * EPS
    top = float(np.linalg.norm(U, 2))
    return size * float(np.sqrt(max(square, 0.0) + 2 * top * error + error**2)) * (1 + 8 * EPS)


def prove_unfolding(norm: Any, M: Balls, bound: float, data: Data) -> None:
    """The same for Balls ``M``, by pivots."""
    require(spectral_at_most(unfold(M, mode_of(M, data)), bound))


def prove_form(norm: Any, M: Balls, bound: float, data: Data) -> None:
    """``U^T U + N < bound^2 I`` for Balls ``M``, by pivots."""
    size = upper(np.sqrt((M * M).sum()))
    U, N = form_of(M, data, to_arb(size * size))  # a rounded sum of weights could leave the space
    K = -arbs(matmul(U.T, U)) - arbs(N)
    K[np.diag_indices(len(K))] += to_arb(bound) ** 2
    require(positive_definite(K))


UNFOLDING = Checker(unfolding_upper, prove_unfolding)
FORM = Checker(form_upper, prove_form)
