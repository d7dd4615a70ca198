"""Closed-form population risks against Monte Carlo over fresh inputs."""

import numpy as np
import pytest
from instances import CASES, label

import ppkit
from ppkit.experiments import truth
from ppkit.families import (
    CPTensor,
    DeepLinear,
    LinearAttention,
    MatrixFactorization,
    MatrixSensing,
    StructuredSensing,
    TwoLayerLinear,
    TwoLayerQuadratic,
    TwoLayerReLU,
)

EXACT = [
    MatrixSensing((4, 3)),
    StructuredSensing((4, 3), row="l1"),
    StructuredSensing((4, 3), row="l1", nonnegative=True),
    TwoLayerLinear(4, 3),
    DeepLinear((4, 2, 3)),
    TwoLayerQuadratic(4),
    TwoLayerReLU(3),
    TwoLayerReLU(2, 3),
    LinearAttention(2, 3, 2),
    LinearAttention(3, 4, 1, query="last"),
    LinearAttention(2, 3, 2, query="all"),
    LinearAttention(3, 1, 1),
    CPTensor((2, 3, 2)),
]


def pair(family, seed=0):
    rng = np.random.default_rng(seed)
    return family.random_factors(rng, 3), family.random_factors(rng, 2)


@pytest.mark.parametrize("family", EXACT, ids=repr)
def test_closed_form_against_monte_carlo(family):
    W, teacher = pair(family)
    value, half = truth.prediction_error(family, W, teacher)
    mean, interval = truth.sampled_error(family, W, teacher, n_test=100_000, seed=1)
    assert half == 0
    assert abs(value - mean) <= 2.5 * interval
    assert interval <= 0.1 * mean


@pytest.mark.parametrize("family", EXACT, ids=repr)
def test_zero_at_the_teacher_and_symmetric(family):
    W, teacher = pair(family)
    scale = truth.prediction_error(family, W, teacher)[0]
    assert truth.prediction_error(family, teacher, teacher)[0] <= 1e-12 * scale
    assert truth.prediction_error(family, teacher, W)[0] == pytest.approx(scale)


@pytest.mark.parametrize("family", EXACT[:5] + EXACT[-1:], ids=repr)
def test_linear_families_have_the_same_risk_under_signs(family):
    W, teacher = pair(family)
    X = np.random.default_rng(2).choice((-1.0, 1.0), (100_000, *family.input_shape))
    losses = np.sum((family.predict(W, X) - family.predict(teacher, X)) ** 2, axis=1)
    error = np.std(losses) / np.sqrt(len(losses))
    assert abs(losses.mean() - truth.prediction_error(family, W, teacher)[0]) <= 5 * error


def test_without_inputs_the_predictions_are_the_population():
    family = MatrixFactorization((4, 3))
    W, teacher = pair(family)
    expected = np.sum((family.matrix(W) - family.matrix(teacher)) ** 2)
    assert truth.prediction_error(family, W, teacher) == (pytest.approx(expected), 0.0)
    with pytest.raises(ppkit.InputError, match="no inputs"):
        truth.sampled_error(family, W, teacher)


def test_a_bias_falls_back_on_a_test_set_that_covers():
    family = TwoLayerReLU(1, bias=True)
    W, teacher = pair(family)
    x = np.linspace(-9, 9, 200_001)[:, None]
    density = np.exp(-(x[:, 0] ** 2) / 2) / np.sqrt(2 * np.pi)
    exact = np.sum(density * (family.predict(W, x) - family.predict(teacher, x))[:, 0] ** 2) * 9e-5
    runs = [truth.prediction_error(family, W, teacher, n_test=2_000, seed=k) for k in range(200)]
    assert truth.prediction_error(family, W, teacher, n_test=2_000, seed=7) == runs[7]
    assert 0.88 <= np.mean([abs(value - exact) <= half for value, half in runs]) <= 0.99


