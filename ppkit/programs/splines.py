"""Convex programs over splines and over hinges."""

import numpy as np

from ..losses import Loss
from ..optional import optional
from .nuclear import Program
from .solve import run_solver

cp = optional("cvxpy")


def spline_program(x: np.ndarray) -> Program:
    """``(prediction, omega, constraints)``: values and slopes at the distinct inputs, O(n) entries."""
    points, at = np.unique(x, return_inverse=True)
    z = cp.Variable((len(points), 1))
    F = z[at.ravel()]
    if len(points) == 1:
        return F, cp.Constant(0.0), []
    d = cp.Variable((len(points) - 1, 1))
    V = cp.norm1(d[1:] - d[:-1]) if len(points) > 2 else cp.Constant(0.0)
    S = cp.sum(cp.abs(d[0] + d[-1]))
    return F, cp.maximum(V, 0.5 * (V + S)), [z[1:] - z[:-1] == cp.multiply(np.diff(points)[:, None], d)]


# ---- training -------------------------------------------------------------------------------------


def hinge_lasso(
    X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, side: np.ndarray, knot: np.ndarray, intercept: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float] | None:
    """``(weight, side, knot, level)`` of the best network of hinges with sides and knots among those given.

    The lasso ``min E l(y, c + sum_j a_j max(s_j (x - t_j), 0)) + lam sum |a_j|``, with a level c if
    there is to be an ``intercept``.  None where the solver fails.
    """
    if not len(side):
        side, knot = np.ones(1), np.array([np.max(X)])  # active nowhere: only the constant moves
    side, knot = np.unique(np.stack([side, knot]), axis=1)
    H = np.maximum(side * (X - knot), 0.0)
    middle = H.mean(axis=0) if intercept else np.zeros(len(knot))
    H = H - middle
    scale = np.sqrt(np.mean(H**2)) or 1.0
    a, c = cp.Variable((len(knot), 1)), cp.Variable()
    F = (H / scale) @ a + (c if intercept else 0.0)
    cost = loss.cvxpy(Y, F) + lam / scale * cp.norm1(a)
    tight = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    solve = run_solver(cp.Problem(cp.Minimize(cost)), "CLARABEL", **tight)
    if not solve.usable or a.value is None or not np.all(np.isfinite(a.value)):
        return None
    weight = a.value[:, 0] / scale
    level = float(c.value) - float(middle @ weight) if intercept else 0.0
    used = np.abs(weight) > 1e-9 * np.max(np.abs(weight))
    return weight[used], side[used], knot[used], level
