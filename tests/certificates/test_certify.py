"""Certificates: sound for any candidate, honest about what they do not know, stable at the extremes."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from problems import BoundedPolar, SearchedPolar, TooSmallPolar, random_network, sensing, with_family

import ppkit
from ppkit.certificates.dual import best_scale, dual_value, feasible_dual
from ppkit.checks import Proof
from ppkit.factors import zero_network
from ppkit.families import MatrixFactorization, MatrixSensing

LOSSES = ("squared", "logistic", "huber")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_thousand_candidates_never_beat_the_optimum(loss):
    """Random widths, factors and scales, no stationarity: the bound stays below, without exception."""
    for seed in range(4):
        problem = sensing(seed, shape=(5, 4), n_samples=30, loss=loss)
        optimum = ppkit.fit(problem, gap=1e-9).certificate
        assert optimum.certified(1e-9)
        rng = np.random.default_rng(seed)
        best = 0.0
        for _ in range(250):
            W = random_network(problem, rng, int(rng.integers(0, 9)), spread=3.0)
            cert = ppkit.certify(problem, W)
            assert cert.lower_bound <= optimum.objective
            assert cert.objective >= optimum.lower_bound
            best = max(best, cert.lower_bound)
        assert best > 0  # and the bounds are not all trivial


@pytest.mark.parametrize("loss", LOSSES)
def test_near_optimal_candidates_have_near_optimal_bounds(loss):
    """The certified gap closes with the distance to the optimum."""
    problem = sensing(1, loss=loss)
    fit = ppkit.fit(problem, gap=1e-10)
    rng = np.random.default_rng(0)
    direction = {k: rng.standard_normal(a.shape) for k, a in fit.factors.items()}
    gaps = []
    for t in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
        cert = ppkit.certify(problem, {k: a + t * direction[k] for k, a in fit.factors.items()})
        assert cert.lower_bound <= fit.certificate.objective
        assert cert.objective >= fit.certificate.lower_bound
        gaps.append(cert.relative_gap)
    assert all(b < a / 3 for a, b in pairwise(gaps))
    assert gaps[-1] < 1e-3 * gaps[0]


def test_reading_a_certificate():
    problem = sensing()
    fit = ppkit.fit(problem, gap=1e-8)
    cert = fit.certificate
    assert cert.gap == cert.objective - cert.lower_bound
    assert cert.relative_gap == cert.gap / abs(cert.objective)
    assert cert.kind == "exact" and cert.certified(1e-8) and not cert.certified(-1.0)
    assert not cert.certified(float("nan"))
    assert abs(cert.euler) <= 1e-8 * cert.objective
    assert abs(cert.polar_ratio - 1) <= 1e-8
    assert f"{cert.gap:.3g}" in cert.reason and "\n" in str(cert)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cert.objective = 0.0


def test_the_reason_names_what_is_wrong():
    problem = sensing()
    W = random_network(problem, np.random.default_rng(0), 3)
    assert "not stationary" in ppkit.certify(problem, W).reason
    assert "rho" in ppkit.certify(problem, zero_network(problem.family)).reason


def test_certify_is_pure():
    problem = sensing()
    W = random_network(problem, np.random.default_rng(0), 3)
    before = {k: a.copy() for k, a in W.items()}
    one, two = ppkit.certify(problem, W), ppkit.certify(problem, W)
    assert (one.objective, one.lower_bound) == (two.objective, two.lower_bound)
    for k in W:
        np.testing.assert_array_equal(W[k], before[k])
        W[k] *= 2
    assert ppkit.certify(problem, before).objective == one.objective


@pytest.mark.parametrize("loss", LOSSES)
def test_duals_handed_in_are_rescaled_and_only_help(loss):
    problem = sensing(2, loss=loss)
    fit = ppkit.fit(problem, gap=1e-10)
    rng = np.random.default_rng(0)
    W = random_network(problem, rng, 2)
    alone = ppkit.certify(problem, W)
    good = ppkit.certify(problem, W, duals=[1e30 * fit.certificate.dual])
    assert good.lower_bound >= alone.lower_bound
    assert fit.certificate.objective - good.lower_bound <= 1e-6 * fit.certificate.objective
    for _ in range(50):
        noise = 10.0 ** rng.uniform(-8, 8) * rng.standard_normal(problem.Y.shape)
        cert = ppkit.certify(problem, W, duals=[noise])
        assert alone.lower_bound <= cert.lower_bound <= fit.certificate.objective
    for bad in (np.zeros(3), np.full(problem.Y.shape, np.nan), np.full(problem.Y.shape, np.inf)):
        with pytest.raises(ppkit.InputError):
            ppkit.certify(problem, W, duals=[bad])


# ---- polars that lie, search, or only bound ------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared", "logistic", ppkit.HuberLoss(50.0)], ids=LOSSES)
def test_a_polar_that_is_too_small_is_rejected(loss):
    honest = sensing(3, loss=loss)
    fit = ppkit.fit(honest, gap=1e-10)
    with pytest.raises(ppkit.CertificateError, match="polar is wrong"):
        ppkit.certify(with_family(honest, TooSmallPolar), fit.factors)


def test_a_slightly_too_small_polar_is_rejected_too():
    class Slightly(MatrixSensing):
        def polar(self, X, G, starts=(), effort="default", seed=0):
            true = super().polar(X, G)
            return ppkit.Polar(true.lower, true.upper * (1 - 1e-9), true.factor, "exact")

    honest = sensing(3)
    W = ppkit.fit(honest, gap=1e-12).factors
    with pytest.raises(ppkit.CertificateError):
        ppkit.certify(with_family(honest, Slightly), W)


@pytest.mark.parametrize("interval", [(1.0, 0.5), (0.0, -1.0), (1.0, np.nan), (np.nan, 1.0), (-1.0, 1.0)])
def test_an_interval_that_is_none_is_rejected(interval):
    class Odd(MatrixSensing):
        def polar(self, X, G, starts=(), effort="default", seed=0):
            return ppkit.Polar(*interval, super().polar(X, G).factor, "exact")

    honest = sensing(3)
    with pytest.raises(ppkit.CertificateError, match="interval"):
        ppkit.certify(with_family(honest, Odd), zero_network(honest.family))


def test_a_polar_below_the_networks_own_factors_is_rejected():
    """Far from the optimum, where the bound itself would not give it away."""

    class Missed(MatrixSensing):
        def polar(self, X, G, starts=(), effort="default", seed=0):
            true = super().polar(X, G)
            return ppkit.Polar(0.1 * true.lower, 0.1 * true.upper, true.factor, "exact")

    honest = sensing(3)
    W = honest.family.scale(honest.polar().factor, np.array([0.1]))
    assert ppkit.certify(honest, W).relative_gap > 0.1
    with pytest.raises(ppkit.CertificateError, match="own factors"):
        ppkit.certify(with_family(honest, Missed), W)


def test_a_bound_above_the_objective_is_rejected():
    """A false proof handed in for another dual point, which the network's own factors do not give away."""

    class Unproved(MatrixSensing):
        def polar_upper(self, X, G, proof):
            return 1e-3 * super().polar_upper(X, G, proof)

    honest = sensing(3)
    y = np.reshape(honest.Y, (-1, 1))  # as a dual point it is worth what the zero network costs
    W = ppkit.fit(honest, gap=1e-10).factors
    with pytest.raises(ppkit.CertificateError, match="exceeds the objective"):
        ppkit.certify(with_family(honest, Unproved), W, duals=[(y, Proof("spectral"))])


