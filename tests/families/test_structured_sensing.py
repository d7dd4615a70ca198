"""Structured sensing: every closed pair of norms, its Omega, its polar, its certificates."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import ppkit
from ppkit.checks.vector_norms import L1, L1L2, L2, LInf
from ppkit.factors import append, take, width, zero_network
from ppkit.families import MatrixSensing, StructuredSensing
from ppkit.training import stationary
from ppkit.training.descent import SmoothObjective, descend

MIX = ("l1+l2", 0.3)
SIGNED = [
    ("l2", "l2"),
    ("l1", "l2"),
    ("l1", "l1"),
    ("l1", "linf"),
    ("l1", MIX),
    ("l2", "l1"),
    ("linf", "l1"),
    (MIX, "l1"),
]
PAIRS = [(*p, False) for p in SIGNED] + [(*p, True) for p in SIGNED if p != ("l2", "l2")]
every_pair = pytest.mark.parametrize(("row", "col", "signs"), PAIRS)


def planted(rng, shape, row, col, signs, entries=None, lines=2):
    """A matrix of the kind that the pair favors."""
    m, n = shape
    if row == col == "l2":
        return rng.standard_normal((m, lines)) @ rng.standard_normal((lines, n))
    if row == col == "l1":
        M = np.zeros(m * n)
        where = rng.choice(m * n, entries or max(2, m * n // 8), replace=False)
        M[where] = rng.standard_normal(len(where)) + np.sign(rng.standard_normal(len(where)))
        M = M.reshape(m, n)
    else:
        flip, other = (False, col) if row == "l1" else (True, row)
        k, d = (n, m) if flip else (m, n)
        M = np.zeros((k, d))
        block = rng.standard_normal((lines, d))
        if other == "linf":
            block = np.sign(block) * (1 + rng.random((lines, 1)))
            block = block * (rng.random((lines, d)) < 0.6) if signs else block
        M[rng.choice(k, lines, replace=False)] = block
        M = M.T if flip else M
    return np.abs(M) if signs else M


def problem_of(seed, row, col, signs, shape=(6, 5), N=40, loss="squared", part=0.2, noise=0.3, **plant):
    """A problem at ``part`` of the least lambda whose optimum is zero."""
    rng = np.random.default_rng(seed)
    M = planted(rng, shape, row, col, signs, **plant)
    X = rng.standard_normal((N, *shape))
    y = X.reshape(N, -1) @ M.ravel() + noise * rng.standard_normal(N)
    if loss == "logistic":
        y = np.where(y > 0, 1.0, -1.0)
    family = StructuredSensing(shape, row, col, signs)
    top = ppkit.Problem(family, X, y, 1.0, loss).polar().upper
    return ppkit.Problem(family, X, y, part * top, loss)


# ---- which pairs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"row": "l3"},
        {"col": ("l1+l2", 0.0)},
        {"col": ("l1+l2", -1)},
        {"col": ("l1+l2", np.inf)},
        {"col": ("l1+l2",)},
        {"col": ("l1+l2", True)},
        {"row": 1},
        {"row": None},
        {"nonnegative": 1},
        {"shape": (3,)},
        {"shape": (3, 0)},
        {"shape": 3},
    ],
)
def test_bad_arguments_are_refused(options):
    with pytest.raises(ppkit.InputError, match="structured-sensing"):
        StructuredSensing(**{"shape": (3, 4), "row": "l1", **options})


def test_negative_factors_are_refused_under_sign_constraints():
    family = StructuredSensing((3, 2), "l1", "l2", nonnegative=True)
    problem = ppkit.Problem(family, np.ones((2, 3, 2)), np.ones(2), 0.1)
    W = {"u": np.ones((1, 3)), "v": np.array([[1.0, -1e-9]])}
    with pytest.raises(ppkit.InputError, match="negative entries"):
        ppkit.certify(problem, W)


# ---- the norms --------------------------------------------------------------------------------------------

vectors = arrays(float, (3, 4), elements=st.floats(-1e3, 1e3, allow_subnormal=False))


@given(vectors, st.sampled_from([L1(), L2(), LInf(), L1L2(0.3), L1L2(5.0)]), st.integers(0, 10**6))
def test_dual_norm_is_the_support_function(w, norm, seed):
    w = np.where(np.abs(w) < 1e-9, 0.0, w)
    dual, touch = norm.dual(w), norm.touch(w)
    np.testing.assert_allclose(norm.value(touch), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.sum(w * touch, axis=1), dual, rtol=1e-11, atol=1e-300)
    v = np.random.default_rng(seed).standard_normal((500, 1, 4))
    v = v / np.array([norm.value(a) for a in v])[:, :, None]
    assert np.all(np.sum(w * v, axis=-1) <= dual * (1 + 1e-12) + 1e-300)
    assert np.all(dual <= norm.dual_bound(4) * np.linalg.norm(w, axis=1) * (1 + 1e-12))


@given(vectors, st.floats(0.01, 50))
def test_dual_of_the_mixture_solves_its_equation_and_rounds_up(w, gamma):
    w = np.where(np.abs(w) < 1e-9, 0.0, w)
    t = L1L2(gamma).dual(w)
    rest = np.linalg.norm(np.maximum(np.abs(w) - gamma * t[:, None], 0.0), axis=1)
    size = np.abs(w).max()
    assert np.all(np.abs(rest - t) <= 1e-13 * size * (1 + gamma))
    lower = (np.linalg.norm(w, axis=1) / (1 + 2 * gamma), np.abs(w).max(axis=1) / (1 + gamma))
    assert np.all(t >= np.maximum(*lower) * (1 - 1e-12))


@given(vectors, st.sampled_from([L1(), L2(), LInf(), L1L2(0.3)]), st.integers(0, 100))
def test_norms_are_absolute_and_monotone(a, norm, seed):
    shrink = np.random.default_rng(seed).uniform(-1, 1, a.shape)
    np.testing.assert_allclose(norm.value(np.abs(a)), norm.value(a), rtol=1e-14)
    assert np.all(norm.value(shrink * a) <= norm.value(a) * (1 + 1e-12))


# ---- Omega of a matrix ------------------------------------------------------------------------------------


def test_omega_by_hand():
    M = np.array([[3.0, -4.0], [0.0, 0.0], [0.0, 2.0]])

    def omega(row, col, signs=False, M=M):
        return StructuredSensing(M.shape, row, col, signs).matrix_omega(M)

    assert omega("l1", "l2") == 7
    assert omega("l1", "l1") == 9
    assert omega("l1", "linf") == 6
    assert omega("l2", "l1") == pytest.approx(3 + np.sqrt(20))
    assert omega("linf", "l1") == 7
    assert omega("l1", ("l1+l2", 2.0)) == 7 + 18
    assert omega("l2", "l2") == pytest.approx(np.sqrt(3**2 + 4**2 + 2**2 + 2 * 6))
    assert omega("l1", "l2", True) == np.inf
    assert omega("l1", "l2", True, np.abs(M)) == 7


@every_pair
def test_no_network_is_cheaper_than_omega_and_the_split_attains_it(row, col, signs):
    family, rng = StructuredSensing((5, 4), row, col, signs), np.random.default_rng(0)
    for _ in range(50):
        W = family.random_factors(rng, int(rng.integers(1, 7)))
        M = family.matrix(W)
        assert family.matrix_omega(M) <= np.sum(family.theta(W)) * (1 + 1e-12)
        u, v = family.factorize(M)
        cheapest = {"u": u, "v": v}
        family.check_factors(cheapest)
        np.testing.assert_allclose(family.matrix(cheapest), M, atol=1e-12 * np.abs(M).max())
        np.testing.assert_allclose(np.sum(family.theta(cheapest)), family.matrix_omega(M), rtol=1e-12)
        balanced = family.balance(cheapest)
        np.testing.assert_allclose(family.surrogate(balanced)[0], family.matrix_omega(M), rtol=1e-12)


@every_pair
def test_omega_and_polar_are_dual(row, col, signs):
    """``<G, M> <= polar(G) Omega(M)``, with equality for the polar's own factor."""
    family, rng = StructuredSensing((4, 3), row, col, signs), np.random.default_rng(1)
    X = np.eye(12).reshape(12, 4, 3)
    for _ in range(30):
        G, M = rng.standard_normal((12, 1)), planted(rng, (4, 3), row, col, signs)
        polar = family.polar(X, G)
        assert np.sum(G[:, 0] * M.ravel()) / 12 <= polar.upper * family.matrix_omega(M)
        at = family.matrix(polar.factor)
        assert family.matrix_omega(at) == pytest.approx(1.0, rel=1e-12)
        assert np.sum(G[:, 0] * at.ravel()) / 12 == pytest.approx(polar.lower, rel=1e-12)


