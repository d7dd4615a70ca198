"""Multi-head softmax attention: values penalized, keys and queries on a ball."""

from typing import Any, Self

import numpy as np

from ..checks.heads import Queries, answers, attention, head_matrix
from ..errors import InputError
from ..factors import Array, Factors, Numbers, check_sizes, drop_dead, sample_shape
from ..losses import Loss
from ..polars.base import Norm
from ..polars.heads import head_slope, heads_norm
from . import models
from .attention_descent import descend_heads
from .tokens import Tokens

LARGEST_SCORE = 1e8
LARGEST_TOKEN = 1e15  # beyond it bounds overflow, long after rounding has made them useless


class MultiHeadAttention(Tokens):
    r"""One layer of softmax attention heads, the values penalized by their norm.

    .. math::
        \min_{K, Q, V} \; \frac1N \sum_i \ell\Bigl(Y_i, \textstyle\sum_j V_j X_i^\top
        \operatorname{softmax}\bigl(X_i K_j^\top Q_j q_i / \sqrt{d_k}\bigr)\Bigr)
        + \lambda \sum_j \|V_j\|_F, \qquad \|K_j\|_F, \|Q_j\|_F \le \text{radius}

    An input ``X_i`` holds T tokens of d features, one a row, as in :class:`LinearAttention`; ``q_i`` is
    the token that asks: the last one (``query="last"``), the mean of all (``"mean"``), or each one in
    turn (``"all"``, T answers).  Homogeneity is weak: the scaling action moves ``V`` only, and keys and
    queries live in a ball whose ``radius`` is part of the model.

    The polar is ``"bounded"``.  With one or two features a branch and bound over all head matrices
    ``K^T Q / sqrt(d_k)`` stops at a relative width of its interval or at a number of boxes times tokens
    of the sample, whichever comes first: 1e-3 or 4e5 (``effort="fast"``), 1e-7 or 2e7 (``"default"``),
    1e-9 or 1e9 (``"exact"``); a box costs about 0.3 microseconds a token.  With more features the upper
    end is a relaxation that costs O(N c d^5), and effort only adds restarts to the search below.

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
        super().__init__(n_features, n_tokens, n_outputs, query)
        check_sizes(self.name, d_k=d_k)
        if isinstance(radius, str) or not np.isfinite(radius) or radius <= 0:
            raise InputError(f"{self.name}: radius must be a positive number, got {radius!r}")
        self.d_k, self.radius = int(d_k), float(radius)
        self._norm = heads_norm(self.queries, self.n_features, self.d_k, self.radius)

    @property
    def norm(self) -> Norm:
        return self._norm

    @property
    def reach(self) -> float:
        """The largest nuclear norm of a head matrix ``K^T Q / sqrt(d_k)``."""
        return self.radius**2 / np.sqrt(self.d_k)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        d = self.n_features
        return {"V": (self.n_values, d), "K": (self.d_k, d), "Q": (self.d_k, d)}

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

    def check_factors(self, factors: Any) -> dict[str, np.ndarray]:
        factors = super().check_factors(factors)
        for k in ("K", "Q"):
            norm = np.linalg.norm(factors[k], axis=(1, 2))
            if np.any(norm > self.radius * (1 + 1e-12)):
                raise InputError(
                    f"{self.name}: factor {k} has Frobenius norm {norm.max():.6g}, but keys and queries must "
                    f"lie in the ball of radius {self.radius:g}; choose a larger radius or scale them down"
                )
        return factors

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

    def theta(self, factors: Factors) -> Numbers:
        return np.linalg.norm(factors["V"], axis=(1, 2))

    def scale(self, factors: Factors, alpha: Any) -> dict[str, np.ndarray]:
        alpha = np.asarray(alpha, float)[:, None, None]
        return {k: alpha * a if k == "V" else a.copy() for k, a in factors.items() if k in self.shapes}

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

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        cost = self.theta(factors)[:, None, None]
        slope = factors["V"] / np.where(cost > 0, cost, 1.0)
        return float(cost.sum()), {k: slope if k == "V" else np.zeros_like(factors[k]) for k in self.shapes}

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        return {k: np.array(factors[k]) for k in self.shapes}

    def corrective(
        self, X: Array, Y: Array, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray]:
        """L-BFGS in smooth coordinates: keys and queries on their balls, values as ``s U``.

        ``min (s^2 + |U|^2)/2`` over ``s U = V`` is the cost ``|V|``, so the penalty has no kink.
        """
        return drop_dead(self, descend_heads(self, X, Y, lam, loss, factors))

    # ---- random draws ---------------------------------------------------------------------------

    def random_factors(self, rng: np.random.Generator, width: int) -> dict[str, np.ndarray]:
        """Gaussian values; keys and queries uniform in their balls."""
        factors = super().random_factors(rng, width)
        for k in ("K", "Q"):
            norm = np.linalg.norm(factors[k], axis=(1, 2), keepdims=True)
            share = rng.random((width, 1, 1)) ** (1 / (self.d_k * self.n_features))
            factors[k] *= self.radius * share / np.where(norm > 0, norm, 1.0)
        return factors

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Attention

    def unit_constants(self, a: float) -> tuple[float, float]:
        """Scores are at most ``reach a^2``, and tokens are averaged: sharp attention is steep."""
        slope = np.sqrt(3 + 6 * (self.reach * a**2) ** 2)
        return a * np.sqrt(self.n_queries), slope

    def agreeing(self, factors: Factors) -> dict[str, np.ndarray]:
        """One common value matrix, up to its norm."""
        V = factors["V"]
        size = np.sqrt(np.sum(V**2, axis=(1, 2), keepdims=True))
        return {**factors, "V": size * (V[:1] / size[:1])}
