r"""The cost :math:`\|u\|_{row} \|v\|_{col}` of factors, and what is common to all pairs of norms.

Its kinds are in :mod:`ppkit.families.pair_kinds`.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ..checks.pairs import Pair
from ..checks.vector_norms import LInf, VectorNorm
from ..errors import InputError
from ..factors import Factors, width
from ..polars.base import Norm
from ..programs.nuclear import Program, least_norm
from .base import Family

Arrays = dict[str, np.ndarray]


class PairCost(ABC):
    """Abstract: what training and Omega need to know about the cost of a pair; ``norm`` is its polar.

    Omega of a matrix is the projective tensor norm of the two norms.
    """

    def __init__(self, pair: Pair, norm: Norm):
        self.pair, self.norm = pair, norm
        self.sides = {"u": pair.row, "v": pair.col}

    @abstractmethod
    def tensor_norm(self, M: np.ndarray) -> float:
        """Omega of a matrix (m, n), which is non-negative under sign constraints."""

    def omega(self, M: np.ndarray) -> float:
        """Omega of any matrix (m, n): ``inf`` if sign constraints rule it out."""
        return np.inf if self.pair.nonnegative and np.any(M < 0) else self.tensor_norm(M)

    def least(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least Omega of a matrix that ``X`` (N, m, n) measures as ``F``; ``inf`` when there is none."""
        shape = X.shape[1:]

        def closed_form(m: np.ndarray, rank: int) -> float | None:
            if rank < len(m) or not self.norm.is_closed:
                return None
            if self.pair.nonnegative and m.min() >= -1e-9 * np.abs(m).max():
                m = np.maximum(m, 0.0)
            return self.omega(m.reshape(shape))

        return least_norm(
            X.reshape(len(X), -1), F, lambda rows: self.program(rows.reshape(-1, *shape)), closed_form
        )

    @abstractmethod
    def program(self, X: np.ndarray) -> Program:
        """``(prediction, omega, constraints)`` of measurements ``X`` (N, m, n) as CVXPY expressions."""

    def factorize(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
        """Balanced ``(u, v)`` with ``M = u^T v`` that cost ``omega(M)``, one factor a line or rank."""
        raise InputError("no closed form for the cheapest network with a given matrix")

    def merge(self, family: Any, factors: Factors) -> Arrays:
        """The cheapest network with this matrix, if it needs no more factors than there are."""
        u, v = self.factorize(family.matrix(factors))
        return {"u": u, "v": v} if len(u) <= width(factors) else Family.merge(family, factors)

    def vertex_side(self, shape: tuple[int, int]) -> int | None:
        """The side (0 or 1) whose factors should be vertices of a cube, if there is one."""
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
