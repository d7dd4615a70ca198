r"""Activation patterns of ReLU layers: enumeration, finite convex programs, column generation.

A pattern is the set of data points on the positive side of a direction; the directions with one
pattern form a cone, and on its closure the prediction of a unit is linear in its weights.
"""

from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Factors
from ..losses import Loss
from ..optional import optional
from .nuclear import Program
from .solve import run_solver, solve_program

cp = optional("cvxpy")

MAX_PATTERNS = 2_000
MAX_POINTS = 40


def plane_cones(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighboring unit vectors ``(p, q)``, each (m, 2), that span the cones of all patterns in the plane."""
    A = A[np.any(A != 0, axis=1)]
    turn = np.column_stack([A[:, 1], -A[:, 0]])
    turn = np.concatenate([turn, np.eye(2)]) / np.append(np.linalg.norm(turn, axis=1), [1.0, 1.0])[:, None]
    angle = np.unique(np.mod(np.arctan2(turn[:, 1], turn[:, 0]), np.pi))
    angle = np.concatenate([angle, angle + np.pi])
    p = np.column_stack([np.cos(angle), np.sin(angle)])
    return p, np.roll(p, -1, axis=0)


def interior_directions(A: np.ndarray, most: int = MAX_PATTERNS) -> np.ndarray:
    """One direction inside each cone of positive volume, shape (m, d): one for each pattern.

    Points are added one at a time.  A cone that a new hyperplane cuts becomes two, found by a linear
    program; only one half of the directions is walked through, the other is its mirror image.
    """
    A = A[np.any(A != 0, axis=1)]
    if len(A) == 0:
        return np.eye(A.shape[1])[:1]
    A = A / np.linalg.norm(A, axis=1, keepdims=True)
    found = [A[0]]
    for i in range(1, len(A)):
        for v in list(found):
            sides = np.where(A[:i] @ v > 0, 1.0, -1.0)
            here = np.sign(A[i] @ v) or 1.0
            other = _deepest(np.vstack([sides[:, None] * A[:i], -here * A[i]]))
            if other is not None:
                found.append(other)
            if abs(A[i] @ v) < 1e-9:  # the new hyperplane passes through the witness: move it
                moved = _deepest(np.vstack([sides[:, None] * A[:i], here * A[i]]))
                found = [u if u is not v else moved for u in found if u is not v or moved is not None]
        if 2 * len(found) > most:
            raise InputError(f"more than {most} activation patterns: too many for the finite convex program")
    return np.concatenate([found, -np.array(found)])


def _deepest(B: np.ndarray) -> np.ndarray | None:
    """A direction with ``B v > 0`` in every row, as far inside as possible; None if there is none."""
    from scipy.optimize import linprog

    m, d = B.shape
    result = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.hstack([-B, np.ones((m, 1))]),
        b_ub=np.zeros(m),
        bounds=[(-1, 1)] * d + [(None, 1)],
        method="highs",
    )
    return result.x[:d] if result.status == 0 and result.x[d] > 1e-9 else None


def cone_of(A: np.ndarray, active: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Rows b of the halfspaces ``b w >= 0`` whose intersection is the closed cone of a pattern.

    ``active`` (N,) is the pattern, ``v`` a direction in its cone.
    """
    keep = np.any(A != 0, axis=1)
    B = np.where(active[keep], 1.0, -1.0)[:, None] * A[keep]
    B = B / np.linalg.norm(B, axis=1, keepdims=True)
    if A.shape[1] != 2 or len(B) < 3:
        return B
    lean = np.arctan2(B[:, 1] * v[0] - B[:, 0] * v[1], B @ v)  # angle from v, in [-90, 90] degrees
    return B[[np.argmin(lean), np.argmax(lean)]]


# ---- the finite convex program, scalar outputs -------------------------------------------------------


def program(A: np.ndarray) -> Program:
    """``(prediction, omega, constraints)`` over all patterns, as CVXPY expressions."""
    return plane_program(A) if A.shape[1] == 2 else general_program(A)


def vector_program(A: np.ndarray, n_outputs: int, most: int = MAX_POINTS) -> Program:
    """The same for several outputs in the plane: a cone-constrained nuclear norm for each pattern.

    A cone of the plane is where the product of two linear functions is non-negative, up to sign, and
    units ``(v, u)`` have the sign of v free.  By the S-lemma the hull of their matrices is cut out of
    the positive semidefinite ones by that single product.
    """
    if A.shape[1] > 2 or len(A) > most:
        raise InputError(
            f"the finite convex program for several outputs is written for two inputs at most "
            f"(the bias counts as one) and {most} samples"
        )
    A = np.column_stack([A, np.zeros((len(A), 2 - A.shape[1]))])
    p, q = plane_cones(A)
    Z = [cp.Variable((2 + n_outputs,) * 2, PSD=True) for _ in p]
    left, right = np.column_stack([-p[:, 1], p[:, 0]]), np.column_stack([q[:, 1], -q[:, 0]])
    constraints = [a @ M[:2, :2] @ b >= 0 for a, b, M in zip(left, right, Z, strict=True)]
    active = (A @ (p + q).T > 0).T
    prediction = sum((on[:, None] * A) @ M[:2, 2:] for on, M in zip(active, Z, strict=True))
    return prediction, 0.5 * sum(cp.trace(M) for M in Z), constraints


def general_program(A: np.ndarray) -> Program:
    """Two vectors in each cone, one for each sign of the output weight."""
    v = interior_directions(A)
    W, Z = cp.Variable((len(v), A.shape[1])), cp.Variable((len(v), A.shape[1]))
    active = A @ v.T > 0
    constraints = []
    for k in range(len(v)):
        B = cone_of(A, active[:, k], v[k])
        constraints += [B @ W[k] >= 0, B @ Z[k] >= 0]
    columns = (active.T[:, :, None] * A).transpose(1, 0, 2).reshape(len(A), -1)
    flat = cp.reshape(W - Z, (v.size, 1), order="C")
    omega = cp.sum(cp.norm(W, 2, axis=1)) + cp.sum(cp.norm(Z, 2, axis=1))
    return columns @ flat, omega, constraints


def plane_program(A: np.ndarray) -> Program:
    """The same in the plane, sparse: a point is active on a run of neighboring cones.

    With the running sums S of the weights over the sorted cones its prediction is a difference of
    two of them.
    """
    import scipy.sparse as sp

    p, q = plane_cones(A)
    m = len(p)
    plus, minus = cp.Variable((m, 2), nonneg=True), cp.Variable((m, 2), nonneg=True)
    P, Q = sp.diags(p[:, 0]), sp.diags(p[:, 1])
    R, T = sp.diags(q[:, 0]), sp.diags(q[:, 1])

    def vectors(c: Any) -> Any:
        return cp.vstack([P @ c[:, 0] + R @ c[:, 1], Q @ c[:, 0] + T @ c[:, 1]]).T

    W, Z = vectors(plus), vectors(minus)
    S = cp.Variable((m + 1, 2))
    middle = p + q
    active = A @ middle.T > 0  # (N, m): cyclic runs
    first = np.argmax(active & ~np.roll(active, 1, axis=1), axis=1)
    length = active.sum(axis=1)
    last = first + length
    wraps = (last > m) * 1.0
    used = length > 0

    def picks(columns: np.ndarray) -> Any:
        return sp.csr_matrix((used * 1.0, (np.arange(len(A)), columns)), shape=(len(A), m + 1))

    total = sp.csr_matrix((used * wraps, (np.arange(len(A)), np.full(len(A), m))), shape=(len(A), m + 1))
    pick = picks(np.where(last > m, last - m, last)) - picks(first) + total
    runs = pick @ S
    F = cp.multiply(A[:, :1], runs[:, :1]) + cp.multiply(A[:, 1:], runs[:, 1:])
    constraints = [S[0] == 0, S[1:] - S[:-1] == W - Z]
    return F, cp.sum(cp.norm(W, 2, axis=1)) + cp.sum(cp.norm(Z, 2, axis=1)), constraints


def omega_of(finite: Program, F: np.ndarray) -> float:
    """Omega of the prediction ``F`` (N, n_y): the least cost of a finite program among those that predict it.

    ``finite`` is ``(prediction, omega, constraints)``.  It is solved for ``F`` over its largest entry, as
    solvers know absolute sizes; with several outputs it is semidefinite, and Clarabel gets stuck on the
    way to its usual accuracy of 1e-8.
    """
    prediction, omega, constraints = finite
    size = float(np.max(np.abs(F), initial=0.0))
    if size == 0:
        return 0.0
    same = prediction == np.reshape(F, prediction.shape) / size
    least, among = cp.Minimize(omega), [*constraints, same]
    if prediction.shape[1] == 1:
        return size * solve_program(least, among)
    tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-7)
    return size * solve_program(least, among, "CLARABEL", **tolerances)


