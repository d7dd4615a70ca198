"""Two-layer linear networks: multi-output linear regression through a narrow layer."""

from typing import Any, Self

import numpy as np

from ..factors import Factors, Numbers, check_sizes
from ..programs.nuclear import Program, regression_program
from . import models
from .gaussian import GaussianAtoms
from .linear_maps import data_widths, mean_adjoint, mean_rounding, span_nuclear
from .outer_product import OuterProductFamily


class TwoLayerLinear(OuterProductFamily):
    r"""Two linear layers with weight decay: multi-output regression of low rank.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j u_j\, v_j^\top x_i\bigr)
        + \lambda \sum_j \tfrac12(\|u_j\|^2 + \|v_j\|^2)

    The prediction is ``F = X M^T`` with the matrix ``M = sum_j u_j v_j^T`` (n_outputs, n_inputs).
    Omega is the nuclear norm of M on the span of the data; the polar is the exact spectral norm of
    ``G^T X / N``.

    Parameters
    ----------
    n_inputs, n_outputs : int
        ``X`` has shape (N, n_inputs), ``Y`` (N, n_outputs).
        Factors: ``u`` (r, n_outputs) and ``v`` (r, n_inputs).
    """

    name = "two-layer-linear"

    def __init__(self, n_inputs: int, n_outputs: int):
        check_sizes(self.name, n_inputs=n_inputs, n_outputs=n_outputs)
        self.shape = (int(n_outputs), int(n_inputs))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.shape[1],)

    @property
    def n_outputs(self) -> int:
        return self.shape[0]

    def params(self) -> dict[str, Any]:
        return {"n_inputs": self.shape[1], "n_outputs": self.shape[0]}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        n_inputs, n_outputs = data_widths(cls.name, X, Y)
        return cls(**{"n_inputs": n_inputs, "n_outputs": n_outputs, **options})

    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        return X @ M.T

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        return mean_adjoint(X, G)

    def rounding(self, X: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        return mean_rounding(X, G)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        return (factors["v"] @ X.T)[:, :, None] * factors["u"][:, None, :]

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return (X @ factors["v"].T) @ factors["u"]

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least nuclear norm of a matrix with predictions ``F`` on ``X``; ``inf`` if there is none."""
        return span_nuclear(X, np.asarray(F, float))

    def convex_program(self, X: np.ndarray) -> Program:
        return regression_program(self.shape, X)

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Linear

    def unit_constants(self, a: float) -> tuple[float, float]:
        return a, 2.0

    def gaussian_atoms(self) -> GaussianAtoms:
        return GaussianAtoms(self.input_shape[0], 2.0)

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.matrix(factors)
