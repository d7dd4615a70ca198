"""The polar of softmax heads: ascent over keys and queries below, expansions and boxes above."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..checks import Proof
from ..checks.boxes import box_bound, head_boxes, head_of
from ..checks.heads import SLACK, Queries, answers, attention, head_matrix, moments, read_queries, relaxation
from ..factors import Array, Factors, append, take
from ..rigor.scales import unit_rows
from .ball_maps import from_ball, norms, pull_back, to_ball
from .base import DataNorm, Found, Least, Norm, Units, both
from .branch import branch_and_bound
from .search import gather, multistart

RESTARTS = {"fast": 16, "default": 64, "exact": 256}
BOXES = {"fast": (1e-3, 400_000), "default": (1e-7, 20_000_000), "exact": (1e-9, 1_000_000_000)}


def heads_norm(queries: Callable[[Array, Array], Queries], n_features: int, d_k: int, radius: float) -> Norm:
    """The polar ``sup |(1/N) sum_p G_p z_p(B)^T|_F`` over head matrices, a norm of the data ``(X, G)``.

    ``queries(X, G)`` pairs every sample with the tokens that ask there.
    """
    expansion = ExpansionNorm(queries, d_k, radius)
    return Least(expansion, BoxesNorm(queries, d_k, radius), closed=0.0) if n_features <= 2 else expansion


class ExpansionNorm(DataNorm):
    """The polar by expansions at uniform attention: units ``V`` (k, c, d), ``K`` and ``Q`` (k, d_k, d)."""

    kinds: tuple[str, ...] = ("expansion",)
    is_closed = False

    def __init__(self, queries: Callable[[Array, Array], Queries], d_k: int, radius: float):
        self.queries, self.d_k, self.radius = queries, d_k, radius

    @property
    def reach(self) -> float:
        """The largest nuclear norm of a head matrix ``K^T Q / sqrt(d_k)``."""
        return self.radius**2 / np.sqrt(self.d_k)

    def find(self, M: tuple[Array, Array], starts: Sequence[Units], effort: str, seed: int) -> Found:
        queries, size = read_queries(self, M)
        heads = with_uniform(starts, (self.d_k, M[0].shape[2]))
        if size == 0.0:
            return Found(*head_units(queries, heads, size), Proof("expansion"), 0.0)
        heads = ascent(queries, self.radius, heads, np.random.default_rng(seed), RESTARTS[effort])
        upper = size * float(np.min(relaxation(queries, self.reach * SLACK)))
        return Found(*head_units(queries, heads, size), Proof("expansion"), upper)


class BoxesNorm(ExpansionNorm):
    """The polar for one or two features by branch and bound over head matrices, from given heads.

    It stops at a relative width of the interval or at a number of boxes times tokens of the sample.
    """

    kinds = ("boxes",)

    def find(self, M: tuple[Array, Array], starts: Sequence[Units], effort: str, seed: int) -> Found:
        queries, size = read_queries(self, M)
        heads = with_uniform(starts, (self.d_k, M[0].shape[2]))
        attained = np.linalg.norm(moments(queries, head_matrix(heads["K"], heads["Q"])), axis=(1, 2))
        gap, work = BOXES[effort]
        found = branch_and_bound(
            box_bound(queries, self.reach),
            *head_boxes(M[0].shape[2], self.d_k, self.reach),
            lower=float(attained.max()),
            gap=gap,
            max_nodes=max(64, work // queries.tokens[..., 0].size),
        )
        if found.point is not None:
            heads = append(heads, split_head(head_of(found.point), self.d_k, self.radius))
        heads = ascent(queries, self.radius, heads, np.random.default_rng(seed), 0)
        upper = size * min(found.upper, float(np.min(relaxation(queries, self.reach * SLACK))))
        proof = Proof("boxes", {**found.tree, "cutoff": np.array(found.lower)})
        return Found(*head_units(queries, heads, size), proof, upper)

    def joined(self, before: Found, after: Found) -> Found:
        """The units found ``after``, which began from those ``before`` and hold the best of them."""
        return replace(both(before, after), units=after.units, values=after.values)


def with_uniform(starts: Sequence[Units], shape: tuple[int, int]) -> dict[str, Array]:
    """Keys and queries of the given networks, and one head with uniform attention in front."""
    zero = np.zeros((1, *shape))
    return {k: np.concatenate([zero, *(s[k] for s in starts)]) for k in ("K", "Q")}


def head_units(queries: Queries, heads: Factors, size: float) -> tuple[dict[str, Array], Array]:
    """``(units, values)``: the heads with the unit values that are best for them, best first."""
    M = moments(queries, head_matrix(heads["K"], heads["Q"]))
    norm = np.linalg.norm(M, axis=(1, 2))
    order = np.argsort(-norm, kind="stable")
    V = unit_rows(M[order].reshape(len(M), -1)).reshape(M.shape)
    return {"V": V, "K": heads["K"][order], "Q": heads["Q"][order]}, size * norm[order]


def head_slope(tokens: Array, asking: Array, weights: Array, back: Array) -> Array:
    """Gradient in ``B`` of ``sum_p back_p z_p(B)``, for ``back`` (k, P, d): shape (k, d, d)."""
    gain = np.matmul(tokens, back.transpose(1, 2, 0)).transpose(2, 0, 1)
    excess = weights * (gain - np.sum(weights * gain, axis=2, keepdims=True))
    return np.matmul(answers(tokens, excess).transpose(0, 2, 1), asking)


def _unit(W: Array) -> Array:
    """Each matrix over its norm, zero for zero; safe where squares underflow."""
    top = np.max(np.abs(W), axis=(1, 2), keepdims=True)
    W = W / np.where(top > 0, top, 1.0)
    return W / np.maximum(norms(W), 1.0)


def ascent(
    queries: Queries,
    radius: float,
    starts: Factors,
    rng: np.random.Generator,
    restarts: int,
    steps: int = 60,
) -> dict[str, Array]:
    """Heads ``K`` and ``Q``, best first, from conditional gradient steps and L-BFGS on the best of them."""
    shape = starts["K"].shape[1:]
    begin = gather((starts,), {k: rng.standard_normal((restarts, *shape)) for k in "KQ"})
    begin = {k: np.minimum(norms(W), radius) * _unit(W) for k, W in begin.items()}

    def step(points):
        size, slope = _half_square(queries, points["K"], points["Q"])
        return size, {k: radius * _unit(s) for k, s in zip("KQ", slope, strict=True)}

    def mix(points, ends, t):
        t = t[:, None, None]
        return {k: (1 - t) * points[k] + t * ends[k] for k in points}

    points, size = multistart(step, begin, steps, 0.0, mix)
    best = take(points, _distinct(queries, points["K"], points["Q"], size))
    return dict(zip("KQ", polish(queries, radius, best["K"], best["Q"]), strict=True))


def polish(queries: Queries, radius: float, K: Array, Q: Array) -> tuple[Array, Array]:
    """L-BFGS ascent of each pair in :func:`to_ball`'s coordinates, and the pairs, best first."""
    from scipy.optimize import minimize

    shape = K.shape[1:]

    def loss(z):
        z = z.reshape(2, *shape)
        W = to_ball(z, radius)
        value, slope = _half_square(queries, W[:1], W[1:])
        return -float(value[0]), -pull_back(z, radius, np.concatenate(slope)).ravel()

    ends = [np.stack([K, Q], axis=1)]
    for pair in ends[0][:8]:
        z = minimize(loss, from_ball(pair, radius).ravel(), jac=True, method="L-BFGS-B", options=POLISH).x
        ends.append(to_ball(z.reshape(2, *shape), radius)[None])
    pairs = np.concatenate(ends)
    size, _ = _half_square(queries, pairs[:, 0], pairs[:, 1])
    pairs = pairs[_distinct(queries, pairs[:, 0], pairs[:, 1], size)]
    return pairs[:, 0], pairs[:, 1]


