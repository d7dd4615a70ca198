"""Two-layer ReLU networks, scalar or vector outputs, with or without a penalized bias."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ..checks import Proof
from ..errors import InputError
from ..factors import Factors, Numbers, check_sizes, drop_dead, width
from ..losses import Loss
from ..polars.base import Norm
from ..polars.relu import relaxed_point, relu_norm
from ..programs.nuclear import Program
from ..programs.relu import master, omega_of, outer, program, vector_program
from . import models
from .base import Family
from .gaussian import GaussianAtoms, arc_cosine, plane_discrepancy
from .linear_maps import data_widths
from .outer_product import balance_pair, half_squares
from .patterns import merge_patterns, thinned


class TwoLayerReLU(Family):
    r"""Two-layer ReLU network with weight decay on both layers.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j u_j \max(v_j^\top x_i, 0)\bigr)
        + \lambda \sum_j \tfrac12(\|u_j\|^2 + \|v_j\|^2)

    Factor map ``phi(u, v)(x) = u max(v^T x, 0)``.  The polar is
    ``sup_{|v| <= 1} |(1/N) G^T max(Xv, 0)|``.  With one or two inputs (the bias counts as one) it is
    ``"exact"``, by sorting angles.  With more it is ``"bounded"``: a branch and bound over directions
    that stops at a relative width of its interval or at a number of cones, whichever comes first:
    1e-3 or 2,000 (``effort="fast"``), 1e-7 or 50,000 (``"default"``), 1e-9 or 5,000,000 (``"exact"``);
    a million cones of 100 points take about five seconds of one core.  With more than six inputs, where
    cones rarely close the interval, ``"exact"`` means 50,000 of them and, if that leaves it open, the
    semidefinite relaxation of :mod:`ppkit.checks.relaxation`, for up to 400 samples: ten to
    twenty seconds of one core for 200 samples, growing with the cube of their number.

    Parameters
    ----------
    n_inputs, n_outputs : int
        ``X`` has shape (N, n_inputs), ``Y`` (N,) or (N, n_outputs).
    bias : bool
        Append a constant feature 1 to each input; its weight is penalized like the others, and ``v``
        has ``n_inputs + 1`` entries.
    """

    name = "two-layer-relu"
    features_degree = 1  # homogeneous in the features, whatever the bias

    def __init__(self, n_inputs: int, n_outputs: int = 1, bias: bool = False):
        check_sizes(self.name, n_inputs=n_inputs, n_outputs=n_outputs)
        self.n_inputs = int(n_inputs)
        self._n_outputs = int(n_outputs)
        self.bias = bool(bias)
        self.input_degree = None if self.bias else 1

    @property
    def n_outputs(self) -> int:
        return self._n_outputs

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.n_inputs,)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"u": (self.n_outputs,), "v": (self.n_inputs + self.bias,)}

    def params(self) -> dict[str, Any]:
        return {"n_inputs": self.n_inputs, "n_outputs": self.n_outputs, "bias": self.bias}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        n_inputs, n_outputs = data_widths(cls.name, X, Y)
        return cls(**{"n_inputs": n_inputs, "n_outputs": n_outputs, **options})

    def features(self, X: Numbers) -> Numbers:
        """The inputs the first layer sees: ``X``, with a column of ones when there is a bias."""
        return np.concatenate([X, np.ones((len(X), 1))], axis=1) if self.bias else X

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        hidden = np.maximum(self.features(X) @ factors["v"].T, 0.0)
        return hidden.T[:, :, None] * factors["u"][:, None, :]

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return np.maximum(self.features(X) @ factors["v"].T, 0.0) @ factors["u"]

    def theta(self, factors: Factors) -> Numbers:
        return 0.5 * (np.sum(factors["u"] ** 2, axis=1) + np.sum(factors["v"] ** 2, axis=1))

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        root = np.sqrt(np.asarray(alpha, float))[:, None]
        return {k: root * a for k, a in factors.items()}

    # ---- the polar ------------------------------------------------------------------------------

    @property
    def norm(self) -> Norm:
        return relu_norm(self.n_inputs + self.bias)

    def adjoint(self, A: Numbers, G: Numbers) -> Numbers:
        return A, G

    def relaxed_dual(
        self, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, effort: str = "default"
    ) -> tuple[np.ndarray, Proof] | None:
        return relaxed_point(self.features(X), Y, lam, loss, effort)

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        A = self.features(X)
        hidden = A @ factors["v"].T
        back = (G @ factors["u"].T) * (hidden > 0)
        return {"u": np.maximum(hidden, 0.0).T @ G / len(X), "v": back.T @ A / len(X)}

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        return half_squares(factors)

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        u, v = balance_pair(factors["u"], factors["v"])
        return {"u": u, "v": v}

    def corrective(
        self, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray] | None:
        A = self.features(X)
        better = master(A, Y, lam, loss, factors)
        if better is None or self.n_outputs == 1:
            return better
        return outer(A, Y, lam, loss, better)

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        factors = super().merge(factors, X)
        if X is None or width(factors) == 0:
            return factors
        A = self.features(X)
        if self.n_outputs == 1:
            factors = drop_dead(self, merge_patterns(A, factors))
        return thinned(self, factors, X)

    # ---- the finite convex program --------------------------------------------------------------

    def convex_program(self, X: np.ndarray) -> Program:
        A = self.features(X)
        return program(A) if self.n_outputs == 1 else vector_program(A, self.n_outputs)

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        return omega_of(self.convex_program(X), F)

    # ---- the population ----------------------------------------------------------------------------

    descends_plainly = True
    device_model = models.ReLU

    def unit_constants(self, a: float) -> tuple[float, float]:
        return a, 2.0

    def input_sizes(self, X: np.ndarray) -> np.ndarray:
        """Euclidean norms, with the constant feature where there is a bias."""
        return np.linalg.norm(self.features(X), axis=1)

    def gaussian_atoms(self) -> GaussianAtoms | None:
        return None if self.bias else GaussianAtoms(self.n_inputs, 2.0)

    def population_error(self, factors: Factors, teacher: Factors) -> float | None:
        """The quadratic form of the arc-cosine kernel, which has none with a bias."""
        if self.bias:
            return None
        u = np.concatenate([factors["u"], -teacher["u"]])
        v = np.concatenate([factors["v"], teacher["v"]])
        return float(np.sum((u @ u.T) * arc_cosine(v, v)))

    def population_discrepancy(
        self, X: np.ndarray, G: np.ndarray, factors: Factors, teacher: Factors
    ) -> tuple[float, float]:
        error = self.population_error(factors, teacher) if self.n_inputs == 2 else None
        if error is None:
            raise InputError(f"an exact discrepancy of {self.name} needs two inputs and no bias")
        return plane_discrepancy(X, G, factors, teacher, max(0.0, error))

    def agreeing(self, factors: Factors) -> dict[str, np.ndarray]:
        """Output weights without negative entries."""
        return {**factors, "u": np.abs(factors["u"])}
