"""CP tensors: spectral norms against known values, the interval, the relaxation, certificates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ppkit
from ppkit.checks import Proof
from ppkit.checks.forms import binomial_count, binomials, combine, unfold
from ppkit.factors import width, zero_network
from ppkit.families import CPTensor
from ppkit.polars.forms import gather, interior_points, products
from ppkit.polars.tensor import contract
from ppkit.rigor import Balls, NoProof, precision


def make(seed, shape=(2, 4, 3), N=40, r=2, noise=0.1, lam=0.1, loss="squared"):
    """A teacher of unit rank-one tensors under Gaussian measurements."""
    rng, family = np.random.default_rng(seed), CPTensor(shape)
    X = rng.standard_normal((N, *shape))
    teacher = {k: a / np.linalg.norm(a, axis=1)[:, None] for k, a in family.random_factors(rng, r).items()}
    Y = family.predict(teacher, X)[:, 0] + noise * rng.standard_normal(N)
    return ppkit.Problem(family, X, np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y, lam, loss)


def spectral(T, effort="default"):
    """The polar of one measurement: the spectral norm of the tensor ``T``."""
    return CPTensor(T.shape).polar(T[None], np.ones((1, 1)), effort=effort)


def at(shape, entries):
    T = np.zeros(shape)
    for index, value in entries.items():
        T[index] = value
    return T


def multiplication(table):
    """The tensor of a product of basis elements: ``table[i][j] = (k, sign)``."""
    n = len(table)
    return at((n, n, n), {(i, j, table[i][j][0]): table[i][j][1] for i in range(n) for j in range(n)})


W = at((2, 2, 2), dict.fromkeys([(0, 0, 1), (0, 1, 0), (1, 0, 0)], 1 / np.sqrt(3)))
GHZ = at((2, 2, 2), dict.fromkeys([(0, 0, 0), (1, 1, 1)], 1 / np.sqrt(2)))
SINE = at((2, 2, 2), {(0, 0, 1): 1.0, (0, 1, 0): 1.0, (1, 0, 0): 1.0, (1, 1, 1): -1.0})
VOLUME = at((3, 3, 3), {(i, j, k): np.linalg.det(np.eye(3)[[i, j, k]]) for i, j, k in np.ndindex(3, 3, 3)})
QUATERNION = multiplication(
    [
        [(0, 1), (1, 1), (2, 1), (3, 1)],
        [(1, 1), (0, -1), (3, 1), (2, -1)],
        [(2, 1), (3, -1), (0, -1), (1, 1)],
        [(3, 1), (2, 1), (1, -1), (0, -1)],
    ]
)
MATRICES = at(
    (4, 4, 4), {(2 * i + j, 2 * j + k, 2 * k + i): 1.0 for i in (0, 1) for j in (0, 1) for k in (0, 1)}
)
KNOWN = {
    "W": (W, 2 / 3, np.sqrt(3)),
    "GHZ": (GHZ, 1 / np.sqrt(2), np.sqrt(2)),
    "sine": (SINE, 1.0, 4.0),
    "volume": (VOLUME, 1.0, 6.0),
    "quaternions": (QUATERNION, 1.0, 16.0),
    "2 x 2 matrices": (MATRICES, 1.0, 8.0),
}


class TestKnownTensors:
    @pytest.mark.parametrize("name", KNOWN)
    def test_spectral_norm(self, name):
        T, value, _ = KNOWN[name]
        polar = spectral(T)
        assert abs(polar.lower - value) <= 1e-8 and abs(polar.upper - value) <= 1e-8
        assert polar.lower <= value * (1 + 1e-14) and value <= polar.upper

    @pytest.mark.parametrize("name", KNOWN)
    def test_nuclear_norm_between_a_decomposition_and_the_dual(self, name):
        T, _, nuclear = KNOWN[name]
        dual = SINE if name == "W" else T
        bound = np.sum(T * dual) / spectral(dual).upper
        entries = np.sum(np.abs(T))
        assert bound == pytest.approx(nuclear, rel=1e-8) and entries == pytest.approx(nuclear, rel=1e-14)

    @pytest.mark.parametrize("name", ["W", "GHZ", "sine"])
    def test_nuclear_norm_by_the_program(self, name):
        T, _, nuclear = KNOWN[name]
        family = CPTensor(T.shape)
        X = np.eye(8).reshape(8, 2, 2, 2)
        assert family.omega(X, T.reshape(8, 1)) == pytest.approx(nuclear, rel=1e-6)

    @pytest.mark.parametrize("seed", range(5))
    def test_orthogonally_decomposable(self, seed):
        rng = np.random.default_rng(seed)
        bases = [np.linalg.qr(rng.standard_normal((n, n)))[0][:3] for n in (4, 3, 5)]
        w = rng.standard_normal(3)
        T = np.einsum("r,ra,rb,rc->abc", w, *bases)
        assert spectral(T).upper == pytest.approx(np.abs(w).max(), rel=1e-10)
        dual = np.einsum("r,ra,rb,rc->abc", np.sign(w), *bases)
        assert np.sum(T * dual) / spectral(dual).upper == pytest.approx(np.abs(w).sum(), rel=1e-10)

    def test_matrices_inside(self):
        M = np.random.default_rng(0).standard_normal((4, 5))
        for T in (M, M[:, None], M[:, :, None], np.einsum("ab,c->abc", M, np.ones(3) / np.sqrt(3))):
            assert spectral(T).upper == pytest.approx(np.linalg.norm(M, 2), rel=1e-10)


class TestInterval:
    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize("shape", [(3, 3, 3), (5, 5, 5), (3, 4, 6)])
    def test_random_tensors_close_to_rounding(self, shape, seed):
        polar = spectral(np.random.default_rng(seed).standard_normal(shape))
        assert polar.kind == "exact" and polar.gap <= 1e-10 * polar.lower

    @pytest.mark.parametrize("seed", range(2))
    def test_gaussian_of_size_eight(self, seed):
        T = np.random.default_rng(seed).standard_normal((8, 8, 8))
        polar = spectral(T)
        assert polar.gap <= 1e-6 * polar.lower
        assert min(np.linalg.norm(unfold(T, k), 2) for k in range(3)) > 1.05 * polar.upper

    @pytest.mark.parametrize("shape", [(2, 2, 2, 2), (3, 2, 2, 3), (2, 2, 2, 2, 2)])
    def test_more_modes_have_an_interval(self, shape):
        rng = np.random.default_rng(0)
        T = rng.standard_normal(shape)
        polar = spectral(T)
        assert polar.lower <= polar.upper < min(np.linalg.norm(unfold(T, k), 2) for k in range(len(shape)))
        atoms = CPTensor(shape).random_factors(rng, 20_000)
        atoms = CPTensor(shape).scale(atoms, 1 / CPTensor(shape).theta(atoms))
        assert np.max(CPTensor(shape).outer(atoms) @ T.ravel()) <= polar.upper

    def test_any_weights_give_a_bound_and_odd_ones_are_refused(self):
        rng = np.random.default_rng(0)
        family, T, G = CPTensor((3, 3, 3)), rng.standard_normal((1, 3, 3, 3)), np.ones((1, 1))
        best = family.polar(T, G)
        for mode in range(3):
            for size in (0.0, 0.1, 10.0):
                data = {"mode": np.array(mode), "weights": size * rng.standard_normal(9)}
                assert family.polar_upper(T, G, Proof("form", data)) >= best.lower
        one = {"mode": np.array(1)}
        forged = [
            Proof("unfolding", {"mode": np.array(3)}),
            Proof("unfolding"),
            Proof("form", one),
            Proof("form", {"mode": np.array(-1), "weights": np.zeros(9)}),
            Proof("form", one | {"weights": np.zeros(8)}),
            Proof("form", one | {"weights": np.full(9, np.nan)}),
            Proof("spectral"),
        ]
        for bad in forged:
            with pytest.raises((ValueError, KeyError)):
                family.polar_upper(T, G, bad)

    def test_balls_prove_what_holds_and_nothing_else(self):
        pytest.importorskip("flint")
        family, T = CPTensor((3, 2, 3)), np.random.default_rng(0).standard_normal((1, 3, 2, 3))
        for effort, kind in (("fast", "unfolding"), ("default", "form")):
            polar = family.polar(T, np.ones((1, 1)), effort=effort)
            assert polar.proof.kind == kind
            with precision():
                exact = Balls(T), Balls(np.ones((1, 1)))
                family.prove_polar(*exact, polar.upper, polar.proof)
                with pytest.raises(NoProof):
                    family.prove_polar(*exact, polar.upper * (1 - 1e-9), polar.proof)

    def test_zero_tensor(self):
        polar = CPTensor((2, 3, 2)).polar(np.zeros((4, 2, 3, 2)), np.ones((4, 1)))
        assert polar.lower == polar.upper == 0 and polar.kind == "exact"

    def test_efforts(self):
        T = np.random.default_rng(1).standard_normal((4, 4, 4))
        fast, default = spectral(T, "fast"), spectral(T)
        assert fast.kind == "bounded" and default.kind == "exact"
        assert fast.upper > 1.05 * default.upper and fast.lower <= default.upper

    def test_hundred_thousand_atoms(self):
        problem, rng = make(3), np.random.default_rng(0)
        family, G = problem.family, rng.standard_normal((40, 1))
        polar = family.polar(problem.X, G)
        for _ in range(10):
            atoms = family.random_factors(rng, 10_000)
            atoms = family.scale(atoms, 1 / family.theta(atoms))
            assert np.max(family.atoms(atoms, problem.X)[:, :, 0] @ G[:, 0]) / 40 <= polar.upper


class TestForms:
    @pytest.mark.parametrize("sizes", [(2, 3), (3, 3), (2, 2, 2), (3, 2, 3), (1, 4), (5,)])
    def test_binomials_span_the_forms_that_vanish_on_rank_one(self, sizes):
        rng, rows = np.random.default_rng(0), binomials(sizes)
        n = int(np.prod(sizes))
        assert len(rows) == binomial_count(sizes)
        N = combine(rng.standard_normal(len(rows)), rows, n)
        for _ in range(20):
            z = np.ones(1)
            for k in sizes:
                z = np.kron(z, rng.standard_normal(k))
            assert abs(z @ N @ z) <= 1e-12 * (z @ z) * (1 + np.abs(N).sum())
        stack = np.array([combine(e, rows, n).ravel() for e in np.eye(len(rows))])
        stack = stack.reshape(len(rows), n * n)
        assert len(rows) == 0 or np.linalg.matrix_rank(stack) == len(rows)

    def test_partial_transpose(self):
        rng = np.random.default_rng(0)
        M = rng.standard_normal((12, 12))
        M = M + M.T
        N = M - M.reshape(3, 4, 3, 4).transpose(0, 3, 2, 1).reshape(12, 12)
        rows = binomials((3, 4))
        weights = np.array([2 * N[a, b] for a, b, _, _ in rows])
        assert np.allclose(combine(weights, rows, 12), N, atol=1e-13)

    def test_products_and_gather(self):
        rng, rows = np.random.default_rng(0), binomials((2, 3))
        X, Y = (A @ A.T for A in rng.standard_normal((2, 6, 6)))
        A = [combine(e, rows, 6) for e in np.eye(len(rows))]
        expected = [[np.trace(a @ X @ b @ Y) for b in A] for a in A]
        assert np.allclose(products(X, Y, rows), expected)
        assert np.allclose(gather(X, rows), [np.sum(a * X) for a in A])

    def test_contract(self):
        rng = np.random.default_rng(0)
        T, v = rng.standard_normal((2, 3, 4, 5)), [rng.standard_normal((6, n)) for n in (2, 3, 4, 5)]
        assert np.allclose(contract(T, v, 2), np.einsum("abcd,za,zb,zd->zc", T, v[0], v[1], v[3]))

    def test_dual_matrix_is_feasible(self):
        U = np.random.default_rng(0).standard_normal((4, 9))
        rows = binomials((3, 3))
        *_, (left, weights, Z) = interior_points(U.T @ U, rows)
        top = np.linalg.eigvalsh(U.T @ U + combine(weights, rows, 9))[-1]
        assert left <= 1e-9 and np.abs(gather(Z, rows)).max() <= 1e-9
        assert top == pytest.approx(np.sum(Z * (U.T @ U)), rel=1e-8)


class TestCertificates:
    @pytest.mark.parametrize("seed", range(3))
    def test_certified_to_1e_8_at_mid_size(self, seed):
        fit = ppkit.fit(make(seed, (5, 4, 3), N=60), gap=1e-8, max_width=6)
        assert fit.certificate.certified(1e-8)
        fit.certificate.verify()
        check_optimality_by_duality(fit)

    def test_relaxation_is_attained_where_the_certificate_closes(self):
        import cvxpy as cp

        problem = make(1, (3, 3, 3), N=40)
        fit = ppkit.fit(problem, gap=1e-8)
        F, value, constraints = problem.family.relaxation(problem.X)
        cost = problem.loss.cvxpy(problem.Y, F) + problem.lam * value
        optimum = cp.Problem(cp.Minimize(cost), constraints).solve(solver="CLARABEL")
        assert fit.certificate.certified(1e-8)
        assert optimum == pytest.approx(fit.certificate.objective, rel=1e-6)

    def test_full_tensor_is_the_identity(self):
        rng = np.random.default_rng(0)
        family, Y = CPTensor((3, 3, 3)), rng.standard_normal(27)
        problem = ppkit.Problem(family, np.eye(27).reshape(27, 3, 3, 3), Y, 0.02)
        top = spectral(Y.reshape(3, 3, 3)).upper / 27
        assert problem.polar().upper == pytest.approx(top, rel=1e-12)
        over = ppkit.Problem(family, problem.X, Y, 1.001 * top)
        assert ppkit.fit(over).width == 0


def check_optimality_by_duality(fit):
    """Dual feasibility with the stored proof, and the Euler identity of every factor."""
    problem, cert = fit.problem, fit.certificate
    G, family = problem.residual(fit.factors), problem.family
    assert family.polar_upper(problem.X, cert.dual, cert.proof) <= problem.lam * (1 + 1e-13)
    inner = [problem.inner(G, a) for a in family.atoms(fit.factors, problem.X)]
    np.testing.assert_allclose(inner, problem.lam * family.theta(fit.factors), atol=1e-7 * cert.objective)


class TestMapsAndInvariances:
    @given(st.integers(0, 10**6))
    def test_rotation_of_a_mode_and_signs(self, seed):
        rng = np.random.default_rng(seed)
        T = rng.standard_normal((2, 3, 3))
        R, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        assert spectral(T @ R).upper == pytest.approx(spectral(T).upper, rel=1e-9)
        assert spectral(-T).upper == pytest.approx(spectral(T).upper, rel=1e-9)

    def test_copies_with_other_signs_are_merged(self):
        family = CPTensor((3, 3, 3))
        one = family.random_factors(np.random.default_rng(0), 1)
        flipped = {"u1": -one["u1"], "u2": one["u2"], "u3": -2 * one["u3"]}
        both = {k: np.vstack([one[k], flipped[k]]) for k in one}
        merged = family.merge(both)
        assert width(merged) == 1 and family.theta(merged)[0] == pytest.approx(3 * family.theta(one)[0])


class TestDegenerate:
    def test_zero_targets(self):
        problem = ppkit.Problem(CPTensor((2, 2, 2)), np.eye(8).reshape(8, 2, 2, 2), np.zeros(8), 0.1)
        fit = ppkit.fit(problem)
        assert fit.width == 0 and fit.certificate.gap == 0

    @pytest.mark.parametrize("case", ["one sample", "duplicates", "zero inputs", "rank one inputs"])
    def test_small_and_repeated_samples(self, case):
        rng = np.random.default_rng(0)
        X = {
            "one sample": rng.standard_normal((1, 2, 3, 3)),
            "duplicates": np.repeat(rng.standard_normal((3, 2, 3, 3)), 3, axis=0),
            "zero inputs": np.zeros((4, 2, 3, 3)),
            "rank one inputs": np.einsum("na,nb,nc->nabc", *(rng.standard_normal((6, k)) for k in (2, 3, 3))),
        }[case]
        problem = ppkit.Problem(CPTensor((2, 3, 3)), X, 1 + rng.random(len(X)), 0.05)
        assert ppkit.fit(problem, gap=1e-7).certificate.certified(1e-7)

    def test_bad_arguments(self):
        for shape in (3, (3,), (2, 0, 2), (2,) * 9, (2.5, 2)):
            with pytest.raises(ppkit.InputError):
                CPTensor(shape)
        with pytest.raises(ppkit.InputError, match="finite convex program"):
            CPTensor((3, 3, 3)).convex_program(np.zeros((1, 3, 3, 3)))
        assert CPTensor((2, 9, 9)).is_tight and not CPTensor((2, 2, 2, 2)).is_tight

    def test_certify_the_empty_network(self):
        problem = make(0)
        assert ppkit.certify(problem, zero_network(problem.family)).polar_ratio > 1


def test_a_form_of_weights_in_balls_vanishes_on_rank_one():
    """With three modes left a class has four members: a rounded sum would not vanish exactly."""
    pytest.importorskip("flint")
    from ppkit.rigor.balls import arbs

    rows = binomials((2, 2, 2))
    with precision():
        N = arbs(combine(arbs(np.random.default_rng(0).standard_normal(len(rows))), rows, 8))
        total = N[0, 7] + N[1, 6] + N[2, 5] + N[3, 4]
        assert total.contains(0) and total.abs_upper() < 1e-30
