"""Matrix factorization: a matrix approximated by a sum of outer products."""

from typing import Any, Self

import numpy as np

from ..errors import InputError
from ..factors import Factors, Numbers, as_float, check_shape
from ..programs.nuclear import Program, entries_program
from .outer_product import OuterProductFamily, nuclear_norm


class MatrixFactorization(OuterProductFamily):
    r"""Regularized low-rank approximation of one matrix.

    .. math:: \min_{u, v} \; \ell\bigl(Y, \textstyle\sum_j u_j v_j^\top\bigr)
        + \lambda \sum_j \tfrac12(\|u_j\|^2 + \|v_j\|^2)

    The whole matrix is ONE sample (N = 1) whose m n entries are the outputs, so for the squared
    loss the objective is ``|Y - sum_j u_j v_j^T|_F^2 / 2 + lam * Theta`` and the global optimum is
    ``Y`` with its singular values soft-thresholded at ``lam``.  Omega is the nuclear norm, the polar
    the spectral norm of the residual.

    Parameters
    ----------
    shape : (m, n)
        ``X`` is None and ``Y`` the (m, n) matrix.  Factors: ``u`` (r, m) and ``v`` (r, n).
    """

    name = "matrix-factorization"

    def __init__(self, shape: Any):
        m, n = check_shape(self.name, shape, 2)
        self.shape = (m, n)

    @property
    def input_shape(self) -> None:
        return None

    @property
    def n_outputs(self) -> int:
        return self.shape[0] * self.shape[1]

    def params(self) -> dict[str, Any]:
        return {"shape": list(self.shape)}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        Y = as_float(Y, "Y")
        if Y.ndim != 2:
            raise InputError(f"{cls.name}: Y must be a matrix (m, n), got shape {Y.shape}")
        return cls(**{"shape": Y.shape, **options})

    def check_data(self, X: Any, Y: Any) -> tuple[None, np.ndarray]:
        if X is not None:
            raise InputError(f"{self.name}: X must be None; the matrix goes into Y")
        Y = as_float(Y, "Y")
        if Y.size == 0:
            raise InputError(f"{self.name}: Y is empty")
        if Y.shape not in (self.shape, (1, self.n_outputs)):
            raise InputError(f"{self.name}: Y must have shape {self.shape}, got {Y.shape}")
        return None, Y.reshape(1, -1)

    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        return M.reshape(1, -1)

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        return G.reshape(self.shape)

    def rounding(self, X: Any, G: np.ndarray) -> tuple[int, float]:
        return 0, 0.0

    def omega(self, X: None, F: np.ndarray) -> float:
        return nuclear_norm(np.reshape(F, self.shape))

    def convex_program(self, X: None) -> Program:
        return entries_program(self.shape)

    def present(self, F: np.ndarray) -> np.ndarray:
        return np.reshape(F, self.shape)

    # ---- the population ----------------------------------------------------------------------------

    def population_error(self, factors: Factors, teacher: Factors) -> float:
        """Without inputs the two predictions are the whole population."""
        difference = self.predict(factors, None) - self.predict(teacher, None)
        return float(np.sum(difference**2) / len(difference))