# ---- column generation -------------------------------------------------------------------------------


def master(
    A: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
) -> dict[str, np.ndarray] | None:
    """Best network whose units keep the pattern and the output direction they have now, or None.

    The convex program ``min E l(y, sum_k s_k max(A w_k, 0)) + lam sum_k |w_k|`` over vectors w_k in the
    closed cones of the active patterns.
    """
    norm = np.linalg.norm(factors["u"], axis=1)
    alive = (norm > 0) & np.any(factors["v"] != 0, axis=1)
    s, v = factors["u"][alive] / norm[alive][:, None], factors["v"][alive]
    if len(v) == 0:
        return None
    active = A @ v.T > 0
    key = np.column_stack([active.T, np.round(s, 9) + 0.0])
    keep = np.sort(np.unique(key, axis=0, return_index=True)[1])
    s, v, active = s[keep], v[keep], active[:, keep]
    scale = np.sqrt(np.mean(A**2)) or 1.0
    B, K = A / scale, len(v)
    columns = np.einsum("ko,nk,nd->nokd", s, active, B).reshape(Y.size, -1)
    W = cp.Variable((K, A.shape[1]))
    flat = cp.reshape(W, (W.size,), order="C")
    cones = [cone_of(B, active[:, k], v[k]) for k in range(K)]
    F = cp.reshape(columns @ flat, Y.shape, order="C")
    cost = loss.cvxpy(Y, F) + lam / scale * cp.sum(cp.norm(W, 2, axis=1))
    constraints = [C @ W[k] >= 0 for k, C in enumerate(cones)]
    if not solved(cp.Problem(cp.Minimize(cost), constraints), W):
        return None
    size = np.linalg.norm(W.value, axis=1)
    used = size > 1e-9 * size.max(initial=0.0)
    root = np.sqrt(size[used] / scale)[:, None]
    return {"u": s[used] * root, "v": W.value[used] / scale / root}


