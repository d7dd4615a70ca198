"""The polar of ReLU networks of one input with free biases: hinges with knots at the data, constants."""

from collections.abc import Sequence

import numpy as np

from ..checks import Proof
from ..checks.knots import Pair, is_centered, knot_margin, knot_values, sorted_residual
from .base import MOST_UNITS, Found, Norm, Units

HIGH = 2.0**40  # of a constant: at no cost it could be any number


class KnotsNorm(Norm):
    r"""``sup (1/N) sum_i g_i w max(s (x_i - t), 0)`` over ``w``, ``s`` = +-1 and knots t; ``M`` = (X, G).

    Units ``weight``, ``side`` and ``knot`` (k,).  Constants cost nothing: where the mean of the residual
    is not zero the norm is infinite, and units of ``side`` 0, the constants ``weight``, attain as much as
    one likes.
    """

    kinds = ("knots",)

    def find(self, M: Pair, starts: Sequence[Units], effort: str, seed: int) -> Found:
        X, G = M
        weight, side, knot = knot_peaks(X, G)
        hinges = weight[:, None] * np.maximum(side[:, None] * X[:, 0] - (side * knot)[:, None], 0.0)
        values = np.sum(G[:, 0] * hinges, axis=1) / len(G)
        values = np.minimum.accumulate(values)  # their order is that of sums with less rounding
        level = 0.0 if is_centered(G) else HIGH * (float(np.sum(G)) / len(G))
        units = {
            "weight": np.append(weight, [HIGH, -HIGH]),
            "side": np.append(side, [0.0, 0.0]),
            "knot": np.append(knot, [0.0, 0.0]),
        }
        return Found(units, np.append(values, [level, -level]), Proof("knots"))

    def margin(self, M: Pair, value: float, n_terms: int, magnitude: float) -> float:
        X, G = M
        return knot_margin(X, G)


def knot_peaks(X: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, ...]:
    """``(weight, side, knot)`` of unit hinges at the peaks of the alignment over knots, best first, (k,).

    At most 16, all of them local maxima.
    """
    x, h = sorted_residual(X, G)
    weight, side, knot, value = [], [], [], []
    for s, row in zip((1.0, -1.0), knot_values(x, h), strict=True):
        for sign in (1.0, -1.0):
            v = np.concatenate([[-np.inf], sign * row, [-np.inf]])
            peak = np.flatnonzero((v[1:-1] > 0) & (v[1:-1] >= v[:-2]) & (v[1:-1] >= v[2:]))
            weight += [sign] * len(peak)
            side += [s] * len(peak)
            knot += list(x[peak])
            value += list(v[1:-1][peak])
    if not value:
        return np.ones(1), np.ones(1), x[:1]
    order = np.argsort(-np.array(value, float), kind="stable")[:MOST_UNITS]
    return tuple(np.array(a)[order] for a in (weight, side, knot))
