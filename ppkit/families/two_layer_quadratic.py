"""Two-layer networks with quadratic activation: phase retrieval as a certified network."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ..factors import Factors, Numbers, check_sizes, sample_shape
from ..polars.spectral import SymmetricNorm
from ..programs.nuclear import Program, least_symmetric, quadratic_program
from . import models
from .base import Family
from .gaussian import quadratic_adjoint, quadratic_square


class TwoLayerQuadratic(Family):
    r"""Two-layer network with the activation :math:`t \mapsto t^2` and one output.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j u_j (v_j^\top x_i)^2\bigr)
        + \lambda \sum_j |u_j| \|v_j\|^2

    Factor map ``phi(u, v)(x) = u (v^T x)^2 = x^T (u v v^T) x``, cost ``|u| |v|^2``, both homogeneous of
    degree 3.  Omega is the nuclear norm of a symmetric matrix (the least one among the symmetric
    matrices with the same predictions), the polar is the exact spectral norm of the symmetric matrix
    ``(1/N) sum_i g_i x_i x_i^T``.

    Training keeps each ``u_j`` where it is and moves ``v_j`` only.  After ``balance`` every ``u_j`` is
    -1 or +1, so the cost is the smooth function ``|v_j|^2``; the sign of a unit is decided when the
    polar proposes it.

    Parameters
    ----------
    n_inputs : int
        Number of inputs n_x; ``X`` has shape (N, n_x), ``Y`` (N,).
        Factors: ``u`` (r, 1) and ``v`` (r, n_x).
    """

    name = "two-layer-quadratic"
    n_outputs = 1
    input_degree = 2

    def __init__(self, n_inputs: int):
        check_sizes(self.name, n_inputs=n_inputs)
        self.n_inputs = int(n_inputs)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"u": (1,), "v": (self.n_inputs,)}

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.n_inputs,)

    def params(self) -> dict[str, Any]:
        return {"n_inputs": self.n_inputs}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        return cls(**{"n_inputs": sample_shape(cls.name, X, "N, n_x")[0], **options})

    def matrix(self, factors: Factors) -> Numbers:
        """The symmetric matrix ``M = sum_j u_j v_j v_j^T`` of the quadratic form, (n_x, n_x)."""
        return (factors["u"] * factors["v"]).T @ factors["v"]

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        """The symmetric matrix with ``<G, Phi>_{mu_N} = <adjoint(G), matrix>``, (n_x, n_x)."""
        return (X.T * G[:, 0]) @ X / len(X)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        return (factors["u"] * (factors["v"] @ X.T) ** 2)[:, :, None]

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return (X @ factors["v"].T) ** 2 @ factors["u"]

    def theta(self, factors: Factors) -> Numbers:
        return np.abs(factors["u"][:, 0]) * np.sum(factors["v"] ** 2, axis=1)

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        root = np.cbrt(np.asarray(alpha, float)).reshape(-1, 1)
        return {k: root * a for k, a in factors.items()}

    @property
    def norm(self) -> SymmetricNorm:
        return SymmetricNorm()

    def rounding(self, X: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        return len(X), float(np.abs(G[:, 0]) @ np.sum(X**2, axis=1)) / len(X)

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        u, v = factors["u"], factors["v"]
        hidden = X @ v.T
        weighted = hidden * G / len(X)
        return {"u": np.sum(hidden * weighted, axis=0)[:, None], "v": 2 * u * (weighted.T @ X)}

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """Theta itself: smooth in the free parameters ``v``."""
        u, v = factors["u"], factors["v"]
        squares = np.sum(v**2, axis=1, keepdims=True)
        return float(np.sum(np.abs(u) * squares)), {"u": np.sign(u) * squares, "v": 2 * np.abs(u) * v}

    def free(self, factors: Factors) -> dict[str, np.ndarray]:
        return {"u": np.zeros(factors["u"].shape, bool), "v": np.ones(factors["v"].shape, bool)}

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        u, v = factors["u"], factors["v"]
        return {"u": np.where(u < 0, -1.0, 1.0), "v": np.sqrt(np.abs(u)) * v}

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The eigen-decomposition of the network's matrix: orthogonal units, at most n_x of them."""
        return self.factorize(self.matrix(factors))

    def factorize(self, S: np.ndarray, tol: float = 1e-13) -> dict[str, np.ndarray]:
        """Balanced factors with matrix ``S`` (symmetric) and cost its nuclear norm."""
        w, E = np.linalg.eigh(S)
        keep = np.abs(w) > tol * np.max(np.abs(w))
        return {"u": np.sign(w[keep])[:, None], "v": np.sqrt(np.abs(w[keep]))[:, None] * E.T[keep]}

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least nuclear norm of a symmetric matrix with predictions ``F``; ``inf`` when none has them.

        A closed form when the products ``x_i x_i^T`` span the symmetric matrices on the span of the
        inputs, a semidefinite program otherwise.
        """
        return least_symmetric(X, F)

    def convex_program(self, X: np.ndarray) -> Program:
        """``S = P - Q`` with P, Q positive semidefinite and Omega the least ``tr P + tr Q``."""
        return quadratic_program(X)

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Quadratic

    def unit_constants(self, a: float) -> tuple[float, float]:
        return a**2, np.sqrt(10)

    def population_error(self, factors: Factors, teacher: Factors) -> float:
        return float(quadratic_square(self.matrix(factors) - self.matrix(teacher)))

    def population_discrepancy(
        self, X: np.ndarray, G: np.ndarray, factors: Factors, teacher: Factors
    ) -> tuple[float, float]:
        """The difference of prices is the polar of its eigenvectors."""
        E = quadratic_adjoint(self.matrix(teacher) - self.matrix(factors)) - self.adjoint(X, G)
        w, V = np.linalg.eigh(E)
        polar = self.polar(V.T, len(w) * w[:, None])
        return polar.lower, polar.upper
