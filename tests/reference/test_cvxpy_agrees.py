"""An independent route for the optimum: CVXPY's own model of the problem, written from scratch here."""

import numpy as np
import pytest
from problems import sensing

import ppkit
from ppkit.families import MatrixFactorization

cp = pytest.importorskip("cvxpy")


def reference(problem):
    """``(primal value, dual value)`` of nuclear-norm sensing with Clarabel, both CVXPY's."""
    m, n = problem.family.shape
    N, A, y = problem.n_samples, problem.X.reshape(problem.n_samples, -1), problem.Y[:, 0]
    M = cp.Variable((m, n))
    f = A @ cp.vec(M, order="C")
    if problem.loss.name == "squared":
        risk = cp.sum_squares(f - y) / (2 * N)
    elif problem.loss.name == "huber":
        risk = cp.sum(cp.huber(f - y, problem.loss.delta)) / (2 * N)
    else:
        risk = cp.sum(cp.logistic(-cp.multiply(y, f))) / N
    program = cp.Problem(cp.Minimize(risk + problem.lam * cp.normNuc(M)))
    program.solve(solver="CLARABEL")
    assert program.status == "optimal"
    return program.value


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_objective_and_bound_agree_at_12(seed, loss):
    """m = n = 12: both ends of the certificate within 1e-6 of CVXPY's value, relative."""
    problem = sensing(seed, shape=(12, 12), n_samples=250, loss=loss)
    cert = ppkit.fit(problem, gap=1e-9).certificate
    value = reference(problem)
    assert cert.certified(1e-8)
    assert abs(cert.objective - value) <= 1e-6 * value
    assert abs(cert.lower_bound - value) <= 1e-6 * value
    assert cert.lower_bound <= value * (1 + 1e-7)
    solution = ppkit.convex_lower_bound(problem)
    assert abs(solution.primal - value) <= 1e-7 * value
    assert solution.value <= cert.objective


@pytest.mark.parametrize("seed", range(3))
def test_dual_program_agrees(seed):
    """The dual written out: max <y, g> - |g|^2/2 over the spectral ball; its value is the bound."""
    problem = sensing(seed, shape=(6, 5), n_samples=40)
    N, A, y = problem.n_samples, problem.X.reshape(problem.n_samples, -1), problem.Y[:, 0]
    g = cp.Variable(N)
    feasible = cp.sigma_max(cp.reshape(A.T @ g / N, (6, 5), order="C")) <= problem.lam
    program = cp.Problem(cp.Maximize((y @ g - 0.5 * cp.sum_squares(g)) / N), [feasible])
    program.solve(solver="CLARABEL")
    cert = ppkit.fit(problem, gap=1e-10).certificate
    assert abs(cert.lower_bound - program.value) <= 1e-6 * program.value
    # the dual optimum is unique (strongly concave), and the certificate's dual point is it
    distance = np.linalg.norm(cert.dual[:, 0] - g.value) ** 2 / (2 * N)
    assert distance <= cert.gap + 1e-6 * cert.objective


def test_matrix_factorization_with_huber():
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((8, 6))
    problem = ppkit.Problem(MatrixFactorization((8, 6)), None, Y, 0.7, "huber")
    M = cp.Variable((8, 6))
    program = cp.Problem(cp.Minimize(0.5 * cp.sum(cp.huber(Y - M)) + 0.7 * cp.normNuc(M)))
    program.solve(solver="CLARABEL")
    cert = ppkit.fit(problem, gap=1e-9).certificate
    assert abs(cert.objective - program.value) <= 1e-6 * program.value
    assert cert.certified(1e-9)
