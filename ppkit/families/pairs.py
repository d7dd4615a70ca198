r"""The cost :math:`\|u\|_{row} \|v\|_{col}` of factors, by what kind of pair it is.

:func:`pair_cost` asks once which kind: with a closed form by rank (:class:`SpectralCost`) or by lines
(:class:`LinesCost`), or without one (:class:`HardCost`).
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ..checks.pairs import Pair
from ..checks.vector_norms import LInf, VectorNorm
from ..errors import InputError
from ..factors import Factors, drop_dead, width
from ..losses import Loss
from ..polars.base import Norm
from ..polars.lines import LinesNorm
from ..polars.pairs import pair_norm
from ..polars.spectral import SpectralNorm
from ..programs.nuclear import Program, least_norm, matrix_program
from ..programs.pairs import best_beside, cube_program, lines_program
from .base import Family
from .outer_product import OuterProductFamily, nuclear_norm, svd_split

Arrays = dict[str, np.ndarray]


def pair_cost(pair: Pair) -> "PairCost":
    """The cost of a pair of norms."""
    norm = pair_norm(pair.row, pair.col, pair.nonnegative)
    if isinstance(norm, SpectralNorm):
        return SpectralCost(pair, norm)
    return LinesCost(pair, norm) if isinstance(norm, LinesNorm) else HardCost(pair, norm)


class PairCost(ABC):
    """Abstract: what training and Omega need to know about the cost of a pair; ``norm`` is its polar.

    Omega of a matrix is the projective tensor norm of the two norms.
    """

    def __init__(self, pair: Pair, norm: Norm):
        self.pair, self.norm = pair, norm
        self.sides = {"u": pair.row, "v": pair.col}

    @abstractmethod
    def omega(self, M: np.ndarray) -> float:
        """Omega of a matrix (m, n), which is non-negative under sign constraints."""

    @abstractmethod
    def program(self, X: np.ndarray) -> Program:
        """``(prediction, omega, constraints)`` of measurements ``X`` (N, m, n) as CVXPY expressions."""

    def split(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
        """Balanced ``(u, v)`` with ``M = u^T v`` that cost ``omega(M)``, one factor a line or rank."""
        raise InputError("no closed form for the cheapest network with a given matrix")

    def merge(self, family: OuterProductFamily, factors: Factors) -> Arrays:
        """The split of the matrix, if it needs no more factors than there are."""
        u, v = self.split(family.matrix(factors))
        return {"u": u, "v": v} if len(u) <= width(factors) else Family.merge(family, factors)

    def corrective(
        self,
        family: OuterProductFamily,
        X: np.ndarray,
        Y: np.ndarray,
        lam: float,
        loss: Loss,
        factors: Factors,
    ) -> Arrays | None:
        """As in :meth:`Family.corrective`; None means: descend."""
        return None

    def theta(self, factors: Factors) -> Any:
        """The cost of each factor, shape (r,)."""
        return self.pair.row.value(factors["u"]) * self.pair.col.value(factors["v"])

    def balance(self, factors: Factors) -> Arrays:
        """The same outer products with ``|u|_row = |v|_col``; zero if one of the two is zero."""
        u, v = factors["u"], factors["v"]
        a, b = self.pair.row.value(u)[:, None], self.pair.col.value(v)[:, None]
        root = np.sqrt(a) * np.sqrt(b)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "u": np.where(root > 0, u * (root / a), 0.0),
                "v": np.where(root > 0, v * (root / b), 0.0),
            }

    # ---- descent --------------------------------------------------------------------------------------

    def signs(self, a: np.ndarray) -> np.ndarray:
        """The entries' signs; a zero counts as positive when entries are nonnegative."""
        return np.ones_like(a) if self.pair.nonnegative else np.sign(a)

    def smooth(self, factors: Factors, near: Factors) -> tuple[float, Arrays]:
        """Half the sum of both squared norms, continued from the orthants of ``near``; with gradient."""
        a, du = self.pair.row.smooth(factors["u"], self.signs(near["u"]))
        b, dv = self.pair.col.smooth(factors["v"], self.signs(near["v"]))
        return 0.5 * float(np.sum(a**2) + np.sum(b**2)), {"u": a[:, None] * du, "v": b[:, None] * dv}

    def smooth_in_cube(self, factors: Factors, near: Factors) -> tuple[float, Arrays]:
        """Inside the box of a "linf" side, whose size stays that of ``near``: the other side's norm."""
        for cube, other in (("v", "u"), ("u", "v")):
            if isinstance(self.sides[cube], LInf):
                size = self.sides[cube].value(near[cube])
                a, slope = self.sides[other].smooth(factors[other], self.signs(near[other]))
                grad = {other: size[:, None] * slope, cube: np.zeros_like(factors[cube])}
                return float(np.sum(size * a)), {k: grad[k] for k in self.sides}
        return self.smooth(factors, near)

    def free(self, factors: Factors) -> Arrays:
        """Which entries descent may move; a zero stays zero at a kink."""
        return {k: self.moving(norm, factors[k]) for k, norm in self.sides.items()}

    def moving(self, norm: VectorNorm, a: np.ndarray) -> np.ndarray:
        """:meth:`free` for one side."""
        return a != 0 if norm.orthantwise and not self.pair.nonnegative else np.ones(a.shape, bool)

    def bounds(self, factors: Factors) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """One orthant where the cost has kinks between orthants, a cube for "linf"."""
        box = {}
        for k, norm in self.sides.items():
            a = factors[k]
            top = np.full(a.shape, np.inf)
            if isinstance(norm, LInf):
                top = np.broadcast_to(norm.value(a)[:, None], a.shape)
            if norm.orthantwise or self.pair.nonnegative:
                signs = self.signs(a)
                box[k] = (np.where(signs < 0, -top, 0.0), np.where(signs > 0, top, 0.0))
            else:
                box[k] = (-top, top)
        return box


