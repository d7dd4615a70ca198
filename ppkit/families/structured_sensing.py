"""Structured sensing: linear measurements of a matrix, any two norms on its factors."""

from typing import Any, Self

import numpy as np

from ..factors import Factors, Numbers, check_shape, sample_shape
from ..losses import Loss
from ..programs.nuclear import Program
from ..programs.pairs import best_beside
from . import models
from .gaussian import GaussianAtoms
from .outer_product import OuterProductFamily
from .priced import Priced


class StructuredSensing(Priced, OuterProductFamily):
    r"""Linear measurements of a matrix whose factors are measured by two norms.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \langle A_i, \textstyle\sum_j u_j v_j^\top\rangle\bigr)
        + \lambda \sum_j \|u_j\|_{\mathrm{row}}\, \|v_j\|_{\mathrm{col}}

    Omega is the projective tensor norm of the two norms, the polar the operator norm
    ``sup { u^T G v : |u|_row <= 1, |v|_col <= 1 }`` of ``G = (1/N) sum_i g_i A_i``.  Both are closed
    forms in three cases, the first two with sign constraints or without, the last one without only:

    * ``row="l1"``: Omega(M) is the sum over the rows of ``|M_i|_col``, the polar the largest dual norm
      of a row of G (of its positive part when nonnegative);
    * ``col="l1"``: the same by columns; both "l1": entrywise l1 and the largest absolute entry;
    * ``row="l2", col="l2"`` without sign constraints: the nuclear and the spectral norm.

    The other pairs are NP-hard in general and their polar is an interval, see
    :mod:`ppkit.polars.pairs` for what each effort costs and how tight it is.

    Parameters
    ----------
    shape : (m, n)
        Shape of the matrix; ``X`` has shape (N, m, n), ``Y`` (N,).
        Factors: ``u`` (r, m) and ``v`` (r, n).
    row, col : "l1", "l2", "linf" or ("l1+l2", gamma)
        Norm of ``u`` and norm of ``v``; the last one is ``|.|_2 + gamma |.|_1``.
    nonnegative : bool
        Only factors with entries ``>= 0``; Omega is then infinite off the nonnegative matrices.
    """

    name = "structured-sensing"
    n_outputs = 1

    def __init__(self, shape: Any, row: Any = "l2", col: Any = "l2", nonnegative: bool = False):
        m, n = check_shape(self.name, shape, 2)
        self.shape = (m, n)
        super().__init__(row, col, nonnegative)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    def params(self) -> dict[str, Any]:
        return {"shape": list(self.shape), **super().params()}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        return cls(**{"shape": sample_shape(cls.name, X, "N, m, n"), **options})

    # ---- the three maps ---------------------------------------------------------------------------

    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        return (X.reshape(len(X), -1) @ M.ravel())[:, None]

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        return (G[:, 0] @ X.reshape(len(X), -1)).reshape(self.shape) / len(X)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        A = X.reshape(len(X), -1)
        outer = factors["u"][:, :, None] * factors["v"][:, None, :]
        return (outer.reshape(len(outer), A.shape[1]) @ A.T)[:, :, None]

    def rounding(self, X: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        (m, n), size = self.shape, float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)
        return len(X), size * self.row.dual_bound(m) * self.col.dual_bound(n)

    # ---- training -----------------------------------------------------------------------------------

    def corrective(
        self, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray] | None:
        """Beside a cube, the best other factors for the present vertices."""
        side = self.cost.vertex_side(self.shape)
        return None if side is None else best_beside(self, X, Y, lam, loss, factors, side)

    # ---- closed forms and reference programs ----------------------------------------------------------

    def matrix_omega(self, M: np.ndarray) -> float:
        """Omega of a matrix (m, n): its projective tensor norm, ``inf`` if no network gives it."""
        return self.cost.omega(np.asarray(M, float))

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least Omega of a matrix with measurements ``F``; ``inf`` when there is none.

        A closed form when the measurements determine the matrix, a convex program otherwise.
        """
        return self.cost.least(X, F)

    def convex_program(self, X: np.ndarray) -> Program:
        """A finite program; for a pair without a closed form over the vertices of a small cube."""
        return self.cost.program(X)

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Structured

    def unit_constants(self, a: float) -> tuple[float, float]:
        return a, 2.0

    def input_sizes(self, X: np.ndarray) -> np.ndarray:
        """Polars of single measurements; the longest row for rows in l1."""
        if (self._row, self._col) == ("l1", "l2"):
            return np.linalg.norm(X, axis=2).max(axis=1)
        return np.array([self.polar(A[None], np.ones((1, 1)), effort="fast").upper for A in X])

    def gaussian_atoms(self) -> GaussianAtoms | None:
        """Those of matrix sensing where the unit balls lie in the Euclidean ones."""
        m, n = self.shape
        return None if "linf" in (self._row, self._col) else GaussianAtoms(m * n, 2.0, (m, n))

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.matrix(factors)
