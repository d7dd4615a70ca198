"""Linear attention: the head as it is written, the lifted matrix, Omega over the fibre, certificates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppkit
from ppkit.factors import width, zero_network
from ppkit.families import LinearAttention, MatrixSensing

QUERIES = ["mean", "last", "all"]


def make(seed, d=3, T=4, c=2, N=30, r=2, noise=0.1, lam=0.05, loss="squared", query="mean"):
    """A random teacher with predictions of unit scale."""
    rng = np.random.default_rng(seed)
    family = LinearAttention(d, T, c, query)
    X = rng.standard_normal((N, T, d)) / np.sqrt(T)
    F = family.predict(family.random_factors(rng, r), X)
    Y = F / F.std() + noise * rng.standard_normal(F.shape)
    return ppkit.Problem(family, X, np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y, lam, loss)


def by_hand(factors, X, query):
    """``sum_j Q_i A_j X_i^T X_i B_j``, one sample and one head at a time."""
    answers = []
    for x in X:
        head = sum(
            x @ A @ x.T @ x @ B for A, B in zip(factors["A"], factors["B"], strict=True)
        )  # (T, c): every token asks
        answers.append({"mean": head.mean(axis=0), "last": head[-1], "all": head}[query].ravel())
    return np.array(answers)


class TestTheHead:
    @pytest.mark.parametrize("query", QUERIES)
    def test_is_the_formula(self, query):
        problem = make(0, query=query)
        factors = problem.family.random_factors(np.random.default_rng(1), 3)
        F = by_hand(factors, problem.X, query)
        np.testing.assert_allclose(problem.predict(factors), F, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("query", QUERIES)
    def test_is_linear_in_the_lifted_matrix(self, query):
        problem = make(0, query=query)
        family, X = problem.family, problem.X
        factors = family.random_factors(np.random.default_rng(1), 3)
        M, F = family.matrix(factors), problem.predict(factors)
        assert M.shape == (9, 6)
        np.testing.assert_allclose(family.forward(M, X), F, rtol=1e-12, atol=1e-12)
        wide = family.design(X) @ M.reshape(27, 2)
        np.testing.assert_allclose(wide.reshape(F.shape), F, rtol=1e-12, atol=1e-12)
        G = np.random.default_rng(2).standard_normal(F.shape)
        assert np.isclose(np.sum(family.adjoint(X, G) * M), problem.inner(G, F), rtol=1e-12)

    @pytest.mark.parametrize(("query", "n_outputs"), [("mean", 2), ("last", 2), ("all", 8)])
    def test_sizes(self, query, n_outputs):
        family = LinearAttention(3, 4, 2, query)
        assert family.n_outputs == n_outputs
        assert family.dim == 9 + 6
        assert type(family)(**family.params()) == family

    def test_invisible_part(self):
        """Adding a part antisymmetric in (b, e) changes no prediction, whatever the inputs."""
        problem = make(0, query="all")
        family, rng = problem.family, np.random.default_rng(3)
        K = rng.standard_normal((3, 3, 3, 2))
        K = (K - K.transpose(0, 2, 1, 3)).reshape(9, 6)
        assert np.linalg.norm(family.forward(K, problem.X)) <= 1e-12 * np.linalg.norm(K)

    @pytest.mark.parametrize("query", QUERIES)
    @pytest.mark.parametrize("T", [1, 2, 5])
    def test_nothing_else_is_invisible_from_two_tokens_on(self, T, query):
        d = 3
        family = LinearAttention(d, T, 1, query)
        X = np.random.default_rng(0).standard_normal((200, T, d))
        rank = np.linalg.matrix_rank(family.design(X))
        seen = d * d * (d + 1) // 2 if T > 1 else d * (d + 1) * (d + 2) // 6
        assert rank == seen


class TestMustShow:
    @pytest.mark.parametrize("seed", range(2))
    def test_certified_to_1e_8_at_64_by_40(self, seed):
        problem = make(seed, d=8, T=6, c=5, N=400, lam=0.02)
        fit = ppkit.fit(problem, gap=1e-8, seed=seed)
        assert fit.certificate.certified(1e-8)
        assert fit.certificate.kind == "exact"
        fit.certificate.verify()


class TestInvariances:
    @given(st.integers(0, 10**6))
    def test_order_of_the_tokens(self, seed):
        rng = np.random.default_rng(seed)
        problem = make(2)
        shuffled = problem.X[:, rng.permutation(4)]
        factors = problem.family.random_factors(rng, 3)
        F = problem.family.predict(factors, shuffled)
        np.testing.assert_allclose(F, problem.predict(factors), rtol=1e-10, atol=1e-11)

    @given(st.integers(0, 10**6))
    def test_rotation_of_the_features(self, seed):
        rng = np.random.default_rng(seed)
        problem = make(3)
        R, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        turned = ppkit.Problem(problem.family, problem.X @ R, problem.Y, problem.lam)
        factors = problem.family.random_factors(rng, 2)
        same = {"A": R.T @ factors["A"] @ R, "B": R.T @ factors["B"]}
        assert np.isclose(turned.objective(same), problem.objective(factors), rtol=1e-12)
        G = rng.standard_normal(problem.Y.shape)
        assert np.isclose(turned.polar_of(G).lower, problem.polar_of(G).lower, rtol=1e-11)


class TestOmega:
    def test_product_form_and_merge(self):
        problem = make(0)
        factors = problem.family.random_factors(np.random.default_rng(0), 9)
        merged = problem.family.merge(factors)
        nuclear = np.linalg.norm(problem.family.matrix(factors), "nuc")
        assert width(merged) == 6
        assert np.isclose(problem.theta(merged), nuclear, rtol=1e-12)
        balanced = problem.family.balance(factors)
        product = [np.linalg.norm(A) * np.linalg.norm(B) for A, B in zip(*factors.values(), strict=True)]
        np.testing.assert_allclose(problem.family.theta(balanced), product, rtol=1e-12)

    def test_nuclear_norm_of_the_matrix_is_only_an_upper_bound(self):
        family = LinearAttention(2, 3, 1)
        X = np.random.default_rng(0).standard_normal((40, 3, 2))
        one = {"A": np.eye(2)[None], "B": np.array([[[1.0], [0.0]]])}
        M = family.matrix(one).reshape(2, 2, 2)
        mirrored = ((M + M.transpose(0, 2, 1)) / 2).reshape(4, 2)
        assert np.isclose(np.linalg.norm(M.reshape(4, 2), "nuc"), np.sqrt(2))
        assert np.isclose(np.linalg.norm(mirrored, "nuc"), (1 + np.sqrt(5)) / 2)
        omega = family.omega(X, family.predict(one, X))
        assert np.isclose(omega, np.sqrt(2), rtol=1e-6)

    def test_one_feature_has_a_closed_form(self):
        family = LinearAttention(1, 3, 2)
        X = np.random.default_rng(0).standard_normal((5, 3, 1))
        factors = family.random_factors(np.random.default_rng(1), 3)
        nuclear = np.linalg.norm(family.matrix(factors), "nuc")
        assert np.isclose(family.omega(X, family.predict(factors, X)), nuclear, rtol=1e-10)

    def test_not_representable(self):
        family = LinearAttention(2, 2, 1)
        X = np.repeat(np.random.default_rng(0).standard_normal((1, 2, 2)), 2, axis=0)
        assert family.omega(X, np.array([[1.0], [2.0]])) == np.inf
        assert family.omega(0 * X, np.zeros((2, 1))) == 0.0

    def test_one_output_is_matrix_sensing_with_lifted_inputs(self):
        problem = make(5, c=1)
        lifted = problem.family.design(problem.X).reshape(-1, 9, 3)
        sensing = ppkit.Problem(MatrixSensing((9, 3)), lifted, problem.Y, problem.lam)
        a, b = (ppkit.fit(p, gap=1e-10).certificate for p in (problem, sensing))
        assert np.isclose(a.objective, b.objective, rtol=1e-9)


class TestDegenerate:
    def test_zero_targets(self):
        problem = ppkit.Problem(LinearAttention(2, 3, 2), np.ones((4, 3, 2)), np.zeros((4, 2)), 0.1)
        assert ppkit.fit(problem).width == 0

    def test_lambda_above_the_polar_of_the_targets(self):
        problem = make(0)
        top = problem.polar_of(problem.Y).upper
        over = ppkit.Problem(problem.family, problem.X, problem.Y, top * 1.001)
        assert ppkit.fit(over).width == 0
        assert ppkit.certify(over, zero_network(problem.family)).certified(1e-12)

    @pytest.mark.parametrize("case", ["one sample", "duplicates", "one direction", "zero inputs"])
    @pytest.mark.parametrize("query", QUERIES)
    def test_small_and_repeated_samples(self, case, query):
        rng = np.random.default_rng(0)
        X = {
            "one sample": rng.standard_normal((1, 4, 3)),
            "duplicates": np.repeat(rng.standard_normal((3, 4, 3)), 4, axis=0),
            "one direction": rng.standard_normal((9, 4, 1)) * rng.standard_normal(3),
            "zero inputs": np.zeros((5, 4, 3)),
        }[case]
        family = LinearAttention(3, 4, 2, query)
        problem = ppkit.Problem(family, X, 1 + rng.random((len(X), family.n_outputs)), 0.01)
        fit = ppkit.fit(problem, gap=1e-6)
        assert fit.certificate.certified(1e-6)
        assert fit.width * (fit.width + 1) <= 2 * problem.Y.size

    def test_shapes_that_readers_use(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((6, 4, 3))
        whole = LinearAttention.from_data(X, np.ones((6, 4, 2)))
        assert whole == LinearAttention(3, 4, 2, "all")
        fit = ppkit.fit(ppkit.Problem(whole, X, rng.standard_normal((6, 4, 2)), 0.1))
        assert fit.predict(X).shape == (6, 4, 2)
        assert LinearAttention.from_data(X, np.ones(6)) == LinearAttention(3, 4, 1)
        one = ppkit.fit(ppkit.Problem(LinearAttention(3, 4, 1), X, np.ones(6), 0.1))
        assert one.predict(X).shape == (6,)
        assert ppkit.families.registry["linear-attention"] is LinearAttention

    def test_bad_input(self):
        with pytest.raises(ppkit.InputError, match="query must be one of"):
            LinearAttention(2, 3, 1, "first")
        with pytest.raises(ppkit.InputError, match="n_tokens"):
            LinearAttention(2, 0, 1)
        with pytest.raises(ppkit.InputError, match=r"X must have shape \(N, 3, 2\)"):
            ppkit.Problem(LinearAttention(2, 3), np.ones((4, 2, 3)), np.ones(4), 0.1)
        with pytest.raises(ppkit.InputError, match=r"Y must have shape \(N, 3, 2\)"):
            ppkit.Problem(LinearAttention(2, 3, 2, "all"), np.ones((4, 3, 2)), np.ones((4, 2, 3)), 0.1)
        with pytest.raises(ppkit.InputError, match="factor B must have shape"):
            make(0).objective({"A": np.ones((1, 3, 3)), "B": np.ones((1, 3))})


def test_when_every_token_asks_answers_look_like_targets():
    family, rng = LinearAttention(2, 3, 2, "all"), np.random.default_rng(11)
    X, Y = family.random_inputs(rng, 5), rng.standard_normal((5, 3, 2))
    fit = ppkit.fit(ppkit.Problem(family, X, Y, 0.1), gap=0.5)
    assert fit.predict(X).shape == Y.shape
    assert LinearAttention.from_data(X, fit.predict(X)).n_outputs == family.n_outputs
