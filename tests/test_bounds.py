"""Generalization bounds: T5 on populations that are known exactly, and the discrepancy as a polar."""

import numpy as np
import pytest
from scipy.stats import binom

import ppkit
from ppkit import bounds
from ppkit.factors import zero_network
from ppkit.families import (
    LinearAttention,
    MatrixFactorization,
    MatrixSensing,
    StructuredSensing,
    TwoLayerLinear,
    TwoLayerReLU,
)


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


def test_infinite_price_at_zero_cost_is_infinite():
    """Zero times infinity is infinity: the statement needs a finite polar and a finite Delta."""
    family = TwoLayerLinear(2, 1)
    problem = ppkit.Problem(family, np.eye(2), np.ones(2), lam=0.1)
    assert bounds.master(problem, zero_network(family), 0.0, np.inf).value == np.inf

    class Unpriced:
        lam, theta, euler = 0.1, staticmethod(lambda W: 0.0), staticmethod(lambda W: 0.0)

        @staticmethod
        def polar(W, effort, seed):
            return ppkit.Polar(0.0, np.inf, None, "heuristic")

    assert bounds.master(Unpriced, None, 0.0, 0.1).value == np.inf
    with pytest.raises(ppkit.InputError, match="finite"):
        bounds.master(problem, zero_network(family), np.inf, 0.1)


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


# ---- T8 -------------------------------------------------------------------------------------------


def all_signs(n):
    return np.array(np.meshgrid(*[[-1.0, 1.0]] * n)).reshape(n, -1).T


@pytest.mark.parametrize("family", [MatrixSensing((3, 2)), TwoLayerReLU(2, 1)], ids=lambda f: f.name)
def test_rademacher_interval_holds_the_exact_mean(family):
    X = family.random_inputs(np.random.default_rng(0), 8)
    exact = 2.0 * np.mean([family.polar(X, s[:, None]).upper for s in all_signs(8)])
    bound = bounds.rademacher(family, X, 2.0, draws=40, delta=1e-3)
    assert bound.facts["lower"] <= exact <= bound.value == pytest.approx(bound.facts["upper"])
    many = bounds.rademacher(family, X, 2.0, draws=2000, delta=1e-3)
    assert many.terms["mean over signs"] == pytest.approx(exact, rel=0.05)


def test_rademacher_margin_covers():
    """A single sign pattern and the margin: an upper bound at least as often as promised."""
    family = MatrixSensing((3, 2))
    X = family.random_inputs(np.random.default_rng(1), 6)
    exact = np.mean([family.polar(X, s[:, None]).upper for s in all_signs(6)])
    a = bounds.unit_envelope(family, X)
    runs = [bounds.rademacher(family, X, 1.0, 1, 0.2, envelope=a, seed=k) for k in range(200)]
    assert np.mean([r.value < exact for r in runs]) <= 0.2
    assert np.mean([r.facts["lower"] > exact for r in runs]) <= 0.2


def test_rademacher_dominates_random_networks():
    """The supremum over the ball, sampled from below."""
    family = TwoLayerReLU(2, 1)
    rng = np.random.default_rng(2)
    X = rng.standard_normal((12, 2))
    V = family.random_factors(rng, 3000)
    atoms = family.atoms(family.scale(V, 1 / family.theta(V)), X)[:, :, 0]
    sigma = rng.choice((-1.0, 1.0), 12)
    reached = np.max(atoms @ sigma) / 12
    polar = family.polar(X, sigma[:, None]).upper
    assert reached <= polar <= 1.02 * reached


def test_the_complexity_follows_the_scale_of_the_inputs():
    family = LinearAttention(3, 4)
    X = family.random_inputs(np.random.default_rng(0), 6)
    base = bounds.rademacher(family, X, 1.0, 10)
    for scale in (1e-90, 1e90):
        found = bounds.rademacher(family, X * scale, 1.0, 10)
        assert np.isclose(found.value, base.value * scale**3, rtol=1e-9, atol=0)
        assert np.isclose(found.facts["upper"], base.facts["upper"] * scale**3, rtol=1e-9, atol=0)


def test_envelope_is_the_spectral_norm_of_each_measurement():
    family = MatrixSensing((3, 2))
    X = family.random_inputs(np.random.default_rng(3), 5)
    assert np.allclose(bounds.unit_envelope(family, X)[:, 0], [np.linalg.norm(A, 2) for A in X])


def test_rademacher_bound_terms():
    family = TwoLayerLinear(3, 2)
    X = family.random_inputs(np.random.default_rng(4), 20)
    L, M = bounds.loss_constants("squared", 1.5, 1.0, 2.0, 2)
    assert (L, M) == (4.0, 8.0)
    bound = bounds.rademacher(family, X, 2.0, 30, 0.1, L, M, vacuous=1.0)
    assert bound.terms["confidence"] == pytest.approx(3 * M * np.sqrt(np.log(2 / 0.09) / 40))
    assert bound.facts["contraction"] == pytest.approx(np.sqrt(2))
    assert bound.facts["nonvacuous_from"] == np.ceil(20 * bound.value**2)
    alone = bounds.rademacher(family, X, 2.0, 30, 0.01)
    assert bound.terms["complexity"] + bound.terms["Monte Carlo"] == pytest.approx(
        2 * np.sqrt(2) * L * alone.value
    )


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_loss_constants_hold_on_a_grid(loss):
    b, b_y, B = 0.7, 1.0, 2.0
    L, M = bounds.loss_constants(loss, b, b_y, B)
    f = np.linspace(-B * b, B * b, 201)[:, None]
    for y in (-b_y, b_y):
        form = ppkit.losses.get_loss(loss)
        Y = np.full_like(f, y)
        assert np.max(np.abs(form.gradient(Y, f))) <= L + 1e-12
        assert np.min(form.value(Y, f)) >= 0 and np.max(form.value(Y, f)) <= M + 1e-12


