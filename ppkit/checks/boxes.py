r"""Branch and bound for the polar of softmax heads with one or two features.

All head matrices of a family form a box in the right coordinates.  In the plane
``B = [[u1 + w1, w2 - u2], [u2 + w2, u1 - w1]]`` has singular values ``|u| + |w|`` and ``||u| - |w||``:
nuclear norm at most ``reach`` means ``|u|, |w| <= reach/2``, rank one means ``|u| = |w|``.  A box of
polar coordinates of u and w is bounded by Taylor's theorem at its center.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..factors import Array
from ..rigor.trees import replay
from .base import Checker
from .heads import SLACK, Queries, interval_bound_up, read_queries, relaxation, rounding_up, softmax

#: numbers in the largest array of one batch of boxes
MOST_NUMBERS = 2_000_000


def head_boxes(d: int, d_k: int, reach: float) -> tuple[Array, Array]:
    """The root box ``(lo, hi)``, each (1, m): B itself, or radii and arc lengths of u and w."""
    if d == 1:
        return np.array([[-reach]]) * SLACK, np.array([[reach]]) * SLACK
    turn = np.pi * reach
    hi = [0.5 * reach, turn, turn] if d_k == 1 else [0.5 * reach, turn, 0.5 * reach, turn]
    return np.zeros((1, len(hi))), np.array([hi]) * SLACK


def frame(queries: Queries) -> Array:
    """The matrix (P T, n) that maps the coordinates of B (B itself, or u and w) to the scores."""
    x, q = queries.tokens, queries.asking[:, None, :]
    if x.shape[2] == 1:
        return (x * q).reshape(-1, 1)
    (x1, x2), (q1, q2) = np.moveaxis(x, 2, 0), np.moveaxis(q, 2, 0)
    columns = [x1 * q1 + x2 * q2, x2 * q1 - x1 * q2, x1 * q1 - x2 * q2, x1 * q2 + x2 * q1]
    return np.stack(columns, axis=2).reshape(-1, 4)


def head_of(b: Array) -> Array:
    """The head matrix with coordinates ``b`` (1,) or (4,)."""
    if len(b) == 1:
        return b.reshape(1, 1)
    return np.array([[b[0] + b[2], b[3] - b[1]], [b[1] + b[3], b[0] - b[2]]])


def line_chart(center: Array, half: Array) -> tuple[Array, Array, Array, Any]:
    """:func:`plane_chart` for one feature, where a box is an interval of B."""
    k = len(center)
    return center, np.ones((k, 1, 1)), np.zeros((k, 1, 1, 1)), (half[:, 0], 0 * half[:, 0], 0 * half[:, 0])


def plane_chart(reach: float) -> Callable[..., tuple[Array, Array, Array, Any]]:
    """A function ``(center, half) (k, m) -> (b, db, ddb, speeds)`` for boxes of polar coordinates.

    ``b`` (k, 4) are u and w at the centers, ``db`` (k, m, 4) and ``ddb`` (k, m, m, 4) their first and
    second derivatives; ``speeds`` are three arrays (k,): along any segment from the center to a point
    of the box, ``|u'| + |w'|``, ``|u''| + |w''|`` and ``|u'''| + |w'''|`` are at most these.
    """
    unit = 0.5 * reach  # arcs are measured on the circle of this radius

    def chart(center, half):
        k, m = center.shape
        b, db, ddb = np.zeros((k, 4)), np.zeros((k, m, 4)), np.zeros((k, m, m, 4))
        speeds = np.zeros((3, k))
        for side, (i, j) in enumerate([(0, 1), (0, 2)] if m == 3 else [(0, 1), (2, 3)]):
            r, angle, part = center[:, i, None], center[:, j] / unit, slice(2 * side, 2 * side + 2)
            out = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            along = np.stack([-out[:, 1], out[:, 0]], axis=1)
            b[:, part] = r * out
            db[:, i, part], db[:, j, part] = out, r * along / unit
            ddb[:, i, j, part] = ddb[:, j, i, part] = along / unit
            ddb[:, j, j, part] = -r * out / unit**2
            dr, turn, top = half[:, i], half[:, j] / unit, center[:, i] + half[:, i]
            speeds[0] += np.hypot(dr, top * turn)
            speeds[1] += np.hypot(top * turn**2, 2 * dr * turn)
            speeds[2] += np.hypot(3 * dr * turn**2, top * turn**3)
        return b, db, ddb, speeds

    return chart


def box_bound(queries: Queries, reach: float) -> Callable[..., tuple[Array, ...]]:
    """The ``bound`` of :func:`ppkit.polars.branch.branch_and_bound` for the moment's norm."""
    P, T, d = queries.tokens.shape
    chart = line_chart if d == 1 else plane_chart(reach)
    features, outer = frame(queries), queries.outer
    spread = float(np.max(queries.size * queries.diameter))
    reached = reach * float(np.max(queries.size * np.linalg.norm(queries.tokens, axis=2).max(axis=1)))
    blur = rounding_up(queries, reached)
    most = queries.sum_bound_up(np.linalg.norm(queries.tokens, axis=2).max(axis=1)) * (1 + 1e-12) + blur

    def bound(tag, lo, hi, cutoff):
        step = max(1, MOST_NUMBERS // (P * T * max(T, 4)))
        cuts = range(step, len(lo), step)
        parts = [part(*ends, cutoff) for ends in zip(np.split(lo, cuts), np.split(hi, cuts), strict=True)]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def part(lo, hi, cutoff):
        k, m = lo.shape
        center, half = 0.5 * (lo + hi), 0.5 * (hi - lo) * (1 + 1e-12) + 1e-14 * reach
        b, db, ddb, n = chart(center, half)
        scores = (b @ features.T).reshape(k, P, T)
        weights = softmax(scores)
        M = weights.reshape(k, -1) @ outer
        gain = (M @ outer.T).reshape(k, P, T)
        excess = (weights * (gain - np.sum(weights * gain, axis=2, keepdims=True))).reshape(k, -1)
        slope = excess @ features
        moves = (db.reshape(k * m, -1) @ features.T).reshape(k, m, P, T)
        moves = moves - np.sum(weights[:, None] * moves, axis=3, keepdims=True)
        dM = (weights[:, None] * moves).reshape(k * m, -1) @ outer
        dM, moves = dM.reshape(k, m, -1), moves.reshape(k, m, -1)
        curvature = (moves * excess[:, None]) @ moves.transpose(0, 2, 1)
        curvature = curvature + dM @ dM.transpose(0, 2, 1) + np.einsum("klmn,kn->klm", ddb, slope)
        square, norm = np.sum(M**2, axis=1), np.linalg.norm(M, axis=1)
        first = 2 * half * np.einsum("kln,kn->kl", db, slope)
        second = 2 * half[:, :, None] * curvature * half[:, None, :]
        A = [queries.sum_bound_up(speed) for speed in queries.speeds(weights, n[0])]
        m1 = A[0] * n[0]
        m2 = A[1] * n[0] ** 2 + A[0] * n[1]
        m3 = A[2] * n[0] ** 3 + 3 * A[1] * n[0] * n[1] + A[0] * n[2]
        top = norm + m1
        cubic = quadratic_maximum_up(first, second) + (top * m3 + 3 * m1 * m2) / 3
        plain = np.sum(np.abs(first), axis=1) + top * m2 + m1**2
        change = np.minimum(np.minimum(cubic, plain), 2 * norm * m1 + m1**2)
        swing = n[0] * spread
        error = 4 * blur * (1 + swing + swing**2) * (top + blur)
        upper = np.minimum(np.sqrt(np.maximum(square + change, 0.0) + error) + blur, most)
        open_ = np.flatnonzero((upper > cutoff) & (swing > 0.2))
        if len(open_):
            moved = n[0][open_, None, None, None] * (queries.distance * queries.size[:, None, None])
            boxed = interval_bound_up(queries, weights[open_], scores[open_], M[open_], moved) * (1 + 1e-12)
            upper[open_] = np.minimum(upper[open_], boxed + blur)
        return upper, norm, b

    return bound


def quadratic_maximum_up(first: Array, second: Array) -> Array:
    """At least ``max first x + x second x / 2`` over ``|x_l| <= 1``: (k, m) and (k, m, m) give (k,).

    The quadratic form is at most one without mixed terms, by Gershgorin's discs or by its largest
    eigenvalue; that one is maximized one coordinate at a time.
    """
    off = np.sum(np.abs(second), axis=2) - np.abs(np.einsum("kll->kl", second))
    discs = np.einsum("kll->kl", second) + off
    largest = np.linalg.eigvalsh(second)[:, -1:]
    largest = largest + 1e-13 * np.sum(np.abs(second), axis=(1, 2))[:, None]
    return np.minimum(*(np.sum(_parabola(np.abs(first), q), axis=1) for q in (discs, largest + 0 * discs)))


def _parabola(a: Array, q: Array) -> Array:
    """``max a t + q t^2/2`` over ``0 <= t <= 1``, for ``a >= 0``."""
    falling = q < -a
    return np.where(falling, -(a**2) / (2 * np.where(falling, q, -1.0)), a + 0.5 * q)


def boxes_upper(norm: Any, M: tuple[Array, Array], data: Mapping[str, np.ndarray]) -> float:
    """The largest bound over the leaves of a tree, or that of the expansion if it is smaller."""
    queries, size = read_queries(norm, M)
    if size == 0.0:
        return 0.0
    boxes = head_boxes(queries.tokens.shape[2], norm.d_k, norm.reach)
    upper = replay(box_bound(queries, norm.reach), *boxes, data, float(data["cutoff"]))
    return size * min(upper, float(np.min(relaxation(queries, norm.reach * SLACK))))


BOXES = Checker(boxes_upper)
