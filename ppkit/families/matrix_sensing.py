"""Matrix sensing: linear measurements of a matrix written as a sum of outer products."""

from typing import Any, Self

import numpy as np

from ..factors import Factors, Numbers, check_shape, sample_shape
from ..programs.nuclear import Program, least_norm, matrix_program
from . import models
from .gaussian import GaussianAtoms
from .outer_product import OuterProductFamily, nuclear_norm


class MatrixSensing(OuterProductFamily):
    r"""Linear measurements of a low-rank matrix.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \langle A_i, \textstyle\sum_j u_j v_j^\top\rangle\bigr)
        + \lambda \sum_j \tfrac12(\|u_j\|^2 + \|v_j\|^2)

    Factor map ``phi(u, v)(A) = <A, u v^T>``, cost ``(|u|^2 + |v|^2)/2``.  Omega is the nuclear norm
    of the matrix (the least one among those with the same measurements), the polar is the exact
    spectral norm of ``(1/N) sum_i g_i A_i``.

    Parameters
    ----------
    shape : (m, n)
        Shape of the matrix; ``X`` has shape (N, m, n), ``Y`` (N,).
        Factors: ``u`` (r, m) and ``v`` (r, n).
    """

    name = "matrix-sensing"
    n_outputs = 1

    def __init__(self, shape: Any):
        m, n = check_shape(self.name, shape, 2)
        self.shape = (m, n)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    def params(self) -> dict[str, Any]:
        return {"shape": list(self.shape)}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        return cls(**{"shape": sample_shape(cls.name, X, "N, m, n"), **options})

    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        return (X.reshape(len(X), -1) @ M.ravel())[:, None]

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        return (G[:, 0] @ X.reshape(len(X), -1)).reshape(self.shape) / len(X)

    def rounding(self, X: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        return len(X), float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least nuclear norm of a matrix with measurements ``F``; ``inf`` when there is none.

        A closed form when the measurements determine the matrix, a convex program otherwise.
        """

        def closed_form(m: np.ndarray, rank: int) -> float | None:
            return nuclear_norm(m.reshape(self.shape)) if rank == m.size else None

        return least_norm(X.reshape(len(X), -1), F, lambda A: matrix_program(self.shape, A), closed_form)

    def convex_program(self, X: np.ndarray) -> Program:
        return matrix_program(self.shape, X.reshape(len(X), -1))

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Sensing

    def unit_constants(self, a: float) -> tuple[float, float]:
        return a, 2.0

    def input_sizes(self, X: np.ndarray) -> np.ndarray:
        """Spectral norms."""
        return np.linalg.norm(X, 2, axis=(1, 2))

    def gaussian_atoms(self) -> GaussianAtoms:
        m, n = self.shape
        return GaussianAtoms(m * n, 2.0, (m, n))

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.matrix(factors)