def test_transposing_everything_swaps_the_norms():
    for row, col in SIGNED:
        a = problem_of(2, row, col, False)
        b = ppkit.Problem(StructuredSensing((5, 6), col, row), a.X.transpose(0, 2, 1), a.Y, a.lam)
        f, g = ppkit.fit(a, gap=1e-9), ppkit.fit(b, gap=1e-9)
        assert abs(f.certificate.objective - g.certificate.objective) <= 2e-9 * f.certificate.objective
        M, N = a.family.matrix(f.factors), b.family.matrix(g.factors)
        np.testing.assert_allclose(M, N.T, atol=1e-4 * np.abs(M).max())
        assert a.polar().upper == pytest.approx(b.polar().upper, rel=1e-13)


def test_the_l2_pair_is_matrix_sensing():
    a = problem_of(3, "l2", "l2", False)
    b = ppkit.Problem(MatrixSensing((6, 5)), a.X, a.Y, a.lam)
    assert a.polar().upper == b.polar().upper and a.polar().lower == b.polar().lower
    W = MatrixSensing((6, 5)).balance(a.family.random_factors(np.random.default_rng(0), 3))
    assert a.objective(W) == pytest.approx(b.objective(W), rel=1e-13)
    f, g = ppkit.fit(a, gap=1e-10), ppkit.fit(b, gap=1e-10)
    assert f.certificate.objective == pytest.approx(g.certificate.objective, rel=1e-10)
    assert f.width == g.width