class SpectralCost(PairCost):
    """Two l2 norms: Omega is the nuclear norm."""

    def omega(self, M: np.ndarray) -> float:
        return nuclear_norm(M)

    def program(self, X: np.ndarray) -> Program:
        return matrix_program(X.shape[1:], X.reshape(len(X), -1))

    def split(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
        return svd_split(M, tol)


class LinesCost(PairCost):
    """One l1 norm: Omega is the sum of the other norm over the lines, rows or columns."""

    norm: LinesNorm

    def lines(self, M: np.ndarray) -> np.ndarray:
        """The lines of ``M`` as rows."""
        return M.T if self.norm.by_columns else M

    def omega(self, M: np.ndarray) -> float:
        return float(np.sum(self.norm.line.value(self.lines(M))))

    def program(self, X: np.ndarray) -> Program:
        return lines_program(X, self.norm)

    def split(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
        lines = self.lines(M)
        cost = self.norm.line.value(lines)
        keep = cost > tol * cost.max()
        pair = np.eye(len(lines))[keep], lines[keep]
        u, v = pair[::-1] if self.norm.by_columns else pair
        balanced = self.balance({"u": u, "v": v})
        return balanced["u"], balanced["v"]

    def free(self, factors: Factors) -> Arrays:
        """A zero of the l1 side stays zero under sign constraints too: factors keep to their lines."""
        one = "v" if self.norm.by_columns else "u"
        return super().free(factors) | {one: factors[one] != 0}


class HardCost(PairCost):
    """No closed form: Omega is a program over the vertices of a small cube, if there is one."""

    def omega(self, M: np.ndarray) -> float:
        def program(rows: np.ndarray) -> Program:
            return self.program(rows.reshape(len(rows), *M.shape))

        return least_norm(np.eye(M.size), M.reshape(-1, 1), program)

    def program(self, X: np.ndarray) -> Program:
        return cube_program(self.pair, X)

    def corrective(
        self,
        family: OuterProductFamily,
        X: np.ndarray,
        Y: np.ndarray,
        lam: float,
        loss: Loss,
        factors: Factors,
    ) -> Arrays | None:
        """Beside a cube, the best other factors for the present vertices."""
        side = self.pair.cube_side(X.shape[1:])
        return None if side is None else best_beside(family, X, Y, lam, loss, factors, side)

    def moving(self, norm: VectorNorm, a: np.ndarray) -> np.ndarray:
        """An entry at the boundary of its row's cube stays there: corners stay corners."""
        if not isinstance(norm, LInf):
            return super().moving(norm, a)
        inside = np.abs(a) < norm.value(a)[:, None] * (1 - 1e-9)
        return inside & (a > 0) if self.pair.nonnegative else inside

    def merge(self, family: OuterProductFamily, factors: Factors) -> Arrays:
        """Factors with parallel ``u`` added up, then those with parallel ``v``: the cost can only fall.

        Beside a cube only its own side counts: sums of vertices are no vertices, and training would lose
        them.
        """
        factors = self.balance(factors)
        side = self.pair.cube_side((factors["u"].shape[1], factors["v"].shape[1]))
        for one, other in (("u", "v"), ("v", "u")) if side is None else [("uv"[side], "vu"[side])]:
            factors = drop_dead(family, factors)
            if width(factors) < 2:
                return factors
            factors = self.balance(add_parallel(factors, one, other, self.sides[one]))
        return drop_dead(family, factors)


def add_parallel(factors: Factors, one: str, other: str, norm: VectorNorm, tol: float = 1e-12) -> Arrays:
    """The same matrix with the ``other`` arrays of factors added up whose lines ``one`` are parallel."""
    size = norm.value(factors[one])
    line = factors[one] / size[:, None]
    first = np.take_along_axis(line, np.abs(line).argmax(axis=1)[:, None], axis=1)[:, 0]
    size, line = size * np.sign(first), line * np.sign(first)[:, None]
    leader = np.arange(len(line))
    for j in range(1, len(line)):
        same = np.abs(line[:j] - line[j]).max(axis=1) <= tol
        leader[j] = leader[np.argmax(same)] if same.any() else j
    keep = np.unique(leader)
    total = np.array([(size[leader == j, None] * factors[other][leader == j]).sum(axis=0) for j in keep])
    return {one: line[keep], other: total}
