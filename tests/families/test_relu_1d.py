"""ReLU networks of one input with free biases: splines, knots at the data, constants for nothing."""

from fractions import Fraction

import numpy as np
import pytest

import ppkit
from ppkit.certificates import dual_value
from ppkit.checks import Proof
from ppkit.checks.knots import knot_polar
from ppkit.factors import append, take, width
from ppkit.families import ReLU1D
from ppkit.families.splines import constant, hinges, spline_cost
from ppkit.rigor import Balls, NoProof, precision
from ppkit.testing.samples import values

FAMILY = ReLU1D()


def data(n, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    return x[:, None], np.sin(4 * x) + noise * rng.standard_normal(n)


def awkward(seed):
    """A random sample of a random kind and a centered residual: ``(X, G)``."""
    rng = np.random.default_rng(seed)
    n = 1 if seed % 10 == 9 else int(rng.integers(2, 40))
    x = rng.standard_normal(n)
    kind = seed % 5
    if kind == 1:
        x = x[rng.integers(0, n, n)]  # duplicates
    elif kind == 2:
        x = np.full(n, x[0])  # one input only
    elif kind == 3:
        x = rng.integers(-2, 3, n).astype(float)
    elif kind == 4:
        x = x * 10.0 ** rng.integers(-6, 7, n)
    return x[:, None], FAMILY.project_dual(x[:, None], rng.standard_normal((n, 1)))


# ---- the polar ----------------------------


@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_atoms_stay_below_the_polar(part):
    for seed in range(20 * part, 20 * part + 20):
        X, G = awkward(seed)
        polar = FAMILY.polar(X, G)
        rng = np.random.default_rng(seed + 1)
        t = np.concatenate([rng.choice(X[:, 0], 5000), rng.standard_normal(5000) * (1 + np.ptp(X))])
        W = hinges(rng.choice([-1.0, 1.0], 10_000), rng.choice([-1.0, 1.0], 10_000), t)
        assert values(FAMILY, W, X, G).max() <= polar.upper, seed
        assert polar.kind == "exact" and polar.upper <= polar.lower * (1 + 1e-10) + 1e-12 * np.ptp(X) + 1e-300


def test_alignment_is_linear_between_knots():
    X, G = awkward(0)
    x = np.sort(X[:, 0])
    value = [np.mean(G[:, 0] * np.maximum(X[:, 0] - t, 0)) for t in (x[3], 0.3 * x[3] + 0.7 * x[4], x[4])]
    assert value[1] == pytest.approx(0.3 * value[0] + 0.7 * value[2], abs=1e-15)


def test_polar_is_infinite_off_the_centered_residuals():
    X, y = data(20)
    polar = FAMILY.polar(X, y[:, None])
    assert polar.upper == np.inf and polar.kind == "exact"
    assert np.isfinite(polar.lower) and FAMILY.theta(polar.factor)[0] <= 1
    W, tall = polar.factor, dict(polar.factor)
    tall["b"] = 1e6 * W["b"]  # the same cost, a million times the value
    reached = [np.mean(y * FAMILY.predict(w, X)[:, 0]) for w in (W, tall)]
    assert reached[1] == pytest.approx(1e6 * reached[0]) and FAMILY.theta(tall) == FAMILY.theta(W)
    assert FAMILY.polar_upper(X, y[:, None], Proof("knots")) == np.inf


def test_sums_over_knots_are_exact_to_the_last_digits():
    X, G = awkward(10)
    g = [Fraction(v) for v in G[:, 0]]
    g = [v - sum(g) / len(g) for v in g]
    x = [Fraction(v) for v in X[:, 0]]
    best = max(
        abs(sum(v * max(s * (a - t), 0) for v, a in zip(g, x, strict=True)) / len(g))
        for t in x
        for s in (1, -1)
    )
    assert abs(Fraction(knot_polar(X, G)) - best) <= best * Fraction(1, 10**14)


def test_ball_proof_needs_a_centered_residual():
    X, y = data(15)
    G = FAMILY.project_dual(X, y[:, None])
    polar = FAMILY.polar(X, G)
    with precision():
        exact = FAMILY.project_dual(Balls(X), Balls(G))
        FAMILY.prove_polar(Balls(X), exact, polar.upper, polar.proof)
        inexact = Balls(X) + Balls(X) / 3
        for x, g, bound in (
            (Balls(X), exact, polar.lower * (1 - 1e-12)),
            (Balls(X), Balls(y[:, None]), 1e9),
            (inexact, exact, 1e9),
        ):
            with pytest.raises(NoProof):
                FAMILY.prove_polar(x, g, bound, polar.proof)


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_that_a_projection_leaves_does_not_lift_the_bound(seed):
    rng = np.random.default_rng(seed)
    x, y, g = rng.uniform(-1, 1, 8), rng.standard_normal(8), rng.standard_normal((8, 1))
    y[0], g[0] = 1e12, g[1:].mean()  # a huge target where the residual vanishes
    problem = ppkit.Problem(FAMILY, x[:, None], y, 1e-18)
    g = FAMILY.project_dual(problem.X, g)
    exact = [Fraction(v) for v in g[:, 0].tolist()]
    exact = [v - sum(exact) / 8 for v in exact]
    value = sum(Fraction(t) * v - v * v / 2 for t, v in zip(y.tolist(), exact, strict=True)) / 8
    assert dual_value(problem, g) <= value


@pytest.mark.parametrize("level", [0.0, 1e2, 1e6, 1e12])
def test_a_residual_far_from_zero_is_centered(level):
    rng = np.random.default_rng(0)
    for n in range(2, 60):
        x, y = rng.standard_normal((n, 1)), level + rng.standard_normal(n)
        problem = ppkit.Problem(FAMILY, x, y, 0.1)
        cert = ppkit.certify(problem, {k: np.zeros((0, 1)) for k in FAMILY.shapes})
        assert np.isfinite(cert.polar_ratio)
        cert.verify(rigorous=False)


def test_rademacher_complexity_is_infinite():
    X, _ = data(10)
    assert ppkit.bounds.rademacher(FAMILY, X, 1.0, draws=5).facts["upper"] == np.inf


# ---- Omega ----------------------------


def test_omega_of_known_functions():
    x = np.linspace(-1, 1, 9)[:, None]
    assert FAMILY.omega(x, np.full(9, 7.0)) == 0
    assert FAMILY.omega(x, 3 * x) == pytest.approx(3)
    assert FAMILY.omega(x, np.maximum(x, 0)) == pytest.approx(1)
    assert FAMILY.omega(x, np.abs(x)) == pytest.approx(2)
    assert FAMILY.omega(x, np.abs(x) + 5 * x) == pytest.approx(6)  # (2 + |4 + 6|) / 2
    twice = np.zeros((2, 1))
    assert FAMILY.omega(twice, np.array([1.0, 1.0])) == 0
    assert FAMILY.omega(twice, np.array([1.0, 2.0])) == np.inf


@pytest.mark.parametrize("seed", range(20))
def test_omega_is_the_least_cost_over_all_knots(seed):
    """Against the linear program over hinges at the data, both orientations."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    x, z = rng.standard_normal(n), rng.standard_normal(n) + seed * rng.standard_normal() * np.arange(n)
    t, s = np.tile(x, 2), np.repeat([1.0, -1.0], n)
    H = np.maximum(s * (x[:, None] - t), 0)
    A = np.hstack([H, -H, np.ones((n, 1)), -np.ones((n, 1))])
    cost = np.append(np.ones(4 * n), [0, 0])
    best = linprog(cost, A_eq=A, b_eq=z).fun
    assert FAMILY.omega(x[:, None], z) == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_merge_reaches_omega(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((8, 1))
    W = append(FAMILY.random_factors(rng, 40), constant([1.0, -3.0]))
    merged = FAMILY.merge(W, X)
    F = FAMILY.predict(W, X)
    assert np.abs(FAMILY.predict(merged, X) - F).max() <= 1e-11 * np.abs(FAMILY.atoms(W, X)).sum()
    assert FAMILY.theta(merged).sum() == pytest.approx(FAMILY.omega(X, F), rel=1e-9)
    assert width(merged) <= 8


def test_constants_cost_next_to_nothing_and_keep_their_form():
    W = constant([5.0, -1e-3])
    X = np.linspace(-1, 1, 4)[:, None]
    np.testing.assert_array_equal(FAMILY.atoms(W, X)[0, :, 0], FAMILY.atoms(W, X)[0, 0, 0])
    np.testing.assert_allclose(FAMILY.atoms(W, X)[:, 0, 0], [5.0, -1e-3], rtol=1e-15)
    assert FAMILY.theta(W).sum() < 1e-23
    heavy = {"u": np.array([[5.0]]), "w": np.zeros((1, 1)), "b": np.ones((1, 1))}
    np.testing.assert_allclose(FAMILY.balance(heavy)["u"], W["u"][:1], rtol=1e-15)
    assert width(FAMILY.merge(append(W, W), X)) == 1


# ---- training ----------------------------


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_gap_and_convex_program(n):
    X, y = data(n)
    problem = ppkit.Problem(FAMILY, X, y, 1e-3)
    fit = ppkit.fit(problem, gap=1e-7)
    cert = fit.certificate
    assert cert.certified(1e-7) and cert.kind == "exact" and fit.width <= n
    solution = ppkit.convex_lower_bound(problem)
    assert abs(solution.primal - cert.objective) <= 1e-6 * cert.objective
    assert solution.value <= cert.objective
    assert cert.verify().rigorous
    assert abs(np.mean(problem.residual(fit.factors))) <= 1e-8


@pytest.mark.parametrize("loss", ["logistic", "huber"])
def test_other_losses(loss):
    X, y = data(60)
    problem = ppkit.Problem(FAMILY, X, np.sign(y) if loss == "logistic" else y, 1e-3, loss)
    assert ppkit.fit(problem, gap=1e-6).certificate.certified(1e-6)


def test_constant_targets_are_fitted_for_nothing():
    X, _ = data(12)
    fit = ppkit.fit(ppkit.Problem(FAMILY, X, np.full(12, 3.0), 0.1), gap=1e-9)
    assert fit.certificate.objective <= 1e-20 and fit.certificate.lower_bound == 0  # not attained
    zero = ppkit.fit(ppkit.Problem(FAMILY, X, np.zeros(12), 0.1))
    assert zero.width == 0 and zero.certificate.gap == 0


def test_one_sample_and_equal_inputs():
    for X in (np.ones((1, 1)), np.ones((5, 1)), np.zeros((3, 1))):
        y = np.arange(1.0, 1 + len(X))
        fit = ppkit.fit(ppkit.Problem(FAMILY, X, y, 0.1), gap=1e-9)
        assert fit.certificate.objective - 0.5 * np.var(y) <= 1e-12


def test_moving_the_inputs_moves_the_knots():
    X, y = data(40)
    near, far = (ppkit.fit(ppkit.Problem(FAMILY, x, y, 1e-2), gap=1e-8) for x in (X, X + 100))
    assert far.certificate.objective == pytest.approx(near.certificate.objective, rel=1e-7)


def test_two_interpolants_of_one_cost():
    """A kink may sit anywhere between two data points whose slopes bracket it: Omega is the same."""
    x, z = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0, 3.0])
    early = hinges(np.array([1.0, 1.0]), np.ones(2), np.array([1.0, 2.0]))
    late = hinges(np.array([2.0]), np.ones(1), np.array([1.5]))
    for W in (early, late):
        np.testing.assert_allclose(FAMILY.predict(W, x[:, None])[:, 0], z, atol=1e-15)
        assert FAMILY.theta(W).sum() == pytest.approx(spline_cost(x, z))


def test_bad_shapes_are_refused():
    X, y = data(5)
    for bad in (X[:, 0], np.hstack([X, X])):
        with pytest.raises(ppkit.InputError, match="shape"):
            ppkit.Problem(FAMILY, bad, y, 0.1)
    assert take(FAMILY.random_factors(np.random.default_rng(0), 3), [0])["b"].shape == (1, 1)


@pytest.mark.parametrize("size", [1e-150, 1e-100, 1e100, 1e150])
def test_the_polar_grows_with_the_inputs(size):
    """Knots move along: degree one in the inputs, though a given unit has none."""
    X, G = awkward(0)
    one, many = FAMILY.polar(X, G), FAMILY.polar(size * X, G)
    assert many.lower == pytest.approx(size * one.lower, rel=1e-11)
    assert size * one.lower * (1 - 1e-13) <= many.upper <= size * one.upper * (1 + 1e-11)
    assert FAMILY.polar_upper(size * X, G, many.proof) == pytest.approx(many.upper, rel=1e-13)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("lam", [1e-3, 1e-4, 1e-5])
def test_separable_labels_are_certified_at_small_lam(seed, lam):
    """A mean taken off would turn the sign of residuals of size 1e-32, where the conjugate is infinite."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, 40)
    problem = ppkit.Problem(FAMILY, x[:, None], np.sign(x - 0.1), lam, "logistic")
    W = ppkit.fit(problem).factors
    cert = ppkit.certify(problem, W)
    assert cert.relative_gap <= 1e-9 and cert.verify().rigorous
    near = ppkit.certify(problem, {**W, "u": 1.01 * W["u"]})
    assert near.relative_gap <= 0.1


@pytest.mark.parametrize("seed", range(10))
def test_a_signed_projection_keeps_the_domain(seed):
    rng = np.random.default_rng(seed)
    G = rng.uniform(-1, 1, (30, 1)) * 10.0 ** rng.uniform(-30, 0, (30, 1))
    if seed == 0:
        G = np.abs(G)
    P = FAMILY.project_dual(np.zeros((30, 1)), G, signed=True)
    assert np.all(P * G >= 0) and np.all(np.abs(P) <= np.abs(G))
    assert abs(P.sum()) <= 1e-15 * np.abs(P).sum()
