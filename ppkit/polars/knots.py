"""Hinges that attain the polar of ReLU networks of one input."""

import numpy as np

from ..checks.knots import knot_values, sorted_residual
from .splines import hinges

MOST = 16


def knot_peaks(X, G):
    """Unit hinges at the local maxima of the alignment over knots, best first, at most 16."""
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
        return hinges(np.ones(1), np.ones(1), x[:1])
    order = np.argsort(-np.array(value, float), kind="stable")[:MOST]
    return hinges(*(np.array(a)[order] for a in (weight, side, knot)))
