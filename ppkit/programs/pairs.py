"""Convex programs over sums of outer products, priced by a pair of norms."""

from typing import Any

import numpy as np

from ..checks.pairs import Pair
from ..checks.vector_norms import L1, L1L2, L2, LInf, VectorNorm
from ..checks.vertices import vertex_bits, vertices
from ..errors import InputError
from ..factors import Factors, drop_dead, take, width
from ..losses import Loss
from ..optional import optional
from ..polars.lines import LinesNorm
from .nuclear import Program
from .solve import run_solver

cp = optional("cvxpy")

LARGE = 40_000  # entries of the matrix of the convex program over the factors' other sides
LISTED = 9  # bits of a vertex number up to which a convex program lists all of them


def sum_of_norms(norm: VectorNorm, rows: Any) -> Any:
    """The sum of the norms of the rows of a CVXPY matrix."""
    if isinstance(norm, L1):
        return cp.sum(cp.abs(rows))
    if isinstance(norm, L2):
        return cp.sum(cp.norm(rows, 2, axis=1))
    if isinstance(norm, LInf):
        return cp.sum(cp.max(cp.abs(rows), axis=1))
    if isinstance(norm, L1L2):
        return sum_of_norms(L2(), rows) + norm.gamma * sum_of_norms(L1(), rows)
    raise InputError(f"no convex program with {norm}")


def lines_program(X: np.ndarray, norm: LinesNorm) -> Program:
    """``(prediction, cost, constraints)`` of one matrix (m, n), measured by ``X`` (N, m, n), by its lines."""
    M = cp.Variable(X.shape[1:])
    F = cp.reshape(X.reshape(len(X), -1) @ cp.vec(M, order="C"), (len(X), 1), order="C")
    cost = sum_of_norms(norm.line, M.T if norm.by_columns else M)
    return F, cost, [M >= 0] if norm.nonnegative else []


def cube_program(pair: Pair, X: np.ndarray) -> Program:
    """``(prediction, cost, constraints)`` over all vertices of the smaller cube; InputError if too many."""
    shape = X.shape[1:]
    side = pair.cube_side(shape)
    if side is None or vertex_bits(shape[side], pair.nonnegative) > LISTED:
        raise InputError("structured-sensing: no finite convex program for this pair and shape")
    d, first = shape[side], int(pair.nonnegative)  # the first vertex of [0, 1]^d is zero
    lines = vertices(np.arange(first, 2 ** vertex_bits(d, pair.nonnegative)), d, pair.nonnegative)
    F, cost, constraints, _ = fixed_lines(pair, X, lines, side)
    return F, cost, constraints


def fixed_lines(pair: Pair, X: np.ndarray, lines: np.ndarray, side: int) -> tuple[Any, Any, list[Any], Any]:
    """``(prediction, cost, constraints, V)`` of networks with unit ``lines`` on a side and ``V`` beside."""
    A = X if side == 0 else X.swapaxes(1, 2)
    columns = np.einsum("nij,ki->nkj", A, lines).reshape(len(X), -1)
    V = cp.Variable((len(lines), A.shape[2]))
    F = cp.reshape(columns @ cp.vec(V, order="C"), (len(X), 1), order="C")
    cost = sum_of_norms(pair.col if side == 0 else pair.row, V)
    return F, cost, [V >= 0] if pair.nonnegative else [], V


def best_beside(
    family: Any, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors, side: int
) -> dict[str, np.ndarray] | None:
    """The best network with the present lines on a side, a convex program.

    None if it fails, or is too large, or gains too little: descent then does it, where the cost is smooth.
    """
    (one, norm), (other, price) = (("u", family.row), ("v", family.col))[:: 1 - 2 * side]
    factors = drop_dead(family, family.balance(factors))
    if width(factors) == 0:
        return None
    lines = factors[one] / norm.value(factors[one])[:, None]
    lines = lines[np.sort(np.unique(np.round(lines, 12), axis=0, return_index=True)[1])]
    if not isinstance(price, LInf) and lines.shape[0] * X.size / family.shape[side] > LARGE:
        return None
    F, cost, constraints, V = fixed_lines(family.pair, X, lines, side)
    tight = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    program = cp.Problem(cp.Minimize(loss.cvxpy(Y, F) + lam * cost), constraints)
    solve = run_solver(program, "CLARABEL", **tight)
    if not solve.usable or V.value is None or not np.all(np.isfinite(V.value)):
        return None
    V = np.maximum(V.value, 0.0) if family.nonnegative else V.value
    size = price.value(V)
    better = family.balance(take({one: lines, other: V}, size > 1e-9 * size.max()))
    if isinstance(price, LInf):
        return better
    new, old = (
        np.mean(loss.value(Y, family.predict(W, X))) + lam * np.sum(family.theta(W))
        for W in (better, factors)
    )
    return better if new < old * (1 - 1e-9) else None
