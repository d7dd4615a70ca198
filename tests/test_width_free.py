"""T7: formulas, the event on populations that are known, the worst network, and bad input."""

import numpy as np
import pytest

import ppkit
from ppkit import bounds
from ppkit.factors import zero_network
from ppkit.families import MatrixFactorization, StructuredSensing, TwoLayerLinear, TwoLayerReLU


def unit(rng, *shape):
    z = rng.standard_normal(shape)
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def linear_population(seed=0, n_x=3, n_y=2, m=150):
    """``(family, X, Y)`` with inputs on the sphere."""
    rng = np.random.default_rng(seed)
    X = unit(rng, m, n_x)
    return (
        TwoLayerLinear(n_x, n_y),
        X,
        X @ rng.standard_normal((n_x, n_y)) / 3 + 0.1 * rng.choice((-1, 1), (m, n_y)),
    )


def apart(X, Y, i):
    """``(Delta_y, Delta_2)`` of two-layer linear networks, exactly."""
    x, y = X[i], Y[i]
    return (
        np.linalg.norm(X.T @ Y / len(X) - x.T @ y / len(i), 2),
        np.linalg.norm(X.T @ X / len(X) - x.T @ x / len(i), 2),
    )


# ---- formulas ---------------------------------------------------------------------------------------


def test_counting_is_the_formula_and_affine_in_theta():
    N, D, b, b_y, slope, delta = 1000, 5, 1.5, 1.0, 2.0, 0.1
    zero, one, two = (bounds.width_free(N, D, t, b, b_y, slope, delta) for t in (0.0, 1.0, 2.0))
    root = np.sqrt(2 / N * (D * np.log(1 + 2 * slope * N) + np.log(4 / delta)))
    pair = np.sqrt(2 / N * (2 * D * np.log(1 + 4 * slope * N) + np.log(4 / delta)))
    assert zero.value == pytest.approx(b * b_y * (root + 2 / N))
    assert two.value - one.value == pytest.approx(b**2 * (pair + 2 / N))
    assert two.value == pytest.approx(two.facts["Delta_y"] + 2 * two.facts["Delta_2"])


def test_light_tails_is_the_formula_on_both_sides_of_bernstein():
    b, b_y, slope, envelope, delta, D = 1.5, 0.7, 2.0, 3.0, 0.1, 4
    for N in (5, 5000):
        q, e = 2.0, (2 + np.log(4 / delta) / N) / N
        u = D * np.log(1 + 2 * slope * q * N) + np.log(8 / delta)
        v = 2 * D * np.log(1 + 4 * slope * q**2 * N) + np.log(8 / delta)
        psi = [2 * np.sqrt(z / N) if z <= N else 1 + z / N for z in (u, v)]
        bound = bounds.width_free_subgaussian(N, D, 3.0, b, b_y, slope, envelope, delta)
        assert bound.terms["target"] == pytest.approx(b * b_y * (psi[0] + e))
        assert bound.terms["pairs"] == pytest.approx(3 * b**2 * (psi[1] + e))
        assert bound.facts["q"] == q


def test_gaussian_sensing_is_the_formula():
    N, theta, tau = 4000, 2.0, 1.3
    t, s = 7 * np.log(9) + np.log(8 / 0.05), 14 * np.log(17) + np.log(8 / 0.05)
    bound = bounds.width_free_sensing(N, (3, 4), theta, tau)
    assert bound.terms["target"] == pytest.approx(2 * tau * (2 * np.sqrt(t / N) + 2 * t / N))
    assert bound.terms["pairs"] == pytest.approx(2 * theta * (2 * np.sqrt(s / N) + 2 * s / N))


