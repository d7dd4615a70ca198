"""What every family with an exact polar has to show, as functions of a problem and a family."""

import numpy as np

import ppkit
from ppkit.factors import append, take, width
from ppkit.training import grow, stationary

EPS = np.finfo(float).eps


def objective_scale(problem):
    """The objective of the zero network, the scale of every residual below."""
    return problem.risk(np.zeros(problem.Y.shape))


def check_vjp(family, X, G, factors, tol=1e-7):
    """The gradient of ``<G, Phi>`` against central differences along random directions."""
    rng = np.random.default_rng(0)
    grad = family.vjp(factors, X, G)
    for _ in range(10):
        d = {k: rng.standard_normal(a.shape) for k, a in factors.items()}
        h = 1e-5
        plus, minus = ({k: a + s * h * d[k] for k, a in factors.items()} for s in (1, -1))
        numeric = np.sum(G * (family.predict(plus, X) - family.predict(minus, X))) / len(G) / (2 * h)
        exact = sum(np.sum(grad[k] * d[k]) for k in factors)
        assert abs(numeric - exact) <= tol * (1 + abs(exact))


def check_surrogate(family, factors, tol=1e-7):
    """Its gradient, that it majorizes Theta, and that balancing closes the difference."""
    rng = np.random.default_rng(1)
    value, grad = family.surrogate(factors)
    for _ in range(10):
        d = {k: rng.standard_normal(a.shape) for k, a in factors.items()}
        h = 1e-5
        plus, minus = (
            family.surrogate({k: a + s * h * d[k] for k, a in factors.items()})[0] for s in (1, -1)
        )
        exact = sum(np.sum(grad[k] * d[k]) for k in factors)
        assert abs((plus - minus) / (2 * h) - exact) <= tol * (1 + abs(exact))
    cost = np.sum(family.theta(factors))
    assert value >= cost * (1 - 1e-12)
    balanced = family.balance(factors)
    assert np.isclose(family.surrogate(balanced)[0], np.sum(family.theta(balanced)), rtol=1e-12)
    assert np.sum(family.theta(balanced)) <= cost * (1 + 1e-12)


def check_action(family, X, factors, alpha):
    """The scaling action multiplies phi and theta."""
    scaled = family.scale(factors, alpha)
    np.testing.assert_allclose(
        family.atoms(scaled, X), alpha[:, None, None] * family.atoms(factors, X), rtol=1e-11, atol=1e-13
    )
    np.testing.assert_allclose(family.theta(scaled), alpha * family.theta(factors), rtol=1e-11)


def check_sum(family, X, factors):
    """The prediction is the sum of the atoms."""
    np.testing.assert_allclose(
        family.predict(factors, X), family.atoms(factors, X).sum(axis=0), rtol=1e-11, atol=1e-12
    )


def check_polar(family, X, G, n_atoms, batch=2000):
    """No random atom of cost one exceeds the upper end; the polar's own factor attains the lower."""
    polar = family.polar(X, G)
    assert polar.kind == "exact"
    assert polar.lower <= polar.upper <= polar.lower * (1 + 1e-11)
    assert np.isclose(family.polar_upper(X, G, polar.proof), polar.upper, rtol=1e-13, atol=0)
    value = np.sum(G * family.atoms(polar.factor, X)[0]) / len(G)
    assert abs(value - polar.lower) <= 1e-12 * polar.lower
    assert family.theta(polar.factor)[0] <= 1 + 4 * EPS
    rng, best = np.random.default_rng(2), -np.inf
    for _ in range(-(-n_atoms // batch)):
        factors = family.random_factors(rng, batch)
        factors = family.scale(factors, 1 / family.theta(factors))
        values = family.atoms(factors, X).reshape(batch, -1) @ G.ravel() / len(G)
        best = max(best, values.max())
    assert best <= polar.upper
    return best / polar.upper


def check_optimality(problem, factors, tol):
    """Dual feasibility, the Euler identity per factor and complementarity, as residuals."""
    family, scale = problem.family, objective_scale(problem)
    G, F = problem.residual(factors), problem.predict(factors)
    assert problem.polar_of(G).upper <= problem.lam * (1 + tol)
    per_factor = [problem.inner(G, a) for a in family.atoms(factors, problem.X)]
    np.testing.assert_allclose(per_factor, problem.lam * family.theta(factors), atol=tol * scale)
    assert abs(problem.euler(factors)) <= tol * scale
    assert abs(problem.inner(G, F) - problem.lam * family.omega(problem.X, F)) <= tol * scale


def check_against_program(problem, factors, tol=1e-6):
    """The certified objective against CVXPY, from both sides."""
    cert = ppkit.certify(problem, factors)
    sol = ppkit.convex_lower_bound(problem)
    assert sol.status in ("optimal", "optimal_inaccurate")
    assert abs(cert.objective - sol.primal) <= tol * abs(cert.objective)
    assert abs(sol.omega - problem.family.omega(problem.X, sol.prediction)) <= 1e-5 * (1 + sol.omega)
    assert cert.lower_bound <= sol.primal + tol * abs(sol.primal)
    assert sol.value <= cert.objective * (1 + 1e-12)
    assert cert.objective - sol.value <= 1e-4 * abs(cert.objective)


def check_escape(problem, start):
    """Below the optimal width: rho > 1, and T4's step lowers the objective by T4's amount."""
    factors = stationary(problem, start)
    cert = ppkit.certify(problem, factors)
    scale = objective_scale(problem)
    assert cert.polar_ratio > 1
    assert abs(cert.euler) <= 1e-9 * scale
    polar = problem.polar(factors)
    norm2 = problem.inner(*[problem.family.atoms(polar.factor, problem.X)[0]] * 2)
    excess = polar.lower - problem.lam
    promised = excess**2 / (2 * problem.loss.smoothness * norm2)
    step = np.array([excess / (problem.loss.smoothness * norm2)])
    longer = append(factors, problem.family.scale(polar.factor, step))
    assert problem.objective(longer) <= cert.objective - promised + 1e-11 * scale
    assert problem.objective(grow(problem, factors)) <= cert.objective - promised + 1e-11 * scale
    assert promised > 0


def check_permutation(problem, factors, seed):
    """Nothing depends on the order of the factors."""
    order = np.random.default_rng(seed).permutation(width(factors))
    a, b = ppkit.certify(problem, factors), ppkit.certify(problem, take(factors, order))
    scale = objective_scale(problem)
    assert abs(a.objective - b.objective) <= 1e-11 * scale
    assert abs(a.lower_bound - b.lower_bound) <= 1e-10 * scale
