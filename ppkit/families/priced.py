"""Factors of two arrays whose cost is the product of two norms: a row norm and a column norm."""

from typing import Any

import numpy as np

from ..checks.pairs import Pair
from ..checks.vector_norms import parse_norm
from ..errors import InputError
from ..factors import Factors, Numbers
from ..polars.base import Norm
from .base import Family
from .draws import signed_coordinates
from .pair_kinds import pair_cost


class Priced(Family):
    """Abstract: factors ``u`` (r, m) and ``v`` (r, n) at the cost ``|u|_row |v|_col``.

    Parameters
    ----------
    row, col : "l1", "l2", "linf" or ("l1+l2", gamma)
        Norm of ``u`` and norm of ``v``; the last one is ``|.|_2 + gamma |.|_1``.
    nonnegative : bool
        Only factors with entries ``>= 0``.
    """

    def __init__(self, row: Any, col: Any, nonnegative: bool):
        self.row, self._row = parse_norm(row, f"{self.name}: row")
        self.col, self._col = parse_norm(col, f"{self.name}: col")
        if not isinstance(nonnegative, bool | np.bool_):
            raise InputError(f"{self.name}: nonnegative must be True or False, got {nonnegative!r}")
        self.nonnegative = bool(nonnegative)
        self.has_mirrors = not self.nonnegative
        self.pair = Pair(self.row, self.col, self.nonnegative)
        self.cost = pair_cost(self.pair)

    def params(self) -> dict[str, Any]:
        return {"row": self._row, "col": self._col, "nonnegative": self.nonnegative}

    def check_factors(self, factors: Any) -> dict[str, np.ndarray]:
        factors = super().check_factors(factors)
        if self.nonnegative and any(np.any(a < 0) for a in factors.values()):
            raise InputError(f"{self.name}: nonnegative=True, but the factors have negative entries")
        return factors

    def theta(self, factors: Factors) -> Numbers:
        return self.cost.theta(factors)

    @property
    def norm(self) -> Norm:
        return self.cost.norm

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

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        return self.cost.merge(self, factors)

    def factorize(self, M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Balanced ``(u, v)`` with ``M = u^T v`` and ``Theta = Omega(M)``, one factor a line or rank."""
        return self.cost.factorize(M)

    # ---- random draws -----------------------------------------------------------------------------

    def random_factors(self, rng: np.random.Generator, width: int) -> dict[str, np.ndarray]:
        factors = super().random_factors(rng, width)
        return {k: np.abs(a) for k, a in factors.items()} if self.nonnegative else factors

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
