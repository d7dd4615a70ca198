"""What every registered family promises, whatever it computes: one set of tests for all of them."""

import json

import numpy as np
import pytest
from families.instances import CASES, FAMILIES, LOSSES, WITHOUT_PROGRAM, draw, label

import ppkit
from ppkit.factors import append, take, width, zero_network
from ppkit.families import registry
from ppkit.families.outer_product import OuterProductFamily
from ppkit.rigor.balls import Balls, arbs, precision
from ppkit.training import grow, stationary

EPS = np.finfo(float).eps

every_case = pytest.mark.parametrize("case", CASES, ids=label)
sampled_cases = pytest.mark.parametrize("case", [c for c in CASES if c[0].input_shape], ids=label)
bilinear_cases = pytest.mark.parametrize(
    "case", [c for c in CASES if isinstance(c[0], OuterProductFamily)], ids=label
)
first_cases = pytest.mark.parametrize("case", [cases[0] for cases in FAMILIES.values()], ids=label)


def size_of(family, factors, X):
    """The sum of the atoms' absolute values: rounding of a prediction is a few units of it."""
    return float(np.sum(np.abs(family.atoms(factors, X)))) + 1e-300


def directional(function, arrays, direction, h=1e-6):
    """Central difference of a scalar function of factors along a direction."""
    up, down = ({k: a + t * direction[k] for k, a in arrays.items()} for t in (h, -h))
    return (function(up) - function(down)) / (2 * h)


def random_direction(rng, factors):
    return {k: rng.standard_normal(a.shape) for k, a in factors.items()}


# ---- the table itself ----------------------------


def test_every_registered_family_is_listed():
    missing = set(registry) - set(FAMILIES)
    assert not missing, f"tests/families/instances.py has no member of {sorted(missing)}"
    for name, cases in FAMILIES.items():
        assert cases and all(member.name == name for member, _ in cases)


def test_registry_names_are_command_line_names():
    for name, family in registry.items():
        assert family.name == name
        assert name == name.lower() and " " not in name and "_" not in name
        assert family.__doc__.strip().splitlines()[0].endswith(".")


# ---- what a family is ----------------------------


@every_case
def test_params_round_trip_through_json(case):
    family = case[0]
    again = type(family)(**json.loads(json.dumps(family.params())))
    assert again == family and hash(again) == hash(family) and repr(again) == repr(family)
    assert again.shapes == family.shapes and again.n_outputs == family.n_outputs
    assert family.dim == sum(int(np.prod(s)) for s in family.shapes.values())


@every_case
def test_from_data_accepts_its_own_data(case):
    d = draw(*case)
    family = type(d.family).from_data(d.X, d.Y, **d.family.params())
    assert family == d.family
    guess = type(d.family).from_data(d.X, d.family.present(np.atleast_2d(d.Y)) if d.X is not None else d.Y)
    assert guess.input_shape == d.family.input_shape
    assert guess.n_outputs == d.family.n_outputs


@every_case
def test_zero_network(case):
    d = draw(*case)
    none = zero_network(d.family)
    assert d.family.atoms(none, d.X).shape == (0, *d.G.shape)
    np.testing.assert_array_equal(d.family.predict(none, d.X), np.zeros(d.G.shape))
    assert d.family.theta(none).shape == (0,)
    assert width(d.family.balance(none)) == width(d.family.merge(none, d.X)) == 0


@every_case
def test_prediction_is_the_sum_of_atoms(case):
    d = draw(*case)
    atoms = d.family.atoms(d.factors, d.X)
    assert atoms.shape == (3, *d.G.shape)
    error = np.abs(d.family.predict(d.factors, d.X) - atoms.sum(axis=0))
    assert error.max() <= 1e-13 * size_of(d.family, d.factors, d.X)
    for j in range(3):
        alone = d.family.predict(take(d.factors, [j]), d.X)
        assert np.abs(alone - atoms[j]).max() <= 1e-13 * size_of(d.family, d.factors, d.X)


@every_case
@pytest.mark.parametrize("alpha", [0.0, 1e-8, 0.3, 1.0, 7.0, 1e8])
def test_scaling_action(case, alpha):
    d = draw(*case)
    scaled = d.family.scale(d.factors, np.full(3, alpha))
    atoms = d.family.atoms(d.factors, d.X)
    error = np.abs(d.family.atoms(scaled, d.X) - alpha * atoms).max()
    assert error <= 1e-13 * alpha * size_of(d.family, d.factors, d.X)
    theta = d.family.theta(d.factors)
    assert theta.shape == (3,) and np.all(theta > 0)
    assert np.abs(d.family.theta(scaled) - alpha * theta).max() <= 1e-14 * alpha * theta.max() * 10


