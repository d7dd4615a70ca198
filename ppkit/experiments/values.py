r"""What T6, T7 and T8 say about the student of a row, in the sharpest form that is proved for its inputs.

The inputs are standard Gaussian, hence unbounded, and the book has three forms of T6 and T7 for them:

* ``gaussian``: measurements of a matrix; the form without logarithms for T7, light tails for T6;
* ``light``: factors with sub-Gaussian tails;
* ``bounded``: where the tails are heavier, and for T8 everywhere, the largest input and the largest
  target of the sample stand for bounds on the population, which makes the value one of *plug-in*: it
  is of the order of a bound, and no bound.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bounds import (
    gaussian_constants,
    gaussian_size,
    loss_constants,
    objective_gap,
    parameter_count,
    parameter_count_subgaussian,
    square_gap,
    unit_constants,
    width_free,
    width_free_sensing,
    width_free_subgaussian,
)
from ..bounds.base import Bound
from ..factors import Factors
from ..families.base import Family
from .cell import draw_design
from .local import cell_of

DELTA = 0.05
#: the part of DELTA that T6 and T7 spend on the square of the target
SHARE = DELTA / 10


def bound_values(row: Mapping[str, Any]) -> dict[str, float]:
    r"""``{"T6", "T7", "T8", "zero"}``: bounds on ``|NC_mu(W) - NC_{mu_N}(W)|`` for the student of a row.

    .. math:: T6 = \tfrac12 s + \Theta\, \Delta, \qquad
              T7 = \tfrac12 s + \Theta\, \Delta_y + \tfrac12 \Theta^2 \Delta_2

    with ``s`` a bound on ``|(E_mu - E_N) |y|^2|`` and T6's bound on ``Delta(W)`` and ``Delta(0)``.  The
    row's cell is drawn again, so that the constants are those the theorems ask for: what is known of
    the population's targets for T6 and T7, :meth:`~ppkit.families.Family.input_sizes` for T8.
    T6 and T8 take the student's cost for the budget, and T6 its width.
    ``zero`` is the risk of predicting zero: a value above it says nothing.
    """
    family, X, teacher = draw_design(cell_of(row))
    N, theta, width = row["n_samples"], row["theta"], max(1, row["width"])
    b_y, form = row["b_y"], form_of(family)
    unit = unit_constants(family, float(family.input_sizes(X).max()))
    if form == "bounded":
        known = unit["b"], b_y, unit["lipschitz"], DELTA - SHARE
        square = square_gap(N, b_y, SHARE)
        count = parameter_count(N, width, unit["dim"], theta, *known)
        free = width_free(N, unit["dim"], theta, *known)
    else:
        square, count, free = gaussian_forms(family, teacher, row["noise"], N, theta, width)
    return {
        "T6": 0.5 * square + theta * count.value,
        "T7": objective_gap(free, square, theta).value,
        "T8": complexity_bound(family.n_outputs, row["sign_polar"], N, theta, unit["b"], b_y),
        "zero": 0.5 * (row["signal"] + family.n_outputs * row["noise"] ** 2),
    }


def form_of(family: Family) -> str:
    """Which form of T6 and T7 serves the family: "gaussian", "light" or "bounded"."""
    atoms = family.gaussian_atoms()
    return "bounded" if atoms is None else "light" if atoms.shape is None else "gaussian"


def gaussian_forms(
    family: Family, teacher: Factors, noise: float, N: int, theta: float, width: int
) -> tuple[float, Bound, Bound]:
    """``(square, T6, T7)`` for Gaussian inputs: of the sample only ``theta`` and ``width`` are used."""
    unit, delta, atoms = gaussian_constants(family), DELTA - SHARE, family.gaussian_atoms()
    size, b, slope, envelope = (
        target_size(family, teacher, noise),
        unit["b"],
        unit["lipschitz"],
        unit["envelope"],
    )
    count = parameter_count_subgaussian(N, width, unit["dim"], theta, b, size, slope, envelope, delta)
    if atoms is not None and atoms.shape is not None:
        tau = size / gaussian_size()
        free = width_free_sensing(N, atoms.shape, theta, tau, delta)
        return square_gap(N, tau, SHARE, "gaussian"), count, free
    free = width_free_subgaussian(N, unit["dim"], theta, b, size, slope, envelope, delta)
    return square_gap(N, size, SHARE, "light"), count, free


def target_size(family: Family, teacher: Factors, noise: float) -> float:
    r"""At least the sub-Gaussian size of ``|y|``, for a teacher's predictions plus Gaussian noise.

    A linear prediction ``<M, x>`` has the size of one Gaussian of standard deviation ``|M|_F``; a sum of
    factors has at most the sum of their sizes, each at most its cost times that of a Gaussian.
    """
    M, one = family.linear_map(teacher), gaussian_size()
    if M is not None and family.n_outputs == 1:
        return one * float(np.hypot(np.linalg.norm(M), noise))
    clean = float(np.sum(family.theta(teacher))) if M is None else float(np.linalg.norm(M))
    return one * clean + noise * gaussian_size(family.n_outputs)


def complexity_bound(n_outputs: int, sign_polar: float, N: int, theta: float, b: float, b_y: float) -> float:
    r"""T8 for the absolute value; one draw of the signs stands for its mean over all of them."""
    lipschitz, largest = loss_constants("squared", b, b_y, theta, n_outputs)
    kappa = 1.0 if n_outputs == 1 else np.sqrt(2)
    spread = np.sqrt(np.log(4 / DELTA) / (2 * N))
    return float(2 * kappa * lipschitz * theta * sign_polar + 3 * largest * spread)
