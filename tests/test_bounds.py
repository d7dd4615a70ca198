"""Generalization bounds: T5 on populations that are known exactly, and the discrepancy as a polar."""

import numpy as np
import pytest

import ppkit
from ppkit import bounds
from ppkit.families import MatrixFactorization, MatrixSensing, TwoLayerLinear, TwoLayerReLU
from ppkit.families.base import zero_network


def two_samples(family, seed, n=15, m=40, lam=0.2):
    """A sample and a finite population of the same teacher, not related otherwise."""
    rng = np.random.default_rng(seed)
    teacher = family.random_factors(rng, 2)
    problems = []
    for size in (n, m):
        X = family.random_inputs(rng, size)
        Y = family.predict(teacher, X) + 0.3 * rng.standard_normal((size, family.n_outputs))
        problems.append(ppkit.Problem(family, X, Y, lam))
    return (*problems, rng)


FAMILIES = [MatrixSensing((4, 3)), TwoLayerLinear(3, 2), TwoLayerReLU(2, 1)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@pytest.mark.parametrize("seed", range(4))
def test_master_theorem_between_two_finite_laws(family, seed):
    sample, population, rng = two_samples(family, seed)
    W = family.random_factors(rng, int(rng.integers(0, 4)))
    delta = bounds.discrepancy(sample, population, W)[1]
    for width in (0, 1, 3):
        other = family.random_factors(rng, width)
        bound = bounds.master(sample, W, population.theta(other), delta)
        assert population.objective(W) <= population.objective(other) + bound.value + 1e-9


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_discrepancy_dominates_every_factor_and_is_attained(family):
    sample, population, rng = two_samples(family, 7)
    W = family.random_factors(rng, 2)
    lower, upper = bounds.discrepancy(sample, population, W)
    V = family.random_factors(rng, 500)
    V = family.scale(V, 1 / family.theta(V))
    price = [
        np.einsum("rik,ik->r", family.atoms(V, p.X), p.residual(W)) / p.n_samples
        for p in (population, sample)
    ]
    assert np.max(np.abs(price[0] - price[1])) <= upper
    assert 0 < lower <= upper <= lower * (1 + 1e-6)


def test_discrepancy_closed_form():
    family = MatrixSensing((4, 3))
    sample, population, rng = two_samples(family, 3)
    W = family.random_factors(rng, 2)
    difference = family.adjoint(population.X, population.residual(W)) - family.adjoint(
        sample.X, sample.residual(W)
    )
    lower, upper = bounds.discrepancy(sample, population, W)
    assert lower <= np.linalg.norm(difference, 2) * (1 + 1e-12) <= upper * (1 + 2e-12)


def test_discrepancy_of_a_sample_with_itself_is_rounding():
    sample, _, rng = two_samples(TwoLayerLinear(3, 2), 1)
    assert bounds.discrepancy(sample, sample, sample.family.random_factors(rng, 2))[1] < 1e-10


def test_terms_are_those_of_the_statement():
    sample, _, rng = two_samples(MatrixSensing((4, 3)), 2)
    W = sample.family.random_factors(rng, 3)
    bound = bounds.master(sample, W, 1.5, 0.25)
    rho = sample.polar(W).upper / sample.lam
    assert bound.terms["euler"] == sample.euler(W)
    assert bound.terms["polar"] == pytest.approx(sample.lam * 1.5 * (rho - 1))
    assert bound.terms["statistical"] == pytest.approx((1.5 + sample.theta(W)) * 0.25)
    assert float(bound) == bound.value == sum(bound.terms.values())
    assert "statistical" in str(bound)


def test_dropping_the_euler_term_breaks_it():
    """One pair, y = 1, the network 3: only the Euler residual knows that it overshoots."""
    family = TwoLayerLinear(1, 1)
    problem = ppkit.Problem(family, np.ones((1, 1)), np.ones(1), lam=0.1)
    W = {"u": np.full((1, 1), np.sqrt(3)), "v": np.full((1, 1), np.sqrt(3))}
    bound = bounds.master(problem, W, 0.0, 0.0)
    excess = problem.objective(W) - problem.objective(zero_network(family))
    assert bound.value - bound.terms["euler"] < excess <= bound.value


def test_bad_input():
    sample, population, rng = two_samples(MatrixSensing((4, 3)), 2)
    W = sample.family.random_factors(rng, 1)
    for omega, delta in ((-1.0, 0.1), (np.nan, 0.1), (1.0, -0.1), ("a", 0.1)):
        with pytest.raises(ppkit.InputError):
            bounds.master(sample, W, omega, delta)
    other = ppkit.Problem(population.family, population.X, population.Y, 0.2, loss="huber")
    with pytest.raises(ppkit.InputError, match="same family"):
        bounds.discrepancy(sample, other, W)
    matrix = ppkit.Problem(MatrixFactorization((3, 2)), None, np.ones((3, 2)), 0.1)
    with pytest.raises(ppkit.InputError, match="no inputs"):
        bounds.discrepancy(matrix, matrix, matrix.family.random_factors(rng, 1))
