"""Search for the polar of softmax heads: conditional gradient steps and L-BFGS over keys and queries."""

import numpy as np

from ..checks.heads import answers, attention
from .search import gather, multistart


def head_slope(tokens, asking, weights, back):
    """Gradient in ``B`` of ``sum_p back_p z_p(B)``, for ``back`` (k, P, d): shape (k, d, d)."""
    worth = np.matmul(tokens, back.transpose(1, 2, 0)).transpose(2, 0, 1)
    excess = weights * (worth - np.sum(weights * worth, axis=2, keepdims=True))
    return np.matmul(answers(tokens, excess).transpose(0, 2, 1), asking)


# ---- the lower end ----------------------------------------------------------------------------------


def to_ball(z, radius):
    """Points of the closed ball: ``radius sin(|z|) z/|z|`` for each leading index."""
    size = _norm(z)
    return radius * np.sinc(size / np.pi) * z


def from_ball(W, radius):
    """A point that :func:`to_ball` maps to ``W``, or just inside when ``W`` is on the sphere.

    Radially the map stands still on the sphere, and a descent that starts there could not leave it.
    """
    size = _norm(W)
    angle = np.arcsin(np.minimum(size / radius, 1 - 1e-7))
    return np.where(size > 0, angle / np.where(size > 0, size, 1.0), 1 / radius) * W


def pull_back(z, radius, slope):
    """Gradient in ``z`` from the gradient ``slope`` in ``to_ball(z)``."""
    size = _norm(z)
    safe = np.maximum(size, 1e-8)
    along = np.sum(slope * z, axis=(1, 2), keepdims=True)
    change = np.where(size > 1e-4, (np.cos(size) - np.sinc(size / np.pi)) / safe**2, -1 / 3)
    return radius * (np.sinc(size / np.pi) * slope + change * along * z)


def _norm(W):
    return np.sqrt(np.sum(W**2, axis=(1, 2), keepdims=True))


def _unit(W):
    """Each matrix over its norm, zero for zero; safe where squares underflow."""
    top = np.max(np.abs(W), axis=(1, 2), keepdims=True)
    W = W / np.where(top > 0, top, 1.0)
    return W / np.maximum(_norm(W), 1.0)


def ascent(asks, radius, starts, rng, restarts, steps=60):
    """Keys and queries ``(K, Q)``, best first, from conditional gradient steps and L-BFGS on the best."""
    shape = starts["K"].shape[1:]
    begin = gather((starts,), {k: rng.standard_normal((restarts, *shape)) for k in "KQ"})
    begin = {k: np.minimum(_norm(W), radius) * _unit(W) for k, W in begin.items()}

    def step(points):
        size, slope = _half_square(asks, points["K"], points["Q"])
        return size, {k: radius * _unit(s) for k, s in zip("KQ", slope, strict=True)}

    def mix(points, ends, t):
        t = t[:, None, None]
        return {k: (1 - t) * points[k] + t * ends[k] for k in points}

    points, size = multistart(step, begin, steps, 0.0, mix)
    K, Q = points["K"], points["Q"]
    best = _distinct(asks, K, Q, size)
    return polish(asks, radius, K[best], Q[best])


def polish(asks, radius, K, Q):
    """L-BFGS ascent of each pair in :func:`to_ball`'s coordinates, and the pairs, best first."""
    from scipy.optimize import minimize

    shape = K.shape[1:]

    def loss(z):
        z = z.reshape(2, *shape)
        W = to_ball(z, radius)
        value, slope = _half_square(asks, W[:1], W[1:])
        return -float(value[0]), -pull_back(z, radius, np.concatenate(slope)).ravel()

    ends = [np.stack([K, Q], axis=1)]
    for pair in ends[0][:8]:
        z = minimize(loss, from_ball(pair, radius).ravel(), jac=True, method="L-BFGS-B", options=POLISH).x
        ends.append(to_ball(z.reshape(2, *shape), radius)[None])
    pairs = np.concatenate(ends)
    size, _ = _half_square(asks, pairs[:, 0], pairs[:, 1])
    pairs = pairs[_distinct(asks, pairs[:, 0], pairs[:, 1], size)]
    return pairs[:, 0], pairs[:, 1]


POLISH = {"maxiter": 200, "ftol": 1e-16, "gtol": 0.0}


def _distinct(asks, K, Q, size, most=16):
    """Indices of the best pairs, best first, no two with the same head matrix."""
    B = head_matrix(K, Q).reshape(len(K), -1)
    kept = []
    for i in np.argsort(-size, kind="stable"):
        if all(np.linalg.norm(B[i] - B[j]) > 1e-4 * np.linalg.norm(B[i]) for j in kept):
            kept.append(int(i))
        if len(kept) == most:
            break
    return kept or [int(np.argmax(size))]


def head_matrix(K, Q):
    """``B = K^T Q / sqrt(d_k)`` of each head, (k, d, d)."""
    return np.matmul(K.transpose(0, 2, 1), Q) / np.sqrt(K.shape[1])


def _half_square(asks, K, Q):
    """Half the squared norm of the moment, (k,), and its gradients in K and Q, (k, d_k, d) each."""
    weights = attention(asks.tokens, asks.asking, head_matrix(K, Q))
    M = np.matmul(asks.G.T, answers(asks.tokens, weights))
    slope = head_slope(asks.tokens, asks.asking, weights, np.matmul(asks.G, M)) / np.sqrt(K.shape[1])
    slopes = [np.matmul(Q, slope.transpose(0, 2, 1)), np.matmul(K, slope)]
    return 0.5 * np.sum(M**2, axis=(1, 2)), slopes
