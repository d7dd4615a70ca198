"""T9 and the constants of T6: the statements on draws, the numbers against closed forms."""

import itertools

import numpy as np
import pytest
from instances import FAMILIES

import ppkit
from ppkit import bounds
from ppkit.bounds.law import noise_size
from ppkit.experiments import truth
from ppkit.factors import take
from ppkit.families import (
    CPTensor,
    DeepLinear,
    DeepReLU,
    LinearAttention,
    MatrixFactorization,
    MatrixSensing,
    MultiHeadAttention,
    StructuredSensing,
    TwoLayerLinear,
    TwoLayerQuadratic,
    TwoLayerReLU,
)


def sensing(seed, N=120, shape=(5, 4), rank=1, noise=0.3):
    family, rng = MatrixSensing(shape), np.random.default_rng(seed)
    teacher = family.random_factors(rng, rank)
    A, e = family.random_inputs(rng, N), noise * rng.standard_normal((N, 1))
    return family, teacher, A, e


@pytest.mark.parametrize("ratio", [1.0, 2.0, 5.0])
def test_recovery_holds_at_certified_optima(ratio):
    for seed in range(15):
        family, teacher, A, e = sensing(seed, rank=1 + seed % 3)
        flat = A.reshape(len(A), -1)
        kappa = np.linalg.eigvalsh(flat.T @ flat / len(A))[0]
        polar = family.polar(A, e).upper
        problem = ppkit.Problem(family, A, family.predict(teacher, A) + e, ratio * polar)
        fit = ppkit.fit(problem, gap=1e-8)
        bound = bounds.recovery(
            problem.lam, polar, len(teacher["u"]), kappa, fit.certificate.gap, whole=ratio < 2
        )
        assert truth.prediction_error(family, fit.factors, teacher)[0] <= bound.value < np.inf


def test_recovery_holds_far_from_the_optimum():
    """Networks that were stopped early, or cut down to one factor, with the gap that they have."""
    family, teacher, A, e = sensing(3, rank=2)
    flat = A.reshape(len(A), -1)
    kappa, polar = np.linalg.eigvalsh(flat.T @ flat / len(A))[0], family.polar(A, e).upper
    problem = ppkit.Problem(family, A, family.predict(teacher, A) + e, 2 * polar)
    fit = ppkit.fit(problem, gap=1e-8)
    floor = fit.certificate.lower_bound
    rng = np.random.default_rng(0)
    networks = [take(fit.factors, slice(0, 1)), {k: 1.1 * a for k, a in fit.factors.items()}]
    networks += [
        {k: a + 0.1 * rng.standard_normal(a.shape) for k, a in fit.factors.items()} for _ in range(9)
    ]
    for W in networks:
        gap = problem.objective(W) - floor
        error = truth.prediction_error(family, W, teacher)[0]
        for whole in (True, False):
            assert error <= bounds.recovery(problem.lam, polar, 2, kappa, gap, whole).value


def test_recovery_is_sharp():
    """One number seen once: the estimate is soft thresholding, and the noise may point the wrong way."""
    lam, noise, truth_ = 0.5, -0.2, 3.0
    estimate = truth_ + noise - lam
    assert (estimate - truth_) ** 2 == pytest.approx(bounds.recovery(lam, 0.2, 1, 1.0, whole=True).value)


def test_recovery_without_its_hypotheses_is_infinite():
    assert bounds.recovery(0.19, 0.1, 1, 1.0).value == np.inf
    assert bounds.recovery(0.19, 0.1, 1, 1.0, whole=True).value < np.inf
    assert bounds.recovery(0.2, 0.1, 1, 0.0).value == np.inf
    with pytest.raises(ppkit.InputError):
        bounds.recovery(0.2, 0.1, 0, 1.0)
    with pytest.raises(ppkit.InputError):
        bounds.recovery(-0.2, 0.1, 1, 1.0)


