r"""The polar of softmax heads: :math:`\max_B \|\frac1N \sum_p G_p z_p(B)^\top\|_F` over head matrices B.

A *query* p is a sample together with a token that asks; its answer ``z_p(B)`` is the mean of the
sample's tokens under the weights ``softmax_t(x_t^T B x_asks)``.  Keys and queries of Frobenius norm at
most ``radius`` reach exactly the B of rank ``<= d_k`` and nuclear norm ``<= reach = radius^2/sqrt(d_k)``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ..factors import Array
from ..rigor.margins import EPS
from .base import Checker

#: largest size of the array that holds the second-order term of :func:`relaxation`
MOST_NUMBERS = 20_000_000
CHUNK = 256
#: how much worse than its interval the remainder of a query may be that is kept in an expansion
TRUST = (1.0, 4.0, 1e100)
#: more than the norm of a vector of which all squares underflow
UNDERFLOWN = 1e-157


@dataclass(frozen=True, eq=False)
class Queries:
    """Every sample with each token that asks there: P pairs, sample after sample.

    Attributes
    ----------
    tokens : array (P, T, d)
        The sample's tokens.
    asking : array (P, d)
        The token that asks.
    G : array (P, c)
        The rows of ``G/N``.
    """

    tokens: Array
    asking: Array
    G: Array

    @cached_property
    def outer(self) -> Array:
        """``G_p x_t^T`` of each query and token, (P T, c d): moments are weights times this matrix."""
        P, T = self.tokens.shape[:2]
        return (self.G[:, None, :, None] * self.tokens[:, :, None, :]).reshape(P * T, -1)

    @cached_property
    def distance(self) -> Array:
        """``|x_t - x_t'|`` within each query, (P, T, T)."""
        square: Any = 0.0
        for x in np.moveaxis(self.tokens, 2, 0):
            square = square + (x[:, :, None] - x[:, None, :]) ** 2
        return np.sqrt(square)

    @cached_property
    def diameter(self) -> Array:
        """The largest distance of two tokens of each query, (P,)."""
        return self.distance.max(axis=(1, 2))

    @cached_property
    def size(self) -> Array:
        """The norm of each asking token, (P,)."""
        return np.linalg.norm(self.asking, axis=1)

    @cached_property
    def weight(self) -> tuple[Array, float]:
        """The norms of the rows of ``G/N`` (P,), and its spectral norm."""
        return np.linalg.norm(self.G, axis=1), float(np.linalg.norm(self.G, 2))

    def sum_bound_up(self, size: Array) -> Array:
        """At least ``|sum_p G_p v_p^T|_F`` for all ``v_p`` of norm at most ``size_p`` (..., P)."""
        weight, largest = self.weight
        return np.minimum(size @ weight, largest * np.linalg.norm(size, axis=-1))

    def speeds(self, weights: Array, move: Array) -> list[Array]:
        """Bounds on how fast each answer moves while ``B`` moves by at most ``move`` (k,) at unit speed.

        Three arrays (k, P), for the first derivative of the answer, and for the cumulants of order three
        and four in its second and third one.  All weights on the way are within a factor ``e^omega`` of
        ``weights`` (k, P, T), where ``omega`` is what the differences of scores move by.
        """
        diameter, size = self.diameter, self.size
        mean = answers(self.tokens, weights)
        middle = self.tokens - mean[:, :, None, :]
        covariance = np.matmul((weights[..., None] * middle).swapaxes(2, 3), middle)
        omega = move[:, None] * size * diameter
        growth = np.exp(np.minimum(omega, 500.0)) * (1 + 1e-12)
        variance = np.minimum(diameter**2 / 4, growth * largest_eigenvalues_up(covariance))
        variance = np.where(omega < 500, variance, diameter**2 / 4)
        cumulants = variance * size, diameter * variance * size**2
        fourth = (diameter**2 + 3 * variance) * variance * size**3
        return [(1 + 1e-12) * c for c in (*cumulants, fourth)]


def largest_eigenvalues_up(C: Array) -> Array:
    """At least the largest eigenvalue of positive semidefinite matrices (..., d, d)."""
    trace = np.trace(C, axis1=-2, axis2=-1)
    if C.shape[-1] == 1:
        return trace
    if C.shape[-1] == 2:
        top = 0.5 * (trace + np.hypot(C[..., 0, 0] - C[..., 1, 1], 2 * C[..., 0, 1]))
    else:
        top = np.linalg.eigvalsh(C)[..., -1]
    return top + 1e-12 * trace