def test_polar_form_is_made_of_two_mean_polars():
    family, X, Y = linear_population()
    problem = ppkit.Problem(family, X, Y, 0.1)
    theta, b, b_y, delta, T = 2.0, 1.0, np.max(np.linalg.norm(Y, axis=1)), 0.1, 200
    bound = bounds.width_free_rademacher(problem, theta, b, b_y, T, delta, envelope=np.ones(Y.shape))
    facts, N = bound.facts, len(X)
    signs = bounds.rademacher(family, X, 1.0, 400, envelope=np.ones(Y.shape)).terms["mean over signs"]
    assert facts["polar at signs"] == pytest.approx(signs, rel=0.1)
    assert facts["polar at the target"] <= np.sqrt(2) * b_y * signs * 1.2
    spread = np.sqrt(np.log(4 / (0.9 * delta)) / (2 * N))
    assert facts["confidence"] == pytest.approx(6 * b * (b_y + theta * b) * spread)
    margins = [np.sqrt(2 * s * np.log(20 / delta) / T) / N for s in (np.sum(Y**2), Y.size)]
    assert facts["Monte Carlo"] == pytest.approx(2 * margins[0] + 8 * theta * margins[1])
    means = 2 * facts["polar at the target"] + 8 * theta * b * facts["polar at signs"]
    assert bound.value == pytest.approx(means + facts["Monte Carlo"] + facts["confidence"])


@pytest.mark.parametrize("level", [None, 0.3])
def test_nonvacuous_from_is_where_the_bound_crosses(level):
    forms = (
        lambda N: bounds.width_free(N, 4, 1.0, 1.0, 0.5, 2.0, vacuous=level),
        lambda N: bounds.width_free_subgaussian(N, 4, 1.0, 1.0, 0.5, 2.0, 2.0, vacuous=level),
        lambda N: bounds.width_free_sensing(N, (2, 2), 1.0, 0.5, vacuous=level),
    )
    target = 3.0 if level is None else level
    for form in forms:
        N = int(form(10).facts["nonvacuous_from"])
        assert form(N).value < target <= form(N - 1).value


# ---- truth ------------------------------------------------------------------------------------------


def test_all_forms_hold_where_both_numbers_are_known():
    family, X, Y = linear_population()
    b_y, failures = np.max(np.linalg.norm(Y, axis=1)), 0
    counted = bounds.width_free(100, 5, 1.0, 1.0, b_y, 2.0).facts
    for seed in range(30):
        i = np.random.default_rng(seed).integers(0, len(X), 100)
        ends = apart(X, Y, i)
        part = ppkit.Problem(family, X[i], Y[i], 0.1)
        polar = bounds.width_free_rademacher(part, 1.0, 1.0, b_y, 3, envelope=np.ones((100, 2))).facts
        for facts in (counted, polar):
            failures += ends[0] > facts["Delta_y"] or ends[1] > facts["Delta_2"]
    assert failures == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_worst_network_has_one_factor(seed):
    """ReLU neurons in 60 directions: a hull with known corners, and wide networks inside it."""
    rng = np.random.default_rng(seed)
    x, y = unit(rng, 80, 2), rng.standard_normal(80)
    weight = np.append(np.full(50, 1 / 50), np.full(30, -1 / 30))
    turn = 2 * np.pi * np.arange(60) / 60
    atoms = np.maximum(x @ np.stack([np.cos(turn), np.sin(turn)]), 0).T
    price, gram, B = (atoms * weight) @ y, (atoms * weight) @ atoms.T, 3.0
    corners = [np.max(np.abs(price - s * B * gram)) for s in (1, -1)]
    single = max(np.max(np.abs(price)), *corners)
    cost = B * rng.dirichlet(np.full(60, 0.1), 500) * rng.choice((-1, 1), (500, 60))
    assert np.max(np.abs(price - cost @ gram)) <= single * (1 + 1e-12)
    assert max(np.max(np.abs(price)), B * np.max(np.abs(gram))) <= single
    assert single <= np.max(np.abs(price)) + B * np.max(np.abs(gram)) + 1e-12
    assert single == pytest.approx(np.max(np.abs(price) + B * np.max(np.abs(gram), axis=1)))


