"""The polar of ReLU networks of one input with free biases: exact, by knots at the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..rigor.balls import Balls, arbs, to_arb
from ..rigor.margins import EPS, LONG_EPS
from .base import Checker, require

Pair = tuple[np.ndarray, np.ndarray]


def is_centered(G: np.ndarray) -> bool:
    """Whether the mean of ``G`` is zero up to the rounding of a projection."""
    long = G.astype(np.longdouble)
    return bool(abs(long.sum()) <= 64 * EPS * np.abs(long).sum())


def sorted_residual(X: np.ndarray, G: np.ndarray) -> Pair:
    """Distinct inputs, and the sums of the centered residual over each, over N, in extended precision."""
    x, at = np.unique(X, return_inverse=True)
    g = G[:, 0].astype(np.longdouble)
    h = np.zeros(len(x), np.longdouble)
    np.add.at(h, at.ravel(), (g - g.mean()) / len(g))
    return x, h


def knot_values(x: np.ndarray, h: np.ndarray) -> Pair:
    """``(right, left)``: sums of ``h_i max(x_i - x_k, 0)`` and of ``h_i max(x_k - x_i, 0)`` for each k."""
    gaps = np.diff(x.astype(np.longdouble))
    right, left = np.zeros_like(h), np.zeros_like(h)
    right[:-1] = np.cumsum(np.cumsum(h[:0:-1]) * gaps[::-1])[::-1]
    left[1:] = np.cumsum(np.cumsum(h[:-1]) * gaps)
    return right, left


def knot_polar(X: np.ndarray, G: np.ndarray) -> float:
    """The polar of a centered residual: the largest value over knots at the data and orientations."""
    return float(max(np.max(np.abs(v)) for v in knot_values(*sorted_residual(X, G))))


def knot_margin(X: np.ndarray, G: np.ndarray) -> float:
    """Rounding of :func:`knot_polar`, and of the mean that a projection leaves."""
    magnitude = float(np.mean(np.abs(G)) * (np.max(X) - np.min(X)))
    return (8 * (len(X) + 16) * LONG_EPS + 64 * EPS) * magnitude


# ---- the checker ----------------------------------------------------------------------------------


def knots_upper(norm: Any, M: Pair, data: Mapping[str, np.ndarray]) -> float:
    """:func:`knot_polar` of ``M`` = (X, G); infinite unless G is centered."""
    return knot_polar(*M) if is_centered(M[1]) else np.inf


def prove_knots(norm: Any, M: tuple[Balls, Balls], bound: float, data: Mapping[str, np.ndarray]) -> None:
    """The same for Balls of a projected residual: they must leave a zero mean open."""
    exact, g = (arbs(a) for a in M)
    x = np.array([float(t) for t in exact.flat])
    require(all(s == t for s, t in zip(arbs(x), exact.flat, strict=True)), "the order of the inputs")
    order = np.argsort(x, kind="stable")
    g, exact = g[order, 0], exact[order, 0]
    limit = to_arb(bound) * len(x)
    require(bound >= 0 and g.sum().contains(0))
    for way in (slice(None), slice(None, None, -1)):
        points, weights = exact[way], g[way]
        total = value = to_arb(0)
        for k in range(1, len(x)):
            total = total + weights[k - 1]
            value = value + total * abs(points[k] - points[k - 1])
            require(abs(value) <= limit)


KNOTS = Checker(knots_upper, prove_knots)