def softmax(scores: Array) -> Array:
    """Softmax over the last axis."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(tokens: Array, asking: Array, B: Array) -> Array:
    """Attention weights of the head matrices ``B`` (k, d, d), shape (k, P, T)."""
    seen = np.matmul(B, asking.T)  # (k, d, P)
    return softmax(np.matmul(tokens, seen.transpose(2, 1, 0)).transpose(2, 0, 1))


def answers(tokens: Array, weights: Array) -> Array:
    """The weighted means of the tokens, (k, P, d)."""
    return np.matmul(weights.transpose(1, 0, 2), tokens).transpose(1, 0, 2)


def head_matrix(K: Array, Q: Array) -> Array:
    """``B = K^T Q / sqrt(d_k)`` of each head, (k, d, d)."""
    return np.matmul(K.transpose(0, 2, 1), Q) / np.sqrt(K.shape[1])


def moments(queries: Queries, B: Array) -> Array:
    """``(1/N) sum_p G_p z_p^T`` for each head matrix, (k, c, d)."""
    return np.matmul(queries.G.T, answers(queries.tokens, attention(queries.tokens, queries.asking, B)))


# ---- the upper end at every size ----------------------------------------------------------------------


def relaxation(queries: Queries, reach: float) -> Array:
    """Upper bounds on the polar from expansions of order 0, 1, 2 at uniform attention: an array (3,).

    Order 0 lets every query choose its own weights, in the intervals that the scores allow; the others
    bound the Taylor terms, which all queries share, by spectral norms, and what is left by the spread of
    the scores.  Queries with a large remainder are left out of an expansion and keep their intervals.
    """
    P, T, d = queries.tokens.shape
    middle = queries.tokens - queries.tokens.mean(axis=1, keepdims=True)
    M = queries.G.T @ queries.tokens.mean(axis=1)
    flat, radius = np.full((1, P, T), 1 / T), reach * queries.distance * queries.size[:, None, None]
    bounds = np.array(
        [interval_bound_up(queries, flat, 0 * flat, M.reshape(1, -1), radius)[0], np.inf, np.inf]
    )
    loose = moved_mass(flat, *weight_intervals(0 * flat, radius))[0] * queries.diameter
    _, third, fourth = queries.speeds(flat, np.array([reach]))
    rest = {1: third[0] * reach**2 / 2, 2: fourth[0] * reach**3 / 6}
    for order, trust in product((1, 2) if queries.G.shape[1] * d**5 <= MOST_NUMBERS else (1,), TRUST):
        kept = rest[order] <= trust * loose
        left = np.where(kept, rest[order], loose)
        part = Queries(queries.tokens, queries.asking, queries.G * kept[:, None])
        value = _polynomial_up(part, middle, M, reach, order) + float(queries.sum_bound_up(left))
        bounds[order] = min(bounds[order], value)
    scores = reach * np.max(queries.size * np.linalg.norm(queries.tokens, axis=2).max(axis=1), initial=0.0)
    return bounds * (1 + 1e-12) + rounding_up(queries, scores)


def _polynomial_up(queries: Queries, middle: Array, M: Array, reach: float, order: int) -> float:
    """At least the norm of ``M`` (c, d) plus the Taylor terms of the queries up to ``order``."""
    T, d = middle.shape[1:]
    second = np.matmul(middle.transpose(0, 2, 1), middle) / T
    linear = np.einsum("pc,pea,pb->ceab", queries.G, second, queries.asking, optimize=True).reshape(-1, d, d)
    slope = np.linalg.norm(np.tensordot(M.ravel(), linear, 1), 2)
    first = np.sqrt(np.sum(M**2) + 2 * reach * slope + (reach * _unfolded_up(linear)) ** 2)
    return float(first) + (0.5 * reach**2 * _second_order_up(queries, middle) if order == 2 else 0.0)


def _unfolded_up(A: Array) -> float:
    """At least the spectral norm of a tensor of order three, from its three unfoldings."""
    sides = (A.transpose(k, *[j for j in range(3) if j != k]).reshape(A.shape[k], -1) for k in range(3))
    return min(float(np.linalg.norm(side, 2)) for side in sides)


def _second_order_up(queries: Queries, middle: Array) -> float:
    """At least ``|sum_p G_p k_p(B, B)^T|_F`` for all B of Frobenius norm 1, k the third cumulant."""
    T, d = middle.shape[1:]
    A = np.zeros((queries.G.shape[1] * d**3, d * d))
    for i in range(0, len(middle), CHUNK):
        x, q, G = (a[i : i + CHUNK] for a in (middle, queries.asking, queries.G))
        third = np.einsum("pte,pta,ptf->peaf", x, x, x, optimize=True) / T
        pairs = q[:, :, None] * q[:, None, :]
        A += (G[:, :, None, None, None] * third[:, None]).reshape(len(x), -1).T @ pairs.reshape(len(x), -1)
    A = A.reshape(-1, d, d, d, d)  # (c e, a, f, b, b')
    by_answer = np.linalg.norm(A.reshape(len(A), -1), 2)
    by_head = np.linalg.norm(A.transpose(0, 1, 3, 2, 4).reshape(-1, d * d), 2)
    return min(float(by_answer), float(by_head))


def rounding_up(queries: Queries, scores: float) -> float:
    """At least the rounding error of a computed moment's norm, for scores up to ``scores``."""
    P, T, d = queries.tokens.shape
    size = np.linalg.norm(queries.tokens, axis=2).max(axis=1)
    rounded = 16 * EPS * (P + T + d * d + 16) * (1 + scores) * float(queries.weight[0] @ size)
    return rounded + UNDERFLOWN * (1 + float(np.max(np.abs(queries.tokens))))


