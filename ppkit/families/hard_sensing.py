"""What structured sensing does with a pair without a closed form: its polar, merging, corners."""

import numpy as np

from ..factors import drop_dead, width
from ..polars.base import Polar


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
