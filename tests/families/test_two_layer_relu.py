"""Two-layer ReLU networks: exact in the plane, an interval beyond, trained by column generation."""

import numpy as np
import pytest

import ppkit
from ppkit.checks import Proof
from ppkit.checks.cones import cone_bound, directional_values, face_boxes, spectral_bound
from ppkit.checks.plane import exact_order
from ppkit.factors import take, width
from ppkit.families import TwoLayerReLU
from ppkit.families.patterns import thin
from ppkit.polars.relu import ascent, search, soften
from ppkit.programs.relu import interior_directions, plane_cones
from ppkit.rigor import Balls, NoProof, precision


def teacher(d, n, seed=0, n_outputs=1, noise=0.3):
    """Inputs and targets of three random units with noise."""
    rng = np.random.default_rng(seed)
    X, W = rng.standard_normal((n, d)), rng.standard_normal((3, d))
    U = np.array([[1.0], [-1.0], [1.0]]) if n_outputs == 1 else rng.standard_normal((3, n_outputs))
    Y = np.maximum(X @ W.T, 0) @ U
    return X, Y + noise * rng.standard_normal(Y.shape)


def awkward(seed):
    """A random instance of a random kind: ``(family, X, G)``."""
    rng = np.random.default_rng(seed)
    d, n_outputs = int(rng.integers(1, 5)), int(rng.choice([1, 1, 2, 4]))
    family = TwoLayerReLU(d, n_outputs, bias=bool(rng.integers(2)))
    n = 1 if seed % 8 == 0 else int(rng.integers(2, 30))
    X = rng.standard_normal((n, d))
    kind = seed % 7
    if kind == 1:
        X = X[rng.integers(0, n, n)]  # duplicates
    elif kind == 2:
        X[rng.random(n) < 0.5] = 0.0  # zero rows
    elif kind == 3:
        X = rng.standard_normal((n, 1)) * rng.standard_normal(d)  # collinear
    elif kind == 4:
        X = rng.integers(-1, 2, (n, d)).astype(float)  # ties of every sort
    elif kind == 5:
        X = X * 10.0 ** rng.integers(-6, 7, (n, 1))
    return family, X, rng.standard_normal((n, n_outputs))


@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_atoms_stay_below_the_polar(part):
    for seed in range(20 * part, 20 * part + 20):
        family, X, G = awkward(seed)
        polar = family.polar(X, G, effort="fast")
        rng = np.random.default_rng(seed + 1)
        v = rng.standard_normal((10_000, family.shapes["v"][0]))
        A = family.features(X)
        near = A[rng.integers(0, len(A), 2000)]
        v[:2000] = near - (near * v[:2000]).sum(1, keepdims=True) * v[:2000]  # near kinks as well
        v = v[np.any(v != 0, axis=1)]
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        assert directional_values(A, G, v).max() <= polar.upper, seed
        own = np.sum(G * family.atoms(polar.factor, X)[0]) / len(G)
        assert abs(own - polar.lower) <= 1e-12 * polar.lower + 1e-300
        assert family.theta(polar.factor)[0] <= 1 + 1e-15
        assert abs(family.polar_upper(X, G, polar.proof) - polar.upper) <= 1e-13 * polar.upper
        if A.shape[1] <= 2:
            assert polar.kind == "exact" and polar.upper <= polar.lower * (1 + 1e-11) + 1e-300


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_plane_polar_is_the_limit_of_a_brute_force_search(seed, n_outputs):
    rng = np.random.default_rng(seed)
    X, G = rng.standard_normal((40, 2)), rng.standard_normal((40, n_outputs))
    polar = TwoLayerReLU(2, n_outputs).polar(X, G)
    t = 2 * np.pi * np.arange(200_000) / 200_000
    v = np.column_stack([np.cos(t), np.sin(t)])
    best = max(directional_values(X, G, part).max() for part in np.array_split(v, 20))
    slope = np.sum(np.linalg.norm(G, axis=1) * np.linalg.norm(X, axis=1)) / 40
    assert best <= polar.lower * (1 + 1e-14) <= best + slope * np.pi / 200_000


def test_plane_polar_of_a_hundred_thousand_points_in_seconds():
    rng = np.random.default_rng(0)
    X, G = rng.standard_normal((100_000, 2)), rng.standard_normal((100_000, 1))
    import time

    clock = time.process_time()
    polar = TwoLayerReLU(2).polar(X, G)
    assert time.process_time() - clock < 10
    assert polar.upper <= polar.lower * (1 + 1e-10)
    t = np.linspace(0, 2 * np.pi, 500)
    assert directional_values(X, G, np.column_stack([np.cos(t), np.sin(t)])).max() <= polar.lower