def test_rademacher_rejects_bad_input():
    family = MatrixSensing((3, 2))
    X = family.random_inputs(np.random.default_rng(5), 4)
    wrong = ({"delta": 0.0}, {"delta": 1.0}, {"draws": 0}, {"lipschitz": 1.0})
    for envelope in (np.ones(4), -np.ones((4, 1)), "large", [[1.0], [1.0, 2.0]], np.full((4, 1), np.nan)):
        wrong += ({"envelope": envelope},)
    for options in wrong:
        with pytest.raises(ppkit.InputError):
            bounds.rademacher(family, X, 1.0, **options)
    with pytest.raises(ppkit.InputError):
        bounds.rademacher(family, X, -1.0)
    with pytest.raises(ppkit.InputError, match="no inputs"):
        bounds.rademacher(MatrixFactorization((3, 2)), None, 1.0)


# ---- T6 ---------------------------------------------------------------------------------------------


def test_parameter_count_is_the_formula():
    N, R, D, B, b, b_y, slope, delta = 1000, 3, 5, 2.0, 1.5, 1.0, 2.0, 0.1
    K = b * (b_y + B * b)
    entropy = (R + 1) * D * np.log(1 + 8 * slope * N) + R * np.log(1 + 4 * N) + np.log(2 / delta)
    bound = bounds.parameter_count(N, R, D, B, b, b_y, slope, delta)
    assert bound.value == pytest.approx(K * np.sqrt(2 * entropy / N) + 2 * K / N)
    assert bound.facts["K"] == K


@pytest.mark.parametrize("level", [None, 0.3])
def test_nonvacuous_from_is_where_the_bound_crosses(level):
    def at(N):
        return bounds.parameter_count(N, 4, 3, 1.0, 1.0, 0.75, 2.0, vacuous=level)

    N = int(at(10).facts["nonvacuous_from"])
    target = 2 * at(10).facts["K"] if level is None else level
    assert at(N).value < target <= at(N - 1).value
    wide = bounds.parameter_count(10, 8, 3, 1.0, 1.0, 0.75, 2.0, vacuous=target)
    assert 1.5 < wide.facts["nonvacuous_from"] / N < 2.5


def test_parameter_count_and_width_free_hold_on_a_finite_population():
    """Signs as inputs, one output: every law is finite, Delta is a spectral norm."""
    family = MatrixSensing((2, 2))
    rng = np.random.default_rng(0)
    for _ in range(20):
        A = rng.choice((-1.0, 1.0), (500, 2, 2))
        truth = rng.standard_normal((2, 2)) / 4
        y = np.einsum("imn,mn->i", A, truth)
        problem = ppkit.Problem(family, A, y, 0.1)
        W = family.random_factors(rng, 2)
        theta, b_y = problem.theta(W), np.abs(truth).sum()
        delta = np.linalg.norm(truth - family.matrix(W) - family.adjoint(A, problem.residual(W)), 2)
        assert delta <= bounds.parameter_count(500, 2, 4, theta, 2.0, b_y, 2.0).value
        assert delta <= bounds.width_free(500, 4, theta, 2.0, b_y, 2.0).value


@pytest.mark.parametrize("N", [0, -3, 10.5])
def test_sample_sizes_are_positive_integers(N):
    with pytest.raises(ppkit.InputError, match="n_samples"):
        bounds.parameter_count(N, 1, 3, 1.0, 1.0, 1.0, 2.0)


def test_constants_cannot_be_halved():
    """T6, T7 on coins and T8 on all bounded functions: two thirds of each of them would be false."""
    N, delta = 20_000, 1e-150
    heads = np.arange(N, N // 2, -1)
    tail = np.log(2) + np.logaddexp.accumulate(binom.logpmf(heads, N, 0.5))
    strayed = 2 * heads[np.argmax(tail > np.log(delta))] / N - 1  # with probability above delta
    count = bounds.parameter_count(N, 1, 1, 1.0, 1.0, 0.5, 1.0, delta).value
    free = bounds.width_free(N, 1, 1.0, 1.0, 0.5, 1.0, delta).facts
    for truth, bound in ((1.5, count), (0.5, free["Delta_y"]), (1.0, free["Delta_2"])):
        assert 2 / 3 * bound < truth * strayed <= bound
    n, N, B, rng = 4000, 500, 0.05, np.random.default_rng(0)
    family, k = StructuredSensing((1, n), row="l1", col="linf"), rng.integers(0, n, N)
    A = np.zeros((N, 1, n))
    A[np.arange(N), 0, k] = 1
    unseen, ones = 1 - len(np.unique(k)) / n, np.ones((N, 1))
    bound = bounds.rademacher(family, A, B, 10, 0.05, 1 + B, 2 * B, envelope=ones).value
    assert 2 / 3 * bound < 2 * B * unseen <= bound
    polar = bounds.width_free_rademacher(
        ppkit.Problem(family, A, ones, 0.1), 1.0, 1.0, 1.0, 10, envelope=ones
    )
    assert 2 / 3 * polar.facts["Delta_y"] < 2 * unseen <= polar.facts["Delta_y"]
    assert polar.facts["Delta_2"] / 6 < 2 * unseen <= polar.facts["Delta_2"] / 4
