r"""Splines of ReLU networks of one input: kinks, their cheapest orientation, and the polar by knots.

On a sample with distinct inputs ``x_1 < ... < x_n`` every network is a value at ``x_1``, a slope on the
first gap and a kink at each inner point.  A kink c at x_k is ``c max(x - x_k, 0)`` or ``c max(x_k - x, 0)``
up to a linear function: its orientation.
"""

import numpy as np

from ..ball import arbs, to_arb
from ..polar import EPS
from ..solvers import run_solver

LONG = float(np.finfo(np.longdouble).eps)
TINY_WEIGHT = 2.0**-40
MOST = 16


def constant(levels):
    """Units with ``w = 0`` that predict the constants ``levels`` (r,), at a cost of ``2^-81 |level|``."""
    levels = np.asarray(levels, float)
    root = np.sqrt(np.abs(levels))
    u, b = np.sign(levels) * TINY_WEIGHT * root, root / TINY_WEIGHT
    return {"u": u[:, None], "w": np.zeros((len(levels), 1)), "b": b[:, None]}


def hinges(weight, side, knot):
    """Balanced units ``weight max(side (x - knot), 0)``, ``side`` +1 or -1; all arrays (r,)."""
    root = np.sqrt(np.abs(weight))
    arrays = {"u": np.sign(weight) * root, "w": side * root, "b": -side * knot * root}
    return {k: np.asarray(a, float)[:, None] for k, a in arrays.items()}


# ---- the polar ------------------------------------------------------------------------------------


def is_centered(G):
    """Whether the mean of ``G`` is zero up to the rounding of a projection."""
    long = G.astype(np.longdouble)
    return bool(abs(long.sum()) <= 64 * EPS * np.abs(long).sum())


def sorted_residual(X, G):
    """Distinct inputs, and the sums of the centered residual over each, over N, in extended precision."""
    x, at = np.unique(X, return_inverse=True)
    g = G[:, 0].astype(np.longdouble)
    h = np.zeros(len(x), np.longdouble)
    np.add.at(h, at.ravel(), (g - g.mean()) / len(g))
    return x, h


def knot_values(x, h):
    """``(right, left)``: sums of ``h_i max(x_i - x_k, 0)`` and of ``h_i max(x_k - x_i, 0)`` for each k."""
    gaps = np.diff(x.astype(np.longdouble))
    right, left = np.zeros_like(h), np.zeros_like(h)
    right[:-1] = np.cumsum(np.cumsum(h[:0:-1]) * gaps[::-1])[::-1]
    left[1:] = np.cumsum(np.cumsum(h[:-1]) * gaps)
    return right, left


def knot_polar(X, G):
    """The polar of a centered residual: the largest value over knots at the data and orientations."""
    return float(max(np.max(np.abs(v)) for v in knot_values(*sorted_residual(X, G))))


def knot_margin(X, G):
    """Rounding of :func:`knot_polar`, and of the mean that a projection leaves."""
    magnitude = float(np.mean(np.abs(G)) * (np.max(X) - np.min(X)))
    return (8 * (len(X) + 16) * LONG + 64 * EPS) * magnitude


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


def knots_at_most(X, G, bound):
    """Whether the polar of ``G`` is PROVED to be at most ``bound``, for Balls of a projected residual.

    None for inputs that are not floats: their order would not be exact.
    """
    x = np.array([float(t) for t in arbs(X).flat])
    if not all(s == t for s, t in zip(arbs(x), arbs(X).flat, strict=True)):
        return None
    order = np.argsort(x, kind="stable")
    g, exact = arbs(G)[order, 0], arbs(X)[order, 0]
    limit = to_arb(bound) * len(x)
    if not g.sum().contains(0) or bound < 0:
        return False
    for way in (slice(None), slice(None, None, -1)):
        points, weights = exact[way], g[way]
        total = value = to_arb(0)
        for k in range(1, len(x)):
            total = total + weights[k - 1]
            value = value + total * abs(points[k] - points[k - 1])
            if not abs(value) <= limit:
                return False
    return True