def solved(program: Any, variable: Any) -> bool:
    """Whether Clarabel finds a point as exact as it can; shorter steps where long ones break down."""
    tight = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-12)
    for step in (0.99, 0.9):
        solve = run_solver(program, "CLARABEL", max_step_fraction=step, **tight)
        if solve.usable and variable.value is not None and np.all(np.isfinite(variable.value)):
            return True
    return False


def outer(
    A: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
) -> dict[str, np.ndarray] | None:
    """Best output weights for the directions the units have now (a group lasso), or None."""
    size = np.linalg.norm(factors["v"], axis=1)
    v = factors["v"][size > 0] / size[size > 0][:, None]
    if len(v) == 0:
        return None
    H = np.maximum(A @ v.T, 0.0)
    scale = np.sqrt(np.mean(H**2)) or 1.0
    U = cp.Variable((len(v), Y.shape[1]))
    cost = loss.cvxpy(Y, (H / scale) @ U) + lam / scale * cp.sum(cp.norm(U, 2, axis=1))
    if not solved(cp.Problem(cp.Minimize(cost)), U):
        return None
    size = np.linalg.norm(U.value, axis=1)
    used = size > 1e-9 * size.max(initial=0.0)
    root = np.sqrt(size[used] / scale)[:, None]
    return {"u": U.value[used] / scale / root, "v": v[used] * root}