POLISH = {"maxiter": 200, "ftol": 1e-16, "gtol": 0.0}


def _distinct(queries: Queries, K: Array, Q: Array, size: Array, most: int = 16) -> list[int]:
    """Indices of the best pairs, best first, no two with the same head matrix."""
    B = head_matrix(K, Q).reshape(len(K), -1)
    kept: list[int] = []
    for i in np.argsort(-size, kind="stable"):
        if all(np.linalg.norm(B[i] - B[j]) > 1e-4 * np.linalg.norm(B[i]) for j in kept):
            kept.append(int(i))
        if len(kept) == most:
            break
    return kept or [int(np.argmax(size))]


def _half_square(queries: Queries, K: Array, Q: Array) -> tuple[Array, list[Array]]:
    """Half the squared norm of the moment, (k,), and its gradients in K and Q, (k, d_k, d) each."""
    weights = attention(queries.tokens, queries.asking, head_matrix(K, Q))
    M = np.matmul(queries.G.T, answers(queries.tokens, weights))
    slope = head_slope(queries.tokens, queries.asking, weights, np.matmul(queries.G, M)) / np.sqrt(K.shape[1])
    slopes = [np.matmul(Q, slope.transpose(0, 2, 1)), np.matmul(K, slope)]
    return 0.5 * np.sum(M**2, axis=(1, 2)), slopes


def split_head(B: Array, d_k: int, radius: float) -> dict[str, Array]:
    """``K`` and ``Q`` (1, d_k, d) with head matrix ``B``, in the balls up to rounding."""
    U, s, Vt = np.linalg.svd(np.sqrt(d_k) * B)
    r = min(d_k, len(s))
    K, Q = np.zeros((2, 1, d_k, len(s)))
    K[0, :r], Q[0, :r] = np.sqrt(s[:r, None]) * U.T[:r], np.sqrt(s[:r, None]) * Vt[:r]
    return {k: W * min(1.0, radius / max(float(np.linalg.norm(W)), 1e-300)) for k, W in (("K", K), ("Q", Q))}
