r"""The kinds of pairs of norms, each with its Omega, its program and its cheapest factors.

:func:`pair_cost` asks once which kind: with a closed form by rank (:class:`SpectralCost`) or by lines
(:class:`LinesCost`), or without one (:class:`HardCost`).
"""

from typing import Any

import numpy as np

from ..checks.pairs import Pair
from ..checks.vector_norms import LInf, VectorNorm
from ..factors import Factors, drop_dead, width
from ..polars.lines import LinesNorm
from ..polars.pairs import pair_norm
from ..polars.spectral import SpectralNorm
from ..programs.nuclear import Program, least_norm, matrix_program
from ..programs.pairs import cube_program, lines_program
from .outer_product import nuclear_norm, svd_split
from .pairs import Arrays, PairCost
from .patterns import merge_parallel


def pair_cost(pair: Pair) -> PairCost:
    """The cost of a pair of norms."""
    norm = pair_norm(pair.row, pair.col, pair.nonnegative)
    if isinstance(norm, SpectralNorm):
        return SpectralCost(pair, norm)
    return LinesCost(pair, norm) if isinstance(norm, LinesNorm) else HardCost(pair, norm)


class SpectralCost(PairCost):
    """Two l2 norms: Omega is the nuclear norm."""

    def tensor_norm(self, M: np.ndarray) -> float:
        return nuclear_norm(M)

    def program(self, X: np.ndarray) -> Program:
        return matrix_program(X.shape[1:], X.reshape(len(X), -1))

    def factorize(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
        return svd_split(M, tol)


class LinesCost(PairCost):
    """One l1 norm: Omega is the sum of the other norm over the lines, rows or columns."""

    norm: LinesNorm

    def lines(self, M: np.ndarray) -> np.ndarray:
        """The lines of ``M`` as rows."""
        return M.T if self.norm.by_columns else M

    def tensor_norm(self, M: np.ndarray) -> float:
        return float(np.sum(self.norm.line.value(self.lines(M))))

    def program(self, X: np.ndarray) -> Program:
        return lines_program(X, self.norm)

    def factorize(self, M: np.ndarray, tol: float = 1e-13) -> tuple[np.ndarray, np.ndarray]:
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

    def tensor_norm(self, M: np.ndarray) -> float:
        def program(rows: np.ndarray) -> Program:
            return self.program(rows.reshape(len(rows), *M.shape))

        return least_norm(np.eye(M.size), M.reshape(-1, 1), program)

    def program(self, X: np.ndarray) -> Program:
        return cube_program(self.pair, X)

    def vertex_side(self, shape: tuple[int, int]) -> int | None:
        return self.pair.cube_side(shape)

    def moving(self, norm: VectorNorm, a: np.ndarray) -> np.ndarray:
        """An entry at the boundary of its row's cube stays there: corners stay corners."""
        if not isinstance(norm, LInf):
            return super().moving(norm, a)
        inside = np.abs(a) < norm.value(a)[:, None] * (1 - 1e-9)
        return inside & (a > 0) if self.pair.nonnegative else inside

    def merge(self, family: Any, factors: Factors) -> Arrays:
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
            factors = self.balance(merge_parallel(factors, one, other, self.sides[one]))
        return drop_dead(family, factors)