def interval_bound_up(queries: Queries, weights: Array, scores: Array, M: Array, radius: Array) -> Array:
    """At least the moment's norm, for all scores whose differences move by at most ``radius``.

    ``weights``, ``scores`` (k, P, T) and ``M`` (k, c d) belong to the centers; ``radius`` broadcasts to
    (k, P, T, T).  Each weight lies in an interval, and a linear function over weights in intervals
    that sum to one is largest when the mass fills them in the order of gain.
    """
    k, P, T = weights.shape
    low, high = weight_intervals(scores, radius)
    gain = (M @ queries.outer.T).reshape(k, P, T)
    order = np.argsort(-gain, axis=2)
    gain, low_, high_ = (np.take_along_axis(a, order, 2) for a in (gain, low, high))
    room = np.cumsum(high_ - low_, axis=2)
    mass = 1 - low.sum(axis=2, keepdims=True)
    filled = np.diff(np.minimum(room, mass), axis=2, prepend=0.0) + low_
    base = np.take_along_axis(weights, order, 2)
    gain = np.sum(np.maximum(np.sum((filled - base) * gain, axis=2), 0.0), axis=1)
    moved = moved_mass(weights, low, high)
    shift = moved * queries.diameter @ queries.weight[0]
    return np.sqrt(np.sum(M**2, axis=1) + 2 * gain + shift**2)


def weight_intervals(scores: Array, radius: Array) -> tuple[Array, Array]:
    """Intervals of the softmax weights while differences of ``scores`` (k, P, T) move by ``radius``."""
    change = scores[:, :, None, :] - scores[:, :, :, None]
    with np.errstate(over="ignore"):
        return 1 / np.exp(change + radius).sum(axis=3), np.minimum(1, 1 / np.exp(change - radius).sum(axis=3))


def moved_mass(weights: Array, low: Array, high: Array) -> Array:
    """The largest total variation between ``weights`` and weights in the intervals, (k, P)."""
    return np.minimum(1.0, 0.5 * np.maximum(high - weights, weights - low).sum(axis=2))


#: factors slightly outside the balls are accepted, and bounds and boxes cover them
SLACK = 1 + 1e-11


def read_queries(norm: Any, M: tuple[Array, Array]) -> tuple[Queries, float]:
    """``(queries, size)`` of the data ``M``, the residual divided by its largest entry ``size``."""
    X, G = M
    size = float(np.max(np.abs(G), initial=0.0))
    return norm.queries(X, G / (size or 1.0)), size


def expansion_upper(norm: Any, M: tuple[Array, Array], data: Mapping[str, np.ndarray]) -> float:
    """The least of the bounds of :func:`relaxation`."""
    queries, size = read_queries(norm, M)
    return size * float(np.min(relaxation(queries, norm.reach * SLACK)))


EXPANSION = Checker(expansion_upper)
