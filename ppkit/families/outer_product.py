r"""Shared by the families with weight decay on two arrays, and by those whose Omega is a nuclear norm.

For atoms :math:`\langle M, u v^\top\rangle` with :math:`\|u\|\|v\| \le 1` the polar is
:math:`\sigma_1(M)` and the best network with a given product is its singular value decomposition.
:class:`OuterProductFamily` writes that down once for every family that predicts linearly from a sum
of outer products.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..factors import Factors, Numbers
from ..polars.base import Norm, Units
from ..polars.spectral import SpectralNorm
from .base import Family


def svd_split(M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
    """``(u, v)`` of shapes (r, m), (r, n) with ``M = u^T v``, ``|u_j| = |v_j| = sqrt(sigma_j)``.

    The width is the numerical rank: singular values below ``tol`` times the largest are dropped.
    """
    U, s, Vt = np.linalg.svd(M, full_matrices=False)
    keep = s > tol * s[0] if s.size and s[0] > 0 else np.zeros(s.shape, bool)
    root = np.sqrt(s[keep])[:, None]
    return root * U.T[keep], root * Vt[keep]


def rows(factors: Factors) -> tuple[Numbers, ...]:
    """Each parameter array with one flat row a factor, shape (r, size of one factor's array)."""
    return tuple(a.reshape(len(a), int(np.prod(a.shape[1:]))) for a in factors.values())


def nuclear_norm(M: np.ndarray) -> float:
    """Sum of the singular values."""
    return float(np.linalg.norm(M, "nuc"))


def balance_pair(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rescale the rows of ``u`` and ``v`` to equal Euclidean norms, their outer products unchanged.

    A pair with one zero member becomes zero.
    """
    a = np.linalg.norm(u, axis=1, keepdims=True)
    b = np.linalg.norm(v, axis=1, keepdims=True)
    root = np.sqrt(a * b)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(root > 0, u * (root / a), 0.0), np.where(root > 0, v * (root / b), 0.0)


def half_squares(factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
    """Half the sum of all squared parameters and its gradient: the smooth cost of a pair."""
    value = 0.5 * sum(float(np.sum(a**2)) for a in factors.values())
    return value, dict(factors)


class WeightDecay(Family):
    """Abstract: two arrays ``u`` and ``v`` a factor, at the cost ``(|u|^2 + |v|^2)/2``.

    Factors ``u`` (r, m) and ``v`` (r, n) with ``shape`` = (m, n), or others of these sizes.
    """

    shape: tuple[int, int]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"u": self.shape[:1], "v": self.shape[1:]}

    def pack(self, u: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
        """Factors from rows ``u`` (r, m) and ``v`` (r, n)."""
        return {k: a.reshape(len(a), *s) for (k, s), a in zip(self.shapes.items(), (u, v), strict=True)}

    def theta(self, factors: Factors) -> Numbers:
        return 0.5 * sum(np.sum(a**2, axis=1) for a in rows(factors))

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        root = np.sqrt(np.asarray(alpha, float))
        return {k: root.reshape(-1, *[1] * (a.ndim - 1)) * a for k, a in factors.items()}

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        return half_squares(factors)

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        return self.pack(*balance_pair(*rows(factors)))


class OuterProductFamily(WeightDecay):
    r"""Abstract: predictions are a linear map ``forward`` of the matrix ``sum_j u_j v_j^T``.

    A subclass gives ``shape`` = (m, n), the linear map and its adjoint (the mean over samples), a bound on
    the adjoint's absolute terms, and, where other axes read better, other ``shapes``.
    """

    input_degree = 1

    @abstractmethod
    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        """Prediction (N, n_outputs) of the matrix ``M`` (m, n)."""

    @abstractmethod
    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        """The matrix (m, n) with ``<G, forward(M)>_{mu_N} = <adjoint(G), M>`` for every M."""

    @abstractmethod
    def rounding(self, X: Any, G: np.ndarray) -> tuple[int, float]:
        """``(n_terms, magnitude)`` of the sums in ``adjoint``, as in ``polar.rounding_margin``."""

    def matrix(self, factors: Factors) -> Numbers:
        """The matrix ``sum_j u_j v_j^T``, shape (m, n)."""
        u, v = rows(factors)
        return u.T @ v

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        u, v = rows(factors)
        if len(u) == 0:
            return np.zeros((0, *self.forward(np.zeros(self.shape), X).shape))
        return np.stack([self.forward(np.outer(a, b), X) for a, b in zip(u, v, strict=True)])

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return self.forward(self.matrix(factors), X)

    @property
    def norm(self) -> Norm:
        return SpectralNorm()

    def unit_factors(self, units: Units) -> dict[str, np.ndarray]:
        return self.pack(units["u"], units["v"])

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        M = self.adjoint(X, G)
        u, v = rows(factors)
        return self.pack(v @ M.T, u @ M)

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        return self.pack(*svd_split(self.matrix(factors)))
