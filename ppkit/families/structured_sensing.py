"""Structured sensing: linear measurements of a matrix, any two norms on its factors."""

from typing import Any, Self

import numpy as np

from ..checks.pairs import Pair
from ..checks.vector_norms import parse_norm
from ..errors import InputError
from ..factors import Factors, Numbers, check_shape, sample_shape
from ..losses import Loss
from ..polars.base import Norm
from ..programs.nuclear import Program, least_norm
from . import models
from .draws import signed_coordinates
from .gaussian import GaussianAtoms
from .outer_product import OuterProductFamily
from .pairs import pair_cost


class StructuredSensing(OuterProductFamily):
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

    def __init__(self, shape: Any, row: Any = "l2", col: Any = "l2", nonnegative: bool = False):
        m, n = check_shape(self.name, shape, 2)
        self.shape = (m, n)
        self.row, self._row = parse_norm(row, f"{self.name}: row")
        self.col, self._col = parse_norm(col, f"{self.name}: col")
        if not isinstance(nonnegative, bool | np.bool_):
            raise InputError(f"{self.name}: nonnegative must be True or False, got {nonnegative!r}")
        self.nonnegative = bool(nonnegative)
        self.has_mirrors = not self.nonnegative
        self.pair = Pair(self.row, self.col, self.nonnegative)
        self.cost = pair_cost(self.pair)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"u": (self.shape[0],), "v": (self.shape[1],)}

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def n_outputs(self) -> int:
        return 1

    def params(self) -> dict[str, Any]:
        return {
            "shape": list(self.shape),
            "row": self._row,
            "col": self._col,
            "nonnegative": self.nonnegative,
        }

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        return cls(**{"shape": sample_shape(cls.name, X, "N, m, n"), **options})

    def check_factors(self, factors: Any) -> dict[str, np.ndarray]:
        factors = super().check_factors(factors)
        if self.nonnegative and any(np.any(a < 0) for a in factors.values()):
            raise InputError(f"{self.name}: nonnegative=True, but the factors have negative entries")
        return factors

    # ---- the three maps ---------------------------------------------------------------------------

    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        return (X.reshape(len(X), -1) @ M.ravel())[:, None]

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        return (G[:, 0] @ X.reshape(len(X), -1)).reshape(self.shape) / len(X)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        A = X.reshape(len(X), -1)
        outer = factors["u"][:, :, None] * factors["v"][:, None, :]
        return (outer.reshape(len(outer), A.shape[1]) @ A.T)[:, :, None]

    def theta(self, factors: Factors) -> Numbers:
        return self.cost.theta(factors)

    @property
    def norm(self) -> Norm:
        return self.cost.norm

    def rounding(self, X: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        (m, n), size = self.shape, float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)
        return len(X), size * self.row.dual_bound(m) * self.col.dual_bound(n)

    # ---- training -----------------------------------------------------------------------------------

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """Half the sum of both squared norms."""
        return self.cost.smooth(factors, factors)

    def surrogate_near(self, factors: Factors, near: Factors) -> tuple[float, dict[str, np.ndarray]]:
        return self.cost.smooth_in_cube(factors, near)

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        return self.cost.balance(factors)

    def free(self, factors: Factors) -> dict[str, np.ndarray]:
        return self.cost.free(factors)

    def bounds(self, factors: Factors) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return self.cost.bounds(factors)

    def corrective(
        self, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray] | None:
        return self.cost.corrective(self, X, Y, lam, loss, factors)

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        return self.cost.merge(self, factors)

    def split(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
        """Balanced ``(u, v)`` with ``M = u^T v`` and ``Theta = Omega(M)``, one factor a line or rank."""
        return self.cost.split(M, tol)

    # ---- closed forms and reference programs ----------------------------------------------------------

    def matrix_omega(self, M: np.ndarray) -> float:
        """Omega of a matrix (m, n): its projective tensor norm, ``inf`` if no network gives it."""
        M = np.asarray(M, float)
        return np.inf if self.nonnegative and np.any(M < 0) else self.cost.omega(M)

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least Omega of a matrix with measurements ``F``; ``inf`` when there is none.

        A closed form when the measurements determine the matrix, a convex program otherwise.
        """

        def program(rows: np.ndarray) -> Program:
            return self.cost.program(rows.reshape(-1, *self.shape))

        def closed_form(m: np.ndarray, rank: int) -> float | None:
            if rank < len(m) or not self.norm.is_closed:
                return None
            if self.nonnegative and m.min() >= -1e-9 * np.abs(m).max():
                m = np.maximum(m, 0.0)
            return self.matrix_omega(m.reshape(self.shape))

        return least_norm(X.reshape(len(X), -1), F, program, closed_form)

    def convex_program(self, X: np.ndarray) -> Program:
        """A finite program; for a pair without a closed form over the vertices of a small cube."""
        return self.cost.program(X)

    def random_factors(self, rng: np.random.Generator, width: int) -> dict[str, np.ndarray]:
        factors = super().random_factors(rng, width)
        return {k: np.abs(a) for k, a in factors.items()} if self.nonnegative else factors

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
        return GaussianAtoms(m * n, 2.0, (m, n)) if {self._row, self._col} <= {"l1", "l2"} else None

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.matrix(factors)

    def extreme_factors(self, rng: np.random.Generator, n_factors: int) -> dict[str, np.ndarray]:
        """A side measured in l1 gets one signed coordinate, distinct ones while there are enough."""
        if "l1" not in (self._row, self._col):
            return super().extreme_factors(rng, n_factors)
        factors = self.random_factors(rng, n_factors)
        for k, norm in (("u", self._row), ("v", self._col)):
            if norm == "l1":
                unit = signed_coordinates(rng, n_factors, self.shapes[k][0])
                factors[k] = np.abs(unit) if self.nonnegative else unit
        return factors
