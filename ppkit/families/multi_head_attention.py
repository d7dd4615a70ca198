"""Multi-head softmax attention: values penalized, keys and queries on a ball."""

from typing import Any, Self

import numpy as np

from ..checks.heads import Queries, answers, attention, head_matrix
from ..errors import InputError
from ..factors import Array, Factors, Numbers, sample_shape
from ..polars.base import Norm
from ..polars.heads import head_slope, heads_norm
from . import models
from .heads import Heads

LARGEST_SCORE = 1e8
LARGEST_TOKEN = 1e15  # beyond it bounds overflow, long after rounding has made them useless


class MultiHeadAttention(Heads):
    r"""One layer of softmax attention heads, the values penalized by their norm.

    .. math::
        \min_{K, Q, V} \; \frac1N \sum_i \ell\Bigl(Y_i, \textstyle\sum_j V_j X_i^\top
        \operatorname{softmax}\bigl(X_i K_j^\top Q_j q_i / \sqrt{d_k}\bigr)\Bigr)
        + \lambda \sum_j \|V_j\|_F, \qquad \|K_j\|_F, \|Q_j\|_F \le \text{radius}

    An input ``X_i`` holds T tokens of d features, one a row, as in :class:`LinearAttention`; ``q_i`` is
    the token that asks: the last one (``query="last"``), the mean of all (``"mean"``), or each one in
    turn (``"all"``, T answers).  Homogeneity is weak: the scaling action moves ``V`` only, and keys and
    queries live in a ball whose ``radius`` is part of the model.

    The polar is ``"bounded"``: by branch and bound over all head matrices ``K^T Q / sqrt(d_k)`` for one or
    two features, by a relaxation for more; :func:`ppkit.polars.heads.heads_norm` says what it costs.

    Parameters
    ----------
    n_features, n_tokens, d_k, n_outputs : int
        d, T, rows of keys and queries, c.  ``X`` has shape (N, T, d), ``Y`` (N, c), or for
        ``query="all"`` (N, T, c) or (N, T c).  Factors: ``V`` (r, c, d), ``K`` and ``Q`` (r, d_k, d).
    radius : float
        The largest Frobenius norm of a key and of a query matrix.
    query : {"last", "all", "mean"}
    """

    name = "multi-head-attention"

    def __init__(
        self,
        n_features: int,
        n_tokens: int,
        d_k: int,
        n_outputs: int = 1,
        radius: float = 1.0,
        query: str = "last",
    ):
        super().__init__(n_features, n_tokens, d_k, n_outputs, radius, query)
        self._norm = heads_norm(self.queries, self.n_features, self.d_k, self.radius)

    @property
    def norm(self) -> Norm:
        return self._norm

    def params(self) -> dict[str, Any]:
        return {
            "n_features": self.n_features,
            "n_tokens": self.n_tokens,
            "d_k": self.d_k,
            "n_outputs": self.n_values,
            "radius": self.radius,
            "query": self.query,
        }

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        """As many rows in keys and queries as there are features, unless ``d_k`` says otherwise."""
        n_features = sample_shape(cls.name, X, "N, T, d")[-1]
        return super().from_data(X, Y, **{"d_k": n_features, **options})

    def check_data(self, X: Any, Y: Any) -> tuple[Any, Any]:
        X, Y = super().check_data(X, Y)
        top = float(np.max(np.abs(X), initial=0.0))
        if top > 1e100 or self.reach * self.n_features * top**2 > LARGEST_SCORE:
            raise InputError(
                f"{self.name}: attention scores could exceed {LARGEST_SCORE:.0e}, where rounding decides the "
                "softmax; rescale the tokens or choose a smaller radius"
            )
        return X, Y

    # ---- the head -------------------------------------------------------------------------------

    def queries(self, X: Array, G: Array | None = None) -> Queries:
        """Every sample with each token that asks there, and the rows of ``G/N``."""
        tokens = np.repeat(X, self.n_queries, axis=0)
        G = np.zeros((len(X), self.n_outputs)) if G is None else G / len(X)
        return Queries(tokens, self.asking(X).reshape(-1, self.n_features), G.reshape(-1, self.n_values))

    def means(self, factors: Factors, queries: Queries) -> tuple[Array, Array]:
        """Each head's weights (r, N q, T) and its means of the tokens (r, N q, d)."""
        weights = attention(queries.tokens, queries.asking, head_matrix(factors["K"], factors["Q"]))
        return weights, answers(queries.tokens, weights)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        _, mean = self.means(factors, self.queries(X))
        return np.matmul(mean, factors["V"].transpose(0, 2, 1)).reshape(len(mean), len(X), self.n_outputs)

    def adjoint(self, A: Numbers, G: Numbers) -> Numbers:
        """The tokens and the residual themselves."""
        if np.any(np.abs(A) > LARGEST_TOKEN):
            raise InputError(
                f"{self.name}: attention scores overflow for tokens above {LARGEST_TOKEN:.0e}; "
                "rescale the tokens"
            )
        return A, G

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: Array, G: Array) -> dict[str, np.ndarray]:
        queries = self.queries(X, G)
        weights, mean = self.means(factors, queries)
        back = np.matmul(queries.G, factors["V"])
        slope = head_slope(queries.tokens, queries.asking, weights, back) / np.sqrt(self.d_k)
        return {
            "V": np.matmul(queries.G.T, mean),
            "K": np.matmul(factors["Q"], slope.transpose(0, 2, 1)),
            "Q": np.matmul(factors["K"], slope),
        }

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Attention

    def unit_constants(self, a: float) -> tuple[float, float]:
        """Scores are at most ``reach a^2``, and tokens are averaged: sharp attention is steep."""
        slope = np.sqrt(3 + 6 * (self.reach * a**2) ** 2)
        return a * np.sqrt(self.n_queries), slope
