"""Multi-head softmax attention: values penalized, keys and queries on a ball."""

import numpy as np

from ..checks.boxes import SLACK, box_bound, head_boxes, head_of
from ..checks.heads import Asks, answers, attention, moments, relaxation
from ..errors import InputError
from ..factors import as_float, check_sizes, drop_dead
from ..polars.base import Polar, check_effort
from ..polars.branch import branch_and_bound
from ..polars.heads import ascent, from_ball, head_matrix, head_slope, pull_back, to_ball
from ..rigor.scales import any_scale, any_scale_upper, unit_rows
from ..rigor.trees import replay
from . import models
from .base import Family

QUERIES = ("last", "all", "mean")
RESTARTS = {"fast": 16, "default": 64, "exact": 256}
WORK = {"fast": 400_000, "default": 20_000_000, "exact": 1_000_000_000}
GAPS = {"fast": 1e-3, "default": 1e-7, "exact": 1e-9}
LARGEST_SCORE = 1e8
LARGEST_TOKEN = 1e15  # beyond it bounds overflow, long after rounding has made them useless


class MultiHeadAttention(Family):
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
    polar_is_cheap = False

    def __init__(self, n_features, n_tokens, d_k, n_outputs=1, radius=1.0, query="last"):
        check_sizes(self.name, n_features=n_features, n_tokens=n_tokens, d_k=d_k, n_outputs=n_outputs)
        if query not in QUERIES:
            raise InputError(f"{self.name}: query must be one of {', '.join(QUERIES)}, got {query!r}")
        if isinstance(radius, str) or not np.isfinite(radius) or radius <= 0:
            raise InputError(f"{self.name}: radius must be a positive number, got {radius!r}")
        self.n_features, self.n_tokens, self.d_k = int(n_features), int(n_tokens), int(d_k)
        self.n_values, self.radius, self.query = int(n_outputs), float(radius), query

    @property
    def reach(self):
        """The largest nuclear norm of a head matrix ``K^T Q / sqrt(d_k)``."""
        return self.radius**2 / np.sqrt(self.d_k)

    @property
    def shapes(self):
        d = self.n_features
        return {"V": (self.n_values, d), "K": (self.d_k, d), "Q": (self.d_k, d)}

    @property
    def input_shape(self):
        return self.n_tokens, self.n_features

    @property
    def n_queries(self):
        """Number of tokens that ask: 1, or T when all do."""
        return self.n_tokens if self.query == "all" else 1

    @property
    def n_outputs(self):
        return self.n_queries * self.n_values

    def params(self):
        return {
            "n_features": self.n_features,
            "n_tokens": self.n_tokens,
            "d_k": self.d_k,
            "n_outputs": self.n_values,
            "radius": self.radius,
            "query": self.query,
        }

    @classmethod
    def from_data(cls, X, Y, **options):
        X, Y = as_float(X, "X"), as_float(Y, "Y")
        if X.ndim != 3:
            raise InputError(f"{cls.name}: X must have shape (N, T, d), got {X.shape}")
        guess = {"query": "all"} if Y.ndim == 3 else {}
        sizes = {"n_features": X.shape[2], "n_tokens": X.shape[1], "d_k": X.shape[2], "n_outputs": 1}
        if Y.ndim > 1:
            sizes["n_outputs"] = Y.shape[-1]
        if options.get("query") == "all" and Y.ndim == 2:
            sizes["n_outputs"] = max(1, Y.shape[1] // X.shape[1])
        return cls(**{**sizes, **guess, **options})

    def check_data(self, X, Y):
        if self.query == "all" and np.ndim(Y) == 3:
            if np.shape(Y)[1:] != (self.n_tokens, self.n_values):
                raise InputError(
                    f"{self.name}: Y must have shape (N, {self.n_tokens}, {self.n_values}), got {np.shape(Y)}"
                )
            Y = np.reshape(Y, (len(Y), -1))
        X, Y = super().check_data(X, Y)
        top = float(np.max(np.abs(X), initial=0.0))
        if top > 1e100 or self.reach * self.n_features * top**2 > LARGEST_SCORE:
            raise InputError(
                f"{self.name}: attention scores could exceed {LARGEST_SCORE:.0e}, where rounding decides the "
                "softmax; rescale the tokens or choose a smaller radius"
            )
        return X, Y

    def check_factors(self, factors):
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

    def asking(self, X):
        """The tokens that ask, (N, q, d)."""
        if self.query == "mean":
            return X.mean(axis=1, keepdims=True)
        return X[:, -1:] if self.query == "last" else X

    def asks(self, X, G=None):
        """Every sample with each of its asking tokens, as :class:`Asks`."""
        tokens = np.repeat(X, self.n_queries, axis=0)
        G = np.zeros((len(X), self.n_outputs)) if G is None else G / len(X)
        return Asks(tokens, self.asking(X).reshape(-1, self.n_features), G.reshape(-1, self.n_values))

    def means(self, factors, X):
        """The asks of ``X``, each head's weights (r, N q, T) and its means of the tokens (r, N q, d)."""
        asks = self.asks(X)
        weights = attention(asks.tokens, asks.asking, head_matrix(factors["K"], factors["Q"]))
        return asks, weights, answers(asks.tokens, weights)

    def atoms(self, factors, X):
        mean = self.means(factors, X)[2]
        return np.matmul(mean, factors["V"].transpose(0, 2, 1)).reshape(len(mean), len(X), self.n_outputs)

    def theta(self, factors):
        return np.linalg.norm(factors["V"], axis=(1, 2))

    def scale(self, factors, alpha):
        alpha = np.asarray(alpha, float)[:, None, None]
        return {k: alpha * a if k == "V" else a.copy() for k, a in factors.items() if k in self.shapes}

    # ---- polar ----------------------------------------------------------------------------------

    @any_scale
    def polar(self, X, G, starts=(), effort="default", seed=0):
        check_effort(effort)
        check_tokens(X)
        size = _size(G)
        if size == 0:
            return self._polar(self.asks(X, G), self._start(starts), 0.0, 1.0, {})
        asks = self.asks(X, G / size)
        rng, starts = np.random.default_rng(seed), self._start(starts)
        K, Q = ascent(asks, self.radius, starts, rng, RESTARTS[effort])
        upper, proof = float(np.min(relaxation(asks, self.reach * SLACK))), {}
        if self.n_features <= 2 and asks.outer.any():
            lower = float(np.linalg.norm(moments(asks, head_matrix(K[:1], Q[:1]))))
            boxes = head_boxes(self.n_features, self.d_k, self.reach)
            limits = {"gap": GAPS[effort], "max_nodes": max(64, WORK[effort] // asks.tokens[..., 0].size)}
            found = branch_and_bound(box_bound(asks, self.reach), *boxes, lower=lower, **limits)
            upper = min(upper, found.upper)
            proof = {**found.tree, "cutoff": np.array(found.lower)}
            if found.point is not None:
                more = split(head_of(found.point), self.d_k, self.radius)
                starts = {"K": np.concatenate([K, more[0]]), "Q": np.concatenate([Q, more[1]])}
                K, Q = ascent(asks, self.radius, starts, rng, 0)
        return self._polar(asks, {"K": K, "Q": Q}, upper, size, proof)

    @any_scale_upper
    def polar_upper(self, X, G, proof):
        check_tokens(X)
        size = _size(G)
        if size == 0:
            return 0.0
        asks = self.asks(X, G / size)
        upper = float(np.min(relaxation(asks, self.reach * SLACK)))
        if proof:
            boxes = head_boxes(self.n_features, self.d_k, self.reach)
            upper = min(upper, replay(box_bound(asks, self.reach), *boxes, proof, float(proof["cutoff"])))
        return size * upper

    def _start(self, starts):
        """Keys and queries of the given networks, and one head with uniform attention."""
        zero = np.zeros((1, *self.shapes["K"]))
        return {k: np.concatenate([zero, *(s[k] for s in starts)]) for k in ("K", "Q")}

    def _polar(self, asks, heads, upper, size, proof):
        """The :class:`Polar` of ``size`` times the asks' residual, with ``heads`` as candidates."""
        M = moments(asks, head_matrix(heads["K"], heads["Q"]))
        norm = np.linalg.norm(M, axis=(1, 2))
        order = np.argsort(-norm, kind="stable")
        V = unit_rows(M[order].reshape(len(M), -1)).reshape(M.shape)
        heads = {"V": V, "K": heads["K"][order], "Q": heads["Q"][order]}
        lower = float(norm[order[0]])
        best = {k: a[:1] for k, a in heads.items()}
        return Polar(size * lower, size * max(upper, lower), best, "bounded", heads, proof)

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors, X, G):
        asks, weights, mean = self.means(factors, X)
        G = self.asks(X, G).G
        slope = head_slope(asks.tokens, asks.asking, weights, np.matmul(G, factors["V"]))
        slope = slope / np.sqrt(self.d_k)
        return {
            "V": np.matmul(G.T, mean),
            "K": np.matmul(factors["Q"], slope.transpose(0, 2, 1)),
            "Q": np.matmul(factors["K"], slope),
        }

    def surrogate(self, factors):
        cost = self.theta(factors)[:, None, None]
        slope = factors["V"] / np.where(cost > 0, cost, 1.0)
        return float(cost.sum()), {k: slope if k == "V" else np.zeros_like(factors[k]) for k in self.shapes}

    def balance(self, factors):
        return {k: np.array(factors[k]) for k in self.shapes}

    def corrective(self, X, Y, lam, loss, factors):
        """L-BFGS in smooth coordinates: keys and queries on their balls, values as ``s U``.

        ``min (s^2 + |U|^2)/2`` over ``s U = V`` is the cost ``|V|``, so the penalty has no kink.
        """
        from scipy.optimize import minimize

        cost = self.theta(factors)[:, None, None]
        root = np.sqrt(np.maximum(cost, 1e-12 * cost.max()))
        start = {k: from_ball(factors[k], self.radius) for k in ("K", "Q")}
        start |= {"U": factors["V"] / root, "s": root}
        shapes = {k: a.shape for k, a in start.items()}

        def heads(z):
            return {"V": z["s"] * z["U"], **{k: to_ball(z[k], self.radius) for k in ("K", "Q")}}

        def function(flat):
            z = _unpack(flat, shapes)
            W = heads(z)
            F = self.predict(W, X)
            slope = self.vjp(W, X, loss.gradient(Y, F))
            grad = {k: pull_back(z[k], self.radius, slope[k]) for k in ("K", "Q")}
            grad["U"] = z["s"] * slope["V"] + lam * z["U"]
            grad["s"] = np.sum(z["U"] * slope["V"], axis=(1, 2), keepdims=True) + lam * z["s"]
            penalty = 0.5 * lam * (np.sum(z["U"] ** 2) + np.sum(z["s"] ** 2))
            return float(np.mean(loss.value(Y, F))) + penalty, _pack(grad, shapes)

        options = {"maxiter": 300, "maxfun": 900, "maxcor": 30, "ftol": 1e-12, "gtol": 0.0}
        result = minimize(function, _pack(start, shapes), jac=True, method="L-BFGS-B", options=options)
        return drop_dead(self, heads(_unpack(result.x, shapes)))

    # ---- random draws ---------------------------------------------------------------------------

    def random_factors(self, rng, width):
        """Gaussian values; keys and queries uniform in their balls."""
        factors = super().random_factors(rng, width)
        for k in ("K", "Q"):
            norm = np.linalg.norm(factors[k], axis=(1, 2), keepdims=True)
            share = rng.random((width, 1, 1)) ** (1 / (self.d_k * self.n_features))
            factors[k] *= self.radius * share / np.where(norm > 0, norm, 1.0)
        return factors

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Attention

    def unit_constants(self, a):
        """Scores are at most ``reach a^2``, and tokens are averaged: sharp attention is steep."""
        slope = np.sqrt(3 + 6 * (self.reach * a**2) ** 2)
        return a * np.sqrt(self.n_queries), slope

    def agreeing(self, factors):
        """One common value matrix, up to its norm."""
        V = factors["V"]
        size = np.sqrt(np.sum(V**2, axis=(1, 2), keepdims=True))
        return {**factors, "V": size * (V[:1] / size[:1])}


def split(B, d_k, radius):
    """Keys and queries (1, d_k, d) with head matrix ``B``, in the balls up to rounding."""
    U, s, Vt = np.linalg.svd(np.sqrt(d_k) * B)
    r = min(d_k, len(s))
    K, Q = np.zeros((2, 1, d_k, len(s)))
    K[0, :r], Q[0, :r] = np.sqrt(s[:r, None]) * U.T[:r], np.sqrt(s[:r, None]) * Vt[:r]
    return tuple(W * min(1.0, radius / max(np.linalg.norm(W), 1e-300)) for W in (K, Q))


def check_tokens(X):
    """Raise :class:`InputError` for tokens that the bounds of a polar would overflow on."""
    if np.max(np.abs(X), initial=0.0) > LARGEST_TOKEN:
        raise InputError(
            f"{MultiHeadAttention.name}: attention scores overflow for tokens above {LARGEST_TOKEN:.0e}; "
            "rescale the tokens"
        )


def _size(G):
    return float(np.max(np.abs(G), initial=0.0))


def _pack(arrays, shapes):
    return np.concatenate([arrays[k].ravel() for k in shapes])


def _unpack(flat, shapes):
    ends = np.cumsum([int(np.prod(s)) for s in shapes.values()])
    return {k: a.reshape(s) for (k, s), a in zip(shapes.items(), np.split(flat, ends[:-1]), strict=True)}