def test_fast_rate_facts_hold():
    """The noise's polar, and the curvature on directions of the teacher's cone."""
    shape, N, rank, noise = (6, 5), 900, 1, 0.5
    bound = bounds.fast_rate(N, shape, rank, noise, delta=0.1)
    for seed in range(30):
        family, teacher, A, e = sensing(seed, N, shape, rank, noise)
        flat = A.reshape(N, -1)
        assert family.polar(A, e).upper <= bound.facts["noise polar"]
        assert np.linalg.eigvalsh(flat.T @ flat / N)[0] >= bound.facts["kappa"] > 0
        problem = ppkit.Problem(family, A, family.predict(teacher, A) + e, bound.facts["lam"])
        error = truth.prediction_error(family, ppkit.fit(problem, gap=1e-6).factors, teacher)[0]
        assert error <= bound.value


def test_fast_rate_is_linear_in_the_rank_and_in_one_over_n():
    def at(N, R):
        return bounds.fast_rate(N, (40, 40), R, 1.0).value

    assert at(10**8, 8) / at(10**8, 1) == pytest.approx(8, rel=0.02)
    assert at(10**9, 4) / at(10**8, 4) == pytest.approx(0.1, rel=0.02)


def test_the_clean_form_is_implied():
    """For N >= 400 R d^2 the bound is at most 32 sigma^2 R d^2 / N, as the page says."""
    for m, n, R, delta in ((1, 1, 1, 0.05), (30, 20, 3, 0.01), (200, 200, 40, 1e-6), (2, 2, 2, 0.9)):
        t = np.sqrt(2 * np.log(3 / delta))
        for factor, form in itertools.product((400, 4000), ("rank", "rows")):
            d2 = (noise_size(m, n, form) + t) ** 2
            N = int(np.ceil(factor * R * d2))
            value = bounds.fast_rate(N, (m, n), R, 0.7, delta=delta, structure=form).value
            assert value <= 32 * 0.49 * R * d2 / N
            assert (1 + np.sqrt(2)) / np.sqrt(bounds.gaussian_kappa(N, (m, n), R, t, form)) <= 3.3


def test_fast_rate_for_rows():
    """Teachers with two rows that are not zero, under the sum of the norms of the rows."""
    family, N = StructuredSensing((12, 4), row="l1"), 1500
    bound = bounds.fast_rate(N, (12, 4), 2, 0.5, structure="rows")
    assert bound.value < bounds.fast_rate(N, (12, 4), 2, 0.5).value
    for seed in range(20):
        rng = np.random.default_rng(seed)
        teacher = {"u": np.eye(12)[rng.permutation(12)[:2]], "v": rng.standard_normal((2, 4))}
        A, e = family.random_inputs(rng, N), 0.5 * rng.standard_normal((N, 1))
        assert family.polar(A, e).upper <= bound.facts["noise polar"]
        assert np.linalg.norm(A.reshape(N, -1), -2) ** 2 / N >= bound.facts["kappa"] > 0
        problem = ppkit.Problem(family, A, family.predict(teacher, A) + e, bound.facts["lam"])
        error = truth.prediction_error(family, ppkit.fit(problem, gap=1e-6).factors, teacher)[0]
        assert error <= bound.value


@pytest.mark.parametrize("structure", ["rank", "rows"])
def test_noise_size_is_above_the_mean(structure):
    rng = np.random.default_rng(0)
    for m, n in ((1, 1), (2, 5), (30, 3), (20, 20)):
        g = rng.standard_normal((400, m, n))
        sizes = np.linalg.norm(g, 2, axis=(1, 2)) if structure == "rank" else np.linalg.norm(g, axis=2).max(1)
        assert np.mean(sizes) <= noise_size(m, n, structure) <= 2.6 * np.mean(sizes)


def test_fast_rate_nonvacuous_from():
    N = int(bounds.fast_rate(10, (30, 30), 1, 0.5, vacuous=900.0).facts["nonvacuous_from"])
    value = [bounds.fast_rate(k, (30, 30), 1, 0.5).value for k in (N - 1, N)]
    assert value[1] < 900 <= value[0]
    assert bounds.fast_rate(10, (30, 30), 1, 0.5, lam=1e-3).value == np.inf
    with pytest.raises(ppkit.InputError, match="rank"):
        bounds.fast_rate(10, (3, 2), 3, 0.5)
    with pytest.raises(ppkit.InputError, match="structure"):
        bounds.fast_rate(10, (3, 2), 1, 0.5, structure="columns")


