"""Parallel deep linear networks: Omega is nuclear at every depth, one path alone is not convex."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppkit
from ppkit.factors import append, zero_network
from ppkit.families import DeepLinear, TwoLayerLinear
from ppkit.training import stationary

SMALL = [(7, 4, 5), (7, 3, 4, 5), (7, 2, 3, 2, 5), (7, 1, 1, 5)]
BOTH = ("product", "power")


def draw(seed, n_x=7, n_y=5, N=30, rank=2, noise=0.3, loss="squared"):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n_y, rank)) @ rng.standard_normal((rank, n_x)) / np.sqrt(n_x)
    X = rng.standard_normal((N, n_x))
    Y = X @ M.T + noise * rng.standard_normal((N, n_y))
    return X, np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y


def schatten(M, p):
    s = np.linalg.svd(M, compute_uv=False)
    return np.sum(s[s > 1e-14 * s[0]] ** p) ** (1 / p)


@pytest.mark.parametrize("sizes", [(60, 8, 40), (60, 8, 8, 40), (60, 8, 8, 8, 40)])
@pytest.mark.parametrize("seed", range(2))
def test_certified_to_1e8_at_60_by_40(sizes, seed):
    X, Y = draw(seed, 60, 40, 200, 5, 0.5)
    problem = ppkit.Problem(DeepLinear(sizes), X, Y, 0.45)
    fit = ppkit.fit(problem, gap=1e-8, seed=seed)
    assert fit.certificate.certified(1e-8)
    assert fit.certificate.kind == "exact"
    fit.certificate.verify()


class TestLimits:
    @pytest.mark.parametrize("sizes", SMALL)
    @pytest.mark.parametrize("form", BOTH)
    def test_optimum_is_that_of_two_layers(self, sizes, form):
        X, Y = draw(3)
        two = ppkit.fit(ppkit.Problem(TwoLayerLinear(7, 5), X, Y, 0.1), gap=1e-10)
        deep = ppkit.fit(ppkit.Problem(DeepLinear(sizes, form), X, Y, 0.1), gap=1e-9)
        assert deep.certificate.objective == pytest.approx(two.certificate.objective, rel=2e-9)
        np.testing.assert_allclose(deep.predict(X), two.predict(X), atol=1e-3)

    def test_two_layers_with_inner_width_one_is_two_layer_linear(self):
        X, Y = draw(4)
        deep, two = DeepLinear((7, 1, 5), "power"), TwoLayerLinear(7, 5)
        V = two.random_factors(np.random.default_rng(0), 3)
        W = {"W1": V["v"][:, None, :], "W2": V["u"][:, :, None]}
        np.testing.assert_allclose(deep.theta(W), two.theta(V), rtol=1e-14)
        np.testing.assert_allclose(deep.predict(W, X), two.predict(V, X), rtol=1e-12)
        a, b = (ppkit.certify(ppkit.Problem(f, X, Y, 0.2), w) for f, w in ((deep, W), (two, V)))
        assert a.lower_bound == pytest.approx(b.lower_bound, rel=1e-12)
        assert a.euler == pytest.approx(b.euler, rel=1e-9, abs=1e-12)

    def test_scalar_inner_layers_only_rescale(self):
        X, _ = draw(5)
        deep, two = DeepLinear((7, 1, 1, 5)), DeepLinear((7, 1, 5))
        W = deep.random_factors(np.random.default_rng(0), 3)
        V = {"W1": W["W1"], "W2": W["W3"] @ W["W2"]}
        np.testing.assert_allclose(deep.theta(W), two.theta(V), rtol=1e-12)
        np.testing.assert_allclose(deep.predict(W, X), two.predict(V, X), rtol=1e-12)


class TestOnePath:
    @given(st.integers(0, 500), st.sampled_from(SMALL))
    def test_nuclear_norm_is_at_most_the_product(self, seed, sizes):
        family = DeepLinear(sizes)
        W = family.random_factors(np.random.default_rng(seed), 1)
        M, cost = family.paths(W)[0], family.theta(W)[0]
        assert np.linalg.norm(M, "nuc") <= cost * (1 + 1e-12)
        assert schatten(M, 2 / family.depth) <= cost * (1 + 1e-9)
        assert cost <= family.surrogate(W)[0] * (1 + 1e-12)

    @pytest.mark.parametrize("L", [2, 3, 4])
    def test_schatten_is_attained_by_the_balanced_path(self, L):
        M = np.random.default_rng(0).standard_normal((4, 4))
        P, s, Qt = np.linalg.svd(M)
        root = np.diag(s ** (1 / L))
        W = {f"W{l}": root[None] for l in range(1, L + 1)}
        W["W1"], W[f"W{L}"] = (root @ Qt)[None], (P @ root)[None]
        family = DeepLinear((4,) * (L + 1))
        np.testing.assert_allclose(family.paths(W)[0], M, atol=1e-12)
        assert family.theta(W)[0] == pytest.approx(schatten(M, 2 / L), rel=1e-12)
        assert len(family.merge(W)["W1"]) == 1
        spare = {k: np.zeros((3, *a.shape[1:])) for k, a in W.items()}
        chains = family.merge(append(W, spare))
        assert np.sum(family.theta(chains)) == pytest.approx(np.sum(s), rel=1e-12)

    def test_one_path_of_three_layers_is_stuck_above_the_optimum(self):
        X, Y = draw(6, rank=3, noise=0.05)
        family = DeepLinear((7, 5, 5, 5))
        problem = ppkit.Problem(family, X, Y, 0.05)
        best = ppkit.fit(problem, gap=1e-9).certificate
        for seed in range(5):
            W = family.random_factors(np.random.default_rng(seed), 1)
            cert = ppkit.certify(problem, stationary(problem, W))
            assert len(cert.factors["W1"]) == 1
            assert cert.polar_ratio > 1.001
            assert cert.objective > 1.01 * best.objective
            assert cert.lower_bound <= best.objective


class TestTraining:
    @pytest.mark.parametrize("L", [2, 3, 4])
    @pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0])
    def test_copes_with_starts_near_the_saddle_at_zero(self, L, scale):
        X, Y = draw(7)
        family = DeepLinear((7, *(4,) * (L - 1), 5))
        W = family.random_factors(np.random.default_rng(0), 3)
        fit = ppkit.fit(
            ppkit.Problem(family, X, Y, 0.1), gap=1e-8, start={k: scale * a for k, a in W.items()}
        )
        assert fit.certificate.certified(1e-8)

    def test_zero_start(self):
        X, Y = draw(7)
        family = DeepLinear((7, 4, 4, 5))
        W = {k: 0 * a for k, a in family.random_factors(np.random.default_rng(0), 3).items()}
        assert ppkit.fit(ppkit.Problem(family, X, Y, 0.1), gap=1e-8, start=W).certificate.certified(1e-8)

    def test_chains_are_invariant_under_the_gradient(self):
        X, Y = draw(8)
        family, rng = DeepLinear((7, 3, 4, 5)), np.random.default_rng(0)
        W = family.scale(
            family.chains(rng.standard_normal((3, 5)), rng.standard_normal((3, 7))), np.full(3, 0.7)
        )
        mask = family.free(W)
        grad, slope = family.vjp(W, X, Y), family.surrogate(W)[1]
        for k in family.shapes:
            assert not np.any(grad[k][~mask[k]])
            assert not np.any(slope[k][~mask[k]])
        assert sum(np.sum(m) for m in mask.values()) == 3 * (7 + 1 + 5)

    def test_free_masks_only_the_chains(self):
        family = DeepLinear((7, 3, 4, 5))
        dense = family.random_factors(np.random.default_rng(0), 2)
        chain = family.chains(np.ones((1, 5)), np.ones((1, 7)))
        mask = family.free({k: np.concatenate([dense[k], chain[k]]) for k in dense})
        assert all(m[:2].all() for m in mask.values())
        assert not mask["W2"][2].all()

    @pytest.mark.parametrize("sizes", SMALL)
    def test_stationary_points_are_balanced(self, sizes):
        X, Y = draw(9)
        family = DeepLinear(sizes)
        problem = ppkit.Problem(family, X, Y, 0.1)
        W = stationary(problem, family.random_factors(np.random.default_rng(0), 2))
        norms = family.norms(W)
        np.testing.assert_allclose(norms, np.broadcast_to(norms[0], norms.shape), rtol=1e-5)


class TestDegenerate:
    def test_rank_deficient_inputs(self):
        X, Y = draw(6)
        X = np.hstack([X[:, :3], X[:, :3], np.zeros((30, 1))])
        family = DeepLinear((7, 2, 2, 5))
        fit = ppkit.fit(ppkit.Problem(family, X, Y, 0.05), gap=1e-8)
        assert fit.certificate.certified(1e-8)
        assert family.omega(X, family.predict(fit.factors, X)) <= np.sum(family.theta(fit.factors)) * (
            1 + 1e-9
        )

    def test_duplicated_samples_one_sample_zero_targets(self):
        X, Y = draw(7)
        family = DeepLinear((7, 2, 2, 5))
        a = ppkit.fit(ppkit.Problem(family, X, Y, 0.1), gap=1e-9).certificate
        b = ppkit.fit(ppkit.Problem(family, np.vstack([X, X]), np.vstack([Y, Y]), 0.1), gap=1e-9).certificate
        assert a.objective == pytest.approx(b.objective, rel=2e-9)
        one = ppkit.fit(ppkit.Problem(family, X[:1], Y[:1], 0.1), gap=1e-8)
        assert one.certificate.certified(1e-8)
        assert one.width == 1
        zero = ppkit.fit(ppkit.Problem(family, X, 0 * Y, 0.1))
        assert zero.width == 0
        assert zero.certificate.objective == 0

    def test_width_zero_and_dead_layers(self):
        X, Y = draw(8)
        family = DeepLinear((7, 2, 2, 5))
        cert = ppkit.certify(ppkit.Problem(family, X, Y, 0.1), zero_network(family))
        assert cert.objective == pytest.approx(0.5 * np.mean(np.sum(Y**2, axis=1)))
        W = family.random_factors(np.random.default_rng(0), 2)
        W["W2"][1] = 0
        balanced = family.balance(W)
        assert all(not np.any(a[1]) for a in balanced.values())
        assert len(family.merge(W)["W1"]) == 2

    @pytest.mark.parametrize("sizes", [(3, 4), 5, (3, 0, 2), (3, 1.5, 2)])
    def test_bad_sizes(self, sizes):
        with pytest.raises(ppkit.InputError, match="sizes"):
            DeepLinear(sizes)

    def test_bad_form_and_data(self):
        with pytest.raises(ppkit.InputError, match="form must be one of"):
            DeepLinear((3, 2, 2), form="sum")
        with pytest.raises(ppkit.InputError, match="W2 must have shape"):
            problem = ppkit.Problem(DeepLinear((3, 2, 2)), np.ones((4, 3)), np.ones((4, 2)), 0.1)
            problem.objective({"W1": np.ones((1, 2, 3)), "W2": np.ones((1, 2, 3))})

    def test_from_data_and_params(self):
        family = DeepLinear.from_data(np.zeros((4, 3)), np.zeros((4, 2)))
        assert family.sizes == (3, 2, 2, 2)
        other = DeepLinear.from_data(np.zeros((4, 3)), np.zeros(4), sizes=[3, 6, 1], form="power")
        assert DeepLinear(**other.params()) == other


@given(st.integers(0, 200), st.sampled_from(SMALL))
def test_merge_keeps_the_prediction_and_never_costs_more(seed, sizes):
    family, rng = DeepLinear(sizes), np.random.default_rng(seed)
    X, W = rng.standard_normal((6, 7)), family.random_factors(rng, 3)
    merged = family.merge(W, X)
    assert len(merged["W1"]) <= 3
    size = np.linalg.norm(family.predict(W, X))
    np.testing.assert_allclose(family.predict(merged, X), family.predict(W, X), atol=1e-10 * size)
    assert np.sum(family.theta(merged)) <= np.sum(family.theta(W)) * (1 + 1e-12)
    norms = family.norms(merged)
    np.testing.assert_allclose(norms, np.broadcast_to(norms[0], norms.shape), rtol=1e-12)