@every_pair
def test_nested_norms_order_the_regularizers(row, col, signs):
    """A larger factor norm gives a larger Omega and a smaller polar."""
    M = np.random.default_rng(4).standard_normal((5, 4))
    M = np.abs(M) if signs else M
    omega = StructuredSensing((5, 4), row, col, signs).matrix_omega(M)
    l1 = np.abs(M).sum() * (1 + (0.3 if MIX in (row, col) else 0))
    assert np.linalg.norm(M, "nuc") * (1 - 1e-12) <= omega * (2 if "linf" in (row, col) else 1)
    assert omega <= l1 * (1 + 1e-12) or MIX in (row, col)


# ---- the polar --------------------------------------------------------------------------------------------


def test_polar_with_linf_by_enumeration():
    """Over all vertices of the cube (of ``[0,1]^n`` under sign constraints), the largest row."""
    rng = np.random.default_rng(9)
    X = np.eye(20).reshape(20, 4, 5)
    for signs, corners in ((False, (-1.0, 1.0)), (True, (0.0, 1.0))):
        vertices = np.array(list(itertools.product(corners, repeat=5)))
        for _ in range(20):
            G = rng.standard_normal((20, 1)) - 0.5
            best = max(0.0, float(np.max(G.reshape(4, 5) @ vertices.T))) / 20
            polar = StructuredSensing((4, 5), "l1", "linf", signs).polar(X, G)
            assert polar.lower == pytest.approx(best, rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(("row", "col"), [p for p in SIGNED if p != ("l2", "l2")])
def test_under_sign_constraints_a_negative_residual_has_polar_zero(row, col):
    family = StructuredSensing((3, 2), row, col, True)
    polar = family.polar(np.eye(6).reshape(6, 3, 2), -np.ones((6, 1)))
    assert polar.lower == 0.0 and polar.upper <= 1e-14
    assert np.all(family.matrix(polar.factor) >= 0)


def test_a_certificate_from_the_wrong_pair_is_false():
    """The polar of (l1, l1) under the cost of (l1, l2): a bound above the optimum."""
    right = problem_of(10, "l1", "l2", False)
    wrong = ppkit.Problem(StructuredSensing((6, 5), "l1", "l1"), right.X, right.Y, right.lam)
    best = ppkit.fit(right, gap=1e-9).certificate
    assert ppkit.certify(wrong, best.factors).lower_bound > best.objective * 1.01


# ---- training ---------------------------------------------------------------------------------------------


@every_pair
@pytest.mark.parametrize("seed", range(2))
def test_certified_to_1e8_at_60_by_40(row, col, signs, seed):
    p = problem_of(seed, row, col, signs, (60, 40), 800, part=0.1, noise=0.5, entries=40, lines=5)
    fit = ppkit.fit(p, gap=1e-8)
    assert fit.certificate.certified(1e-8) and fit.certificate.kind == "exact"
    fit.certificate.verify(rigorous=False)
    G, scale = p.residual(fit.factors), p.risk(np.zeros(p.Y.shape))
    per_factor = [p.inner(G, a) for a in p.family.atoms(fit.factors, p.X)]
    assert p.polar_of(G).upper <= p.lam * (1 + 1e-7)
    np.testing.assert_allclose(per_factor, p.lam * p.family.theta(fit.factors), atol=1e-8 * scale)
    assert abs(p.theta(fit.factors) - p.family.matrix_omega(p.family.matrix(fit.factors))) <= 1e-10 * scale


@every_pair
def test_fewer_measurements_than_entries(row, col, signs):
    """Omega on the sample is then a convex program."""
    p = problem_of(12, row, col, signs, N=15)
    fit = ppkit.fit(p, gap=1e-9)
    assert fit.certificate.certified(1e-8)
    omega = p.family.omega(p.X, p.predict(fit.factors))
    assert omega == pytest.approx(p.theta(fit.factors), rel=1e-5)
    assert p.family.omega(np.vstack([p.X, p.X[:1]]), np.append(np.ones(15), 7.0)[:, None]) == np.inf


@every_pair
def test_training_stays_in_its_box_and_merging_never_widens(row, col, signs):
    p = problem_of(13, row, col, signs)
    rng = np.random.default_rng(14)
    W = p.family.random_factors(rng, 2)
    start = p.objective(p.family.balance(W))
    W, _ = descend(p, W)
    p.family.check_factors(W)
    assert p.objective(W) < start
    assert width(p.family.merge(W, p.X)) <= 2
    smooth = SmoothObjective(p, p.family.balance(W))
    box = smooth.box()
    if box is not None:
        z = smooth.pack(p.family.balance(W))
        assert np.all(box[0] <= z) and np.all(z <= box[1])
    W = stationary(p, W)
    assert abs(p.euler(W)) <= 1e-9 * start


@every_pair
def test_doubling_of_factors(row, col, signs):
    p = problem_of(15, row, col, signs)
    fit = ppkit.fit(p, gap=1e-9)
    W = p.family.scale(fit.factors, np.full(fit.width, 0.5))
    W = append(W, W)
    assert p.objective(W) == pytest.approx(fit.certificate.objective, rel=1e-12)
    assert width(p.family.merge(W)) == fit.width


@every_pair
def test_scaling_data_and_lambda(row, col, signs):
    """Targets and lambda times c: the optimum times c, the objective times c squared."""
    p = problem_of(16, row, col, signs)
    q = ppkit.Problem(p.family, p.X, 1e3 * p.Y, 1e3 * p.lam)
    f, g = ppkit.fit(p, gap=1e-9), ppkit.fit(q, gap=1e-9)
    assert g.certificate.objective == pytest.approx(1e6 * f.certificate.objective, rel=1e-8)


# ---- width ------------------------------------------------------------------------------------------------


def test_width_is_the_number_of_lines_in_use():
    p = problem_of(17, "l1", "l2", False, shape=(12, 5), N=60)
    fit = ppkit.fit(p, gap=1e-9)
    used = np.linalg.norm(p.family.matrix(fit.factors), axis=1) > 0
    assert fit.width == used.sum() <= 12


@pytest.mark.parametrize(("row", "col"), [("l1", "l2"), ("l1", "linf"), ("l1", MIX)])
def test_never_more_lines_than_measurements_are_needed(row, col):
    p = problem_of(18, row, col, False, shape=(30, 3), N=8, part=0.02)
    fit = ppkit.fit(p, gap=1e-9)
    assert fit.certificate.certified(1e-9)
    assert fit.width <= 8


def test_least_width_of_each_pair_on_a_rank_one_matrix():
    """One factor of every cost attains Omega of ``a b^T``: it may have every entry non-zero."""
    rng = np.random.default_rng(19)
    W = {"u": rng.standard_normal((1, 5)), "v": rng.standard_normal((1, 4))}
    for row, col in SIGNED:
        family = StructuredSensing((5, 4), row, col)
        assert family.matrix_omega(family.matrix(W)) == pytest.approx(family.theta(W)[0], rel=1e-12)


# ---- degenerate data --------------------------------------------------------------------------------------


@every_pair
def test_zero_targets_give_the_empty_network(row, col, signs):
    p = problem_of(20, row, col, signs)
    q = ppkit.Problem(p.family, p.X, 0 * p.Y, 0.1)
    fit = ppkit.fit(q)
    assert fit.width == 0 and fit.certificate.gap == 0
    dead = {"u": np.zeros((2, 6)), "v": np.zeros((2, 5))}
    assert ppkit.certify(q, dead).gap == 0
    assert width(p.family.merge(dead)) == 0
    assert width(p.family.merge(zero_network(p.family))) == 0


@every_pair
def test_one_sample_duplicates_and_missing_directions(row, col, signs):
    rng = np.random.default_rng(21)
    family = StructuredSensing((4, 3), row, col, signs)
    one = rng.standard_normal((1, 4, 3))
    low = np.tensordot(rng.standard_normal((9, 2)), rng.standard_normal((2, 4, 3)), 1)
    blind = rng.standard_normal((9, 4, 3)) * (np.arange(4) > 0)[:, None]
    for X in (one, np.repeat(one, 5, axis=0), low, blind, 0 * low):
        p = ppkit.Problem(family, X, rng.standard_normal(len(X)), 0.05)
        fit = ppkit.fit(p, gap=1e-8)
        assert fit.certificate.certified(1e-8)
        ppkit.certify(p, take(fit.factors, slice(0, 0)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1)])
@every_pair
def test_thin_shapes(row, col, signs, shape):
    p = problem_of(22, row, col, signs, shape=shape, N=9, entries=1, lines=1)
    assert ppkit.fit(p, gap=1e-8).certificate.certified(1e-8)
    assert p.family.dim == sum(shape)


@pytest.mark.parametrize(("row", "col", "signs"), PAIRS)
def test_gaussian_constants_belong_to_balls_inside_the_euclidean_ones(row, col, signs):
    """T7 for Gaussian measurements reads them: each norm but "linf" is at least the Euclidean one."""
    family, rng = StructuredSensing((3, 4), row, col, signs), np.random.default_rng(0)
    atoms, W = family.gaussian_atoms(), family.random_factors(rng, 50)
    unit = family.balance(family.scale(W, 1 / family.theta(W)))
    length = np.linalg.norm(unit["u"], axis=1) * np.linalg.norm(unit["v"], axis=1)
    assert (atoms is None) == ("linf" in (row, col)) == bool(np.max(length) > 1 + 1e-12)
    assert atoms is None or (atoms.entries, atoms.shape) == (12, (3, 4))
