"""Two-layer quadratic networks: the polar, Omega and the certificate against independent routes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppkit
from ppkit.factors import width, zero_network
from ppkit.families import TwoLayerQuadratic


def make(seed, n=6, N=40, r=2, noise=0.1, lam=0.05, loss="squared"):
    """A random teacher with units of both signs."""
    rng = np.random.default_rng(seed)
    family = TwoLayerQuadratic(n_inputs=n)
    X = rng.standard_normal((N, n))
    teacher = {
        "u": np.where(np.arange(r) % 2, -1.0, 1.0)[:, None],
        "v": rng.standard_normal((r, n)) / np.sqrt(n),
    }
    Y = family.predict(teacher, X)[:, 0] + noise * rng.standard_normal(N)
    return ppkit.Problem(family, X, np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y, lam, loss)


def e8_roots():
    """The 240 roots of E8 up to sign: 120 vectors whose fourth moments are isotropic."""
    roots = []
    for a in range(8):
        for b in range(a):
            for sign in (1.0, -1.0):
                x = np.zeros(8)
                x[a], x[b] = 1.0, sign
                roots.append(x)
    for bits in range(128):
        signs = np.array([1.0 - 2 * (bits >> k & 1) for k in range(8)])
        if np.prod(signs) > 0:
            roots.append(0.5 * signs)
    return np.array(roots)


class TestMustShow:
    @pytest.mark.parametrize("seed", range(3))
    def test_certified_to_1e_8_at_mid_size(self, seed):
        problem = make(seed, n=50, N=400, r=3)
        fit = ppkit.fit(problem, gap=1e-8, seed=seed)
        assert fit.certificate.certified(1e-8)
        assert fit.certificate.kind == "exact"
        fit.certificate.verify()


class TestInvariances:
    @given(st.integers(0, 10**6), st.integers(1, 9))
    def test_merging_keeps_the_prediction_at_no_higher_cost(self, seed, r):
        problem = make(0)
        factors = problem.family.random_factors(np.random.default_rng(seed), r)
        merged = problem.family.merge(factors)
        F = problem.predict(factors)
        np.testing.assert_allclose(problem.predict(merged), F, atol=1e-11 * np.max(np.abs(F)), rtol=0)
        assert problem.theta(merged) <= problem.theta(factors) * (1 + 1e-12)
        assert width(merged) <= min(r, 6)

    @given(st.integers(0, 10**6))
    def test_sign_of_v_and_rotation_of_the_inputs(self, seed):
        rng = np.random.default_rng(seed)
        problem = make(2)
        R, _ = np.linalg.qr(rng.standard_normal((6, 6)))
        turned = ppkit.Problem(problem.family, problem.X @ R, problem.Y, problem.lam)
        factors = problem.family.random_factors(rng, 3)
        flipped = {"u": factors["u"], "v": -factors["v"]}
        assert np.isclose(problem.objective(flipped), problem.objective(factors), rtol=1e-13)
        G = rng.standard_normal(problem.Y.shape)
        assert np.isclose(turned.polar_of(G).lower, problem.polar_of(G).lower, rtol=1e-12)


class TestOmega:
    def test_closed_form_is_the_nuclear_norm(self):
        problem = make(0, n=4, N=30)
        factors = problem.family.random_factors(np.random.default_rng(0), 3)
        expected = np.linalg.norm(problem.family.matrix(factors), "nuc")
        omega = problem.family.omega(problem.X, problem.predict(factors))
        assert np.isclose(omega, expected, rtol=1e-10)
        assert omega <= problem.theta(factors) * (1 + 1e-12)

    def test_program_agrees_with_the_closed_form(self):
        import cvxpy as cp

        problem = make(5, n=3, N=12)
        F = problem.predict(problem.family.random_factors(np.random.default_rng(2), 2))
        prediction, cost, constraints = problem.family.convex_program(problem.X)
        value = cp.Problem(cp.Minimize(cost), [*constraints, prediction == F]).solve(solver="CLARABEL")
        assert np.isclose(value, problem.family.omega(problem.X, F), rtol=1e-6)

    def test_few_samples_leave_the_matrix_open(self):
        family = TwoLayerQuadratic(3)
        X = np.eye(3)[:1]
        assert np.isclose(family.omega(X, np.array([[2.0]])), 2.0, rtol=1e-6)
        X = np.random.default_rng(0).standard_normal((4, 3))
        F = family.predict(family.random_factors(np.random.default_rng(1), 2), X)
        full = family.matrix(family.random_factors(np.random.default_rng(1), 2))
        assert family.omega(X, F) <= np.linalg.norm(full, "nuc") * (1 + 1e-6)

    def test_rank_deficient_inputs(self):
        rng = np.random.default_rng(3)
        family = TwoLayerQuadratic(5)
        X = rng.standard_normal((20, 2)) @ rng.standard_normal((2, 5))
        factors = family.random_factors(rng, 2)
        P = np.linalg.pinv(X) @ X
        expected = np.linalg.norm(P @ family.matrix(factors) @ P, "nuc")
        assert np.isclose(family.omega(X, family.predict(factors, X)), expected, rtol=1e-8)

    def test_not_representable(self):
        family = TwoLayerQuadratic(2)
        X = np.array([[1.0, 0.0], [-1.0, 0.0]])
        assert family.omega(X, np.array([[1.0], [2.0]])) == np.inf


class TestClosedFormOptimum:
    def test_e8_roots_have_isotropic_fourth_moments(self):
        X = e8_roots()
        assert X.shape == (120, 8)
        X = X * (80 / 4) ** 0.25
        fourth = np.einsum("na,nb,nc,nd->abcd", X, X, X, X) / 120
        i = np.eye(8)
        wick = (
            np.einsum("ab,cd->abcd", i, i) + np.einsum("ac,bd->abcd", i, i) + np.einsum("ad,bc->abcd", i, i)
        )
        assert np.allclose(fourth, wick, atol=1e-12)

    @pytest.mark.parametrize("spectrum", [(2.0,), (2.0, 1.5, 1.0), (2.0, 1.2, -1.0, -3.0), (0.05, -0.02)])
    def test_thresholded_spectrum(self, spectrum):
        rng = np.random.default_rng(0)
        E, _ = np.linalg.qr(rng.standard_normal((8, 8)))
        family, X = TwoLayerQuadratic(8), e8_roots() * (80 / 4) ** 0.25
        s = np.zeros(8)
        s[: len(spectrum)] = spectrum
        lam = 0.3
        problem = ppkit.Problem(family, X, np.sum(X @ (E * s) * (X @ E), axis=1), lam)
        fit = ppkit.fit(problem, gap=1e-10)
        low, high = -100.0, 100.0
        for _ in range(200):
            tau = (low + high) / 2
            shrunk = soft(s - tau / 2, lam / 2)
            low, high = (tau, high) if np.sum(shrunk - s) > tau else (low, tau)
        S = (E * shrunk) @ E.T
        assert np.allclose(family.matrix(fit.factors), S, atol=1e-6)
        assert fit.width == np.count_nonzero(np.abs(shrunk) > 1e-9)
        if min(spectrum) > lam:
            assert np.allclose(shrunk[: len(spectrum)], np.array(spectrum) - lam / (len(spectrum) + 2))


def soft(a, t):
    return np.sign(a) * np.maximum(np.abs(a) - t, 0)


class TestDegenerate:
    def test_zero_targets(self):
        problem = ppkit.Problem(TwoLayerQuadratic(3), np.eye(3), np.zeros(3), 0.1)
        fit = ppkit.fit(problem)
        assert fit.width == 0
        assert fit.certificate.certified(1e-12) or fit.certificate.gap == 0

    def test_lambda_above_the_polar_of_the_targets(self):
        problem = make(0)
        top = problem.polar_of(problem.Y).upper
        over = ppkit.Problem(problem.family, problem.X, problem.Y, top * 1.001)
        assert ppkit.fit(over).width == 0
        assert ppkit.certify(over, zero_network(problem.family)).certified(1e-12)

    @pytest.mark.parametrize("case", ["one sample", "duplicates", "rank one inputs", "zero inputs"])
    def test_small_and_repeated_samples(self, case):
        rng = np.random.default_rng(0)
        X = {
            "one sample": rng.standard_normal((1, 4)),
            "duplicates": np.repeat(rng.standard_normal((3, 4)), 4, axis=0),
            "rank one inputs": np.outer(rng.standard_normal(9), rng.standard_normal(4)),
            "zero inputs": np.zeros((5, 4)),
        }[case]
        problem = ppkit.Problem(TwoLayerQuadratic(4), X, 1 + rng.random(len(X)), 0.01)
        fit = ppkit.fit(problem, gap=1e-8)
        assert fit.certificate.certified(1e-8)
        assert fit.width <= min(4, np.sqrt(4 * len(X) + 1) - 1 + 1e-9) or case == "duplicates"

    def test_width_zero_and_one_unit_of_the_wrong_sign(self):
        problem = make(0)
        assert np.all(problem.predict(zero_network(problem.family)) == 0)
        start = {"u": np.array([[0.0]]), "v": np.ones((1, 6))}
        assert ppkit.fit(problem, gap=1e-8, start=start).certificate.certified(1e-8)

    def test_bad_data(self):
        with pytest.raises(ppkit.InputError, match="n_inputs"):
            TwoLayerQuadratic(0)
        with pytest.raises(ppkit.InputError, match=r"X must have shape \(N, 3\)"):
            ppkit.Problem(TwoLayerQuadratic(3), np.ones((4, 2)), np.ones(4), 0.1)
        with pytest.raises(ppkit.InputError, match="Y must have shape"):
            ppkit.Problem(TwoLayerQuadratic(3), np.ones((4, 3)), np.ones((4, 2)), 0.1)

    def test_from_data_and_registry(self):
        family = ppkit.families.registry["two-layer-quadratic"].from_data(np.ones((4, 3)), np.ones(4))
        assert family == TwoLayerQuadratic(3)
        assert family.dim == 4
