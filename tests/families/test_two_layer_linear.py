"""Two-layer linear networks: closed forms, certificates, degenerate data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppkit
from ppkit.factors import zero_network
from ppkit.families import MatrixFactorization, TwoLayerLinear


def draw(seed, n_x=7, n_y=5, N=30, rank=2, noise=0.3, loss="squared"):
    rng = np.random.default_rng(seed)
    M = rng.standard_normal((n_y, rank)) @ rng.standard_normal((rank, n_x)) / np.sqrt(n_x)
    X = rng.standard_normal((N, n_x))
    Y = X @ M.T + noise * rng.standard_normal((N, n_y))
    return X, np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y


def whiten(X):
    """X with orthogonal columns, ``X^T X = N I``."""
    return np.linalg.qr(X)[0] * np.sqrt(len(X))


@pytest.mark.parametrize("seed", range(3))
def test_certified_to_1e8_at_60_by_40(seed):
    X, Y = draw(seed, 60, 40, 200, 5, 0.5)
    problem = ppkit.Problem(TwoLayerLinear(60, 40), X, Y, 0.35)
    fit = ppkit.fit(problem, gap=1e-8, seed=seed)
    assert fit.certificate.certified(1e-8)
    assert fit.certificate.kind == "exact"
    fit.certificate.verify()


def test_whitened_data_solved_by_thresholding():
    X, Y = draw(4)
    X, lam = whiten(X), 0.15
    B = Y.T @ X / len(X)
    P, s, Qt = np.linalg.svd(B, full_matrices=False)
    M = (P * np.maximum(s - lam, 0)) @ Qt
    fit = ppkit.fit(ppkit.Problem(TwoLayerLinear(7, 5), X, Y, lam), gap=1e-10)
    np.testing.assert_allclose(fit.problem.family.matrix(fit.factors), M, atol=1e-6)
    assert fit.width == np.sum(s > lam)
    rest = 0.5 * (np.sum(Y**2) / len(Y) - np.sum(s**2))
    value = rest + np.sum(0.5 * np.minimum(s, lam) ** 2 + lam * np.maximum(s - lam, 0))
    assert abs(fit.certificate.objective - value) <= 1e-10 * value


def test_identity_inputs_are_matrix_factorization():
    rng = np.random.default_rng(5)
    Y = rng.standard_normal((6, 4))
    linear = ppkit.Problem(TwoLayerLinear(6, 4), np.eye(6), Y, 0.5 / 6)
    matrix = ppkit.Problem(MatrixFactorization((6, 4)), None, Y, 0.5)
    a, b = ppkit.fit(linear, gap=1e-10), ppkit.fit(matrix, gap=1e-10)
    assert abs(6 * a.certificate.objective - b.certificate.objective) <= 1e-9
    np.testing.assert_allclose(linear.predict(a.factors), b.predict(), atol=1e-5)


class TestOmega:
    def rank_deficient(self, seed=0):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((20, 3)) @ rng.standard_normal((3, 7))
        return X, rng.standard_normal((5, 7)), np.linalg.pinv(X) @ X

    def test_projection_is_the_cheapest_representation(self):
        X, M, P = self.rank_deficient()
        value = TwoLayerLinear(7, 5).omega(X, X @ M.T)
        assert value == pytest.approx(np.linalg.norm(M @ P, "nuc"), rel=1e-9)
        assert value < np.linalg.norm(M, "nuc")

    def test_equals_the_convex_program(self):
        from ppkit.programs.solve import solve_program

        X, M, _ = self.rank_deficient(1)
        import cvxpy as cp

        Z = cp.Variable((5, 7))
        program = solve_program(cp.Minimize(cp.normNuc(Z)), [X @ Z.T == X @ M.T])
        assert TwoLayerLinear(7, 5).omega(X, X @ M.T) == pytest.approx(program, rel=1e-6)

    def test_infinite_off_the_span(self):
        X, M, _ = self.rank_deficient()
        F = X @ M.T + np.random.default_rng(1).standard_normal((20, 5))
        assert TwoLayerLinear(7, 5).omega(X, F) == np.inf
        assert TwoLayerLinear(7, 5).omega(X, 0 * F) == 0

    @given(st.integers(0, 1000), st.floats(1e-6, 1e6))
    def test_positively_homogeneous_and_below_theta(self, seed, alpha):
        family, rng = TwoLayerLinear(7, 5), np.random.default_rng(seed)
        X = rng.standard_normal((rng.integers(1, 12), 7))
        W = family.random_factors(rng, int(rng.integers(1, 5)))
        F = family.predict(W, X)
        value = family.omega(X, F)
        assert value <= np.sum(family.theta(W)) * (1 + 1e-9)
        assert family.omega(X, alpha * F) == pytest.approx(alpha * value, rel=1e-8)

    @given(st.integers(0, 1000))
    def test_duality_with_the_polar(self, seed):
        family, rng = TwoLayerLinear(4, 3), np.random.default_rng(seed)
        X, G = rng.standard_normal((8, 4)), rng.standard_normal((8, 3))
        F = X @ rng.standard_normal((4, 3))
        assert np.sum(G * F) / 8 <= family.polar(X, G).upper * family.omega(X, F) * (1 + 1e-9)


class TestDegenerate:
    def test_rank_deficient_inputs(self):
        X, Y = draw(6)
        X = np.hstack([X[:, :3], X[:, :3], np.zeros((30, 1))])
        fit = ppkit.fit(ppkit.Problem(TwoLayerLinear(7, 5), X, Y, 0.05), gap=1e-9)
        assert fit.certificate.certified(1e-9)
        P = np.linalg.pinv(X) @ X
        M = fit.problem.family.matrix(fit.factors)
        np.testing.assert_allclose(M @ P, M, atol=1e-7)

    def test_duplicated_samples_change_nothing(self):
        X, Y = draw(7)
        family = TwoLayerLinear(7, 5)
        a = ppkit.fit(ppkit.Problem(family, X, Y, 0.1), gap=1e-10).certificate
        b = ppkit.fit(ppkit.Problem(family, np.vstack([X, X]), np.vstack([Y, Y]), 0.1), gap=1e-10).certificate
        assert a.objective == pytest.approx(b.objective, rel=1e-9)

    def test_one_sample_is_solved_by_hand(self):
        x, y, lam = np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]]), 1.0
        fit = ppkit.fit(ppkit.Problem(TwoLayerLinear(2, 2), x, y, lam), gap=1e-10)
        np.testing.assert_allclose(fit.predict(x), [[0.0, 2.0 - lam / 5]], atol=1e-6)
        assert fit.width == 1

    def test_zero_targets_and_large_lambda(self):
        X, Y = draw(8)
        family = TwoLayerLinear(7, 5)
        top = np.linalg.norm(Y.T @ X / len(X), 2)
        for targets, lam in ((0 * Y, 0.1), (Y, 1.01 * top)):
            cert = ppkit.certify(ppkit.Problem(family, X, targets, lam), zero_network(family))
            assert cert.certified(1e-12) or cert.objective == 0
        assert ppkit.fit(ppkit.Problem(family, X, Y, 1.01 * top)).width == 0
        assert ppkit.certify(ppkit.Problem(family, X, Y, 0.99 * top), zero_network(family)).polar_ratio > 1

    @pytest.mark.parametrize(
        ("X", "Y", "words"),
        [
            (np.zeros((3, 6)), np.zeros((3, 5)), "X must have shape"),
            (np.zeros((3, 7)), np.zeros((3, 4)), "Y must have shape"),
            (np.full((3, 7), np.nan), np.zeros((3, 5)), "NaN"),
            (np.zeros((0, 7)), np.zeros((0, 5)), "empty"),
        ],
    )
    def test_bad_data(self, X, Y, words):
        with pytest.raises(ppkit.InputError, match=words):
            ppkit.Problem(TwoLayerLinear(7, 5), X, Y, 0.1)

    def test_bad_sizes(self):
        for sizes in ((0, 3), (2, -1), (2.5, 3), (True, 2)):
            with pytest.raises(ppkit.InputError, match="positive integer"):
                TwoLayerLinear(*sizes)

    def test_from_data(self):
        assert TwoLayerLinear.from_data(np.zeros((4, 3)), np.zeros(4)) == TwoLayerLinear(3, 1)
        with pytest.raises(ppkit.InputError, match="X must have shape"):
            TwoLayerLinear.from_data(np.zeros(4), np.zeros(4))


@given(st.integers(0, 200))
def test_merge_keeps_the_prediction_and_never_costs_more(seed):
    family, rng = TwoLayerLinear(4, 3), np.random.default_rng(seed)
    X, W = rng.standard_normal((6, 4)), family.random_factors(rng, 5)
    merged = family.merge(W, X)
    np.testing.assert_allclose(family.predict(merged, X), family.predict(W, X), atol=1e-10)
    assert np.sum(family.theta(merged)) <= np.sum(family.theta(W)) * (1 + 1e-12)
    assert len(merged["u"]) <= 3