@every_case
def test_networks_do_not_share_memory_with_what_made_them(case):
    d = draw(*case)
    before = {k: a.copy() for k, a in d.factors.items()}
    family, X = d.family, d.X
    for made in (family.scale(d.factors, np.ones(3)), family.balance(d.factors), family.merge(d.factors, X)):
        for a in made.values():
            if a.flags.writeable:
                a *= 2.0
    for k, a in d.factors.items():
        np.testing.assert_array_equal(a, before[k])


# ---- training ----------------------------


@every_case
def test_vjp_is_the_gradient(case):
    d = draw(*case)
    rng = np.random.default_rng(1)
    grad = d.family.vjp(d.factors, d.X, d.G)
    for _ in range(5):
        direction = random_direction(rng, d.factors)
        exact = sum(float(np.sum(grad[k] * direction[k])) for k in grad)
        value = directional(
            lambda W: float(np.sum(d.G * d.family.predict(W, d.X))) / len(d.G), d.factors, direction
        )
        assert abs(exact - value) <= 1e-6 * (1 + abs(exact))


@every_case
def test_surrogate_majorizes_and_touches(case):
    d = draw(*case)
    cost = float(np.sum(d.family.theta(d.factors)))
    assert d.family.surrogate(d.factors)[0] >= cost * (1 - 1e-12)
    balanced = d.family.balance(d.factors)
    assert abs(d.family.surrogate(balanced)[0] - float(np.sum(d.family.theta(balanced)))) <= 1e-12 * cost


@every_case
def test_surrogate_gradient_on_the_free_parameters(case):
    d = draw(*case)
    rng = np.random.default_rng(2)
    factors = d.family.balance(d.factors)
    mask = d.family.free(factors) or {k: np.ones(a.shape, bool) for k, a in factors.items()}
    slope = d.family.surrogate(factors)[1]
    for _ in range(5):
        direction = {k: np.where(mask[k], v, 0.0) for k, v in random_direction(rng, factors).items()}
        exact = sum(float(np.sum(slope[k] * direction[k])) for k in slope)
        value = directional(lambda W: d.family.surrogate(W)[0], factors, direction)
        assert abs(exact - value) <= 1e-6 * (1 + abs(exact))


@every_case
def test_balance_keeps_every_atom_and_lowers_the_surrogate(case):
    d = draw(*case)
    balanced = d.family.balance(d.factors)
    size = size_of(d.family, d.factors, d.X)
    assert np.abs(d.family.atoms(balanced, d.X) - d.family.atoms(d.factors, d.X)).max() <= 1e-12 * size
    assert np.all(d.family.theta(balanced) <= d.family.theta(d.factors) * (1 + 1e-12))
    twice = d.family.balance(balanced)
    for k, a in balanced.items():
        assert np.abs(twice[k] - a).max() <= 1e-12 * np.abs(a).max()


@every_case
@pytest.mark.parametrize("trap", ["plain", "copies", "dead", "opposite"])
def test_merge_keeps_the_prediction_at_no_higher_cost(case, trap):
    d = draw(*case)
    W = d.factors
    if trap == "copies":
        W = append(W, d.family.scale(W, np.array([0.5, 2.0, 1e-3])))
    elif trap == "dead":
        W = append(W, d.family.scale(W, np.zeros(3)))
    elif trap == "opposite" and not getattr(d.family, "nonnegative", False):
        first = next(iter(W))
        W = append(W, {k: -a if k == first else a for k, a in W.items()})
    merged = d.family.merge(d.family.balance(W), d.X)
    size = size_of(d.family, W, d.X)
    assert np.abs(d.family.predict(merged, d.X) - d.family.predict(W, d.X)).max() <= 1e-11 * size
    cost = float(np.sum(d.family.theta(W)))
    assert float(np.sum(d.family.theta(merged))) <= cost * (1 + 1e-12)
    if trap in ("copies", "dead"):
        assert width(merged) <= 3 or width(merged) < width(W)


# ---- the polar ----------------------------


@every_case
def test_no_random_atom_exceeds_the_polar(case):
    d = draw(*case)
    polar = d.family.polar(d.X, d.G)
    rng = np.random.default_rng(3)
    for spread in (0.0, 2.0):
        W = d.family.random_factors(rng, 2000)
        stretch = np.exp(spread * rng.standard_normal(2000)).reshape(-1, 1)
        first = next(iter(W))
        W[first] = W[first] * stretch.reshape(-1, *[1] * (W[first].ndim - 1))
        W = d.family.balance(W)
        W = d.family.scale(W, 1 / d.family.theta(W))
        value = d.family.atoms(W, d.X).reshape(2000, -1) @ d.G.ravel() / len(d.G)
        assert value.max() <= polar.upper


