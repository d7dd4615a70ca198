"""Optima that are known in closed form, to the last certified digit."""

import numpy as np
import pytest

import ppkit
from ppkit.families import MatrixFactorization, MatrixSensing, StructuredSensing, TwoLayerLinear


def threshold(Y, lam):
    """Singular value thresholding: the proximal map of the nuclear norm."""
    U, s, Vt = np.linalg.svd(Y, full_matrices=False)
    return (U * np.maximum(s - lam, 0)) @ Vt


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_matrix_factorization_thresholds_singular_values(seed, share):
    Y = np.random.default_rng(seed).standard_normal((9, 7))
    lam = share * np.linalg.norm(Y, 2)
    M = threshold(Y, lam)
    value = 0.5 * np.sum((Y - M) ** 2) + lam * np.linalg.norm(M, "nuc")
    fit = ppkit.fit(ppkit.Problem(MatrixFactorization((9, 7)), None, Y, lam), gap=1e-11)
    cert = fit.certificate
    assert cert.certified(1e-11)
    assert cert.lower_bound <= value * (1 + 1e-14) and value <= cert.objective * (1 + 1e-14)
    # strong convexity: half the squared distance of the predictions is at most the gap
    assert 0.5 * np.sum((fit.predict() - M) ** 2) <= cert.gap + 1e-14 * value
    assert fit.width == np.linalg.matrix_rank(M)


def test_the_optimal_network_itself_is_certified():
    """Built by hand from the decomposition, without any training."""
    Y = np.random.default_rng(0).standard_normal((9, 7))
    U, s, Vt = np.linalg.svd(Y, full_matrices=False)
    root = np.sqrt(np.maximum(s - 1.0, 0))[:, None]
    cert = ppkit.certify(
        ppkit.Problem(MatrixFactorization((9, 7)), None, Y, 1.0), {"u": root * U.T, "v": root * Vt}
    )
    assert cert.certified(1e-12) and abs(cert.euler) <= 1e-13 * cert.objective
    assert abs(cert.polar_ratio - 1) <= 1e-12


def test_sensing_by_all_unit_matrices_is_factorization():
    """A_ij = sqrt(N) e_i e_j^T measures the entries: the same problem, N times the mean."""
    m, n = 5, 4
    Y = np.random.default_rng(1).standard_normal((m, n))
    X = np.sqrt(m * n) * np.eye(m * n).reshape(-1, m, n)
    sensing = ppkit.Problem(MatrixSensing((m, n)), X, np.sqrt(m * n) * Y.ravel(), 0.6)
    plain = ppkit.Problem(MatrixFactorization((m, n)), None, Y, 0.6)
    one, two = (ppkit.fit(p, gap=1e-11).certificate for p in (sensing, plain))
    assert abs(one.objective - two.objective) <= one.gap + two.gap + 1e-14 * two.objective


def test_whitened_regression_thresholds_too():
    """X^T X = N I: the map is the thresholded least-squares map."""
    rng = np.random.default_rng(2)
    X = np.sqrt(40) * np.linalg.qr(rng.standard_normal((40, 6)))[0]
    Y = rng.standard_normal((40, 4))
    B, lam = Y.T @ X / 40, 0.05
    M = threshold(B, lam)
    value = 0.5 * np.mean(np.sum((Y - X @ M.T) ** 2, axis=1)) + lam * np.linalg.norm(M, "nuc")
    cert = ppkit.fit(ppkit.Problem(TwoLayerLinear(6, 4), X, Y, lam), gap=1e-11).certificate
    assert cert.lower_bound <= value * (1 + 1e-13) and value <= cert.objective * (1 + 1e-13)


@pytest.mark.parametrize(("row", "col"), [("l1", "l1"), ("l1", "l2"), ("l2", "l1"), ("l2", "l2")])
def test_structured_sensing_of_all_entries_is_a_proximal_map(row, col):
    """Soft thresholding of the entries, of the rows, of the columns, of the singular values."""
    m, n, lam = 5, 4, 0.4
    Y = np.random.default_rng(3).standard_normal((m, n))
    X = np.sqrt(m * n) * np.eye(m * n).reshape(-1, m, n)
    if (row, col) == ("l1", "l1"):
        M, omega = np.sign(Y) * np.maximum(np.abs(Y) - lam, 0), lambda M: np.abs(M).sum()
    elif (row, col) == ("l2", "l2"):
        M, omega = threshold(Y, lam), lambda M: np.linalg.norm(M, "nuc")
    else:
        axis = 1 if row == "l1" else 0
        length = np.linalg.norm(Y, axis=axis, keepdims=True)
        M, omega = Y * np.maximum(1 - lam / length, 0), lambda M: np.linalg.norm(M, axis=axis).sum()
    value = 0.5 * np.sum((Y - M) ** 2) + lam * omega(M)
    family = StructuredSensing((m, n), row=row, col=col)
    cert = ppkit.fit(ppkit.Problem(family, X, np.sqrt(m * n) * Y.ravel(), lam), gap=1e-8).certificate
    assert cert.certified(1e-8)
    assert cert.lower_bound <= value * (1 + 1e-13) and value <= cert.objective * (1 + 1e-13)


def test_one_by_one_is_the_lasso_of_one_number():
    """m = n = 1 with one measurement: soft thresholding of a scalar."""
    for y, a, lam in ((3.0, 2.0, 1.0), (-3.0, 2.0, 1.0), (0.2, 2.0, 1.0)):
        M = np.sign(a * y) * max(abs(a * y) - lam, 0) / a**2
        value = 0.5 * (y - a * M) ** 2 + lam * abs(M)
        cert = ppkit.fit(ppkit.Problem(MatrixSensing((1, 1)), [[[a]]], [y], lam), gap=1e-12).certificate
        assert cert.lower_bound <= value * (1 + 1e-14) and value <= cert.objective * (1 + 1e-14)