@pytest.mark.parametrize("seed", range(4))
def test_the_plane_and_the_cones_agree(seed):
    """The plane put into three dimensions: branch and bound against sorting."""
    rng = np.random.default_rng(seed)
    X, G = rng.standard_normal((25, 2)), rng.standard_normal((25, 1 + seed % 2))
    flat = TwoLayerReLU(2, 1 + seed % 2).polar(X, G)
    raised = TwoLayerReLU(3, 1 + seed % 2).polar(np.column_stack([X, 0 * X[:, 0]]), G, effort="exact")
    assert raised.lower <= flat.upper and flat.lower <= raised.upper
    assert raised.upper <= flat.upper * (1 + 1e-8)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_cone_bound_is_above_every_direction_of_the_cone(n_outputs):
    rng = np.random.default_rng(5)
    d, A, G = 4, rng.standard_normal((20, 4)), rng.standard_normal((20, n_outputs))
    roots = len(face_boxes(d, n_outputs)[0])
    a, b = rng.uniform(-1, 1, (2, 300, d - 1))
    width_ = 10.0 ** rng.uniform(-4, 0, (300, 1))
    lo, hi = np.minimum(a, a + width_ * (b - a)), np.maximum(a, a + width_ * (b - a))
    tag = rng.integers(0, roots, 300)
    upper, value, points = cone_bound(A, G)(tag, lo, hi, 0.0)
    np.testing.assert_allclose(directional_values(A, G, points), value, rtol=1e-12)
    for k in range(300):
        p = rng.uniform(lo[k], hi[k], (200, d - 1))
        p = np.insert(p, tag[k] % (2 * d) // 2, 1.0 if tag[k] % 2 == 0 else -1.0, axis=1)
        p /= np.linalg.norm(p, axis=1, keepdims=True)
        inner = np.maximum(A @ p.T, 0).T @ G / 20
        side = 1.0 if tag[k] < 2 * d else -1.0
        values = side * inner[:, 0] if n_outputs == 1 else np.linalg.norm(inner, axis=1)
        assert values.max() <= upper[k] * (1 + 1e-12)


def test_budget_stopped_intervals_hold_the_exact_polar():
    for seed in range(50):
        rng = np.random.default_rng(seed)
        n_outputs = 1 + seed % 2
        X, G = rng.standard_normal((12, 3)), rng.standard_normal((12, n_outputs))
        family = TwoLayerReLU(3, n_outputs)
        exact, early = (family.polar(X, G, effort=e) for e in ("default", "fast"))
        assert early.lower <= exact.upper and exact.lower <= early.upper
        assert exact.upper <= early.upper * (1 + 1e-12)
        assert exact.upper <= exact.lower * (1 + (1e-6 if n_outputs == 1 else 1e-2))


def test_a_search_alone_misses_the_maximum():
    """Why ascent is never an upper end: its best value lies inside the interval, not at its top."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(20):
        X, G = rng.standard_normal((60, 5)), rng.standard_normal((60, 1))
        family = TwoLayerReLU(5)
        single = family.polar(X, G, effort="fast").lower
        v = rng.standard_normal((1, 5))
        for _ in range(100):
            slope = (np.sum(G * np.maximum(X @ v.T, 0)) * G * (X @ v.T > 0)).T @ X
            v = slope / np.linalg.norm(slope)
        missed += directional_values(X, G, v)[0] < single * (1 - 1e-3)
    assert missed >= 10


def test_smoothed_search_passes_kinks_where_plain_ascent_stops():
    X, Y = teacher(8, 80)
    problem = ppkit.Problem(TwoLayerReLU(8), X, Y, 0.05)
    G = problem.residual(ppkit.fit(problem, gap=1e-3, effort="fast").factors)
    plain, smooth = ascent(X, G, (), 0, 500), search(X, G, (), 0, 64)
    values = [directional_values(X, G, v)[:64] for v in (plain, smooth)]
    assert values[1][0] >= 1.02 * values[0][0]
    assert np.median(values[1]) >= values[0][0]


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_smoothed_search_climbs(n_outputs):
    rng = np.random.default_rng(n_outputs)
    X, G, v = (rng.standard_normal(s) for s in ((40, 5), (40, n_outputs), (200, 5)))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    w = soften(X, G, v)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), 1)
    before, after = directional_values(X, G, v), directional_values(X, G, w)
    assert np.mean(after >= before) > 0.95 and np.median(after) > 1.5 * np.median(before)


def test_exact_order_of_near_ties():
    base = np.array([[1.0, 1.0], [3.0, 3.0], [1.0, np.nextafter(1.0, 2)], [1.0, np.nextafter(1.0, 0)]])
    order = exact_order(base)
    assert list(order[[0, 3]]) == [3, 2] and set(order[1:3]) == {0, 1}


def test_ball_proof_refuses_a_bound_that_is_too_small():
    for seed in range(30):
        family, X, G = awkward(seed)
        if family.shapes["v"][0] > 2:
            continue
        polar = family.polar(X, G)
        assert polar.proof.kind == "plane" and not polar.proof.data
        with precision():
            family.prove_polar(Balls(X), Balls(G), polar.upper, polar.proof)
            if polar.lower > 0:
                with pytest.raises(NoProof):
                    family.prove_polar(Balls(X), Balls(G), polar.lower * (1 - 1e-12), polar.proof)


# ---- patterns and the finite convex program ----------------------------


@pytest.mark.parametrize(("n", "d"), [(6, 2), (7, 3), (6, 4)])
def test_number_of_patterns_of_points_in_general_position(n, d):
    from math import comb

    A = np.random.default_rng(n).standard_normal((n, d))
    v = interior_directions(A)
    count = 2 * sum(comb(n - 1, k) for k in range(d))
    assert len(v) == count == len(np.unique(A @ v.T > 0, axis=1).T)
    if d == 2:
        p, q = plane_cones(A)
        assert len(np.unique(A @ (p + q).T > 0, axis=1).T) == count


def test_patterns_of_duplicate_opposite_and_zero_points():
    A = np.array([[1.0, 0, 0], [1.0, 0, 0], [-2.0, 0, 0], [0, 0, 0], [0, 1.0, 0]])
    assert len(interior_directions(A)) == 4


@pytest.mark.parametrize("n", [30, 300])
def test_plane_objective_is_the_optimum_over_all_patterns(n):
    X, Y = teacher(2, n)
    problem = ppkit.Problem(TwoLayerReLU(2), X, Y, 0.05)
    fit = ppkit.fit(problem, gap=1e-7)
    assert fit.certificate.certified(1e-7) and fit.certificate.kind == "exact"
    solution = ppkit.convex_lower_bound(problem)
    assert abs(solution.primal - fit.certificate.objective) <= 1e-6 * fit.certificate.objective
    assert solution.value <= fit.certificate.objective
    assert fit.width <= n


@pytest.mark.slow
def test_plane_objective_of_three_thousand_points():
    X, Y = teacher(2, 3000)
    problem = ppkit.Problem(TwoLayerReLU(2), X, Y, 0.05)
    fit = ppkit.fit(problem, gap=1e-7)
    assert fit.certificate.certified(1e-7)
    solution = ppkit.convex_lower_bound(problem)
    assert abs(solution.primal - fit.certificate.objective) <= 1e-6 * fit.certificate.objective


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_three_inputs_against_all_patterns(loss):
    X, Y = teacher(3, 9)
    Y = np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y
    problem = ppkit.Problem(TwoLayerReLU(3), X, Y, 0.05, loss)
    cert = ppkit.fit(problem, gap=1e-7).certificate
    solution = ppkit.convex_lower_bound(problem)
    assert cert.certified(1e-6)
    assert abs(solution.primal - cert.objective) <= 1e-6 * cert.objective


def test_omega_of_one_unit_and_of_a_cancelling_pair():
    X = np.random.default_rng(1).standard_normal((8, 2))
    family = TwoLayerReLU(2)
    one = {"u": np.array([[2.0]]), "v": np.array([[3.0, 4.0]])}
    assert family.omega(X, family.predict(one, X)) <= 10 * (1 + 1e-7)
    pair = {"u": np.array([[1.0], [-1.0]]), "v": np.array([[1.0, 0.0], [-1.0, 0.0]])}
    linear = family.predict(pair, X)  # max(x, 0) - max(-x, 0) = x
    np.testing.assert_allclose(linear[:, 0], X[:, 0])
    assert family.omega(X, linear) == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
@pytest.mark.parametrize("seed", range(3))
def test_vector_outputs_against_the_cone_constrained_nuclear_norm(loss, seed):
    X, Y = teacher(2, 10, seed=seed, n_outputs=2)
    Y = np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y
    problem = ppkit.Problem(TwoLayerReLU(2, 2), X, Y, 0.05, loss)
    cert = ppkit.fit(problem, gap=1e-8).certificate
    solution = ppkit.convex_lower_bound(problem)
    assert cert.kind == "exact" and cert.certified(1e-6)
    assert abs(solution.primal - cert.objective) <= 1e-5 * cert.objective
    assert solution.value <= cert.objective


def test_omega_of_several_outputs_where_a_solver_gets_stuck():
    """Optimal semidefinite variables vanish on most cones; a fifth of these ended inaccurate, by percents."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        family, X = TwoLayerReLU(2, 2), rng.standard_normal((12, 2))
        W = family.balance(family.random_factors(rng, 3))
        omega = family.omega(X, family.predict(W, X))
        assert 0 < omega <= family.theta(W).sum() * (1 + 1e-6)


def test_the_cone_matters_for_vector_outputs():
    """Without its cone every pattern's nuclear norm is a gated network's: a value that is too low."""
    X, Y = teacher(2, 10, n_outputs=2)
    family = TwoLayerReLU(2, 2)
    F, omega, constraints = family.convex_program(X)
    import cvxpy as cp

    pure = cp.Minimize(0.5 * cp.sum_squares(F - Y) / 10 + 0.05 * omega)
    free = cp.Problem(pure).solve(solver="CLARABEL")
    assert free < 0.99 * cp.Problem(pure, constraints).solve(solver="CLARABEL")


def test_vector_program_refuses_what_it_cannot_do():
    for family, n in ((TwoLayerReLU(3, 2), 5), (TwoLayerReLU(2, 2), 41), (TwoLayerReLU(2, 2, bias=True), 5)):
        with pytest.raises(ppkit.InputError, match="two inputs at most"):
            family.convex_program(np.ones((n, family.n_inputs)))
    one = TwoLayerReLU(1, 2)
    X, W = np.array([[1.0], [-2.0]]), {"u": np.array([[3.0, 4.0]]), "v": np.array([[2.0]])}
    assert one.omega(X, one.predict(W, X)) == pytest.approx(10, rel=1e-6)


# ---- training ----------------------------


def test_three_inputs_sixty_points():
    X, Y = teacher(3, 60)
    fit = ppkit.fit(ppkit.Problem(TwoLayerReLU(3), X, Y, 0.05), gap=1e-6)
    assert fit.certificate.certified(1e-6) and fit.certificate.kind == "bounded"
    assert fit.certificate.verify().certificate is fit.certificate


def test_vector_outputs_in_the_plane():
    X, Y = teacher(2, 60, n_outputs=3)
    fit = ppkit.fit(ppkit.Problem(TwoLayerReLU(2, 3), X, Y, 0.05), gap=1e-6)
    assert fit.certificate.certified(1e-6) and fit.width <= 180


def test_zero_targets_and_one_sample():
    family = TwoLayerReLU(2, 3)
    X = np.array([[1.0, 2.0]])
    fit = ppkit.fit(ppkit.Problem(family, X, np.zeros((1, 3)), 0.1))
    assert fit.width == 0 and fit.certificate.gap == 0
    Y = np.array([[3.0, 4.0, 0.0]])
    fit = ppkit.fit(ppkit.Problem(family, X, Y, 0.1), gap=1e-9)
    # one unit, u along y and v along x: a scalar problem, min (5 - sqrt(5) t)^2 / 2 + 0.1 t
    t = (5 - 0.1 / np.sqrt(5)) / np.sqrt(5)
    assert fit.width == 1
    assert fit.certificate.objective == pytest.approx(0.5 * (5 - np.sqrt(5) * t) ** 2 + 0.1 * t, rel=1e-8)


def test_bias_is_one_more_input():
    X, Y = teacher(1, 25)
    with_bias = ppkit.fit(ppkit.Problem(TwoLayerReLU(1, bias=True), X, Y, 0.05), gap=1e-8)
    by_hand = ppkit.Problem(TwoLayerReLU(2), np.column_stack([X, np.ones(25)]), Y, 0.05)
    assert by_hand.objective(with_bias.factors) == pytest.approx(with_bias.certificate.objective, rel=1e-14)
    assert ppkit.certify(by_hand, with_bias.factors).certified(1e-8)


def test_merge_never_costs_and_reaches_caratheodorys_width():
    rng = np.random.default_rng(0)
    for n_outputs in (1, 2):
        family, X = TwoLayerReLU(2, n_outputs), rng.standard_normal((6, 2))
        W = family.random_factors(rng, 40)
        merged = family.merge(W, X)
        np.testing.assert_allclose(family.predict(merged, X), family.predict(W, X), atol=1e-11)
        assert family.theta(merged).sum() <= family.theta(W).sum() * (1 + 1e-12)
        assert width(merged) <= 6 * n_outputs


def test_thin_keeps_the_sum():
    rng = np.random.default_rng(1)
    atoms, cost = rng.standard_normal((9, 4, 1)), rng.uniform(1, 2, 9)
    weight = thin(atoms, cost)
    assert np.sum(weight > 0) <= 4 and np.all(weight >= 0) and weight @ cost <= cost.sum() * (1 + 1e-12)
    np.testing.assert_allclose(np.tensordot(weight, atoms, 1), atoms.sum(axis=0), atol=1e-12)


def test_effort_tightens_the_interval_and_nothing_else():
    rng = np.random.default_rng(2)
    X, G = rng.standard_normal((50, 4)), rng.standard_normal((50, 1))
    family = TwoLayerReLU(4)
    fast, default = family.polar(X, G, effort="fast"), family.polar(X, G)
    assert default.upper <= fast.upper and fast.lower <= default.upper
    with pytest.raises(ppkit.InputError, match="effort"):
        family.polar(X, G, effort="hard")
    tree = default.proof.data
    with pytest.raises(ValueError):
        family.polar_upper(X, G, Proof("cones", tree | {"child": tree["child"][::-1]}))
    with pytest.raises(ValueError, match="says nothing"):
        family.polar_upper(X, G, Proof("boxes", tree))


def test_cones_are_at_least_as_good_as_the_spectral_bound():
    rng = np.random.default_rng(6)
    X, G, family = rng.standard_normal((30, 9)), rng.standard_normal((30, 2)), TwoLayerReLU(9, 2)
    polar, spectral = family.polar(X, G, effort="fast"), family.polar_upper(X, G, Proof("cones"))
    assert polar.lower <= polar.upper <= spectral == pytest.approx(spectral_bound(X, G), rel=1e-11)
    with pytest.raises(NoProof, match="floating point"), precision():
        family.prove_polar(Balls(X), Balls(G), 2 * polar.upper, polar.proof)


def test_no_candidate_bound_exceeds_the_optimum_with_a_stopped_search():
    X, Y = teacher(4, 40)
    problem = ppkit.Problem(TwoLayerReLU(4), X, Y, 0.05)
    best = ppkit.fit(problem, gap=1e-3)
    rng = np.random.default_rng(3)
    for _ in range(10):
        W = problem.family.random_factors(rng, 3)
        assert ppkit.certify(problem, W, effort="fast").lower_bound <= best.certificate.objective
    narrow = take(best.factors, [0])
    assert ppkit.certify(problem, narrow).polar_ratio > 1


def test_long_sums_on_the_line_stay_within_their_margin():
    from fractions import Fraction

    rng = np.random.default_rng(0)
    X, G = rng.random((20_000, 1)), rng.random((20_000, 1))
    exact = sum(
        Fraction(x) * Fraction(g) for x, g in zip(X[:, 0].tolist(), G[:, 0].tolist(), strict=True)
    ) / len(X)
    polar = TwoLayerReLU(1).polar(X, G)
    assert exact <= Fraction(polar.upper) <= exact * (1 + Fraction(1, 10**12))


def test_inputs_whose_squares_underflow_are_refused():
    X, Y = teacher(3, 10)
    with pytest.raises(ppkit.InputError, match="rescale"):
        ppkit.Problem(TwoLayerReLU(3), 1e-170 * X, Y, 1e-171)


@pytest.mark.parametrize("size", [1e-155, 1e-162, 1e-170, 1e-320])
def test_one_tiny_row_in_the_plane(size):
    rng = np.random.default_rng(0)
    X, G = rng.standard_normal((10, 2)), rng.standard_normal((10, 1))
    X[0] *= size
    whole, rest = TwoLayerReLU(2).polar(X, G), TwoLayerReLU(2).polar(X * (np.arange(10) > 0)[:, None], G)
    assert whole.upper == pytest.approx(rest.upper, rel=1e-13)