@every_case
def test_own_factor_attains_the_lower_end(case):
    d = draw(*case)
    polar = d.family.polar(d.X, d.G)
    assert width(polar.factor) == 1
    assert d.family.theta(polar.factor)[0] <= 1 + 8 * EPS
    value = float(np.sum(d.G * d.family.atoms(polar.factor, d.X)[0])) / len(d.G)
    size = float(np.sum(np.abs(d.G * d.family.atoms(polar.factor, d.X)[0]))) / len(d.G)
    assert abs(value - polar.lower) <= 1e-13 * size + 1e-12 * polar.lower
    assert polar.lower <= polar.upper
    if polar.candidates is not None:
        assert np.all(d.family.theta(polar.candidates) <= 1 + 8 * EPS)
        for k, a in polar.factor.items():
            np.testing.assert_array_equal(polar.candidates[k][:1], a)
    if polar.kind == "exact":
        assert polar.upper <= polar.lower * (1 + 1e-10)


@every_case
@pytest.mark.parametrize("alpha", [1e-100, 2.0**-20, 3.0, 1e100])
def test_polar_is_positively_homogeneous(case, alpha):
    d = draw(*case)
    one, many = d.family.polar(d.X, d.G), d.family.polar(d.X, alpha * d.G)
    assert abs(many.lower - alpha * one.lower) <= 1e-12 * alpha * one.lower
    assert abs(many.upper - alpha * one.upper) <= 1e-12 * alpha * one.upper


@every_case
def test_polar_is_subadditive_and_zero_at_zero(case):
    d = draw(*case)
    H = d.family.project_dual(d.X, np.random.default_rng(4).standard_normal(d.G.shape))
    both = d.family.polar(d.X, d.G + H).lower
    assert both <= d.family.polar(d.X, d.G).upper + d.family.polar(d.X, H).upper
    zero = d.family.polar(d.X, 0 * d.G)
    assert zero.lower == 0 and zero.upper <= 1e-300
    assert d.family.theta(zero.factor)[0] <= 1 + 8 * EPS


@every_case
def test_polar_upper_needs_only_the_proof(case):
    d = draw(*case)
    polar = d.family.polar(d.X, d.G)
    again = d.family.polar_upper(d.X, d.G, polar.proof)
    assert abs(again - polar.upper) <= 1e-13 * polar.upper
    if polar.kind == "exact":
        assert d.family.polar_upper(d.X, d.G, {}) >= polar.lower


# ---- ball arithmetic ----------------------------


@every_case
def test_polar_is_proved_above_and_not_below(case):
    d = draw(*case)
    polar = d.family.polar(d.X, d.G)
    X = None if d.X is None else Balls(d.X)
    with precision():
        G = d.family.project_dual(X, Balls(d.G))
        above = d.family.prove_polar(X, G, polar.upper, polar.proof)
        below = d.family.prove_polar(X, G, polar.lower * (1 - 1e-12), polar.proof)
    assert above is None or above
    assert not below


@sampled_cases
@pytest.mark.parametrize("seed", range(3))
def test_upper_end_covers_the_rounding_of_sums_that_cancel(case, seed):
    """Every sample twice with opposite residuals, up to 1e-14: the polar is almost all rounding."""
    d = draw(*case, seed=seed)
    rng = np.random.default_rng(seed)
    X = np.concatenate([d.X, d.X])
    G = np.concatenate([d.G, -d.G * (1 + 1e-14 * rng.standard_normal(d.G.shape))])
    G = d.family.project_dual(X, G)
    polar = d.family.polar(X, G)
    with precision():
        projected = d.family.project_dual(Balls(X), Balls(G))
        assert d.family.prove_polar(Balls(X), projected, polar.upper, polar.proof) in (True, None)


@every_case
@pytest.mark.parametrize("loss", LOSSES)
def test_certificates_of_odd_candidates_are_proved_in_balls(case, loss):
    """Sizes from 1e-8 to 1e4, duals from 1e-6 to 1e6, lambda and the data off by 1e30."""
    base = draw(*case).problem(loss=loss)
    rng = np.random.default_rng(6)
    Y = base.Y if base.X is not None else base.family.present(base.Y)
    for power in (-30, 0, 30):
        problem = ppkit.Problem(base.family, base.X, Y, base.lam * 10.0**power, base.loss)
        for _ in range(3):
            r = int(rng.integers(0, 5))
            size = 10.0 ** (rng.uniform(-8, 4) + rng.standard_normal(r))
            W = base.family.scale(base.family.random_factors(rng, r), size)
            G = 10.0 ** rng.uniform(-6, 6) * rng.standard_normal(base.Y.shape)
            cert = ppkit.certify(problem, W, duals=[G])
            assert cert.verify().rigorous or cert.kind != "exact"


