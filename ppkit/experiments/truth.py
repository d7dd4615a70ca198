r"""Exact population risks: what a sweep compares its certified networks with.

The population is the design that ``family.random_inputs`` draws (independent standard Gaussian
entries) with targets ``Phi_teacher(x)`` plus centered noise that is independent of the input.
"""

import numpy as np

from .. import bounds
from ..errors import InputError
from ..factors import Factors
from ..families.base import Family
from ..families.gaussian import arc_cosine
from ..problem import Problem

__all__ = ["arc_cosine", "discrepancy", "population_objective", "prediction_error", "sampled_error"]

QUANTILE = 1.959963984540054  # of the standard normal law: intervals of 95%
CHUNK = 2_000


def prediction_error(
    family: Family, factors: Factors, teacher: Factors, n_test: int = 20_000, seed: int = 0
) -> tuple[float, float]:
    r"""``(value, half_width)`` of :math:`E_\mu \|\Phi_W(x) - \Phi_{\mathrm{teacher}}(x)\|^2`.

    The family's closed form where it has one, with half width zero; otherwise the mean
    over ``n_test`` fresh inputs, the same for every call with one ``seed``, with the half width of its
    95% interval by the central limit theorem.

    For the linear families (sensing, two-layer and deep linear networks, CP tensors) the closed form
    needs uncorrelated entries of variance one only: it is the same for random signs.

    Parameters
    ----------
    family : Family
    factors, teacher : mapping
        Two networks of the family, of any widths.
    """
    factors, teacher = family.check_factors(factors), family.check_factors(teacher)
    value = family.population_error(factors, teacher)
    if value is not None:
        return max(0.0, value), 0.0
    return sampled_error(family, factors, teacher, n_test, seed)


def sampled_error(
    family: Family, factors: Factors, teacher: Factors, n_test: int = 20_000, seed: int = 0
) -> tuple[float, float]:
    """:func:`prediction_error` from fresh inputs, for every family that takes inputs."""
    if family.input_shape is None:
        raise InputError(f"{family.name} has no inputs, hence none to draw")
    if n_test < 2:
        raise InputError(f"n_test must be at least 2, got {n_test!r}")
    rng, parts = np.random.default_rng(seed), []
    for start in range(0, n_test, CHUNK):
        X = family.random_inputs(rng, min(CHUNK, n_test - start))
        parts.append(np.sum((family.predict(factors, X) - family.predict(teacher, X)) ** 2, axis=1))
    losses = np.concatenate(parts)
    return float(losses.mean()), float(QUANTILE * losses.std(ddof=1) / np.sqrt(n_test))


def population_objective(
    family: Family,
    factors: Factors,
    teacher: Factors,
    lam: float,
    noise: float,
    n_test: int = 20_000,
    seed: int = 0,
) -> tuple[float, float]:
    r"""``(value, half_width)`` of :math:`\mathrm{NC}_\mu(W)` for the squared loss.

    ``noise`` is the standard deviation of each output's noise.
    """
    value, half = prediction_error(family, factors, teacher, n_test, seed)
    theta = float(np.sum(family.theta(family.check_factors(factors))))
    return 0.5 * (value + family.n_outputs * noise**2) + lam * theta, 0.5 * half


def discrepancy(problem: Problem, factors: Factors, teacher: Factors) -> tuple[float, float]:
    r"""``(lower, upper)`` of :math:`\Delta(W)` of T5 for the squared loss, where the population is exact.

    .. math:: \Delta(W) = \sup_{\theta(V) \le 1}
              |\langle \Phi_{\mathrm{teacher}} - \Phi_W, \phi(V)\rangle_\mu
               - \langle y - \Phi_W, \phi(V)\rangle_{\mu_N}|

    Both ends agree to rounding where the polar is exact; for ReLU networks in the plane they are as
    near as a fine grid of directions makes them.

    Parameters
    ----------
    problem : Problem
        A sample of the population with that teacher and centered, independent noise.

    Raises
    ------
    InputError
        A family without an exact population here, or another loss.
    """
    family, found = problem.family, None
    if problem.loss.is_quadratic:
        factors, teacher = family.check_factors(factors), family.check_factors(teacher)
        if family.linear_map(factors) is not None:
            return linear_discrepancy(problem, factors, teacher)
        found = family.population_discrepancy(problem.X, problem.residual(factors), factors, teacher)
    if found is None:
        raise InputError(f"no exact discrepancy for {family.name} with the {problem.loss.name} loss")
    return found


def linear_discrepancy(problem: Problem, factors: Factors, teacher: Factors) -> tuple[float, float]:
    """A finite population with the same inner products of predictions: scaled coordinate inputs."""
    family = problem.family
    shape = problem.X.shape[1:]
    n = int(np.prod(shape))
    X = np.sqrt(n) * np.eye(n).reshape(n, *shape)
    population = Problem(family, X, family.predict(teacher, X), problem.lam, problem.loss)
    return bounds.discrepancy(problem, population, factors)