def test_regression_rate_covers():
    family, N, misses = TwoLayerLinear(6, 4), 80, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        teacher, X = family.random_factors(rng, 2), rng.standard_normal((N, 6)) * np.linspace(0.5, 2, 6)
        e = 0.5 * rng.standard_normal((N, 4))
        bound = bounds.regression_rate(X, 4, 2, 0.5, delta=0.3)
        misses += family.polar(X, e).upper > bound.facts["noise polar"]
        problem = ppkit.Problem(family, X, family.predict(teacher, X) + e, bound.facts["lam"])
        fit = ppkit.fit(problem, gap=1e-8)
        error = truth.prediction_error(family, fit.factors, teacher)[0]
        assert error <= bounds.recovery(problem.lam, family.polar(X, e).upper, 2, bound.facts["kappa"],
                                        fit.certificate.gap, whole=True).value or (
            family.polar(X, e).upper > problem.lam)  # fmt: skip
    assert misses <= 0.3 * 60


def test_regression_rate_needs_full_rank():
    assert bounds.regression_rate(np.ones((5, 2)), 1, 1, 0.1).value > 1e12
    assert bounds.regression_rate(np.zeros((5, 2)), 1, 1, 0.1).value == np.inf
    with pytest.raises(ppkit.InputError):
        bounds.regression_rate(np.ones(3), 1, 1, 0.1)


# ---- constants of T6 ----------------------------------------------------------------------------------


def unit_factors(family, rng, count):
    V = family.random_factors(rng, count)
    return family.scale(V, rng.random(count) ** 0.2 / family.theta(V))


@pytest.mark.parametrize(
    "family",
    [
        MatrixSensing((3, 2)),
        TwoLayerLinear(3, 2),
        TwoLayerReLU(3, 2),
        TwoLayerReLU(2, bias=True),
        TwoLayerQuadratic(3),
        DeepLinear((3, 2, 2)),
        DeepLinear((3, 2, 4, 2)),
        DeepReLU((3, 2, 4, 2)),
        CPTensor((3, 2, 2)),
        LinearAttention(2, 3, 2),
        LinearAttention(2, 3, 2, query="all"),
        MultiHeadAttention(2, 3, 2, 2),
        MultiHeadAttention(2, 3, 2, 2, query="all"),
        StructuredSensing((3, 2), row="l1", col="l1"),
    ],
    ids=repr,
)
def test_b_bounds_the_atoms_of_cost_one(family):
    rng = np.random.default_rng(0)
    X = family.random_inputs(rng, 30)
    sizes = family.input_sizes(X)
    V = unit_factors(family, rng, 400)
    norms = np.linalg.norm(family.atoms(V, X), axis=2).max(axis=0)
    for size, reached in zip(sizes, norms, strict=True):
        constants = bounds.unit_constants(family, float(size))
        assert reached <= constants["b"] * (1 + 1e-12)
        assert constants["dim"] == family.dim and constants["lipschitz"] >= 1.7


@pytest.mark.parametrize(
    "family", [DeepLinear((3, 2, 4, 2)), DeepReLU((3, 2, 4, 2)), CPTensor((3, 2, 2))], ids=repr
)
def test_lipschitz_constant_of_products(family):
    """All matrices of norm at most one: r = sqrt(L), so L_phi = Lambda b / r."""
    rng = np.random.default_rng(1)
    X = family.random_inputs(rng, 20)
    size = np.linalg.norm(X.reshape(20, -1), axis=1).max()
    constants = bounds.unit_constants(family, size)
    slope = constants["lipschitz"] * constants["b"] / np.sqrt(constants["lipschitz"])
    for _ in range(200):
        V, step = family.random_factors(rng, 1), family.random_factors(rng, 1)
        V = {k: a / np.linalg.norm(a) for k, a in V.items()}
        W = {k: a + rng.choice((1e-3, 1.0)) * step[k] for k, a in V.items()}
        W = {k: a / max(1.0, np.linalg.norm(a)) for k, a in W.items()}
        moved = np.sqrt(sum(np.sum((V[k] - W[k]) ** 2) for k in V))
        change = np.linalg.norm(family.atoms(V, X) - family.atoms(W, X), axis=2).max()
        assert change <= slope * moved * (1 + 1e-12)


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_lipschitz_constant_of_softmax_attention(radius):
    """Values of norm one, keys and queries in units of the radius: r = sqrt(3)."""
    family, rng = MultiHeadAttention(2, 3, 2, 1, radius=radius), np.random.default_rng(2)
    X = family.random_inputs(rng, 200)
    X = X / np.linalg.norm(X, axis=2, keepdims=True)
    slope = bounds.unit_constants(family, 1.0)["lipschitz"] / np.sqrt(3)
    steepest = 0.0
    for _ in range(300):
        V = {k: rng.standard_normal((1, *s)) for k, s in family.shapes.items()}
        V = {k: a / np.linalg.norm(a) for k, a in V.items()}
        W = {k: a + rng.choice((1e-3, 0.5)) * rng.standard_normal(a.shape) for k, a in V.items()}
        W = {k: a / max(1.0, np.linalg.norm(a)) for k, a in W.items()}
        moved = np.sqrt(sum(np.sum((V[k] - W[k]) ** 2) for k in V))
        sizes = {"V": 1.0, "K": radius, "Q": radius}
        V, W = ({k: sizes[k] * a for k, a in F.items()} for F in (V, W))
        change = np.linalg.norm(family.atoms(V, X) - family.atoms(W, X), axis=2).max()
        steepest = max(steepest, change / moved)
    assert steepest <= slope