@every_case
def test_balls_hold_prediction_and_cost(case):
    d = draw(*case)
    X = None if d.X is None else Balls(d.X)
    W = {k: Balls(a) for k, a in d.factors.items()}
    with precision():
        F, theta = arbs(d.family.predict(W, X)), arbs(d.family.theta(W))
        widest = max(float(x.rad()) for x in F.flat)
    size = size_of(d.family, d.factors, d.X)
    assert widest <= 1e-30 * size
    assert np.abs(F.astype(float) - d.family.predict(d.factors, d.X)).max() <= 1e-13 * size
    assert np.abs(theta.astype(float) - d.family.theta(d.factors)).max() <= 1e-13 * theta.max()


@bilinear_cases
def test_adjoint_identity_to_the_last_bit(case):
    """A constant rounded outside the balls, such as a float 1/N, would show here at 1e-17."""
    d = draw(*case)
    X, G = None if d.X is None else Balls(d.X), Balls(d.G)
    W = {k: Balls(a) for k, a in d.factors.items()}
    with precision():
        left = (G * d.family.predict(W, X)).sum() / len(d.G)
        right = (d.family.adjoint(X, G) * d.family.matrix(W)).sum()
        difference = abs(arbs(left - right)[()])
    assert float(difference.upper()) <= 1e-30 * size_of(d.family, d.factors, d.X)


# ---- data and factors that cannot be used ----------------------------


@every_case
def test_bad_data_is_refused(case):
    d = draw(*case)
    bad = []
    if d.X is None:
        bad += [(np.zeros((2, 2)), d.Y), (None, d.Y[:, :-1]), (None, d.Y[None]), (None, np.zeros((0, 0)))]
    else:
        bad += [(None, d.Y), (d.X[..., :-1], d.Y), (d.X[:-1], d.Y), (d.X[:0], d.Y[:0]), (d.X[0], d.Y)]
        bad += [(np.where(np.arange(d.X.size).reshape(d.X.shape) == 3, np.nan, d.X), d.Y)]
        bad += [(d.X, np.zeros((len(d.X), d.family.n_outputs + 1))), (d.X.astype(object), d.Y)]
        bad += [(d.X.astype(complex), d.Y)]
    bad += [(d.X, np.where(np.arange(d.Y.size).reshape(d.Y.shape) == 0, np.inf, d.Y))]
    bad += [(d.X, d.Y.astype(str)), (d.X, None)]
    for X, Y in bad:
        with pytest.raises(ppkit.InputError):
            ppkit.Problem(d.family, X, Y, 0.1)


@every_case
def test_bad_factors_are_refused(case):
    d = draw(*case)
    problem = d.problem(1.0)
    first = next(iter(d.factors))
    W = d.factors
    bad = [
        {k: a for k, a in W.items() if k != first},
        W | {first: W[first][:-1]},
        W | {first: W[first][..., :-1]},
        W | {first: W[first][0]},
        W | {first: W[first] * np.nan},
        W | {first: W[first].astype(str)},
        None,
        3,
        list(W.values()),
    ]
    for factors in bad:
        with pytest.raises(ppkit.InputError):
            ppkit.certify(problem, factors)
    ppkit.certify(problem, W | {"meta": np.array("ignored")})


# ---- certificates ----------------------------


@every_case
@pytest.mark.parametrize("loss", LOSSES)
def test_fit_certifies_saves_and_verifies(case, loss, tmp_path):
    problem = draw(*case).problem(loss=loss)
    fit = ppkit.fit(problem, gap=1e-6)
    cert = fit.certificate
    assert cert.certified(1e-6), cert
    # T2 as residuals: Euler identity, complementarity of each factor, dual feasibility
    assert abs(cert.euler) <= 1e-6 * cert.objective
    G = problem.residual(fit.factors)
    for atom, cost in zip(
        problem.family.atoms(fit.factors, problem.X), problem.family.theta(fit.factors), strict=True
    ):
        assert abs(problem.inner(G, atom) - problem.lam * cost) <= 1e-6 * cert.objective
    assert problem.family.polar_upper(problem.X, cert.dual, cert.proof) <= problem.lam * (1 + 1e-13)
    assert cert.polar_ratio >= 1 - 1e-6
    path = tmp_path / "cert.npz"
    cert.save(path)
    again = ppkit.Certificate.load(path)
    assert (again.objective, again.lower_bound, again.kind) == (cert.objective, cert.lower_bound, cert.kind)
    checked = again.verify()
    assert checked.lower_bound <= checked.objective_upper
    if cert.kind == "exact":
        assert checked.rigorous, checked.reason
        assert checked.relative_gap <= 1e-6


