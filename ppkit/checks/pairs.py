"""A pair of vector norms: what the operator norms without a closed form are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .vector_norms import LInf, VectorNorm


@dataclass(frozen=True)
class Pair:
    """The balls ``|u|_row <= 1`` and ``|v|_col <= 1``, their entries ``>= 0`` on request."""

    row: VectorNorm
    col: VectorNorm
    nonnegative: bool = False

    def gain(self, norm: VectorNorm, W: Any) -> Any:
        """The largest value of each row of ``W`` over the unit ball of ``norm``, one of the two."""
        return norm.dual(np.maximum(W, 0.0) if self.nonnegative else W)

    def touch(self, norm: VectorNorm, W: np.ndarray) -> np.ndarray:
        """Unit vectors that attain :meth:`gain`; zero where nothing is gained."""
        if not self.nonnegative:
            return norm.touch(W)
        return norm.touch(np.maximum(W, 0.0)) * (W > 0)

    def cube_side(self, shape: tuple[int, int]) -> int | None:
        """The side (0 or 1) with the smaller cube, None without "linf"."""
        sides = [k for k, norm in enumerate((self.row, self.col)) if isinstance(norm, LInf)]
        return min(sides, key=lambda k: shape[k], default=None)

    def seen_from(self, side: Any, S: Any) -> tuple[Pair, Any]:
        """The pair and the matrix with the given side (0 or 1) as rows."""
        if int(side) not in (0, 1):
            raise ValueError("a side is 0 or 1")
        return (self, S) if int(side) == 0 else (Pair(self.col, self.row, self.nonnegative), S.T)

    def dual_bound(self, shape: tuple[int, int]) -> float:
        """A constant c with ``u^T S v <= c |S|_F`` for unit ``u`` and ``v``."""
        return self.row.dual_bound(shape[0]) * self.col.dual_bound(shape[1])