# ---- networks as splines ----------------------------------------------------------------------------


def spline_of(x, factors):
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


def best_split(x, level, slope, kinks):
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
    units = hinges(weight[on], side[on], knot[on])
    if abs(rest) <= 1e-15 * scale:
        return units
    return {k: np.concatenate([a, constant([rest])[k]]) for k, a in units.items()}


def divided_differences(x, z):
    """``(x, d)`` with the distinct inputs and the slopes between them; None if z is not a function of x."""
    points, first, at = np.unique(x, return_index=True, return_inverse=True)
    if np.max(np.abs(z - z[first][at.ravel()])) > 1e-12 * np.max(np.abs(z)):
        return None
    return points, np.diff(z[first]) / np.diff(points)


def spline_cost(x, z):
    """Omega of the values ``z`` at ``x``, both (N,): ``max(V, (V + S)/2)``; ``inf`` if no function."""
    found = divided_differences(x, z)
    if found is None:
        return float("inf")
    d = found[1]
    if len(d) == 0:
        return 0.0
    V, S = float(np.sum(np.abs(np.diff(d)))), float(abs(d[0] + d[-1]))
    return max(V, 0.5 * (V + S))


def spline_program(x):
    """``(prediction, omega, constraints)``: values and slopes at the distinct inputs, O(n) entries."""
    import cvxpy as cp

    points, at = np.unique(x, return_inverse=True)
    z = cp.Variable((len(points), 1))
    F = z[at.ravel()]
    if len(points) == 1:
        return F, cp.Constant(0.0), []
    d = cp.Variable((len(points) - 1, 1))
    V = cp.norm1(d[1:] - d[:-1]) if len(points) > 2 else cp.Constant(0.0)
    S = cp.sum(cp.abs(d[0] + d[-1]))
    return F, cp.maximum(V, 0.5 * (V + S)), [z[1:] - z[:-1] == cp.multiply(np.diff(points)[:, None], d)]


# ---- training -------------------------------------------------------------------------------------


def hinge_master(X, Y, lam, loss, factors):
    """Best weights for the hinges of balanced ``factors``, and for a constant if there is one; or None.

    The lasso ``min E l(y, c + sum_j a_j max(s_j (x - t_j), 0)) + lam sum |a_j|``.
    """
    import cvxpy as cp

    w, b = factors["w"][:, 0], factors["b"][:, 0]
    flat = (w == 0) & np.any(factors["u"] != 0, axis=1)
    side, knot = np.sign(w[w != 0]), -b[w != 0] / w[w != 0]
    if not len(side):
        side, knot = np.ones(1), np.array([np.max(X)])  # active nowhere: only the constant moves
    side, knot = np.unique(np.stack([side, knot]), axis=1)
    H = np.maximum(side * (X - knot), 0.0)
    middle = H.mean(axis=0) if flat.any() else np.zeros(len(knot))
    H = H - middle
    scale = np.sqrt(np.mean(H**2)) or 1.0
    a, c = cp.Variable((len(knot), 1)), cp.Variable()
    F = (H / scale) @ a + (c if flat.any() else 0.0)
    cost = loss.cvxpy(Y, F) + lam / scale * cp.norm1(a)
    tight = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    solve = run_solver(cp.Problem(cp.Minimize(cost)), "CLARABEL", **tight)
    if not solve.usable or a.value is None or not np.all(np.isfinite(a.value)):
        return None
    weight = a.value[:, 0] / scale
    level = float(c.value) - float(middle @ weight) if flat.any() else 0.0
    used = np.abs(weight) > 1e-9 * np.max(np.abs(weight))
    units = hinges(weight[used], side[used], knot[used])
    if level == 0:
        return units
    return {k: np.concatenate([v, constant([level])[k]]) for k, v in units.items()}
