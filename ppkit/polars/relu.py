r"""Good directions for the polar of two-layer ReLU networks, past the kinks where plain ascent stops.

Where the loss wants less of a sample's unit (:math:`G_i^\top u < 0`) the value has a concave kink at
:math:`a_i^\top v = 0`, and maxima sit on such kinks.  A gradient step jumps to and fro across them.
"""

import numpy as np

from ..checks.cones import hidden_gradient
from ..rigor.scales import lifted
from .search import gather, multistart


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


TINY = 1e-150
LEVELS = (0.3, 0.1, 0.03, 0.01, 0.003)


def search(A, G, starts, seed, restarts):
    """Unit directions (k, d), best first: smoothed ascent from ``restarts`` starts and more, then plain."""
    rng = np.random.default_rng(seed)
    data = A[rng.permutation(len(A))[: restarts // 2]]
    v = gather(starts, {"v": np.concatenate([data, -data, rng.standard_normal((restarts, A.shape[1]))])})["v"]
    size = np.linalg.norm(v, axis=1)
    v = soften(A, G, v[size > 0] / size[size > 0][:, None])
    return ascent(A, G, (*starts, {"v": v}), seed)


def soften(A, G, v, steps=25):
    r"""Unit directions near maxima of ``|(1/N) G^T max(Av, 0)|``, one for each row of ``v`` (k, d).

    Monotone ascent on a smoothed value, with less and less smoothing: each concave kink becomes a
    parabola as wide as ``level`` (the sine of an angle), whose curvature is added back as
    :math:`\tfrac\kappa2\|v\|^2`.  The sum is convex, so the maximizer of its linearization on the
    sphere, the normalized gradient, never lowers the smoothed value.
    """
    top = np.max(np.abs(A), initial=0.0), np.max(np.abs(G), initial=0.0)
    A, G = A / (top[0] or 1.0), G / (top[1] or 1.0)
    size = np.linalg.norm(A, axis=1)
    keep = (size > TINY) & np.any(np.abs(G) > TINY, axis=1)
    A, G, size = A[keep], G[keep], size[keep]
    if len(A) == 0:
        return v
    B = A * np.sqrt(np.linalg.norm(G, axis=1) / size)[:, None]
    curvature = np.linalg.norm(B, 2) ** 2
    for level in LEVELS:
        for _ in range(steps):
            z = v @ A.T
            h = np.maximum(z, 0.0) @ G
            pull = h @ G.T
            pull = pull / np.maximum(np.linalg.norm(h, axis=1, keepdims=True), TINY)
            on = np.where(pull < 0, np.clip(0.5 + z / (2 * level * size), 0.0, 1.0), z > 0)
            v = (pull * on) @ A + curvature / (2 * level) * v
            v = v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), TINY)
    return v
