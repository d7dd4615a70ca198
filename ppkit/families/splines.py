r"""Splines of ReLU networks of one input: their units, kinks, and the cheapest orientation of a kink.

On a sample with distinct inputs ``x_1 < ... < x_n`` every network is a value at ``x_1``, a slope on the
first gap and a kink at each inner point.  A kink c at x_k is ``c max(x - x_k, 0)`` or ``c max(x_k - x, 0)``
up to a linear function: its orientation.
"""

import numpy as np
from numpy.typing import ArrayLike

from ..factors import Factors, append

TINY_WEIGHT = 2.0**-40


def constant(levels: ArrayLike) -> dict[str, np.ndarray]:
    """Units with ``w = 0`` that predict the constants ``levels`` (r,).

    The constant c is written as ``u = e sqrt|c|``, ``b = sqrt|c|/e`` with ``e = 2^-40``, at a cost of
    ``2^-81 |c|``.
    """
    levels = np.asarray(levels, float)
    root = np.sqrt(np.abs(levels))
    u, b = np.sign(levels) * TINY_WEIGHT * root, root / TINY_WEIGHT
    return {"u": u[:, None], "w": np.zeros((len(levels), 1)), "b": b[:, None]}


def hinges(weight: np.ndarray, side: np.ndarray, knot: np.ndarray) -> dict[str, np.ndarray]:
    """Balanced units ``weight max(side (x - knot), 0)``, ``side`` +1 or -1; all arrays (r,)."""
    root = np.sqrt(np.abs(weight))
    arrays = {"u": np.sign(weight) * root, "w": side * root, "b": -side * knot * root}
    return {k: np.asarray(a, float)[:, None] for k, a in arrays.items()}


def hinges_and_level(
    weight: np.ndarray, side: np.ndarray, knot: np.ndarray, level: float
) -> dict[str, np.ndarray]:
    """The :func:`hinges`, and the constant ``level`` unless it is zero."""
    units = hinges(weight, side, knot)
    return append(units, constant([level])) if level != 0 else units


def hinges_or_levels(weight: np.ndarray, side: np.ndarray, knot: np.ndarray) -> dict[str, np.ndarray]:
    """The :func:`hinges`, but a :func:`constant` where the side is 0."""
    unit, level = hinges(weight, side, knot), constant(weight)
    return {k: np.where(side[:, None] == 0, level[k], unit[k]) for k in unit}


def balanced(u: np.ndarray, w: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """Units (r, 1) with the same predictions: ``|u| = |w|``, or a :func:`constant` where ``w = 0``."""
    root = np.sqrt(np.abs(u)) * np.sqrt(np.abs(w))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = {"u": np.sign(u) * root, "w": np.sign(w) * root, "b": b * (root / np.abs(w))}
    flat = constant((u * np.maximum(b, 0.0))[:, 0])
    return {k: np.where(root > 0, unit[k], np.where(w == 0, flat[k], 0.0)) for k in unit}


# ---- networks as splines ----------------------------------------------------------------------------


def spline_of(x: np.ndarray, factors: Factors) -> tuple[np.ndarray, float, float, np.ndarray]:
    """``(x, level, slope, kinks)`` of balanced factors on the distinct inputs ``x`` (n,).

    ``level`` is the value at ``x[0]``, ``slope`` that of the first gap, ``kinks`` (n,) belong to the
    points (zero at both ends).  A knot between two points is split between them, which changes no
    value on the sample and no cost.
    """
    u, w, b = (factors[k][:, 0] for k in ("u", "w", "b"))
    flat = w == 0
    level = float(np.sum(u[flat] * np.maximum(b[flat], 0.0)))
    c, side, t = (u * np.abs(w))[~flat], np.sign(w[~flat]), -b[~flat] / w[~flat]
    whole = np.where(side > 0, t <= x[0], t >= x[-1])  # linear on the sample
    inside = (t > x[0]) & (t < x[-1])
    left = (side < 0) & (whole | inside)
    turned = left & inside
    slope = float(np.sum(side[whole] * c[whole]) - np.sum(c[turned]))
    level += float(np.sum(c[left] * (t[left] - x[0])) + np.sum((c * (x[0] - t))[whole & ~left]))
    kinks = np.zeros(len(x))
    if inside.any():
        t, c = t[inside], c[inside]
        k = np.searchsorted(x, t, side="right") - 1
        share = (t - x[k]) / (x[k + 1] - x[k])
        np.add.at(kinks, k, (1 - share) * c)
        np.add.at(kinks, k + 1, share * c)
        slope, kinks[0], kinks[-1] = slope + kinks[0], 0.0, 0.0
    return x, level, slope, kinks


def best_split(x: np.ndarray, level: float, slope: float, kinks: np.ndarray) -> dict[str, np.ndarray]:
    """The cheapest network with this spline: each kink gets an orientation, at most one gets both.

    Its cost is ``max(V, (V + S)/2)`` with ``V = sum |kinks|``, ``S = |slope + last slope|``.
    """
    kinks = np.where(np.abs(kinks) > 1e-14 * np.sum(np.abs(kinks)), kinks, 0.0)
    size = np.abs(kinks)
    total, ends = float(np.sum(size)), 2 * slope + float(np.sum(kinks))
    line = np.sign(ends) * max(abs(ends) - total, 0.0) / 2
    if abs(line) <= 1e-15 * (abs(slope) + total):
        line = 0.0
    need = np.clip(0.5 * (total + ends - 2 * line), 0.0, total)
    up = np.clip(need - (np.cumsum(size) - size), 0.0, size)  # the part of |kink| that lifts both ends
    up = np.where(up > 1e-15 * total, np.where(size - up > 1e-15 * total, up, size), 0.0)
    right = np.where(kinks > 0, up, up - size)
    left = kinks - right
    rest = level - float(np.sum(left * (x - x[0])))
    scale = abs(level) + float(np.sum(np.abs(left) * (x - x[0])))
    ones = np.ones(len(x))
    weight = np.concatenate([[line], right, left])
    side, knot = np.concatenate([[1.0], ones, -ones]), np.concatenate([x[:1], x, x])
    on = weight != 0
    return hinges_and_level(weight[on], side[on], knot[on], rest if abs(rest) > 1e-15 * scale else 0.0)


def divided_differences(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """``(x, d)`` with the distinct inputs and the slopes between them; None if z is not a function of x."""
    points, first, at = np.unique(x, return_index=True, return_inverse=True)
    if np.max(np.abs(z - z[first][at.ravel()])) > 1e-12 * np.max(np.abs(z)):
        return None
    return points, np.diff(z[first]) / np.diff(points)


def spline_cost(x: np.ndarray, z: np.ndarray) -> float:
    """Omega of the values ``z`` at ``x``, both (N,): ``max(V, (V + S)/2)``; ``inf`` if no function.

    With divided differences d, ``V = sum |d_{k+1} - d_k|`` and ``S = |d_first + d_last|``.
    """
    found = divided_differences(x, z)
    if found is None:
        return float("inf")
    d = found[1]
    if len(d) == 0:
        return 0.0
    V, S = float(np.sum(np.abs(np.diff(d)))), float(abs(d[0] + d[-1]))
    return max(V, 0.5 * (V + S))