def test_a_search_certifies_nothing():
    honest = sensing(4)
    W = ppkit.fit(honest, gap=1e-10).factors
    cert = ppkit.certify(with_family(honest, SearchedPolar), W)
    assert cert.kind == "heuristic" and cert.lower_bound == 0.0 and not cert.dual.any()
    assert not cert.certified(2.0) and "not certified" in cert.reason
    assert cert.verify().lower_bound == 0.0
    with pytest.raises(ppkit.InputError):
        ppkit.convex_lower_bound(with_family(honest, SearchedPolar))
    with pytest.raises(ValueError):
        ppkit.Polar(1.0, 2.0, {}, "heuristic")
    with pytest.raises(ValueError):
        ppkit.Polar(1.0, 2.0, {}, "guess")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loose_polar_gives_a_loose_but_true_bound(loss):
    honest = sensing(4, loss=loss)
    fit = ppkit.fit(honest, gap=1e-10)
    cert = ppkit.certify(with_family(honest, BoundedPolar), fit.factors)
    assert cert.kind == "bounded" and "proved upper bound" in cert.reason
    assert 0 < cert.lower_bound < fit.certificate.lower_bound
    assert cert.verify().rigorous is False
    assert abs(cert.polar_ratio - 2) <= 1e-8


# ---- the edges ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_zero_targets_are_certified_exactly(loss):
    problem = ppkit.Problem(MatrixSensing((3, 2)), np.ones((4, 3, 2)), np.zeros(4), 0.1, loss)
    cert = ppkit.certify(problem, zero_network(problem.family))
    assert (cert.objective, cert.lower_bound, cert.relative_gap) == (0.0, 0.0, 0.0)
    assert cert.certified(1e-15) and ppkit.fit(problem).width == 0
    cert.verify()


@pytest.mark.parametrize("loss", LOSSES)
def test_zero_inputs(loss):
    problem = ppkit.Problem(MatrixSensing((3, 2)), np.zeros((4, 3, 2)), [1.0, -1.0, 1.0, 1.0], 0.1, loss)
    cert = ppkit.fit(problem, gap=1e-9).certificate
    assert cert.certified(1e-9) and ppkit.certify(problem, cert.factors).polar_ratio <= 1e-100
    cert.verify()


