"""Two-layer ReLU networks, scalar or vector outputs, with or without a penalized bias."""

from typing import Any, Self

import numpy as np

from ..checks import Proof
from ..errors import InputError
from ..factors import Factors, Numbers, check_sizes, drop_dead, width
from ..losses import Loss
from ..polars.base import Norm
from ..polars.relu import relaxed_point, relu_norm
from ..programs.nuclear import Program
from ..programs.relu import master, omega_of, outer, program, vector_program
from . import models
from .gaussian import GaussianAtoms, plane_discrepancy, relu_square
from .linear_maps import data_widths
from .outer_product import WeightDecay
from .patterns import merge_patterns, thinned


class TwoLayerReLU(WeightDecay):
    r"""Two-layer ReLU network with weight decay on both layers.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j u_j \max(v_j^\top x_i, 0)\bigr)
        + \lambda \sum_j \tfrac12(\|u_j\|^2 + \|v_j\|^2)

    Factor map ``phi(u, v)(x) = u max(v^T x, 0)``.  The polar is
    ``sup_{|v| <= 1} |(1/N) G^T max(Xv, 0)|``.  With one or two inputs (the bias counts as one) it is
    ``"exact"``, by sorting angles.  With more it is ``"bounded"``, by branch and bound over directions and,
    with many inputs and few samples, a semidefinite relaxation; :func:`ppkit.polars.relu.relu_norm` says
    what each effort costs.

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
        self.n_inputs, self.bias = int(n_inputs), bool(bias)
        self.shape = (int(n_outputs), self.n_inputs + self.bias)
        self.input_degree = None if self.bias else 1

    @property
    def n_outputs(self) -> int:
        return self.shape[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.n_inputs,)

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

    # ---- the polar ------------------------------------------------------------------------------

    @property
    def norm(self) -> Norm:
        return relu_norm(self.shape[1])

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

    def gaussian_atoms(self) -> GaussianAtoms | None:
        return None if self.bias else GaussianAtoms(self.n_inputs, 2.0)

    def population_error(self, factors: Factors, teacher: Factors) -> float | None:
        """The quadratic form of the arc-cosine kernel, which has none with a bias."""
        return None if self.bias else relu_square(factors, teacher)

    def population_discrepancy(
        self, X: np.ndarray, G: np.ndarray, factors: Factors, teacher: Factors
    ) -> tuple[float, float]:
        if self.bias or self.n_inputs != 2:
            raise InputError(f"an exact discrepancy of {self.name} needs two inputs and no bias")
        return plane_discrepancy(X, G, factors, teacher)

    def agreeing(self, factors: Factors) -> dict[str, np.ndarray]:
        """Output weights without negative entries."""
        return {**factors, "u": np.abs(factors["u"])}
