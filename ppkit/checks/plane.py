"""The polar of two-layer ReLU networks of one or two inputs: exact, by sorting angles."""

from typing import Any

import numpy as np

from ..rigor.balls import Balls, NoProof, arbs, to_arb
from ..rigor.margins import EPS, LONG_EPS
from .base import Checker, require
from .cones import Data, directional_values, magnitude_up

# ---- the plane ------------------------------------------------------------------------------------


def plane_sweep(A: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def line_sweep(A: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two directions of the line, and their values."""
    v = np.array([[1.0], [-1.0]])
    A, G = A.astype(np.longdouble), G.astype(np.longdouble)  # what swept_upper counts on
    return v, directional_values(A, G, v).astype(float)


def sweep(A: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit directions and their values, the largest of which is the polar of at most two inputs."""
    return line_sweep(A, G) if A.shape[1] == 1 else plane_sweep(A, G)


def swept_upper(A: np.ndarray, G: np.ndarray, values: np.ndarray) -> float:
    """The largest of the values of :func:`sweep`, rounded outward.

    The prefix sums run in extended precision, knots and values in double.
    """
    top = float(values.max())
    return top + ((4 * (len(A) + 16) * LONG_EPS + 64 * EPS) * magnitude_up(A, G) + 16 * EPS * top)


def plane_upper(A: np.ndarray, G: np.ndarray) -> float:
    """At least the polar of at most two inputs."""
    return swept_upper(A, G, sweep(A, G)[1])


# ---- in balls -------------------------------------------------------------------------------------


def plane_at_most(A: Balls, G: Balls, bound: float) -> bool:
    """Whether ``|(1/N) G^T max(Av, 0)| <= bound |v|`` for all v is PROVED for Balls ``A`` (N, 1 or 2), ``G``.

    Between neighboring breakpoints p, q the left side is ``|Mv|``, and the inequality for all
    ``v = sp + tq`` with s, t >= 0 says that a 2 x 2 matrix is copositive.  The breakpoints are data
    turned by a right angle, so they are exact, and so is their order.
    """
    a = np.array([[float(x) for x in row] for row in arbs(A)]).reshape(A.shape)
    if not all(x == y for x, y in zip(arbs(a).flat, arbs(A).flat, strict=True)):
        raise NoProof("inputs that are not floats: the order of the breakpoints would not be exact")
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


def copositive(M: np.ndarray, square: Any, p: np.ndarray, q: np.ndarray) -> bool:
    """Whether ``square |v|^2 - |Mv|^2 >= 0`` on the cone of p and q is proved."""

    def form(x: np.ndarray, y: np.ndarray) -> Any:
        both = zip(M @ x, M @ y, strict=True)
        return square * (x[0] * y[0] + x[1] * y[1]) - sum(s * t for s, t in both)

    a, b, c = form(p, p), form(q, q), form(p, q)
    return bool(a >= 0) and bool(b >= 0) and (bool(c >= 0) or bool(c * c <= a * b))


def exact_order(p: np.ndarray) -> np.ndarray:
    """Indices that sort vectors of the half-open upper half plane counterclockwise, with no rounding."""
    from fractions import Fraction
    from functools import cmp_to_key

    order = np.argsort(np.arctan2(p[:, 1], p[:, 0]), kind="stable")
    s = p[order] / np.abs(p[order]).max(axis=1, keepdims=True)
    cross = s[:-1, 0] * s[1:, 1] - s[:-1, 1] * s[1:, 0]
    if np.all(cross > 16 * EPS):
        return order
    exact = {i: (Fraction(x), Fraction(y)) for i, (x, y) in enumerate(p.tolist())}

    def compare(i: int, j: int) -> int:
        (a, b), (c, d) = exact[i], exact[j]
        return int((left := b * c) > (right := a * d)) - int(left < right)

    return np.array(sorted(order.tolist(), key=cmp_to_key(compare)))


def prove_plane(norm: Any, M: tuple[Balls, Balls], bound: float, data: Data) -> None:
    """The polar of at most two inputs is at most ``bound``, for Balls ``M = (A, G)``."""
    A, G = M
    require(plane_at_most(A, G, bound))


PLANE = Checker(lambda norm, M, data: plane_upper(*M), prove_plane)
