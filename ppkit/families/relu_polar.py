r"""The polar of two-layer ReLU networks: :math:`\max_{\|v\|\le 1} \|\frac1N G^\top \max(Av, 0)\|`.

In the plane the maximum is found among O(N) directions by sorting; beyond it, cones of directions are
bounded by linear functions and split (:mod:`ppkit.branch`).
"""

import numpy as np

from ..ascent import gather, multistart
from ..ball import arbs, to_arb
from ..polar import EPS
from ..scales import lifted

LONG = float(np.finfo(np.longdouble).eps)

TINY = float(np.finfo(float).tiny)


def hidden_gradient(A, G, v):
    """``(1/N) G^T max(A v, 0)`` for each direction ``v`` (k, d), shape (k, n_y)."""
    return (np.maximum(A @ v.T, 0.0)).T @ G / len(A)


def directional_values(A, G, v):
    """``|(1/N) G^T max(A v, 0)|`` for each direction ``v`` (k, d), shape (k,)."""
    return np.linalg.norm(hidden_gradient(A, G, v), axis=1)


def magnitude(A, G):
    """At least ``(1/N) sum_i |G_i| |a_i|``: rounding is a multiple of it."""
    return float(np.linalg.norm(A) * np.linalg.norm(G)) / len(A)


def spectral_bound(A, G):
    """From ``max(z, 0) = (z + |z|)/2``: half of ``|G^T A|/N`` plus half of ``|G| |A|/N``."""
    return 0.5 * float(np.linalg.norm(G.T @ A, 2) + np.linalg.norm(G, 2) * np.linalg.norm(A, 2)) / len(A)