@pytest.mark.parametrize("power", [-140, -60, -20, 20, 60, 140])
@pytest.mark.parametrize(
    ("loss", "what"),
    [(loss, what) for loss in LOSSES for what in ("Y", "X", "lam") if (loss, what) != ("logistic", "Y")],
)  # labels have no scale
def test_extreme_scales(loss, power, what):
    """Bounds stay true, and stay useful where scaling is an exact symmetry."""
    base = sensing(5, shape=(4, 3), n_samples=20, loss=loss)
    t = 10.0**power
    X, Y = (base.X * t if what == "X" else base.X), (base.Y * t if what == "Y" else base.Y)
    problem = ppkit.Problem(base.family, X, Y, base.lam * (t if what in ("lam", "Y") else 1.0), loss)
    rng = np.random.default_rng(0)
    for width in (0, 1, 3):
        W = random_network(base, rng, width)
        if what == "Y":
            W = problem.family.scale(W, np.full(width, t))
        cert = ppkit.certify(problem, W)
        assert np.isfinite(cert.objective) and np.isfinite(cert.lower_bound)
        assert -1e-290 <= cert.lower_bound <= cert.objective
        cert.verify()
    if what == "Y" and loss == "squared":
        fit = ppkit.fit(base, gap=1e-10)
        scaled = ppkit.certify(problem, problem.family.scale(fit.factors, np.full(fit.width, t)))
        assert scaled.certified(1e-9)


def test_underflow_is_never_certified():
    """Targets of 1e-200 have squares that vanish; objective 0 is then no proof of optimality."""
    base = sensing(6)
    problem = ppkit.Problem(base.family, base.X, 1e-200 * base.Y, 1e-230, "squared")
    cert = ppkit.certify(problem, zero_network(base.family))
    assert cert.objective == 0.0 and not cert.certified(0.5)


def test_overflow_is_refused_with_advice():
    base = sensing(6)
    problem = ppkit.Problem(base.family, base.X, 1e200 * base.Y, 1.0)
    with pytest.raises(ppkit.InputError, match="rescale"):
        ppkit.certify(problem, zero_network(base.family))
    with pytest.raises(ppkit.InputError, match="rescale"):
        ppkit.certify(base, {"u": np.full((1, 6), 1e200), "v": np.full((1, 5), 1e200)})


@pytest.mark.parametrize("loss", LOSSES)
def test_tiny_and_huge_lambda(loss):
    for lam in (1e-300, 1e-12, 1e12, 1e300):
        problem = sensing(7, shape=(4, 3), n_samples=30, lam=lam, loss=loss)
        W = random_network(problem, np.random.default_rng(0), 2)
        for factors in (W, zero_network(problem.family)):
            cert = ppkit.certify(problem, factors)
            assert 0 <= cert.lower_bound <= cert.objective
            cert.verify()
        if lam > 1:
            assert ppkit.certify(problem, zero_network(problem.family)).certified(1e-12)


def test_cancelling_atoms_do_not_raise():
    """Two huge factors that cancel: the objective loses digits, the polar is still right."""
    problem = sensing(8, lam=1e-12)
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((1, 6)), rng.standard_normal((1, 5))
    fit = ppkit.fit(problem, gap=1e-9)
    big = {"u": 1e4 * np.concatenate([u, -u]), "v": 1e4 * np.concatenate([v, v])}
    W = {k: np.concatenate([fit.factors[k], big[k]]) for k in big}
    cert = ppkit.certify(problem, W)
    assert cert.lower_bound <= fit.certificate.objective


@pytest.mark.parametrize("loss", LOSSES)
def test_the_scale_is_the_best_feasible_one(loss):
    """T3(c): against a grid of feasible multiples."""
    problem = sensing(9, loss=loss)
    W = random_network(problem, np.random.default_rng(1), 3)
    found = feasible_dual(problem, problem.residual(W))
    G = problem.residual(W)
    upper = problem.polar_of(G).upper
    top = min(problem.lam / upper, problem.loss.reach(G))
    grid = max(dual_value(problem, s * G) for s in np.linspace(0, top * (1 - 1e-14), 2001))
    assert found.value >= grid - 1e-12 * max(1.0, abs(grid))
    assert problem.family.polar_upper(problem.X, found.dual, found.polar.proof) <= problem.lam * (1 + 1e-13)
    assert best_scale(problem, 0 * G, 0.0) == 0.0 and best_scale(problem, G, np.inf) == 0.0


def test_forms_of_gap_control_are_ordered():
    """T3 at a stationary point: the dual bound (c) is at least (b), and both are at most the optimum."""
    problem = sensing(10)
    narrow = ppkit.fit(problem, gap=1e-12, max_width=1)
    cert, best = narrow.certificate, ppkit.fit(problem, gap=1e-10).certificate
    b = (cert.objective - cert.euler) / max(cert.polar_ratio, 1.0)
    a = cert.objective - cert.euler - cert.objective * max(cert.polar_ratio - 1, 0)
    assert a <= b <= cert.lower_bound + 1e-9 * cert.objective
    assert cert.lower_bound <= best.objective


def test_matrix_factorization_with_every_loss_and_column_order():
    rng = np.random.default_rng(0)
    for loss in LOSSES:
        Y = rng.standard_normal((7, 5))
        Y = np.asfortranarray(np.sign(Y) if loss == "logistic" else Y)
        problem = ppkit.Problem(MatrixFactorization((7, 5)), None, Y, 0.3, loss)
        assert problem.Y.flags.c_contiguous
        assert ppkit.fit(problem, gap=1e-9).certificate.certified(1e-9)