def test_arc_cosine_kernel():
    e = np.eye(2)
    expected = [[0.5, 1 / (2 * np.pi), 0.0], [1 / (2 * np.pi), 0.5, 1 / (2 * np.pi)]]
    assert np.allclose(truth.arc_cosine(e, np.vstack([e, -e[:1]])), expected)
    assert np.all(truth.arc_cosine(np.zeros((1, 2)), e) == 0)


def test_population_objective_against_a_large_sample():
    family = TwoLayerLinear(3, 2)
    W, teacher = pair(family)
    rng = np.random.default_rng(3)
    X = family.random_inputs(rng, 100_000)
    Y = family.predict(teacher, X) + 0.5 * rng.standard_normal((100_000, 2))
    value, half = truth.population_objective(family, W, teacher, 0.1, 0.5)
    assert half == 0
    assert value == pytest.approx(ppkit.Problem(family, X, Y, 0.1).objective(W), rel=0.02)


PRICED = [f for f in EXACT if f.name not in ("linear-attention", "two-layer-relu")]


@pytest.mark.parametrize("family", PRICED, ids=repr)
def test_discrepancy_against_a_large_population(family):
    """200,000 fresh inputs in place of the population: Delta changes by their own small discrepancy."""
    W, teacher = pair(family)
    rng = np.random.default_rng(4)

    def sample(N, noise):
        X = family.random_inputs(rng, N)
        Y = family.predict(teacher, X)
        return ppkit.Problem(family, X, Y + noise * rng.standard_normal(Y.shape), 0.1)

    problem, population = sample(40, 0.3), sample(200_000, 0.0)
    lower, upper = truth.discrepancy(problem, W, teacher)
    seen = ppkit.bounds.discrepancy(problem, population, W)
    assert 0 < lower <= upper <= lower * (1 + 1e-2)
    assert lower == pytest.approx(seen[1], rel=0.06)


def test_discrepancy_dominates_every_factor():
    family = TwoLayerReLU(2, 2)
    W, teacher = pair(family)
    rng = np.random.default_rng(5)
    X = family.random_inputs(rng, 30)
    problem = ppkit.Problem(family, X, family.predict(teacher, X), 0.1)
    V = family.random_factors(rng, 3000)
    V = family.scale(V, 1 / family.theta(V))
    price = truth.arc_cosine(V["v"], teacher["v"]) @ teacher["u"] - truth.arc_cosine(V["v"], W["v"]) @ W["u"]
    seen = np.einsum("rik,ik->r", family.atoms(V, X), problem.residual(W)) / 30
    reached = np.max(np.abs(np.sum(price * V["u"], axis=1) - seen))
    lower, upper = truth.discrepancy(problem, W, teacher)
    assert 0.98 * lower <= reached <= upper


def test_discrepancy_is_refused_where_it_is_not_exact():
    for family in (LinearAttention(2, 3), TwoLayerReLU(3)):
        W, teacher = pair(family)
        X = family.random_inputs(np.random.default_rng(6), 5)
        problem = ppkit.Problem(family, X, family.predict(teacher, X), 0.1)
        with pytest.raises(ppkit.InputError, match="exact discrepancy"):
            truth.discrepancy(problem, W, teacher)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_every_registered_family_has_a_risk(case):
    family = case[0]
    W, teacher = pair(family)
    radius = family.params().get("radius", np.inf)
    W, teacher = ({k: clip(a, radius) for k, a in F.items()} for F in (W, teacher))
    value, half = truth.prediction_error(family, W, teacher, n_test=500)
    assert value > 0 and 0 <= half < np.inf


def clip(a, radius):
    """Matrices (r, ...) scaled into the ball of that radius."""
    norm = np.linalg.norm(a.reshape(len(a), -1), axis=1).reshape(-1, *[1] * (a.ndim - 1))
    return a * np.minimum(1.0, radius / norm)


def test_bad_input():
    family = TwoLayerReLU(2, bias=True)
    W, teacher = pair(family)
    with pytest.raises(ppkit.InputError, match="n_test"):
        truth.prediction_error(family, W, teacher, n_test=1)
    with pytest.raises(ppkit.InputError):
        truth.prediction_error(family, {"u": W["u"]}, teacher)
