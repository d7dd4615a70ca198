"""Weak duality and the invariances of a certificate, for candidates that Hypothesis makes up."""

import numpy as np
import pytest
from families.instances import FAMILIES, LOSSES, draw, label
from hypothesis import given, settings
from hypothesis import strategies as st

import ppkit
from ppkit.factors import append, take
from ppkit.training import stationary

MEMBERS = [cases[0] for cases in FAMILIES.values()]
every_member = pytest.mark.parametrize("case", MEMBERS, ids=label)
every_loss = pytest.mark.parametrize("loss", LOSSES)
seeds = st.integers(0, 10**6)
widths = st.integers(0, 6)
logs = st.floats(-12, 6)

OPTIMA = {}


def solved(case, loss):
    """A problem and its certified optimum, once for each."""
    key = label(case), loss
    if key not in OPTIMA:
        problem = draw(*case).problem(loss=loss)
        OPTIMA[key] = problem, ppkit.fit(problem, gap=1e-8).certificate
        assert OPTIMA[key][1].certified(1e-6)
    return OPTIMA[key]


def network(problem, seed, width, spread):
    """Random factors of random scales ``10^spread``."""
    rng = np.random.default_rng(seed)
    W = problem.family.random_factors(rng, width)
    return problem.family.scale(W, 10.0 ** (spread + rng.standard_normal(width)))


def in_direction(problem, seed, size):
    return 10.0**size * np.random.default_rng(seed).standard_normal(problem.Y.shape)


@every_member
@every_loss
@settings(max_examples=12)
@given(seed=seeds, width=widths, spread=logs)
def test_weak_duality(case, loss, seed, width, spread):
    problem, best = solved(case, loss)
    cert = ppkit.certify(problem, network(problem, seed, width, spread))
    assert cert.lower_bound <= best.objective
    assert cert.objective >= best.lower_bound
    assert cert.gap >= 0


@every_member
@every_loss
@settings(max_examples=8)
@given(seed=seeds, size=st.floats(-30, 30))
def test_weak_duality_for_any_dual_point(case, loss, seed, size):
    problem, best = solved(case, loss)
    W = network(problem, seed, 1, 0.0)
    cert = ppkit.certify(problem, W, duals=[in_direction(problem, seed, size)])
    assert ppkit.certify(problem, W).lower_bound <= cert.lower_bound <= best.objective


@every_member
@settings(max_examples=8)
@given(seed=seeds, width=st.integers(2, 6), split=st.floats(0.01, 0.99))
def test_permuting_and_splitting_factors_changes_nothing(case, seed, width, split):
    """Order does not matter, and a factor is two smaller copies of itself."""
    problem, _ = solved(case, "squared")
    W = network(problem, seed, width, -1.0)
    order = np.random.default_rng(seed).permutation(width)
    first, rest = take(W, slice(0, 1)), take(W, slice(1, None))
    halves = [problem.family.scale(first, np.array([t])) for t in (split, 1 - split)]
    one = ppkit.certify(problem, W)
    size = one.objective + problem.inner(np.abs(one.dual), np.abs(problem.Y))
    for other in (take(W, order), append(append(*halves), rest)):
        two = ppkit.certify(problem, other)
        assert abs(one.objective - two.objective) <= 1e-12 * size
        assert abs(one.lower_bound - two.lower_bound) <= 1e-10 * size
        assert abs(one.euler - two.euler) <= 1e-10 * size


@every_member
@settings(max_examples=8)
@given(seed=seeds, width=widths, power=st.integers(-40, 40))
def test_scaling_targets_and_lambda_scales_the_certificate(case, seed, width, power):
    """Y, Phi and lam times t: NC, its bound and the Euler residual times t^2 (powers of two: no rounding)."""
    problem, _ = solved(case, "squared")
    t = 2.0 ** (3 * power)
    W = network(problem, seed, width, -1.0)
    Y = problem.Y if problem.X is not None else problem.family.present(problem.Y)
    scaled = ppkit.Problem(problem.family, problem.X, t * Y, t * problem.lam)
    one = ppkit.certify(problem, W)
    two = ppkit.certify(scaled, problem.family.scale(W, np.full(width, t)))
    assert abs(two.objective - t**2 * one.objective) <= 1e-10 * t**2 * one.objective
    assert abs(two.lower_bound - t**2 * one.lower_bound) <= 1e-9 * t**2 * one.objective
    assert abs(two.polar_ratio - one.polar_ratio) <= 1e-10 * one.polar_ratio