@pytest.mark.parametrize("seed", range(5))
def test_the_worst_network_has_one_factor_also_without_mirror_images(seed):
    """Any atoms, any two laws: one factor of the whole budget or none is the worst, within three."""
    rng = np.random.default_rng(seed)
    atoms, y, B = rng.standard_normal((6, 9)) - 0.5, rng.standard_normal(9), 10.0 ** rng.uniform(-1, 1)
    weight = rng.dirichlet(np.full(9, 0.3)) - rng.dirichlet(np.full(9, 0.3))
    price, gram = (atoms * weight) @ y, (atoms * weight) @ atoms.T
    single = max(np.max(np.abs(price)), np.max(np.abs(price - B * gram)))
    cost = B * rng.dirichlet(np.full(7, 0.3), 2000)[:, :6]
    assert np.max(np.abs(price - cost @ gram)) <= single * (1 + 1e-12)
    target, pairs = np.max(np.abs(price)), B * np.max(np.abs(gram))
    assert max(target, pairs - target) <= single * (1 + 1e-12)
    assert target + pairs <= 3 * single * (1 + 1e-12)


@pytest.mark.parametrize("shape", [(2, 2), (5, 2), (3, 6)])
def test_the_order_for_gaussian_sensing_is_attained(shape):
    """Means of the two numbers, the second restricted to one first factor, against their lower bounds."""
    rng, N, (m, n) = np.random.default_rng(0), 20, shape
    ends, corner = [], np.outer(np.arange(m) == 0, np.arange(n) == 0)
    for _ in range(300):
        A, z = rng.standard_normal((N, m, n)), rng.standard_normal(N)
        y = A[:, 0, 0] + z
        ends.append([np.linalg.norm(corner - np.einsum("i,imn->mn", g, A) / N, 2) for g in (y, A[:, 0, 0])])
    least = np.sqrt(2) / 4 * np.sqrt((m + n) / N), np.sqrt((m + n) / (6 * N))
    assert np.all(np.mean(ends, axis=0) >= least)


@pytest.mark.parametrize("delta", [0.5, 0.01])
def test_counting_is_below_t6_of_one_factor(delta):
    for N in (1, 10, 10_000):
        for b, b_y, B in ((1.0, 1.0, 1.0), (0.1, 5.0, 0.2), (3.0, 0.0, 2.0)):
            one = bounds.parameter_count(N, 1, 4, B, b, b_y, 2.0, delta)
            assert bounds.width_free(N, 4, B, b, b_y, 2.0, delta).value < one.value


def test_closed_form_of_the_sample_size_is_enough():
    for D, slope, level, b_y in ((3, 2.0, 0.1, 1.0), (1, 0.5, 2.0, 1.0), (50, 10.0, 0.01, 0.0)):
        K, c = b_y + 1.0, 1 + 4 * slope
        N = 32 * K**2 / level**2 * (2 * D * np.log(32 * c * K**2 * D / level**2) + np.log(4 / 0.05))
        assert bounds.width_free(int(np.ceil(N)), D, 1.0, 1.0, b_y, slope).value <= level


def test_the_split_holds_for_trained_networks_and_is_met_at_a_factor():
    family, X, Y = linear_population()
    i = np.random.default_rng(1).integers(0, len(X), 60)
    target, pairs = apart(X, Y, i)
    whole = ppkit.Problem(family, X, Y, 0.02)
    part = ppkit.Problem(family, X[i], Y[i], 0.02)
    W = ppkit.fit(part, 1e-6).factors
    assert bounds.discrepancy(part, whole, W)[1] <= target + part.theta(W) * pairs
    assert bounds.discrepancy(part, whole, zero_network(family))[0] == pytest.approx(target)
    S = X.T @ X / len(X) - X[i].T @ X[i] / len(i)
    v = np.linalg.svd(S)[2][0]
    worst = 0.0
    for u in np.vstack([np.eye(2), -np.eye(2)]):
        V = {"u": 5.0 * u[None], "v": v[None]}
        worst = max(worst, bounds.discrepancy(part, whole, V)[0])
    assert worst >= 5 * pairs


def test_objective_gap_bounds_the_gap_with_exact_ends():
    family, X, Y = linear_population(2)
    rng = np.random.default_rng(3)
    for _ in range(50):
        i = rng.integers(0, len(X), 40)
        whole, part = (ppkit.Problem(family, x, y, 0.1) for x, y in ((X, Y), (X[i], Y[i])))
        ends = bounds.Bound({}, dict(zip(("Delta_y", "Delta_2"), apart(X, Y, i), strict=True)))
        W = family.random_factors(rng, 3)
        square = abs(np.mean(np.sum(Y**2, axis=1)) - np.mean(np.sum(Y[i] ** 2, axis=1)))
        allowed = bounds.objective_gap(ends, square, part.theta(W))
        assert abs(whole.objective(W) - part.objective(W)) <= allowed.value * (1 + 1e-12)


