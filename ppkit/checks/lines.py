"""The largest dual norm of a line of a matrix: a closed form, the polar of pairs with an l1 side."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..rigor.balls import Balls
from .base import Checker, require


def lines_of(norm: Any, M: Any) -> Any:
    """The lines of ``M`` that ``norm`` measures (rows, or columns with ``norm.by_columns``)."""
    lines = M.T if norm.by_columns else M
    return np.maximum(lines, 0.0) if norm.nonnegative else lines


def lines_upper(norm: Any, M: np.ndarray, data: Mapping[str, np.ndarray]) -> float:
    """The largest dual norm of a line of ``M`` (m, n), of its positive part under sign constraints."""
    return float(np.max(norm.line.dual(lines_of(norm, M))))


def prove_lines(norm: Any, M: Balls, bound: float, data: Mapping[str, np.ndarray]) -> None:
    """The same for Balls ``M``."""
    require(norm.line.dual_at_most(lines_of(norm, M), bound))


LINES = Checker(lines_upper, prove_lines)