def ascent(A, G, starts, seed, restarts=64, steps=60):
    """Unit directions (k, d), best first, from the ascent v <- the gradient of the value, normalized."""
    rng = np.random.default_rng(seed)
    data = A[rng.permutation(len(A))[: restarts // 2]]
    v = gather(starts, {"v": np.concatenate([data, -data, rng.standard_normal((restarts, A.shape[1]))])})["v"]
    v = v[np.linalg.norm(v, axis=1) > 0]

    def step(points):
        v = points["v"]
        h = hidden_gradient(A, G, v)
        size = np.linalg.norm(h, axis=1)
        slope = ((G @ (h / np.maximum(size, TINY)[:, None]).T) * (A @ v.T > 0)).T @ A
        slope = lifted(slope)[0]
        norm = np.linalg.norm(slope, axis=1, keepdims=True)
        return size, {"v": np.where(norm > 0, slope / np.where(norm > 0, norm, 1.0), v)}

    return multistart(step, {"v": v / np.linalg.norm(v, axis=1, keepdims=True)}, steps)[0]["v"]


# ---- the plane ------------------------------------------------------------------------------------


def plane_sweep(A, G):
    """``(directions (k, 2), values (k,))``: the polar is the largest value, for inputs in the plane.

    Between two consecutive breakpoints (the directions orthogonal to a data point) the set of active
    points is fixed and the value is ``|M v|`` for one n_y x 2 matrix M, so its maximum over the arc is
    at the arc's ends or at M's leading right singular vector.  Sorting and prefix sums: O(N log N).
    """
    N = len(A)
    keep = np.any(A != 0, axis=1)
    A, G = A[keep], G[keep]
    if len(A) == 0:
        return np.array([[1.0, 0.0]]), np.zeros(1)
    turn = np.column_stack([A[:, 1], -A[:, 0]])  # point i becomes active here, inactive at -turn
    turn = np.ldexp(turn, -np.frexp(np.abs(turn).max(axis=1, keepdims=True))[1])  # exact; squares are safe
    knots = np.concatenate([turn, -turn]) / np.tile(np.linalg.norm(turn, axis=1), 2)[:, None]
    angle = np.mod(np.arctan2(knots[:, 1], knots[:, 0]), 2 * np.pi)
    moment = G[:, :, None].astype(np.longdouble) * A[:, None, :]
    active = angle[: len(A)] > angle[len(A) :]
    order = np.argsort(angle, kind="stable")
    left, knots = angle[order], knots[order]
    M = moment[active].sum(axis=0) + np.cumsum(np.concatenate([moment, -moment])[order], axis=0)
    M = (M / N).astype(float)
    right = np.append(left[1:], left[0] + 2 * np.pi)
    scale = np.max(np.abs(M), initial=0.0) or 1.0
    gram = np.einsum("koi,koj->kij", M / scale, M / scale)
    top = 0.5 * np.arctan2(2 * gram[:, 0, 1], gram[:, 0, 0] - gram[:, 1, 1])
    directions, values = [knots], [np.linalg.norm(np.einsum("koi,ki->ko", M, knots), axis=1)]
    for half_turn in (0.0, np.pi):
        inside = left + np.mod(top + half_turn - left, 2 * np.pi) < right
        v = np.column_stack([np.cos(top[inside] + half_turn), np.sin(top[inside] + half_turn)])
        directions.append(v)
        values.append(np.linalg.norm(np.einsum("koi,ki->ko", M[inside], v), axis=1))
    return np.concatenate(directions), np.concatenate(values)


def line_sweep(A, G):
    """The two directions of the line, and their values."""
    v = np.array([[1.0], [-1.0]])
    long = (a.astype(np.longdouble) for a in (A, G))  # what sweep_margin counts on
    return v, directional_values(*long, v).astype(float)


def sweep_margin(A, G, value):
    """Rounding of :func:`plane_sweep`: prefix sums in extended precision, knots and values in double."""
    return (4 * (len(A) + 16) * LONG + 64 * EPS) * magnitude(A, G) + 16 * EPS * value


def plane_at_most(A, G, bound):
    """Whether ``|(1/N) G^T max(Av, 0)| <= bound |v|`` for all v is PROVED for Balls ``A`` (N, 1 or 2), ``G``.

    Between neighboring breakpoints p, q the left side is ``|Mv|``, and the inequality for all
    ``v = sp + tq`` with s, t >= 0 says that a 2 x 2 matrix is copositive.  The breakpoints are data
    turned by a right angle, so they are exact, and so is their order.
    """
    a = np.array([[float(x) for x in row] for row in arbs(A)]).reshape(A.shape)
    if not all(x == y for x, y in zip(arbs(a).flat, arbs(A).flat, strict=True)):
        return None  # inputs that are not floats: the order of the breakpoints would not be exact
    if a.shape[1] == 1:
        a = np.column_stack([a, np.zeros(len(a))])
    keep = np.any(a != 0, axis=1)
    a = np.concatenate([a[keep], np.eye(2)])
    weight = np.concatenate([arbs(G)[keep], np.full((2, G.shape[1]), to_arb(0))])
    turn = np.column_stack([a[:, 1], -a[:, 0]])
    upward = (turn[:, 1] > 0) | ((turn[:, 1] == 0) & (turn[:, 0] > 0))
    p = np.where(upward[:, None], turn, -turn)
    order = exact_order(p)
    p, upward, exact = p[order], upward[order], arbs(a[order])
    moments = weight[order][:, :, None] * exact[:, None, :]
    M, total = (m.sum(axis=0) if len(m) else 0 * moments[0] for m in (moments[~upward], moments))
    knots = arbs(np.concatenate([p, -p[:1]]))
    square = (to_arb(bound) * len(A)) ** 2
    for k, moment in enumerate(moments):
        M = M + moment if upward[k] else M - moment
        if not all(copositive(K, square, knots[k], knots[k + 1]) for K in (M, total - M)):
            return False
    return True


def copositive(M, square, p, q):
    """Whether ``square |v|^2 - |Mv|^2 >= 0`` on the cone of p and q is proved."""

    def form(x, y):
        both = zip(M @ x, M @ y, strict=True)
        return square * (x[0] * y[0] + x[1] * y[1]) - sum(s * t for s, t in both)

    a, b, c = form(p, p), form(q, q), form(p, q)
    return bool(a >= 0) and bool(b >= 0) and (bool(c >= 0) or bool(c * c <= a * b))


def exact_order(p):
    """Indices that sort vectors of the half-open upper half plane counterclockwise, with no rounding."""
    from fractions import Fraction
    from functools import cmp_to_key

    order = np.argsort(np.arctan2(p[:, 1], p[:, 0]), kind="stable")
    s = p[order] / np.abs(p[order]).max(axis=1, keepdims=True)
    cross = s[:-1, 0] * s[1:, 1] - s[:-1, 1] * s[1:, 0]
    if np.all(cross > 16 * EPS):
        return order
    exact = {i: (Fraction(x), Fraction(y)) for i, (x, y) in enumerate(p.tolist())}

    def compare(i, j):
        (a, b), (c, d) = exact[i], exact[j]
        return int((left := b * c) > (right := a * d)) - int(left < right)

    return np.array(sorted(order.tolist(), key=cmp_to_key(compare)))


# ---- cones ----------------------------------------------------------------------------------------


def face_boxes(d, n_outputs):
    """Root boxes in the d - 1 free coordinates of each cube face; two copies (signs) for one output.

    Root ``2 k + s`` (modulo 2d) is the face on which coordinate k is 1 (s = 0) or -1 (s = 1).
    """
    m = 2 * d * (2 if n_outputs == 1 else 1)
    return -np.ones((m, d - 1)), np.ones((m, d - 1))


def cone_bound(A, G):
    """The ``bound`` of :func:`ppkit.branch.branch_and_bound` for ``|(1/N) G^T max(Av, 0)|``.

    On the cone through a box of a cube face the pre-activations of the box's points p lie in
    intervals.  Where an interval does not cross 0 the ReLU is linear; where it does, it lies below its
    chord and above each of its tangents.  The constant of a chord is a multiple of the coordinate that
    is fixed on the face, so all pieces are linear on the cone, and the bound is the norm of one vector
    or matrix.
    """
    N, d = A.shape
    size, weight = np.abs(A).T, np.linalg.norm(G, axis=1) / N

    def bound(tag, lo, hi, cutoff):
        k = len(lo)
        axis, sign = tag % (2 * d) // 2, np.where(tag % 2 == 0, 1.0, -1.0)
        free = np.arange(d)[None, :] != axis[:, None]
        low, high = np.repeat(sign[:, None], d, axis=1), np.repeat(sign[:, None], d, axis=1)
        low[free], high[free] = lo.ravel(), hi.ravel()
        center, radius = 0.5 * (low + high), 0.5 * (high - low)
        z, spread = center @ A.T, (radius * (1 + 1e-12) + 1e-14) @ size
        crossing = np.abs(z) < spread
        slope = np.where(crossing, (spread + z) / np.where(crossing, 2 * spread, 1.0), z > 0)
        offset = np.where(crossing, spread - z, 0.0) * slope
        if G.shape[1] == 1:
            w = np.where(tag < 2 * d, 1.0, -1.0)[:, None] * G[:, 0] / N
            c, top = _linear_bound(A, w, crossing, slope, offset, z, axis, sign, center, radius, cutoff)
            guess = c
        else:
            C = np.matmul((slope[:, None, :] * G.T), A) / N
            C[np.arange(k), :, axis] += sign[:, None] * (0.5 * offset) @ G / N
            values, vectors = np.linalg.eigh(np.matmul(C.swapaxes(1, 2), C))
            top = np.minimum(np.sqrt(np.maximum(values[:, -1], 0.0)), corner_maximum(C, center, radius))
            top = top * (1 + 1e-12) + 0.5 * offset @ weight
            guess = vectors[:, :, -1]
        points = center / np.linalg.norm(center, axis=1, keepdims=True)
        value = directional_values(A, G, points)
        guess = lifted(guess)[0]
        for sign_ in (1.0,) if G.shape[1] == 1 else (1.0, -1.0):
            norm = np.linalg.norm(guess, axis=1, keepdims=True)
            other = np.where(norm > 0, sign_ * guess / np.where(norm > 0, norm, 1.0), points)
            other_value = directional_values(A, G, other)
            better = other_value > value
            value = np.where(better, other_value, value)
            points = np.where(better[:, None], other, points)
        return top, value, points

    return bound


def _linear_bound(A, w, crossing, slope, offset, z, axis, sign, center, radius, cutoff, steps=12):
    """``c`` (k, d) with ``sum_i w_i max(a_i p, 0) <= c p`` on each cone, and the bound ``max c p/|p|``.

    Positive weights use the chord; negative ones any slope t in [0, 1], and projected gradient steps
    choose the t that make |c| least where the bound is above ``cutoff``.
    """
    rows = np.arange(len(w))
    falling = crossing & (w < 0)
    base = (np.where(falling, 0.0, w * slope)) @ A
    base[rows, axis] += sign * np.sum(np.where(w > 0, w * offset, 0.0), axis=1)
    t = z > 0
    c = base + np.where(falling, w * t, 0.0) @ A
    best = cone_maximum(c, center, radius)
    i = np.flatnonzero((best > cutoff) & falling.any(axis=1))
    if len(i) == 0:
        return c, best
    weight, base = np.where(falling[i], -w[i], 0.0), base[i]
    used = weight.any(axis=0)  # points that no cone of the batch needs are left out
    weight, B, t = weight[:, used], A[used], t[i][:, used] * 1.0
    products = (B[:, :, None] * B[:, None, :]).reshape(len(B), -1)
    curvature = np.linalg.eigvalsh((weight**2 @ products).reshape(len(i), *[A.shape[1]] * 2))[:, -1]
    step = 1.0 / np.where(curvature > TINY, curvature, 1.0)[:, None]
    momentum, previous = t, t
    for j in range(steps):
        now = base - (weight * momentum) @ B
        new = np.clip(momentum + step * weight * (now @ B.T), 0.0, 1.0)
        momentum = np.clip(new + (j / (j + 3)) * (new - previous), 0.0, 1.0)
        previous = new
    trial = base - (weight * new) @ B
    value = cone_maximum(trial, center[i], radius[i])
    better = value < best[i]
    c[i[better]], best[i[better]] = trial[better], value[better]
    return c, best


def corner_maximum(C, center, radius):
    """At least ``max |C p| / |p|`` over the boxes: ``|C p| / (m p)`` is largest at a corner."""
    d = center.shape[1]
    if d > 7:
        return np.full(len(C), np.inf)
    signs = np.stack(np.meshgrid(*[[-1.0, 1.0]] * d), axis=-1).reshape(-1, d)
    corners = center[:, None, :] + radius[:, None, :] * signs
    m = center / np.linalg.norm(center, axis=1, keepdims=True)
    size = np.linalg.norm(np.matmul(corners, C.swapaxes(1, 2)), axis=2)
    least = np.matmul(corners, m[:, :, None])[:, :, 0]
    ratio = np.where(least > 0, size / np.where(least > 0, least, 1.0), np.inf)
    return np.max(ratio, axis=1)


def cone_maximum(c, center, radius, steps=3):
    """At least ``max c p / |p|`` over the boxes of center and radius (k, d), from three linear facts.

    ``c p <= |c| |p|``; ``|p| >= m p`` for the unit vector m along the center; and the largest ratio of
    two linear functions is found by Dinkelbach's iteration, whose last step is bounded from above.
    """
    m = center / np.linalg.norm(center, axis=1, keepdims=True)
    ratio = np.maximum(np.sum(c * m, axis=1), 0.0)
    for _ in range(steps):
        p = center + radius * np.sign(c - ratio[:, None] * m)
        ratio = np.maximum(ratio, np.sum(c * p, axis=1) / np.sum(m * p, axis=1))
    rest = c - ratio[:, None] * m
    excess = np.sum(rest * center, axis=1) + np.sum(np.abs(rest) * radius, axis=1)
    least = np.sum(m * center, axis=1) - np.sum(np.abs(m) * radius, axis=1)
    reach = np.where(least > 0, ratio + np.maximum(excess, 0.0) / np.where(least > 0, least, 1.0), np.inf)
    return np.minimum(np.linalg.norm(c, axis=1), reach)