def test_constants_are_refused_where_there_are_none():
    with pytest.raises(ppkit.InputError, match="no constants for matrix-factorization"):
        bounds.unit_constants(MatrixFactorization((3, 2)), 1.0)


def test_all_families_but_those_without_bounded_inputs_have_constants():
    def refuses(family):
        try:
            return bounds.unit_constants(family, 1.0)["b"] <= 0
        except ppkit.InputError:
            return True

    without = {name for name, cases in FAMILIES.items() if any(refuses(family) for family, _ in cases)}
    assert without == {"matrix-factorization", "relu-1d"}


@pytest.mark.parametrize("dim", [1, 2, 7, 100])
def test_gaussian_size_is_where_the_moment_is_two(dim):
    b = bounds.gaussian_size(dim)
    assert (1 - 2 / b**2) ** (-dim / 2) == pytest.approx(2)
    assert b**2 == pytest.approx(dim / np.log(2) + 1, rel=0.15)


def test_subgaussian_count_is_the_formula():
    N, R, D, B, b, b_y, slope, envelope, delta = 5000, 3, 5, 2.0, 1.5, 1.0, 2.0, 4.0, 0.1
    K = b * (b_y + B * b)
    q = envelope * (b_y + B * envelope) / K
    u = (R + 1) * D * np.log(1 + 8 * slope * q * N) + R * np.log(1 + 4 * q * N) + np.log(4 / delta)
    bound = bounds.parameter_count_subgaussian(N, R, D, B, b, b_y, slope, envelope, delta)
    assert bound.value == pytest.approx(K * (2 * np.sqrt(u / N) + (2 + np.log(4 / delta) / N) / N))
    few = bounds.parameter_count_subgaussian(10, R, D, B, b, b_y, slope, envelope, delta)
    assert few.terms["net and confidence"] > 2 * K
    with pytest.raises(ppkit.InputError, match="envelope"):
        bounds.parameter_count_subgaussian(N, R, D, B, b, b_y, slope, 1.0)


def test_subgaussian_count_holds_for_gaussian_sensing():
    """Delta(W) in closed form, far below the bound."""
    family = MatrixSensing((3, 2))
    b, envelope = bounds.gaussian_size(), bounds.gaussian_size(6)
    for seed in range(20):
        _, teacher, A, e = sensing(seed, 400, (3, 2), 1, 0.2)
        W = family.random_factors(np.random.default_rng(seed + 100), 2)
        problem = ppkit.Problem(family, A, family.predict(teacher, A) + e, 0.1)
        gap = family.matrix(teacher) - family.matrix(W) - family.adjoint(A, problem.residual(W))
        b_y = b * np.hypot(np.linalg.norm(family.matrix(teacher)), 0.2)
        count = bounds.parameter_count_subgaussian(400, 2, 5, problem.theta(W), b, b_y, 2.0, envelope)
        assert np.linalg.norm(gap, 2) <= count.value
