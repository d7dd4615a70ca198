"""Problem and Polar: definitions by hand, refusals."""

import numpy as np
import pytest
from problems import random_network, sensing

import ppkit
from ppkit.factors import take, zero_network
from ppkit.families import MatrixFactorization, MatrixSensing
from ppkit.rigor.margins import largest_eigenvalue_up, rounding_margin


def by_hand():
    X = np.array([[[1.0, 0.0], [0.0, 2.0]], [[0.0, 1.0], [1.0, 0.0]]])
    return ppkit.Problem(MatrixSensing((2, 2)), X, [1.0, -1.0], lam=0.5)


def test_every_quantity_by_hand():
    problem = by_hand()
    W = {"u": np.array([[1.0, 2.0]]), "v": np.array([[3.0, 1.0]])}
    F = np.array([[1 * 3 + 2 * 2 * 1.0], [1 * 1 + 2 * 3.0]])
    np.testing.assert_array_equal(problem.predict(W), F)
    assert problem.theta(W) == 0.5 * (5 + 10)
    assert problem.objective(W) == 0.5 * (0.5 * 36 + 0.5 * 64) + 0.5 * 7.5
    np.testing.assert_array_equal(problem.residual(W), [[-6.0], [-8.0]])
    assert problem.euler(W) == 0.5 * 7.5 - 0.5 * (-6 * 7 - 8 * 7)
    M = 0.5 * (-6 * problem.X[0] - 8 * problem.X[1])
    assert problem.polar(W).lower == pytest.approx(np.linalg.norm(M, 2), abs=1e-13)
    assert problem.polar().lower == pytest.approx(
        np.linalg.norm(0.5 * (problem.X[0] - problem.X[1]), 2), abs=1e-14
    )
    assert problem.n_samples == 2 and "lam=0.5" in repr(problem)


def test_the_zero_network():
    problem = sensing(0)
    zero = zero_network(problem.family)
    assert problem.objective(zero) == problem.risk(np.zeros(problem.Y.shape))
    np.testing.assert_array_equal(problem.residual(zero), problem.Y)
    assert problem.theta(zero) == problem.euler(zero) == 0


def test_data_are_copied_and_converted():
    X, Y = np.ones((3, 2, 2), dtype=np.float32), [1, 2, 3]
    problem = ppkit.Problem(MatrixSensing((2, 2)), X, Y, np.float32(0.5))
    X[:] = 7
    assert problem.X.dtype == problem.Y.dtype == np.float64 and problem.X.max() == 1
    assert problem.Y.shape == (3, 1) and isinstance(problem.lam, float)
    assert ppkit.Problem(MatrixSensing((2, 2)), X, np.array(Y)[:, None], 0.5).Y.shape == (3, 1)


@pytest.mark.parametrize("lam", [0, -1, np.nan, np.inf, "0.1", None, 1j, [0.1]])
def test_lambda_must_be_positive(lam):
    with pytest.raises(ppkit.InputError, match="lam"):
        ppkit.Problem(MatrixSensing((2, 2)), np.ones((3, 2, 2)), np.ones(3), lam)


def test_refusals():
    X, Y = np.ones((3, 2, 2)), np.ones(3)
    for family in (MatrixSensing, "matrix-sensing", None):
        with pytest.raises(ppkit.InputError, match="family"):
            ppkit.Problem(family, X, Y, 0.1)
    for loss in ("hinge", None, SquaredClass := ppkit.SquaredLoss):
        with pytest.raises(ppkit.InputError):
            ppkit.Problem(MatrixSensing((2, 2)), X, Y, 0.1, loss)
    assert SquaredClass().name == "squared"
    with pytest.raises(ppkit.InputError):
        ppkit.Problem(MatrixSensing((2, 2)), X, 0.5 * Y, 0.1, "logistic")
    for shape in ((2,), (2, 0), (2, -1), (2, 2.5), (2, True), "22", 4, None):
        with pytest.raises(ppkit.InputError):
            MatrixSensing(shape)
        with pytest.raises(ppkit.InputError):
            MatrixFactorization(shape)
    with pytest.raises(ppkit.InputError):
        ppkit.families.get_family("none")


