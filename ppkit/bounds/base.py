"""What every bound is made of: a sum of named terms, and checks of what goes in."""

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Bound:
    """An upper bound as the sum of named terms.

    Attributes
    ----------
    terms : mapping name -> float
        What is added up.
    facts : mapping name -> float
        Constants and intermediate values that the terms were made of.
    """

    terms: Mapping[str, float]
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The bound: the sum of its terms."""
        return float(sum(self.terms.values()))

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        rows = [*self.terms.items(), ("bound", self.value)]
        return "\n".join(f"{name:<24} {value:.6g}" for name, value in rows)


def first_below(terms: Callable[[int], Mapping[str, float]], level: float) -> float:
    """The least N from which on the sum of ``terms(N)``, decreasing in N, is below ``level``; inf if none."""
    if not level > 0:
        return np.inf
    low, high = 0, 1
    while sum(terms(high).values()) >= level:
        low, high = high, 2 * high
        if high > 2**200:
            return np.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(terms(middle).values()) >= level else (low, middle)
    return float(high)


def probability(value: Any) -> float:
    """``value`` as a float, or :class:`InputError` when it is not strictly between 0 and 1."""
    if not isinstance(value, numbers.Real) or not 0 < float(value) < 1:
        raise InputError(f"delta must lie strictly between 0 and 1, got {value!r}")
    return float(value)


def nonnegative(name: str, value: Any) -> float:
    """``value`` as a float, or :class:`InputError` when it is not a number of at least zero."""
    if not isinstance(value, numbers.Real) or not float(value) >= 0:
        raise InputError(f"{name} must be a number of at least 0, got {value!r}")
    return float(value)


def positive_integer(name: str, value: Any) -> None:
    """Raise :class:`InputError` unless ``value`` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be a positive integer, got {value!r}")
