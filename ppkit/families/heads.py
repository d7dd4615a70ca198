"""Heads of keys, queries and values: what they cost, and which of their parameters are limited."""

from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Array, Factors, Numbers, check_sizes, drop_dead
from ..losses import Loss
from .attention_descent import descend_heads
from .tokens import Tokens


class Heads(Tokens):
    """Abstract: factors ``V`` (r, c, d), ``K`` and ``Q`` (r, d_k, d) at the cost ``|V|_F``.

    Keys and queries lie in the ball of Frobenius norm ``radius``; the scaling action moves ``V`` only.
    """

    def __init__(self, n_features: int, n_tokens: int, d_k: int, n_outputs: int, radius: float, query: str):
        super().__init__(n_features, n_tokens, n_outputs, query)
        check_sizes(self.name, d_k=d_k)
        if isinstance(radius, str) or not np.isfinite(radius) or radius <= 0:
            raise InputError(f"{self.name}: radius must be a positive number, got {radius!r}")
        self.d_k, self.radius = int(d_k), float(radius)

    @property
    def reach(self) -> float:
        """The largest nuclear norm of a head matrix ``K^T Q / sqrt(d_k)``."""
        return self.radius**2 / np.sqrt(self.d_k)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        d = self.n_features
        return {"V": (self.n_values, d), "K": (self.d_k, d), "Q": (self.d_k, d)}

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

    def theta(self, factors: Factors) -> Numbers:
        return np.linalg.norm(factors["V"], axis=(1, 2))

    def scale(self, factors: Factors, alpha: Any) -> dict[str, np.ndarray]:
        alpha = np.asarray(alpha, float)[:, None, None]
        return {k: alpha * a if k == "V" else a.copy() for k, a in factors.items() if k in self.shapes}

    # ---- training -------------------------------------------------------------------------------

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

    def agreeing(self, factors: Factors) -> dict[str, np.ndarray]:
        """One common value matrix, up to its norm."""
        V = factors["V"]
        size = np.sqrt(np.sum(V**2, axis=(1, 2), keepdims=True))
        return {**factors, "V": size * (V[:1] / size[:1])}
