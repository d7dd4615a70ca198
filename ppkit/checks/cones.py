r"""The polar of two-layer ReLU networks: :math:`\max_{\|v\|\le 1} \|\frac1N G^\top \max(Av, 0)\|`.

In the plane the maximum is found among O(N) directions by sorting; beyond it, cones of directions are
bounded by linear functions and split (:mod:`ppkit.polars.branch`).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..rigor.margins import TINY, rounding_margin
from ..rigor.scales import lifted
from ..rigor.trees import replay
from .base import Checker

Data = Mapping[str, np.ndarray]
#: the features (N, d) and a residual (N, n_y) as arrays of floats
Sample = tuple[np.ndarray, np.ndarray]
Bounds = tuple[np.ndarray, np.ndarray, np.ndarray]  # upper ends, values and points of a batch of boxes


def hidden_gradient(A: np.ndarray, G: np.ndarray, v: np.ndarray) -> np.ndarray:
    """``(1/N) G^T max(A v, 0)`` for each direction ``v`` (k, d), shape (k, n_y)."""
    return (np.maximum(A @ v.T, 0.0)).T @ G / len(A)


def directional_values(A: np.ndarray, G: np.ndarray, v: np.ndarray) -> np.ndarray:
    """``|(1/N) G^T max(A v, 0)|`` for each direction ``v`` (k, d), shape (k,)."""
    return np.linalg.norm(hidden_gradient(A, G, v), axis=1)


def size_of(G: np.ndarray) -> float:
    """The largest entry of ``|G|``, 1 for zero: the unit of a stored ``cutoff``."""
    return float(np.max(np.abs(G), initial=0.0)) or 1.0


def magnitude_up(A: np.ndarray, G: np.ndarray) -> float:
    """At least ``(1/N) sum_i |G_i| |a_i|``: rounding is a multiple of it."""
    return float(np.linalg.norm(A) * np.linalg.norm(G)) / len(A)


def spectral_bound(A: np.ndarray, G: np.ndarray) -> float:
    """From ``max(z, 0) = (z + |z|)/2``: half of ``|G^T A|/N`` plus half of ``|G| |A|/N``."""
    return 0.5 * float(np.linalg.norm(G.T @ A, 2) + np.linalg.norm(G, 2) * np.linalg.norm(A, 2)) / len(A)


def with_spectral(A: np.ndarray, G: np.ndarray, upper: float = np.inf) -> float:
    """The smaller of ``upper``, a bound over cones, and the spectral bound, rounded outward.

    A cone's bound takes three sums over the sample, then those over the coordinates; a ratio of linear
    functions on a box magnifies the latter by at most d.
    """
    d = A.shape[1]
    margin = 4 * np.sqrt(d) * rounding_margin(max(len(A), d * d) + d, magnitude_up(A, G), 0.0, d)
    return min(upper, spectral_bound(A, G)) + margin


def cones_upper(A: np.ndarray, G: np.ndarray, data: Data) -> float:
    """At least the polar: the largest bound over the leaves of a tree of cones, or the spectral bound.

    ``data`` holds the tree, ``dim`` and ``child``, and the ``cutoff`` below which its bounds were not
    sharpened, relative to the largest entry of ``|G|``; without data the spectral bound is what there is.
    """
    if not data:
        return with_spectral(A, G)
    lo, hi = face_boxes(A.shape[1], G.shape[1])
    cutoff = float(data["cutoff"]) * size_of(G)
    return with_spectral(A, G, replay(cone_bound(A, G), lo, hi, data, cutoff))


# ---- cones ----------------------------------------------------------------------------------------


def face_boxes(d: int, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Root boxes in the d - 1 free coordinates of each cube face; two copies (signs) for one output.

    Root ``2 k + s`` (modulo 2d) is the face on which coordinate k is 1 (s = 0) or -1 (s = 1).
    """
    m = 2 * d * (2 if n_outputs == 1 else 1)
    return -np.ones((m, d - 1)), np.ones((m, d - 1))


def cone_bound(A: np.ndarray, G: np.ndarray) -> Callable[..., Bounds]:
    """The ``bound`` of :func:`ppkit.polars.branch.branch_and_bound` for ``|(1/N) G^T max(Av, 0)|``.

    On the cone through a box of a cube face the pre-activations of the box's points p lie in
    intervals.  Where an interval does not cross 0 the ReLU is linear; where it does, it lies below its
    chord and above each of its tangents.  The constant of a chord is a multiple of the coordinate that
    is fixed on the face, so all pieces are linear on the cone, and the bound is the norm of one vector
    or matrix.
    """
    N, d = A.shape
    size, weight = np.abs(A).T, np.linalg.norm(G, axis=1) / N

    def bound(tag: np.ndarray, lo: np.ndarray, hi: np.ndarray, cutoff: float) -> Bounds:
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
            top = np.minimum(np.sqrt(np.maximum(values[:, -1], 0.0)), corner_maximum_up(C, center, radius))
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


def _linear_bound(
    A: np.ndarray,
    w: np.ndarray,
    crossing: np.ndarray,
    slope: np.ndarray,
    offset: np.ndarray,
    z: np.ndarray,
    axis: np.ndarray,
    sign: np.ndarray,
    center: np.ndarray,
    radius: np.ndarray,
    cutoff: float,
    steps: int = 12,
) -> tuple[np.ndarray, np.ndarray]:
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
    best = cone_maximum_up(c, center, radius)
    i = np.flatnonzero((best > cutoff) & falling.any(axis=1))
    if len(i) == 0:
        return c, best
    weight, base = np.where(falling[i], -w[i], 0.0), base[i]
    used = weight.any(axis=0)  # points that no cone of the batch needs are left out
    weight, B = weight[:, used], A[used]
    products = (B[:, :, None] * B[:, None, :]).reshape(len(B), -1)
    curvature = np.linalg.eigvalsh((weight**2 @ products).reshape(len(i), *[A.shape[1]] * 2))[:, -1]
    step = 1.0 / np.where(curvature > TINY, curvature, 1.0)[:, None]
    momentum = previous = t[i][:, used] * 1.0
    for j in range(steps):
        now = base - (weight * momentum) @ B
        new = np.clip(momentum + step * weight * (now @ B.T), 0.0, 1.0)
        momentum = np.clip(new + (j / (j + 3)) * (new - previous), 0.0, 1.0)
        previous = new
    trial = base - (weight * new) @ B
    value = cone_maximum_up(trial, center[i], radius[i])
    better = value < best[i]
    c[i[better]], best[i[better]] = trial[better], value[better]
    return c, best


def corner_maximum_up(C: np.ndarray, center: np.ndarray, radius: np.ndarray) -> np.ndarray:
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


def cone_maximum_up(c: np.ndarray, center: np.ndarray, radius: np.ndarray, steps: int = 3) -> np.ndarray:
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


def checked_upper(norm: Any, M: Sample, data: Data) -> float:
    """:func:`cones_upper` of ``M = (A, G)``."""
    A, G = M
    return cones_upper(A, G, data)


CONES = Checker(checked_upper)
