r"""Vector norms with their duals, row by row: what a pair of norms induces on matrices.

Every function takes a stack of vectors, shape (k, d), and works on each row.  The norms are
*absolute* (signs do not matter) and therefore *monotone* (larger absolute entries, larger norm).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Numbers
from ..rigor.balls import Balls
from ..rigor.margins import EPS
from ..rigor.matrices import at_most
from ..rigor.scales import lifted, unit_rows


class VectorNorm(ABC):
    """An absolute norm on vectors of any length."""

    orthantwise: bool
    """Whether it is smooth only where no entry changes its sign."""

    @abstractmethod
    def value(self, a: Numbers) -> Numbers:
        """The norm of each row, shape (k,)."""

    @abstractmethod
    def smooth(self, a: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(value (k,), gradient (k, d))`` of the norm's extension from the orthant of ``sign``.

        It equals the norm where the entries have these signs, and is smooth off the zero rows, where
        its gradient is taken to be that of the l1 part.
        """

    @abstractmethod
    def dual(self, w: Numbers) -> Numbers:
        """The dual norm of each row, shape (k,): ``max <w, v>`` over the unit ball."""

    def dual_at_most(self, w: Balls, bound: Any) -> bool:
        """Whether the dual norm of every row is proved to be at most ``bound``, for Balls ``w``."""
        return at_most(self.dual(w), bound)

    @abstractmethod
    def touch(self, w: np.ndarray) -> np.ndarray:
        """A unit vector for each row that attains the dual norm, (k, d); any one for a zero row."""

    def dual_bound(self, d: int) -> float:
        """A constant c with ``dual(w) <= c |w|_2`` for w of length ``d``."""
        return 1.0

    def tangent(self, center: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """A vector p for each box around a row of ``center`` with ``<p, a> <= |a|``, nearly equal inside."""
        raise ValueError(f"no tangents for {type(self).__name__}")


class L1(VectorNorm):
    """Sum of absolute entries; the dual norm is the largest absolute entry."""

    orthantwise = True

    def value(self, a: Numbers) -> Numbers:
        return np.abs(a).sum(axis=1)

    def smooth(self, a: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.sum(sign * a, axis=1), sign

    def dual(self, w: Numbers) -> Numbers:
        return np.abs(w).max(axis=1)

    def touch(self, w: np.ndarray) -> np.ndarray:
        v = np.zeros_like(w)
        top = np.arange(len(w)), np.abs(w).argmax(axis=1)
        v[top] = np.where(w[top] < 0, -1.0, 1.0)
        return v


class L2(VectorNorm):
    """The Euclidean norm, its own dual."""

    orthantwise = False

    def value(self, a: Numbers) -> Numbers:
        return np.linalg.norm(a, axis=1)

    def smooth(self, a: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        length = self.value(a)
        return length, a / np.where(length > 0, length, 1.0)[:, None]

    def dual(self, w: Numbers) -> Numbers:
        return np.linalg.norm(w, axis=1)

    def touch(self, w: np.ndarray) -> np.ndarray:
        return unit_rows(w)

    def tangent(self, center: np.ndarray, radius: np.ndarray) -> np.ndarray:
        return center / self.value(center)[:, None]


class LInf(VectorNorm):
    """The largest absolute entry; the dual norm is the sum of absolute entries."""

    orthantwise = False

    def value(self, a: Numbers) -> Numbers:
        return np.abs(a).max(axis=1)

    def smooth(self, a: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The norm itself, which has kinks where entries tie: of use only inside the unit box."""
        top = np.arange(len(a)), np.abs(a).argmax(axis=1)
        slope = np.zeros_like(a)
        slope[top] = np.sign(a[top])
        return self.value(a), slope

    def dual(self, w: Numbers) -> Numbers:
        return np.abs(w).sum(axis=1)

    def touch(self, w: np.ndarray) -> np.ndarray:
        return np.where(w < 0, -1.0, 1.0)

    def dual_bound(self, d: int) -> float:
        return float(np.sqrt(d))


@dataclass(frozen=True)
class L1L2(VectorNorm):
    r"""The mixture :math:`|v|_2 + \gamma|v|_1`, ``gamma > 0``.

    The dual norm of ``w`` is the one t with :math:`\|(|w| - \gamma t)_+\|_2 = t`.
    """

    gamma: float
    orthantwise = True

    def value(self, a: Numbers) -> Numbers:
        return np.linalg.norm(a, axis=1) + self.gamma * np.abs(a).sum(axis=1)

    def smooth(self, a: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        length, slope = L2().smooth(a, sign)
        return length + self.gamma * np.sum(sign * a, axis=1), slope + self.gamma * sign

    def dual(self, w: Numbers) -> Numbers:
        """Newton from the left on a convex, decreasing function; rounded towards above."""
        w = np.abs(w)
        t = np.zeros(len(w))
        for _ in range(100):
            rest = np.maximum(w - self.gamma * t[:, None], 0.0)
            length = np.linalg.norm(rest, axis=1)
            excess = length - t
            if np.all(excess <= 4 * EPS * t):
                break
            steep = 1 + self.gamma * rest.sum(axis=1) / np.where(length > 0, length, 1.0)
            t = t + np.maximum(excess, 0.0) / steep
        return t + np.maximum(excess, 0.0)

    def dual_at_most(self, w: Balls, bound: Any) -> bool:
        rest = np.maximum(np.abs(w) - self.gamma * Balls(bound), 0.0)
        return at_most(np.linalg.norm(rest, axis=1), bound)

    def touch(self, w: np.ndarray) -> np.ndarray:
        w = lifted(nonzero_rows(w))[0]
        rest = np.maximum(np.abs(w) - self.gamma * self.dual(w)[:, None], 0.0)
        return np.sign(w) * rest / self.value(rest)[:, None]

    def tangent(self, center: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """A slope of ``|a_i|`` that is right on both sides of a box that does not cross zero."""
        one_sign = np.abs(center) >= radius
        slope = np.where(one_sign, np.sign(center), center / np.where(one_sign, 1.0, radius))
        return L2().tangent(center, radius) + self.gamma * slope


def nonzero_rows(w: np.ndarray) -> np.ndarray:
    """``w`` with each zero row replaced by the first unit vector."""
    w = np.array(w, float)
    w[~w.any(axis=1), :1] = 1.0
    return w


SIMPLE: dict[str, type[L1] | type[L2] | type[LInf]] = {"l1": L1, "l2": L2, "linf": LInf}


def parse_norm(spec: Any, what: str) -> tuple[VectorNorm, Any]:
    """``(norm, JSON-ready spec)`` of ``"l1"``, ``"l2"``, ``"linf"`` or ``("l1+l2", gamma)``."""
    if isinstance(spec, str) and spec in SIMPLE:
        return SIMPLE[spec](), spec
    if isinstance(spec, tuple | list) and len(spec) == 2 and spec[0] == "l1+l2":
        gamma = spec[1]
        if isinstance(gamma, int | float) and not isinstance(gamma, bool) and 0 < gamma < np.inf:
            return L1L2(float(gamma)), ["l1+l2", float(gamma)]
    raise InputError(f'{what} must be "l1", "l2", "linf" or ("l1+l2", gamma) with gamma > 0, got {spec!r}')
