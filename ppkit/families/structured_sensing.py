"""Structured sensing: linear measurements of a matrix, any two norms on its factors."""

import numpy as np

from ..checks.spectral import spectral_upper
from ..checks.vector_norms import LInf, parse_norm
from ..errors import InputError
from ..factors import as_float, check_shape
from ..polars.base import Polar, check_effort
from ..polars.lines import touching_rows
from ..polars.pairs import HardNorm
from ..programs.pairs import best_beside, fixed_lines
from ..rigor.margins import rounding_margin
from ..rigor.matrices import spectral_at_most
from ..rigor.scales import any_scale, any_scale_upper
from . import models
from .base import Family
from .draws import signed_coordinates
from .hard_sensing import add_parallel, at_no_corner, normalized_polar
from .outer_product import OuterProductFamily, nuclear_norm, svd_split


class StructuredSensing(OuterProductFamily):
    r"""Linear measurements of a matrix whose factors are measured by two norms.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \langle A_i, \textstyle\sum_j u_j v_j^\top\rangle\bigr)
        + \lambda \sum_j \|u_j\|_{\mathrm{row}}\, \|v_j\|_{\mathrm{col}}

    Omega is the projective tensor norm of the two norms, the polar the operator norm
    ``sup { u^T G v : |u|_row <= 1, |v|_col <= 1 }`` of ``G = (1/N) sum_i g_i A_i``.  Both are closed
    forms when one side is "l1", whatever the other side is and with or without signs:

    * ``row="l1"``: Omega(M) is the sum over the rows of ``|M_i|_col``, the polar the largest dual norm
      of a row of G (of its positive part when nonnegative);
    * ``col="l1"``: the same by columns; both "l1": entrywise l1 and the largest absolute entry;
    * ``row="l2", col="l2"``: the nuclear and the spectral norm.

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

    def __init__(self, shape, row="l2", col="l2", nonnegative=False):
        self.shape = check_shape(self.name, shape, 2)
        self.row, self._row = parse_norm(row, f"{self.name}: row")
        self.col, self._col = parse_norm(col, f"{self.name}: col")
        if not isinstance(nonnegative, bool | np.bool_):
            raise InputError(f"{self.name}: nonnegative must be True or False, got {nonnegative!r}")
        self.nonnegative = bool(nonnegative)
        self.by_rows, self.by_columns = self._row == "l1", self._row != "l1" and self._col == "l1"
        self.spectral = (self._row, self._col) == ("l2", "l2") and not self.nonnegative
        self.polar_is_cheap = self.by_rows or self.by_columns or self.spectral
        self.hard = None if self.polar_is_cheap else HardNorm(self.row, self.col, self.nonnegative)

    @property
    def shapes(self):
        return {"u": (self.shape[0],), "v": (self.shape[1],)}

    @property
    def input_shape(self):
        return self.shape

    @property
    def n_outputs(self):
        return 1

    def params(self):
        return {
            "shape": list(self.shape),
            "row": self._row,
            "col": self._col,
            "nonnegative": self.nonnegative,
        }

    @classmethod
    def from_data(cls, X, Y, **options):
        X = as_float(X, "X")
        if X.ndim != 3:
            raise InputError(f"{cls.name}: X must have shape (N, m, n), got {X.shape}")
        return cls(**{"shape": X.shape[1:], **options})

    def check_factors(self, factors):
        factors = super().check_factors(factors)
        if self.nonnegative and any(np.any(a < 0) for a in factors.values()):
            raise InputError(f"{self.name}: nonnegative=True, but the factors have negative entries")
        return factors

    # ---- the three maps ---------------------------------------------------------------------------

    def forward(self, M, X):
        return (X.reshape(len(X), -1) @ M.ravel())[:, None]

    def adjoint(self, X, G):
        return (G[:, 0] @ X.reshape(len(X), -1)).reshape(self.shape) / len(X)

    def atoms(self, factors, X):
        A = X.reshape(len(X), -1)
        outer = factors["u"][:, :, None] * factors["v"][:, None, :]
        return (outer.reshape(len(outer), A.shape[1]) @ A.T)[:, :, None]

    def theta(self, factors):
        return self.row.value(factors["u"]) * self.col.value(factors["v"])

    def scale(self, factors, alpha):
        return {k: np.sqrt(np.asarray(alpha, float))[:, None] * a for k, a in factors.items()}

    @any_scale
    def polar(self, X, G, starts=(), effort="default", seed=0):
        M = self.adjoint(X, G)
        if self.hard:
            check_effort(effort)
            return normalized_polar(self, X, G, M, starts, effort, seed)
        if self.spectral:
            return spectral_polar(M, *self.rounding(X, G), self.pack)
        value, u, v = touching_rows(M, self.col, self.nonnegative) if self.by_rows else (None,) * 3
        if self.by_columns:
            value, v, u = touching_rows(M.T, self.row, self.nonnegative)
        return Polar(
            lower=float(value[0]),
            upper=self.polar_upper(X, G, {}),
            factor={"u": u[:1], "v": v[:1]},
            kind="exact",
            candidates={"u": u, "v": v},
        )

    @any_scale_upper
    def polar_upper(self, X, G, proof):
        M, (n_terms, magnitude) = self.adjoint(X, G), self.rounding(X, G)
        if self.hard:
            value, terms = self.hard.upper(M, proof), n_terms + sum(self.shape) + 8
            return value + rounding_margin(terms, magnitude, value, sum(self.shape))
        if self.spectral:
            return spectral_upper(M, n_terms, magnitude)
        lines, norm = (M, self.col) if self.by_rows else (M.T, self.row)
        value = float(np.max(norm.dual(np.maximum(lines, 0.0) if self.nonnegative else lines)))
        return value + rounding_margin(n_terms, magnitude, value, sum(self.shape))

    def prove_polar(self, X, G, bound, proof):
        M = self.adjoint(X, G)
        if self.hard:
            return self.hard.prove(M, bound, proof)
        if self.spectral:
            return spectral_at_most(M, bound)
        lines, norm = (M, self.col) if self.by_rows else (M.T, self.row)
        return norm.dual_at_most(np.maximum(lines, 0.0) if self.nonnegative else lines, bound)

    def rounding(self, X, G):
        (m, n), size = self.shape, float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)
        return len(X), size * self.row.dual_bound(m) * self.col.dual_bound(n)

    # ---- training -----------------------------------------------------------------------------------

    def signs(self, a):
        """The entries' signs; a zero counts as positive when entries are nonnegative."""
        return np.ones_like(a) if self.nonnegative else np.sign(a)

    def surrogate(self, factors):
        """Half the sum of both squared norms."""
        return self.half_squares(factors, factors)

    def surrogate_near(self, factors, near):
        """Inside the box of a "linf" side, whose size stays that of ``near``: the other side's norm."""
        if isinstance(self.col, LInf):
            size, (a, du) = self.col.value(near["v"]), self.row.smooth(factors["u"], self.signs(near["u"]))
            return float(np.sum(size * a)), {"u": size[:, None] * du, "v": np.zeros_like(factors["v"])}
        if isinstance(self.row, LInf):
            size, (b, dv) = self.row.value(near["u"]), self.col.smooth(factors["v"], self.signs(near["v"]))
            return float(np.sum(size * b)), {"u": np.zeros_like(factors["u"]), "v": size[:, None] * dv}
        return self.half_squares(factors, near)

    def half_squares(self, factors, near):
        a, du = self.row.smooth(factors["u"], self.signs(near["u"]))
        b, dv = self.col.smooth(factors["v"], self.signs(near["v"]))
        return 0.5 * float(np.sum(a**2) + np.sum(b**2)), {"u": a[:, None] * du, "v": b[:, None] * dv}

    def balance(self, factors):
        """The same outer products with ``|u|_row = |v|_col``; zero if one of the two is zero."""
        u, v = factors["u"], factors["v"]
        a, b = self.row.value(u)[:, None], self.col.value(v)[:, None]
        root = np.sqrt(a) * np.sqrt(b)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "u": np.where(root > 0, u * (root / a), 0.0),
                "v": np.where(root > 0, v * (root / b), 0.0),
            }

    def free(self, factors):
        """A zero stays zero at a kink and on a split side; a corner of a hard pair's cube stays too."""
        if self.spectral:
            return None
        masks = {}
        for k, norm, split in (("u", self.row, self.by_rows), ("v", self.col, self.by_columns)):
            frozen = split or (norm.orthantwise and not self.nonnegative)
            if self.hard and isinstance(norm, LInf):
                masks[k] = at_no_corner(factors[k], norm, self.nonnegative)
            else:
                masks[k] = factors[k] != 0 if frozen else np.ones(factors[k].shape, bool)
        return masks

    def bounds(self, factors):
        """One orthant where the cost has kinks between orthants, a cube for "linf"."""
        if self.spectral:
            return None
        box = {}
        for k, norm in (("u", self.row), ("v", self.col)):
            a = factors[k]
            top = np.full(a.shape, np.inf)
            if isinstance(norm, LInf):
                top = np.broadcast_to(norm.value(a)[:, None], a.shape)
            if norm.orthantwise or self.nonnegative:
                signs = self.signs(a)
                box[k] = (np.where(signs < 0, -top, 0.0), np.where(signs > 0, top, 0.0))
            else:
                box[k] = (-top, top)
        return box

    def corrective(self, X, Y, lam, loss, factors):
        """For a hard pair with a cube: the best other factors for the present vertices."""
        side = self.hard and self.hard.cube_side(self.shape)
        return None if side is None else best_beside(self, X, Y, lam, loss, factors, side)

    def merge(self, factors, X=None):
        """The split of the matrix that attains Omega, if it needs no more factors than there are.

        For a hard pair, factors that share a line are added up.
        """
        if self.hard:
            return add_parallel(self, self.balance(factors))
        u, v = self.split(self.matrix(factors))
        if len(u) <= len(factors["u"]):
            return {"u": u, "v": v}
        return Family.merge(self, factors, X)

    def split(self, M, tol=1e-13):
        """Balanced ``(u, v)`` with ``M = u^T v`` and ``Theta = Omega(M)``, one factor a line or rank."""
        if self.spectral:
            return svd_split(M, tol)
        lines, norm = (M, self.col) if self.by_rows else (M.T, self.row)
        cost = norm.value(lines)
        keep = cost > tol * cost.max()
        unit, line = np.eye(len(lines))[keep], lines[keep]
        pair = {"u": unit, "v": line} if self.by_rows else {"u": line, "v": unit}
        return tuple(self.balance(pair).values())

    # ---- closed forms and reference programs ----------------------------------------------------------

    def matrix_omega(self, M):
        """Omega of a matrix (m, n): its projective tensor norm, ``inf`` if no network gives it."""
        M = np.asarray(M, float)
        if self.nonnegative and np.any(M < 0):
            return np.inf
        if self.hard:
            return self.omega(np.eye(M.size).reshape(M.size, *M.shape), M.reshape(-1, 1))
        if self.spectral:
            return nuclear_norm(M)
        return float(np.sum(self.col.value(M) if self.by_rows else self.row.value(M.T)))

    def omega(self, X, F):
        """The least Omega of a matrix with measurements ``F``; ``inf`` when there is none.

        A closed form when the measurements determine the matrix, a convex program otherwise.
        """
        A, f = X.reshape(len(X), -1), F[:, 0]
        m, _, rank, _ = np.linalg.lstsq(A, f, rcond=None)
        if np.linalg.norm(A @ m - f) > 1e-9 * max(1.0, np.linalg.norm(f)):
            return np.inf
        if rank == A.shape[1] and not self.hard:
            if self.nonnegative and m.min() >= -1e-9 * np.abs(m).max():
                m = np.maximum(m, 0.0)
            return self.matrix_omega(m.reshape(self.shape))
        import cvxpy as cp

        from ..programs.solve import solve_program

        F_, omega, constraints = self.convex_program(X)
        size = float(np.linalg.norm(F)) or 1.0
        return size * solve_program(cp.Minimize(omega), [*constraints, F / size == F_])

    def convex_program(self, X):
        """A finite program; for a hard pair over the vertices of a small cube."""
        import cvxpy as cp

        if self.hard:
            side, lines = self.hard.all_vertices(self.shape)
            return fixed_lines(self, X, lines, side)[:3]
        M = cp.Variable(self.shape)
        F = cp.reshape(X.reshape(len(X), -1) @ cp.vec(M, order="C"), (len(X), 1), order="C")
        if self.spectral:
            omega = cp.normNuc(M)
        else:
            omega = self.col.cvxpy(M) if self.by_rows else self.row.cvxpy(M.T)
        return F, omega, [M >= 0] if self.nonnegative else []

    def random_factors(self, rng, width):
        factors = super().random_factors(rng, width)
        return {k: np.abs(a) for k, a in factors.items()} if self.nonnegative else factors

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Structured

    @property
    def has_mirrors(self):
        return not self.nonnegative

    def unit_constants(self, a):
        return a, 2.0

    def linear_map(self, factors):
        return self.matrix(factors)

    def extreme_factors(self, rng, n_factors):
        """A side measured in l1 gets one signed coordinate, distinct ones while there are enough."""
        if "l1" not in (self._row, self._col):
            return super().extreme_factors(rng, n_factors)
        factors = self.random_factors(rng, n_factors)
        for k, norm in (("u", self._row), ("v", self._col)):
            if norm == "l1":
                unit = signed_coordinates(rng, n_factors, self.shapes[k][0])
                factors[k] = np.abs(unit) if self.nonnegative else unit
        return factors
