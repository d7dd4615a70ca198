"""Fewer factors with the same prediction: by pattern, by direction, and by Carathéodory's theorem."""

import numpy as np

from ..checks.vector_norms import VectorNorm
from ..factors import Factors, take, width
from .base import Family


def merge_patterns(A: np.ndarray, factors: Factors) -> dict[str, np.ndarray]:
    """Units with one scalar output, one pattern and one sign added up, at no higher cost."""
    w = np.abs(factors["u"]) * factors["v"]
    key = np.column_stack([(A @ factors["v"].T > 0).T, factors["u"][:, 0] > 0])
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    total = np.zeros((len(first), A.shape[1]))
    np.add.at(total, group.ravel(), w)
    root = np.sqrt(np.linalg.norm(total, axis=1, keepdims=True))
    sign = np.sign(factors["u"][first])
    return {"u": sign * root, "v": total / np.where(root > 0, root, 1.0)}


def merge_parallel(
    factors: Factors, one: str, other: str, norm: VectorNorm, tol: float = 1e-12
) -> dict[str, np.ndarray]:
    """The same matrix with the ``other`` arrays of factors added up whose lines ``one`` are parallel."""
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
    return {one: line[keep], other: total}


def thin(atoms: np.ndarray, cost: np.ndarray, tol: float = 1e-12) -> np.ndarray:
    """Weights (r,) >= 0, at most rank many of them positive, with the same weighted sum and no more cost.

    Carathéodory's theorem: along a null combination of the atoms, in the direction in which the cost
    does not rise, some weight reaches zero.
    """
    weight = np.ones(len(cost))
    flat = atoms.reshape(len(cost), -1)
    while True:
        on = np.flatnonzero(weight)
        unit = flat[on] / cost[on][:, None]
        _, s, Vt = np.linalg.svd(unit.T)
        rank = int(np.sum(s > tol * s[0])) if s.size and s[0] > 0 else 0
        if rank == len(on):
            return weight
        z = Vt[-1]
        z = -z if z.sum() > 0 else z
        c = weight[on] * cost[on]
        falling = z < -1e-14 * np.abs(z).max()
        step = np.full(len(on), np.inf)
        step[falling] = -c[falling] / z[falling]
        c = c + step.min() * z
        c[np.argmin(step)] = 0.0
        weight[on] = np.maximum(c, 0.0) / cost[on]


def thinned(family: Family, factors: Factors, X: np.ndarray) -> dict[str, np.ndarray]:
    """No more factors than atoms can be independent, with the same prediction at no higher cost."""
    if width(factors) < 2:
        return dict(factors)
    weight = thin(family.atoms(factors, X), family.theta(factors))
    return family.scale(take(factors, weight > 0), weight[weight > 0])