def test_relu_has_a_bound_without_width_and_dimension():
    """The mean polar of ReLU neurons obeys the closed form that removes the dimension."""
    rng = np.random.default_rng(0)
    x = unit(rng, 400, 2)
    problem = ppkit.Problem(TwoLayerReLU(2), x, np.sign(x[:, 0]), 0.1)
    facts = bounds.width_free_rademacher(problem, 1.0, 1.0, 1.0, 20, envelope=np.ones((400, 1))).facts
    assert facts["polar at signs"] <= 2 / np.sqrt(400)
    assert facts["polar at the target"] <= 2 / np.sqrt(400)


# ---- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("N", [0, -3, 10.5])
def test_sample_sizes_are_positive_integers(N):
    for bound in (
        lambda: bounds.width_free(N, 3, 1.0, 1.0, 1.0, 2.0),
        lambda: bounds.width_free_subgaussian(N, 3, 1.0, 1.0, 1.0, 2.0, 1.0),
        lambda: bounds.width_free_sensing(N, (2, 2), 1.0, 1.0),
    ):
        with pytest.raises(ppkit.InputError, match="n_samples"):
            bound()


def test_bad_input_is_named():
    family, X, Y = linear_population()
    problem = ppkit.Problem(family, X, Y, 0.1)
    huber = ppkit.Problem(family, X, Y, 0.1, loss="huber")
    one_sided = ppkit.Problem(
        StructuredSensing((2, 2), nonnegative=True), np.ones((1, 2, 2)), np.ones(1), 0.1
    )
    bare = ppkit.Problem(MatrixFactorization((3, 2)), None, np.ones((1, 6)), 0.1)
    cases = (
        (lambda: bounds.width_free_rademacher(huber, 1.0, 1.0, 1.0), "squared loss"),
        (lambda: bounds.width_free_rademacher(family, 1.0, 1.0, 1.0), "must be a Problem"),
        (lambda: bounds.width_free_rademacher(problem, 1.0, 1.0, 0.01), "b_y = 0.01"),
        (lambda: bounds.width_free_rademacher(problem, 1.0, 1.0, 9.0, effort="none"), "effort"),
        (lambda: bounds.width_free_rademacher(one_sided, 1.0, 1.0, 1.0), "mirror images"),
        (lambda: bounds.width_free(9, 3, np.inf, 0.0, 1.0, 2.0), "theta must be finite"),
        (lambda: bounds.width_free_sensing(9, ((1, 2), (3,)), 1.0, 1.0), "m must be"),
        (lambda: bounds.width_free_sensing(9, 4, 1.0, 1.0), "shape"),
        (lambda: bounds.objective_gap(1.0, 0.0, 1.0), "Delta_y"),
        (lambda: bounds.width_free_rademacher(bare, 1.0, 1.0, 1.0), "no inputs"),
        (lambda: bounds.width_free_rademacher(problem, 1.0, 1.0, 1.0, draws=0), "draws"),
        (lambda: bounds.width_free_rademacher(problem, 1.0, 1.0, 1.0, envelope=np.ones(3)), "envelope"),
        (lambda: bounds.width_free_rademacher(problem, -1.0, 1.0, 1.0), "theta"),
        (lambda: bounds.width_free_subgaussian(9, 3, 1.0, 2.0, 1.0, 2.0, 1.0), "envelope must be at least"),
        (lambda: bounds.width_free_sensing(9, (0, 2), 1.0, 1.0), "m must be"),
        (lambda: bounds.width_free_sensing(9, (2,), 1.0, 1.0), "shape"),
        (lambda: bounds.objective_gap(bounds.Bound({}, {}), 0.0, 1.0), "Delta_y"),
        (lambda: bounds.width_free(9, 3, 1.0, 1.0, 1.0, 2.0, delta=1.0), "delta"),
    )
    for call, message in cases:
        with pytest.raises(ppkit.InputError, match=message):
            call()