@every_case
@pytest.mark.parametrize("loss", LOSSES)
def test_no_candidate_has_a_bound_above_the_optimum(case, loss):
    d = draw(*case)
    problem = d.problem(loss=loss)
    best = ppkit.fit(problem, gap=1e-6).certificate
    rng = np.random.default_rng(5)
    for trial in range(20):
        r = int(rng.integers(0, 6))
        W = d.family.random_factors(rng, r)
        W = d.family.scale(W, np.exp(3 * rng.standard_normal(r)))
        cert = ppkit.certify(problem, W)
        assert cert.lower_bound <= best.objective, trial
        assert cert.objective >= best.lower_bound
        assert np.isfinite(cert.lower_bound) and cert.lower_bound >= 0.0


@every_case
def test_convex_program_agrees_with_training(case):
    problem = draw(*case).problem()
    if case[0] in WITHOUT_PROGRAM:
        with pytest.raises(ppkit.InputError, match=WITHOUT_PROGRAM[case[0]]):
            ppkit.convex_lower_bound(problem)
        return
    solution = ppkit.convex_lower_bound(problem)
    cert = ppkit.fit(problem, gap=1e-8).certificate
    assert solution.value <= cert.objective
    assert cert.lower_bound <= solution.primal + 1e-6 * cert.objective
    assert abs(solution.primal - cert.objective) <= 1e-6 * cert.objective
    assert cert.objective - solution.value <= 1e-4 * cert.objective


@every_case
def test_omega_is_at_most_theta_and_equal_at_the_optimum(case):
    d = draw(*case)
    F = d.family.predict(d.factors, d.X)
    if d.family in WITHOUT_PROGRAM:
        with pytest.raises(ppkit.InputError, match=WITHOUT_PROGRAM[d.family]):
            d.family.omega(d.X, F)
        return
    omega = d.family.omega(d.X, F)
    theta = float(np.sum(d.family.theta(d.factors)))
    assert 0 < omega <= theta * (1 + 1e-6)
    assert d.family.omega(d.X, 0 * F) == pytest.approx(0.0, abs=1e-9)
    problem = d.problem()
    fit = ppkit.fit(problem, gap=1e-8)
    at = d.family.omega(d.X, problem.predict(fit.factors))
    assert (
        abs(problem.lam * (problem.theta(fit.factors) - at)) <= fit.certificate.gap + 1e-6 * problem.lam * at
    )


@first_cases
def test_order_of_factors_does_not_matter(case):
    d = draw(*case)
    problem = d.problem()
    one, two = ppkit.certify(problem, d.factors), ppkit.certify(problem, take(d.factors, [2, 0, 1]))
    assert abs(one.objective - two.objective) <= 1e-13 * one.objective
    assert abs(one.lower_bound - two.lower_bound) <= 1e-12 * one.objective


# ---- escape ----------------------------


@first_cases
def test_a_width_that_is_too_small_says_so_and_growing_escapes_by_t4(case):
    d = draw(*case)
    for shrink in (1.0, 0.3, 0.1, 0.03):  # less regularization until one factor is not enough
        problem = d.problem(shrink * d.problem().lam)
        if ppkit.fit(problem, gap=1e-6).width > 1:
            break
    else:
        raise AssertionError("one factor is enough at every lambda tried")
    narrow = ppkit.fit(problem, gap=1e-6, max_width=1)
    assert narrow.width == 1 and not narrow.certificate.certified(1e-6)
    assert narrow.certificate.polar_ratio > 1 and "rho" in narrow.certificate.reason
    W = stationary(problem, narrow.factors)
    polar, before = problem.polar(W), problem.objective(W)
    atom = d.family.atoms(polar.factor, d.X)[0]
    excess = polar.lower - problem.lam
    promised = excess**2 / (2 * problem.loss.smoothness * problem.inner(atom, atom))
    step = excess / (problem.loss.smoothness * problem.inner(atom, atom))
    single = append(W, d.family.scale(polar.factor, np.array([step])))
    slack = abs(problem.euler(W)) + 1e-13 * before
    assert before - problem.objective(single) >= promised - slack
    assert before - problem.objective(grow(problem, W)) >= promised - slack
