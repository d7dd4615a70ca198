"""What T6, T7 and T8 say about a row, with the sample's own sizes in place of bounds on the population."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bounds import loss_constants, parameter_count, unit_constants, width_free
from ..families import get_family

DELTA = 0.05


def bound_values(row: Mapping[str, Any]) -> dict[str, float]:
    r"""``{"T6", "T7", "T8", "zero"}`` for the student of a row, all bounds on a difference of risks.

    T6 and T7 bound ``Delta(W)``; times ``Theta`` they are the part of the gap between population and
    sample that depends on the network.  T8 bounds the gap itself; its mean over signs is one stored
    draw.  The largest input and target of the sample stand for bounds on the population, and Theta
    for the budget, so these are *plug-in values*: the order of magnitude of the bounds, not bounds.
    ``zero`` is the risk of predicting zero: a value above it says nothing.
    """
    family = get_family(row["family"])(**row["options"])
    N, theta, b_y = row["n_samples"], row["theta"], row["b_y"]
    unit = unit_constants(family, row["b"])
    sizes = unit["b"], b_y, unit["lipschitz"]
    lipschitz, largest = loss_constants("squared", unit["b"], b_y, theta, family.n_outputs)
    contraction = 1.0 if family.n_outputs == 1 else np.sqrt(2)
    complexity = 2 * contraction * lipschitz * theta * row["sign_polar"]
    return {
        "T6": theta * parameter_count(N, max(1, row["width"]), unit["dim"], theta, *sizes, DELTA).value,
        "T7": theta * width_free(N, unit["dim"], theta, *sizes, DELTA).value,
        "T8": float(complexity + 3 * largest * np.sqrt(np.log(2 / DELTA) / (2 * N))),
        "zero": 0.5 * (row["signal"] + family.n_outputs * row["noise"] ** 2),
    }
