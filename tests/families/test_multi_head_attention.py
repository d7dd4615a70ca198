"""Softmax heads: the interval of the polar, its parts, training on the balls, limits and degenerate data."""

import numpy as np
import pytest

import ppkit
from ppkit.checks import Proof
from ppkit.checks.boxes import box_bound, head_boxes, head_of, plane_chart, quadratic_maximum_up
from ppkit.checks.heads import attention, head_matrix, largest_eigenvalues_up, moments, relaxation, softmax
from ppkit.families import LinearAttention, MultiHeadAttention
from ppkit.polars.ball_maps import from_ball, pull_back, to_ball
from ppkit.polars.branch import branch_and_bound
from ppkit.polars.heads import split_head

MEMBERS = [
    MultiHeadAttention(3, 4, 2, 2),
    MultiHeadAttention(2, 3, 3, 1, radius=2.0, query="all"),
    MultiHeadAttention(4, 2, 1, 3, radius=0.5, query="mean"),
]


def unit_heads(family, rng, count):
    """Heads of cost one; half of the keys and queries lie on their spheres."""
    W = family.random_factors(rng, count)
    for k in ("K", "Q"):
        norm = np.linalg.norm(W[k][: count // 2], axis=(1, 2), keepdims=True)
        W[k][: count // 2] *= family.radius / norm
    return family.scale(W, 1 / family.theta(W))


def values(family, X, G, W):
    return family.atoms(W, X).reshape(len(W["V"]), -1) @ G.ravel() / len(G)


def drawn(family, n, seed=0):
    rng = np.random.default_rng(seed)
    X = family.random_inputs(rng, n)
    return X, rng.standard_normal((n, family.n_outputs)), rng


# ---- the head ------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", MEMBERS, ids=lambda f: f.query)
def test_the_head_is_its_formula(family):
    X, _, rng = drawn(family, 5)
    W = family.random_factors(rng, 3)
    atoms = family.atoms(W, X).reshape(3, 5, family.n_queries, family.n_values)
    for j, i in np.ndindex(3, 5):
        asking = {"last": X[i, -1:], "all": X[i], "mean": X[i].mean(axis=0, keepdims=True)}[family.query]
        for t, q in enumerate(asking):
            keys, query = X[i] @ W["K"][j].T, W["Q"][j] @ q
            a = softmax(keys @ query / np.sqrt(family.d_k))
            np.testing.assert_allclose(atoms[j, i, t], W["V"][j] @ (X[i].T @ a), rtol=1e-12, atol=1e-14)


def test_weak_homogeneity_only_values_scale():
    family = MEMBERS[0]
    X, _, rng = drawn(family, 5)
    W = family.random_factors(rng, 2)
    scaled = family.scale(W, np.array([2.0, 3.0]))
    assert np.array_equal(scaled["K"], W["K"]) and np.array_equal(scaled["Q"], W["Q"])
    double = family.atoms({**W, "K": 2 * W["K"]}, X)
    assert not np.allclose(double, 2 * family.atoms(W, X), rtol=1e-2)


def test_heads_outside_the_ball_are_refused():
    family = MEMBERS[0]
    X, G, rng = drawn(family, 5)
    W = family.random_factors(rng, 2)
    problem = ppkit.Problem(family, X, G, 0.1)
    with pytest.raises(ppkit.InputError, match="ball of radius 1"):
        ppkit.certify(problem, {**W, "Q": 10 * W["Q"]})
    edge = {**W, "K": W["K"] / np.linalg.norm(W["K"], axis=(1, 2), keepdims=True)}
    ppkit.certify(problem, edge)


@pytest.mark.parametrize("bad", [{"radius": 0.0}, {"radius": np.inf}, {"radius": "1"}, {"query": "first"}])
def test_bad_members_are_refused(bad):
    with pytest.raises(ppkit.InputError):
        MultiHeadAttention(2, 3, 1, **bad)


def test_scores_that_rounding_decides_are_refused():
    with pytest.raises(ppkit.InputError, match="scores"):
        ppkit.Problem(MultiHeadAttention(2, 3, 1), 1e5 * np.ones((4, 3, 2)), np.ones(4), 0.1)


# ---- what keys and queries reach -----------------------------------------------------------------


@pytest.mark.parametrize(("d", "d_k"), [(1, 1), (2, 1), (2, 2), (2, 5), (4, 2)])
def test_head_matrices_are_those_of_small_rank_and_nuclear_norm(d, d_k):
    family, rng = MultiHeadAttention(d, 3, d_k, radius=1.5), np.random.default_rng(0)
    W = unit_heads(family, rng, 300)
    B = head_matrix(W["K"], W["Q"])
    s = np.linalg.svd(B, compute_uv=False)
    assert np.all(s.sum(axis=1) <= family.reach * (1 + 1e-12))
    assert np.all(s[:, d_k:] <= 1e-12)
    for matrix in B[:20]:
        head = split_head(matrix, d_k, family.radius)
        assert max(np.linalg.norm(W) for W in head.values()) <= family.radius * (1 + 1e-15)
        np.testing.assert_allclose(head_matrix(head["K"], head["Q"])[0], matrix, atol=1e-12)


@pytest.mark.parametrize("d_k", [1, 2])
def test_the_plane_box_is_the_set_of_head_matrices(d_k):
    reach, rng = 1.7, np.random.default_rng(1)
    lo, hi = head_boxes(2, d_k, reach)
    p = rng.uniform(lo[0], hi[0], (500, lo.shape[1]))
    B = np.stack([head_of(b) for b in plane_chart(reach)(p, 0 * p)[0]])
    s = np.linalg.svd(B, compute_uv=False)
    assert np.all(s.sum(axis=1) <= reach * (1 + 1e-10)) and s.sum(axis=1).max() > 0.9 * reach
    assert d_k == 2 or np.all(s[:, 1] <= 1e-12)


def test_ball_coordinates():
    rng = np.random.default_rng(2)
    W = rng.standard_normal((40, 2, 3))
    W *= (np.linspace(0, 0.999, 40) / np.linalg.norm(W, axis=(1, 2)))[:, None, None]
    np.testing.assert_allclose(to_ball(from_ball(W, 1.0), 1.0), W, atol=1e-14)
    z, slope, h = rng.standard_normal((40, 2, 3)), rng.standard_normal((40, 2, 3)), 1e-6
    z[:5] *= 1e-6
    move = rng.standard_normal(z.shape)
    change = np.sum(slope * (to_ball(z + h * move, 2.0) - to_ball(z - h * move, 2.0)), axis=(1, 2)) / (2 * h)
    np.testing.assert_allclose(np.sum(pull_back(z, 2.0, slope) * move, axis=(1, 2)), change, atol=1e-8)
    assert np.linalg.norm(to_ball(5 * z, 2.0), axis=(1, 2)).max() <= 2.0 * (1 + 1e-15)


# ---- the polar -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d_k", "c", "query"), [(1, 1, "last"), (2, 1, "last"), (2, 3, "mean"), (1, 1, "all")]
)
def test_interval_closes_for_two_features(d_k, c, query):
    """n_features = 2, T = 4, N = 20: to one percent and far below, by branch and bound."""
    family = MultiHeadAttention(2, 4, d_k, c, query=query)
    X, G, rng = drawn(family, 20)
    polar = family.polar(X, G)
    assert polar.kind == "bounded"
    assert polar.upper <= polar.lower * (1 + 1e-6)
    assert values(family, X, G, unit_heads(family, rng, 10_000)).max() <= polar.upper
    assert family.polar_upper(X, G, polar.proof) == pytest.approx(polar.upper, rel=1e-13)


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_one_feature_is_a_scan_of_the_line(radius):
    family = MultiHeadAttention(1, 4, 2, 2, radius=radius)
    X, G, _ = drawn(family, 20)
    polar = family.polar(X, G, effort="exact")
    B = np.linspace(-family.reach, family.reach, 20_001)[:, None, None]
    scan = np.linalg.norm(moments(family.queries(X, G), B), axis=(1, 2)).max()
    assert scan <= polar.lower * (1 + 1e-9) and polar.lower <= scan * (1 + 1e-6)
    assert polar.upper <= polar.lower * (1 + 1e-8)


@pytest.mark.parametrize("d", [1, 2])
def test_box_bound_is_above_every_head_of_the_box(d):
    family = MultiHeadAttention(d, 3, d, 2, radius=1.5)
    X, G, rng = drawn(family, 10)
    queries, (lo, hi) = family.queries(X, G), head_boxes(d, d, family.reach)
    bound, chart = box_bound(queries, family.reach), plane_chart(family.reach)
    a, b = lo[0] + (hi[0] - lo[0]) * rng.random((2, 200, lo.shape[1]))
    shrink = 10.0 ** rng.uniform(-5, 0, (200, 1))
    low, high = np.minimum(a, a + shrink * (b - a)), np.maximum(a, a + shrink * (b - a))
    upper, value, point = bound(np.zeros(200, int), low, high, 0.0)
    own = np.linalg.norm(moments(queries, np.stack([head_of(p) for p in point])), axis=(1, 2))
    np.testing.assert_allclose(own, value, rtol=1e-12)
    for k in range(200):
        p = rng.uniform(low[k], high[k], (300, lo.shape[1]))
        p = np.concatenate([p, np.where(rng.random(p.shape) < 0.5, low[k], high[k])])
        heads = p if d == 1 else chart(p, 0 * p)[0]
        inside = np.linalg.norm(moments(queries, np.stack([head_of(x) for x in heads])), axis=(1, 2))
        assert inside.max() <= upper[k]
    small = shrink[:, 0] < 1e-3
    assert np.all(upper[small] <= own[small] * 1.05)


def test_box_bound_is_sharp_to_third_order():
    """Halving a small box cuts what the bound adds to the true maximum by about eight."""
    family = MultiHeadAttention(1, 3, 1)
    X, G, _ = drawn(family, 10)
    bound = box_bound(family.queries(X, G), family.reach)
    excess = []
    for h in (0.04, 0.02, 0.01):
        lo, hi = np.array([[0.3 - h]]), np.array([[0.3 + h]])
        B = np.linspace(0.3 - h, 0.3 + h, 2001)[:, None, None]
        top = np.linalg.norm(moments(family.queries(X, G), B), axis=(1, 2)).max()
        excess.append(bound(np.zeros(1, int), lo, hi, 0.0)[0][0] - top)
    assert 4 <= excess[0] / excess[1] <= 12 and 4 <= excess[1] / excess[2] <= 12


def test_quadratic_maximum_is_above_the_box():
    rng = np.random.default_rng(3)
    first, second = rng.standard_normal((50, 3)), rng.standard_normal((50, 3, 3))
    second = second + second.transpose(0, 2, 1) - 2 * np.eye(3)
    x = rng.uniform(-1, 1, (4000, 3))
    value = first @ x.T + 0.5 * np.einsum("xl,klm,xm->kx", x, second, x)
    assert np.all(value.max(axis=1) <= quadratic_maximum_up(first, second))


@pytest.mark.parametrize("seed", range(12))
def test_every_relaxation_is_above_ten_thousand_heads(seed):
    rng = np.random.default_rng(seed)
    d, T, d_k, c = (int(n) for n in rng.integers(1, 6, 4))
    query = ("last", "all", "mean")[seed % 3]
    family = MultiHeadAttention(d, T, d_k, c, radius=float(10.0 ** rng.uniform(-1, 0.7)), query=query)
    X, G, _ = drawn(family, int(rng.integers(1, 15)), seed)
    queries = family.queries(X, G)
    W = unit_heads(family, rng, 10_000)
    top = np.linalg.norm(moments(queries, head_matrix(W["K"], W["Q"])), axis=(1, 2)).max()
    assert np.all(top <= relaxation(queries, family.reach))


def test_relaxations_are_exact_to_their_order_as_the_radius_falls():
    """Order p leaves an excess of the order of the radius squared to the power p + 1."""
    rows = []
    for radius in (0.2, 0.1):
        family = MultiHeadAttention(3, 4, 3, radius=radius)
        X, G, _ = drawn(family, 30)
        lower = family.polar(X, G).lower
        rows.append((relaxation(family.queries(X, G), family.reach) / lower - 1)[:2])
    ratio = rows[0] / rows[1]
    assert 3 < ratio[0] < 6 and ratio[1] > 3


def test_cumulant_bounds():
    """The bounds behind every Taylor remainder, for random weights on tokens in the unit interval."""
    rng = np.random.default_rng(4)
    a = softmax(10 * rng.standard_normal((20_000, 5)) * rng.random((20_000, 1)))
    c, s = rng.random((2, 20_000, 5))
    c, s = (f - np.sum(a * f, axis=1, keepdims=True) for f in (c, s))
    v, w, cov = (np.sum(a * f, axis=1) for f in (c * c, s * s, c * s))
    third, fourth = np.sum(a * c * s**2, axis=1), np.sum(a * c * s**3, axis=1) - 3 * cov * w
    assert np.all(np.abs(third) <= np.sqrt(v * w) + 1e-15) and np.all(v <= 0.25)
    assert np.all(np.abs(fourth) <= (1 + 3 * w) * np.sqrt(v * w) + 1e-15)


def test_largest_eigenvalue():
    A = np.random.default_rng(5).standard_normal((50, 4, 2))
    C = A.transpose(0, 2, 1) @ A
    assert np.all(np.linalg.eigvalsh(C)[:, -1] <= largest_eigenvalues_up(C))
    np.testing.assert_allclose(np.linalg.eigvalsh(C)[:, -1], largest_eigenvalues_up(C), rtol=1e-11)


def awkward(seed):
    """A degenerate instance of a random kind: ``(family, X, G)``."""
    rng = np.random.default_rng(seed)
    d, T, d_k, c = (int(n) for n in rng.integers(1, [4, 5, 3, 5]))
    family = MultiHeadAttention(
        d, T, d_k, c, float(rng.choice([0.3, 1, 3])), ("last", "all", "mean")[seed % 3]
    )
    n = 1 if seed % 5 == 0 else int(rng.integers(2, 10))
    X, kind = rng.standard_normal((n, T, d)), seed % 7
    if kind == 1:
        X = np.repeat(X[:, :1], T, axis=1)  # all tokens of a sample alike
    elif kind == 2:
        X[rng.random((n, T)) < 0.5] = 0.0  # zero tokens
    elif kind == 3:
        X[:] = X[:1]  # one input again and again
    elif kind == 4:
        X = rng.integers(-1, 2, X.shape).astype(float)
    elif kind == 5:
        X = X * 10.0 ** rng.integers(-4, 3, (n, 1, 1))
    G = rng.standard_normal((n, family.n_outputs))
    if kind == 6:
        G[rng.random(n) < 0.7] = 0.0
    return family, X, G


@pytest.mark.parametrize("part", range(6))
def test_ten_thousand_heads_stay_below_the_polar(part):
    for seed in range(10 * part, 10 * part + 10):
        family, X, G = awkward(seed)
        polar, rng = family.polar(X, G, effort="fast"), np.random.default_rng(seed + 1)
        assert values(family, X, G, unit_heads(family, rng, 10_000)).max() <= polar.upper, seed
        own = values(family, X, G, polar.factor)[0]
        assert abs(own - polar.lower) <= 1e-12 * polar.lower + 1e-300
        assert family.theta(polar.factor)[0] <= 1 + 1e-15
        family.check_factors(polar.candidates)
        assert family.polar_upper(X, G, polar.proof) == pytest.approx(polar.upper, rel=1e-13, abs=0)


def test_budget_stopped_intervals_hold_the_value_of_a_longer_run():
    for seed in range(50):
        family = MultiHeadAttention(2, 2, 1 + seed % 2, 1 + seed % 3)
        X, G, _ = drawn(family, 4, seed)
        boxes, bound = head_boxes(2, family.d_k, family.reach), box_bound(family.queries(X, G), family.reach)
        early = branch_and_bound(bound, *boxes, gap=1e-3, max_nodes=int(10 ** (1 + 2 * seed / 50)))
        longer = family.polar(X, G)
        assert early.lower <= longer.upper and longer.lower <= early.upper


@pytest.mark.parametrize("seed", range(20))
def test_with_few_features_both_bounds_are_tried(seed):
    """However close the expansion comes, boxes may come closer; a proof of either kind is a bound."""
    rng = np.random.default_rng(seed)
    family = MultiHeadAttention(1 + seed % 2, 3, 2, 2, radius=float(10.0 ** rng.uniform(-3, 0)))
    X, G, _ = drawn(family, 6, seed)
    polar = family.polar(X, G, effort="fast")
    by_expansion = family.polar_upper(X, G, Proof("expansion"))
    root = {"dim": np.array([-1]), "child": np.array([-1]), "cutoff": np.array(0.0)}
    by_root = family.polar_upper(X, G, Proof("boxes", root))
    assert polar.lower <= polar.upper <= by_root <= by_expansion


def test_a_tree_of_boxes_says_nothing_about_many_features():
    family = MultiHeadAttention(3, 3, 2)
    X, G, _ = drawn(family, 6)
    with pytest.raises(ValueError, match="boxes"):
        family.polar_upper(X, G, Proof("boxes", {"dim": np.array([-1]), "child": np.array([-1])}))


def test_starts_on_the_sphere_and_residuals_of_zero():
    """A start counts where it stands, and what comes back is accepted as a network."""
    for d in (2, 3):
        family = MultiHeadAttention(d, 3, 2, radius=3.0)
        X, G, rng = drawn(family, 6)
        W = unit_heads(family, rng, 4)
        for residual in (G, 0 * G):
            polar = family.polar(X, residual, starts=[W], effort="fast")
            assert values(family, X, residual, W).max() <= polar.lower * (1 + 1e-12)
            assert polar.upper > 0 or not residual.any()
            family.check_factors(polar.candidates)


# ---- limits --------------------------------------------------------------------------------------


def test_small_heads_are_linear_attention():
    """K and Q of size r, values of size 1/r^2: up to r^2, a linear head plus one of constant weights."""
    rng, d, T = np.random.default_rng(6), 3, 4
    X = rng.standard_normal((10, T, d))
    X = X - X.mean(axis=1, keepdims=True)  # then uniform attention answers zero
    K, Q, V = rng.standard_normal((1, d, d)), rng.standard_normal((1, d, d)), rng.standard_normal((1, 2, d))
    errors = []
    for r in (0.1, 0.05, 0.025):
        family = MultiHeadAttention(d, T, d, 2, radius=10.0)
        soft = family.predict({"V": V / r**2, "K": r * K, "Q": r * Q}, X)
        A, B = np.matmul(Q.transpose(0, 2, 1), K) / (np.sqrt(d) * T), V.transpose(0, 2, 1)
        linear = LinearAttention(d, T, 2, query="last").predict({"A": A, "B": B}, X)
        errors.append(np.abs(soft - linear).max())
    assert 3 < errors[0] / errors[1] < 5 and 3 < errors[1] / errors[2] < 5


def test_tokens_may_be_shuffled_but_for_the_one_that_asks():
    family = MEMBERS[0]
    X, _, rng = drawn(family, 5)
    W = family.random_factors(rng, 2)
    shuffled = X[:, [2, 0, 1, 3]]
    np.testing.assert_allclose(family.predict(W, shuffled), family.predict(W, X), atol=1e-13)


def test_scores_do_not_see_a_common_shift():
    rng = np.random.default_rng(7)
    tokens, asking, B = (
        rng.standard_normal((5, 4, 2)),
        rng.standard_normal((5, 2)),
        rng.standard_normal((3, 2, 2)),
    )
    shift = rng.standard_normal((5, 1, 2))
    np.testing.assert_allclose(attention(tokens, asking, B), attention(tokens + shift, asking, B), atol=1e-13)


# ---- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("d_k", "loss"), [(1, "squared"), (2, "squared"), (2, "logistic"), (1, "huber")])
def test_small_problems_are_certified(d_k, loss):
    family, rng = MultiHeadAttention(2, 3, d_k), np.random.default_rng(8)
    X = family.random_inputs(rng, 12)
    y = family.predict(family.random_factors(rng, 2), X)[:, 0] + 0.1 * rng.standard_normal(12)
    y = np.where(y > 0, 1.0, -1.0) if loss == "logistic" else y
    lam = 0.3 * ppkit.Problem(family, X, y, 1.0, loss).polar().lower
    fit = ppkit.fit(ppkit.Problem(family, X, y, lam, loss), gap=1e-6)
    assert fit.certificate.certified(1e-6), fit.certificate
    assert np.all(np.linalg.norm(fit.factors["K"], axis=(1, 2)) <= family.radius * (1 + 1e-12))


def test_many_features_keep_an_honest_interval():
    family, rng = MultiHeadAttention(5, 4, 2, 2, radius=0.7), np.random.default_rng(9)
    X = family.random_inputs(rng, 40) / np.sqrt(5)
    Y = family.predict(family.random_factors(rng, 3), X) + 0.1 * rng.standard_normal((40, 2))
    lam = 0.2 * ppkit.Problem(family, X, Y, 1.0).polar().lower
    cert = ppkit.fit(ppkit.Problem(family, X, Y, lam), gap=1e-6).certificate
    assert cert.kind == "bounded" and 1e-6 < cert.relative_gap < 0.5
    assert cert.verify().certificate is cert


def test_zero_targets_and_single_samples():
    family, rng = MultiHeadAttention(2, 3, 2, 2), np.random.default_rng(10)
    X = family.random_inputs(rng, 5)
    fit = ppkit.fit(ppkit.Problem(family, X, np.zeros((5, 2)), 0.1))
    assert fit.width == 0 and fit.certificate.certified(1e-12)
    one = ppkit.Problem(family, X[:1], rng.standard_normal((1, 2)), 0.01)
    assert ppkit.fit(one, gap=1e-6).certificate.certified(1e-6)
