"""Convex programs over networks of outer products with the lines of one side fixed."""

import numpy as np

from ..checks.vector_norms import LInf
from ..factors import drop_dead, take, width
from ..optional import optional
from .solve import run_solver

cp = optional("cvxpy")

LARGE = 40_000  # entries of the matrix of the convex program over the factors' other sides


def fixed_lines(family, X, lines, side):
    """``(prediction, cost, constraints, V)`` of networks with unit ``lines`` on a side and ``V`` beside."""
    A = X if side == 0 else X.swapaxes(1, 2)
    columns = np.einsum("nij,ki->nkj", A, lines).reshape(len(X), -1)
    V = cp.Variable((len(lines), A.shape[2]))
    F = cp.reshape(columns @ cp.vec(V, order="C"), (len(X), 1), order="C")
    cost = (family.col if side == 0 else family.row).cvxpy(V)
    return F, cost, [V >= 0] if family.nonnegative else [], V


def best_beside(family, X, Y, lam, loss, factors, side):
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
    F, cost, constraints, V = fixed_lines(family, X, lines, side)
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
