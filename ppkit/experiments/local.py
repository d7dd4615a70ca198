r"""The first-order expansion of the certified optimum around the teacher.

If the student has the teacher's factors, moved by :math:`\delta`, then to first order it minimizes
:math:`\frac1{2N}\|J\delta - \varepsilon\|^2 + \lambda \langle g, \delta\rangle` with J the derivative of the
predictions and g that of the cost, hence

.. math:: \mathbb E\,\mathrm{error} \approx \lambda^2 g^\top H^+ g + \sigma^2 \operatorname{rank}(H) / N,
          \qquad H = \mathbb E_\mu J_x^\top J_x .

A heuristic, not a bound: it ignores factors the teacher does not have.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..factors import Factors, Numbers, take, width
from ..families import get_family
from ..families.base import Family
from .cell import Cell, draw

SAMPLES = 4000
STEP = 1e-7
NULL, WEAK = 1e-9, 1e-6


def local_error(
    family: Family, teacher: Factors, rng: np.random.Generator, lam: float, noise: float, n_samples: int
) -> tuple[float, float]:
    """``(shrinkage, variance)``: the two terms of the expansion, with H from a fresh sample.

    ``teacher`` holds balanced factors of the family.  NaN when H is nearly singular beyond its null
    space (directions that leave the prediction as it is): a first-order expansion means nothing there.
    """
    price, rank = curvature(family, teacher, fresh_inputs(family, teacher, rng))
    return lam**2 * price, noise**2 * rank / n_samples


def curvature(family: Family, teacher: Factors, X: Numbers) -> tuple[float, float]:
    """``(g^T H^+ g, rank H)`` of balanced factors, with H from the inputs ``X``; NaN as in local_error."""
    free = family.free(teacher) or {k: np.ones(a.shape, bool) for k, a in teacher.items()}
    columns, slope = [], []
    gradient = family.surrogate(teacher)[1]
    for name, mask in free.items():
        for index in np.argwhere(mask):
            columns.append(derivative(family, teacher, X, name, tuple(index)))
            slope.append(gradient[name][tuple(index)])
    J = np.array(columns) / np.sqrt(len(X))
    values, vectors = np.linalg.eigh(J @ J.T)
    kept = values > NULL * values[-1]
    if np.any(kept & (values < WEAK * values[-1])):
        return np.nan, np.nan
    return float(np.sum((vectors[:, kept].T @ np.array(slope)) ** 2 / values[kept])), int(kept.sum())


def cancellation(family: Family, teacher: Factors, X: Numbers) -> float:
    """``theta^T G^+ theta``, G the Gram matrix of the factors' predictions at ``X``.

    At most ``g^T H^+ g`` where g lies in the range of H: where no direction leaves the predictions as
    they are and changes the cost.  The more the factors cancel, the larger it is; orthogonal predictions
    give a sum over factors.
    """
    alone = [family.predict(take(teacher, [k]), X).ravel() for k in range(width(teacher))]
    F, theta = np.array(alone) / np.sqrt(len(X)), family.theta(teacher)
    return float(theta @ np.linalg.pinv(F @ F.T, hermitian=True) @ theta)


def fresh_inputs(family: Family, teacher: Factors, rng: np.random.Generator) -> np.ndarray:
    """Enough inputs for the curvature of the teacher."""
    return family.random_inputs(rng, max(SAMPLES, 4 * family.dim * width(teacher)))


def derivative(family: Family, factors: Factors, X: Numbers, name: str, index: Any) -> np.ndarray:
    """Central difference of the predictions in one parameter, as a vector of length N n_y.

    Only the factor that the parameter belongs to is predicted: the others do not move.
    """
    ends, one = [], take(factors, [index[0]])
    for sign in (1, -1):
        moved = {k: a.copy() for k, a in one.items()}
        moved[name][0, *index[1:]] += sign * STEP
        ends.append(family.predict(moved, X).ravel())
    return (ends[0] - ends[1]) / (2 * STEP)


def cell_of(row: Mapping[str, Any]) -> Cell:
    """The :class:`Cell` a row belongs to."""
    return Cell(**{name: row[name] for name in Cell.__dataclass_fields__ if name in row})


def local_errors(rows: Sequence[Mapping[str, Any]]) -> Any:
    """:func:`local_error` summed, for the cell of each row, an array."""
    return np.array([
        sum(local_error(family, teacher, rng, row["lam"], row["noise"], row["n_samples"]))
        for row, (family, teacher, rng) in zip(rows, map(planted, rows), strict=True)
    ])  # fmt: skip


def prices(rows: Sequence[Mapping[str, Any]]) -> Any:
    """:func:`cancellation` and ``g^T H^+ g`` for the teacher of each row, an array (rows, 2)."""
    out = []
    for family, teacher, rng in map(planted, rows):
        X = fresh_inputs(family, teacher, rng)
        out.append((cancellation(family, teacher, X), curvature(family, teacher, X)[0]))
    return np.array(out)


def planted(row: Mapping[str, Any]) -> Any:
    """``(family, balanced teacher, generator)`` of a row's cell."""
    cell = cell_of(row)
    family = get_family(cell.family)(**cell.options)
    _, teacher, rng = draw(cell)
    return family, family.balance(teacher), rng
