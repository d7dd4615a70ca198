"""Teachers: networks of R random factors of cost one, whose predictions a student is to recover."""

import numpy as np

from ..factors import Factors, append, width
from ..families.base import Family


def draw_teacher(family: Family, rng: np.random.Generator, n_factors: int) -> dict[str, np.ndarray]:
    """``n_factors`` random factors with ``theta = 1`` each, extreme among the factors of cost one.

    A factor that is not (a dense vector measured in l1, a path of full-rank layers) predicts what
    cheaper ones predict.
    """
    return unit(family, family.extreme_factors(rng, n_factors))


def near(
    family: Family, rng: np.random.Generator, teacher: Factors, n_factors: int, spread: float = 0.3
) -> dict[str, np.ndarray]:
    """A start of ``n_factors`` factors: the teacher's, moved by ``spread`` of the way to random ones."""
    away = unit(family, family.random_factors(rng, width(teacher)))
    start = {k: (1 - spread) * teacher[k] + spread * away[k] for k in teacher}
    return append(start, small(family, rng, max(0, n_factors - width(teacher))))


def small(
    family: Family, rng: np.random.Generator, n_factors: int, cost: float = 0.1
) -> dict[str, np.ndarray]:
    """``n_factors`` random factors of the given cost each."""
    factors = unit(family, family.random_factors(rng, n_factors))
    return family.scale(factors, np.full(n_factors, cost))


def unit(family: Family, factors: Factors) -> dict[str, np.ndarray]:
    """The factors balanced, and scaled to cost one each."""
    factors = family.balance(factors)
    return family.scale(factors, 1 / family.theta(factors))