def test_stationary_identities():
    """T2: at a certified optimum each factor meets <G, phi_j> = lam theta_j."""
    problem = sensing(1)
    fit = ppkit.fit(problem, gap=1e-12)
    G = problem.residual(fit.factors)
    for j in range(fit.width):
        alone = take(fit.factors, [j])
        defect = problem.inner(G, problem.predict(alone)) - problem.lam * problem.theta(alone)
        assert abs(defect) <= 1e-9 * problem.objective(fit.factors)


def test_polar_ends_are_floats_rounded_outward():
    wide = np.longdouble(1) / 3
    polar = ppkit.Polar(wide, wide, {}, "exact")
    assert type(polar.lower) is type(polar.upper) is float
    assert polar.lower <= wide <= polar.upper
    plain = ppkit.Polar(np.float64(0.1), np.float32(0.5), {}, "exact")
    assert (plain.lower, plain.upper) == (0.1, 0.5)
    assert ppkit.Polar(1, np.inf, {}, "heuristic").upper == np.inf


def test_polar_record():
    polar = sensing(2).polar()
    assert polar.gap == polar.upper - polar.lower >= 0
    with pytest.raises(AttributeError):
        polar.upper = 0.0
    for margin in (rounding_margin(0, 0.0), rounding_margin(10, 1.0), rounding_margin(10, 1.0, 2.0, 5)):
        assert 0 <= margin < 1e-12
    assert rounding_margin(20, 1.0) > rounding_margin(10, 1.0) > 10 * np.finfo(float).eps / 2


def test_effort_is_checked_for_every_family():
    with pytest.raises(ppkit.InputError, match="effort"):
        by_hand().polar(effort="hard")
    with pytest.raises(ppkit.InputError, match="effort"):
        ppkit.certify(by_hand(), zero_network(by_hand().family), effort="hard")


@pytest.mark.parametrize("seed", range(20))
def test_largest_eigenvalue_is_proved_in_balls(seed):
    from ppkit.rigor import positive_definite
    from ppkit.rigor.balls import Balls, arbs, matmul, precision, to_arb

    rng = np.random.default_rng(seed)
    U = rng.standard_normal((3 + seed % 4, 8)) * 10.0 ** rng.uniform(-2, 2, 8)
    if seed % 3 == 0:
        U[:, 1:] = U[:, :1]
    magnitude = float(np.linalg.norm(U) ** 2)
    top = largest_eigenvalue_up(U.T @ U, len(U), magnitude)
    assert top <= np.linalg.norm(U, 2) ** 2 + 1e-12 * magnitude
    with precision():
        exact = Balls(U)
        K = -arbs(matmul(exact.T, exact))
        K[np.diag_indices(8)] += to_arb(top)
        assert positive_definite(K)


def test_polar_rounding_margin_holds_in_exact_arithmetic():
    """The computed upper end is above the spectral norm proved in balls, also when terms cancel.

    Without the margin for the sums, about half of these draws would be wrong.
    """
    pytest.importorskip("flint")
    from ppkit.rigor import Balls, precision, spectral_at_most

    family, too_low = MatrixSensing((6, 5)), 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((200, 6, 5))
        X[100:] = -rng.permutation(X[:100]) * (1 + 1e-15 * rng.standard_normal((100, 6, 5)))
        G = np.ones((200, 1))
        polar = family.polar(X, G)
        with precision():
            M = family.adjoint(Balls(X), Balls(G))
            assert spectral_at_most(M, polar.upper)
            too_low += not spectral_at_most(M, polar.lower * (1 + 1e-12))
    assert too_low > 0


def test_predictions_of_random_networks_are_finite():
    problem = sensing(3)
    W = random_network(problem, np.random.default_rng(0), 5)
    assert np.all(np.isfinite(problem.predict(W)))
