"""What structured sensing does with a pair without a closed form: its polar, training, merging, program."""

import numpy as np

from ..polar import Polar
from ..solvers import run_solver
from .base import drop_dead, take, width
from .vector_norms import LInf

LARGE = 40_000  # entries of the matrix of the convex program over the factors' other sides


def normalized_polar(family, X, G, M, starts, effort, seed):
    """The polar of ``M`` = adjoint(G); the search sees it rounded, so that a multiple gives a multiple."""
    size = float(np.linalg.norm(M))
    proof, u, v = {}, np.zeros((1, M.shape[0])), np.zeros((1, M.shape[1]))
    if size > 0:
        proof, u, v = family.hard.search(np.round(M / size, 12), starts, effort, seed)
    values = np.sum(u @ M * v, axis=1)
    order = np.argsort(-values, kind="stable")
    order = order[values[order] > 0]
    if not len(order):
        order, u, v, values = [0], 0 * u[:1], 0 * v[:1], np.zeros(1)
    u, v, lower = u[order], v[order], float(values[order[0]])
    return Polar(
        lower=lower,
        upper=max(family.polar_upper(X, G, proof), lower),
        factor={"u": u[:1], "v": v[:1]},
        kind="exact" if "cube" in proof else "bounded",
        candidates={"u": u, "v": v},
        proof=proof,
    )


def add_parallel(family, factors, tol=1e-12):
    """Factors with parallel ``u`` added up, then those with parallel ``v``: the cost can only fall.

    Beside a cube only its own side counts: sums of vertices are no vertices, and training would lose them.
    """
    passes, side = (("u", "v", family.row), ("v", "u", family.col)), family.hard.cube_side(family.shape)
    for one, other, norm in passes if side is None else passes[side : side + 1]:
        factors = drop_dead(family, factors)
        if width(factors) < 2:
            return factors
        size = norm.value(factors[one])
        line = factors[one] / size[:, None]
        first = np.take_along_axis(line, np.abs(line).argmax(axis=1)[:, None], axis=1)[:, 0]
        size, line = size * np.sign(first), line * np.sign(first)[:, None]
        leader = np.arange(len(line))
        for j in range(1, len(line)):
            same = np.abs(line[:j] - line[j]).max(axis=1) <= tol
            leader[j] = leader[np.argmax(same)] if same.any() else j
        keep = np.unique(leader)
        total = np.array([(size[leader == j, None] * factors[other][leader == j]).sum(axis=0) for j in keep])
        factors = family.balance({one: line[keep], other: total})
        factors = {"u": factors["u"], "v": factors["v"]}
    return drop_dead(family, factors)


def at_no_corner(a, norm, nonnegative):
    """Which entries lie strictly inside the cube of their row's size."""
    return (np.abs(a) < norm.value(a)[:, None] * (1 - 1e-9)) & ((a > 0) | (not nonnegative))


def fixed_lines(family, X, lines, side):
    """``(prediction, cost, constraints, V)`` of networks with unit ``lines`` on a side and ``V`` beside."""
    import cvxpy as cp

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
    import cvxpy as cp

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