@every_member
@every_loss
@settings(max_examples=3)
@given(seed=seeds, width=st.integers(1, 4))
def test_euler_identity_at_stationary_points(case, loss, seed, width):
    """<G, phi(W_j)> = lam theta(W_j) for each factor, hence euler = 0, hence rho >= 1 unless W = 0."""
    problem, _ = solved(case, loss)
    W = stationary(problem, network(problem, seed, width, -1.0))
    G, scale = problem.residual(W), problem.objective(W)
    atoms, theta = problem.family.atoms(W, problem.X), problem.family.theta(W)
    for atom, cost in zip(atoms, theta, strict=True):
        assert abs(problem.inner(G, atom) - problem.lam * cost) <= 1e-5 * scale
    assert abs(problem.euler(W)) <= 1e-5 * scale
    if problem.lam * theta.sum() > 1e-3 * scale:
        assert ppkit.certify(problem, W).polar_ratio >= 1 - 1e-2


@every_member
@settings(max_examples=8)
@given(seed=seeds, r=widths, q=widths)
def test_t3_is_an_identity_plus_a_sign(case, seed, r, q):
    """NC(W) - C(f) = euler + <G, f> - lam Omega(f) - |f - Phi|^2/2, at f = Phi(V) with Theta(V) for Omega."""
    problem, _ = solved(case, "squared")
    W, V = network(problem, seed, r, -0.5), network(problem, seed + 1, q, -0.5)
    f, Phi, G = problem.predict(V), problem.predict(W), problem.residual(W)
    left = problem.objective(W) - (problem.risk(f) + problem.lam * problem.theta(V))
    bracket = problem.inner(G, f) - problem.lam * problem.theta(V)
    right = problem.euler(W) + bracket - 0.5 * problem.inner(f - Phi, f - Phi)
    size = problem.objective(W) + problem.objective(V) + problem.inner(np.abs(G), np.abs(f) + np.abs(Phi))
    assert abs(left - right) <= 1e-12 * size
    ratio = problem.polar(W).upper / problem.lam
    if not np.isfinite(ratio):  # without A2: the bound says nothing
        return
    assert bracket <= problem.lam * problem.theta(V) * (ratio - 1) + 1e-12 * size
    assert left <= problem.euler(W) + problem.lam * problem.theta(V) * (ratio - 1) + 1e-12 * size


@every_member
@settings(max_examples=8)
@given(seed=seeds)
def test_polar_and_theta_are_in_duality(case, seed):
    """<G, Phi> <= polar(G) Theta for any network, and polar is convex."""
    problem, _ = solved(case, "squared")
    W, G, H = (
        network(problem, seed, 4, 0.0),
        in_direction(problem, seed, 0),
        in_direction(problem, seed + 1, 0),
    )
    upper = problem.polar_of(G).upper
    assert problem.inner(G, problem.predict(W)) <= upper * problem.theta(W) * (1 + 1e-13)
    middle = problem.polar_of(0.5 * G + 0.5 * H).lower
    assert middle <= 0.5 * upper + 0.5 * problem.polar_of(H).upper


@every_member
@every_loss
@settings(max_examples=10)
@given(seed=seeds, width=widths)
def test_forms_a_and_b_never_beat_the_optimum(case, loss, seed, width):
    """T3(a), (b): with the upper end of the polar they are lower bounds for any W too."""
    problem, best = solved(case, loss)
    W = network(problem, seed, width, -1.0)
    nc, euler, rho = problem.objective(W), problem.euler(W), problem.polar(W).upper / problem.lam
    b = (nc - euler) / max(rho, 1.0)
    size = nc + abs(euler)
    assert b <= best.objective + 1e-12 * size
    assert nc - euler - nc * max(rho - 1, 0.0) <= best.objective + 1e-12 * size or euler < 0
