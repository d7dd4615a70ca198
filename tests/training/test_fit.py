"""Training until certified: the first milestone's figures, width limits, T4's decrease, what comes back."""

from itertools import pairwise

import numpy as np
import pytest
from problems import BoundedPolar, SearchedPolar, press_ctrl_c, random_network, sensing, with_family

import ppkit
from ppkit.factors import append, width, zero_network
from ppkit.families import MatrixFactorization, TwoLayerReLU
from ppkit.interrupts import noting
from ppkit.polars import branch
from ppkit.training import descend, grow, rounds, stationary, tidy

LOSSES = ("squared", "logistic", "huber")


@pytest.mark.parametrize("seed", range(20))
def test_twenty_seeds_are_certified_to_1e_8(seed):
    """m = n = 24, rank 2, N = 500, noise .5, lambda = sigma sqrt((m + n)/N)."""
    problem = sensing(seed, shape=(24, 24), n_samples=500)
    assert problem.lam == pytest.approx(0.5 * np.sqrt(48 / 500), abs=1e-15)
    fit = ppkit.fit(problem, gap=1e-8)
    cert = fit.certificate
    assert cert.certified(1e-8) and cert.kind == "exact" and cert.gap >= 0
    # T2: stationarity along each factor, the polar at most lambda
    assert abs(cert.euler) <= 1e-8 * cert.objective
    assert 1 - 1e-8 <= cert.polar_ratio <= 1 + 1e-8
    cert.verify(rigorous=False)


@pytest.mark.parametrize("loss", LOSSES)
def test_history_tells_what_happened(loss):
    problem = sensing(1, loss=loss)
    fit = ppkit.fit(problem, gap=1e-9)
    rows = fit.history
    assert [row["round"] for row in rows] == list(range(len(rows)))
    assert rows[0]["width"] == 0 and rows[0]["objective"] == problem.objective(zero_network(problem.family))
    slack = 1e-12 * rows[0]["objective"]
    for before, after in pairwise(rows):
        assert after["lower_bound"] >= before["lower_bound"] - slack
        assert after["objective"] <= before["objective"] + slack
        assert after["seconds"] >= before["seconds"]
    assert rows[-1]["gap"] <= 1e-9 and fit.width == width(fit.factors)
    assert set(rows[0]) == {"round", "width", "objective", "lower_bound", "gap", "seconds"}


def test_the_result_does_not_depend_on_when_it_is_run():
    one, two = (ppkit.fit(sensing(2), gap=1e-8, seed=3) for _ in range(2))
    assert one.certificate.objective == two.certificate.objective
    for k in one.factors:
        np.testing.assert_array_equal(one.factors[k], two.factors[k])


def test_predict_on_new_inputs():
    problem = sensing(3)
    fit = ppkit.fit(problem)
    np.testing.assert_array_equal(fit.predict(problem.X), problem.predict(fit.factors)[:, 0])
    for bad in (problem.X[0], problem.X[:, :-1], None):
        with pytest.raises((ppkit.InputError, TypeError)):
            fit.predict(bad)
    Y = np.random.default_rng(0).standard_normal((5, 4))
    matrix = ppkit.fit(ppkit.Problem(MatrixFactorization((5, 4)), None, Y, 0.3))
    assert matrix.predict().shape == (5, 4)


@pytest.mark.parametrize("loss", LOSSES)
def test_starting_anywhere_ends_at_the_same_value(loss):
    problem = sensing(4, loss=loss)
    best = ppkit.fit(problem, gap=1e-10).certificate
    rng = np.random.default_rng(0)
    for r in (1, 3, 10):
        again = ppkit.fit(problem, gap=1e-10, start=random_network(problem, rng, r)).certificate
        assert again.certified(1e-10)
        assert abs(again.objective - best.objective) <= again.gap + best.gap


def test_above_the_critical_lambda_the_zero_network_is_optimal():
    base = sensing(5)
    critical = base.polar().upper
    zero = ppkit.fit(sensing(5, lam=critical * (1 + 1e-9)), gap=1e-9)
    assert zero.width == 0 and zero.certificate.certified(1e-9) and zero.certificate.polar_ratio <= 1
    assert ppkit.fit(sensing(5, lam=critical * 0.99), gap=1e-9).width == 1


# ---- width limits and escape ------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_too_small_a_width_is_reported(seed):
    problem = sensing(seed, shape=(8, 7), n_samples=100)
    full = ppkit.fit(problem, gap=1e-8)
    previous = np.inf
    for limit in range(1, full.width):
        narrow = ppkit.fit(problem, gap=1e-8, max_width=limit)
        cert = narrow.certificate
        assert narrow.width <= limit and not cert.certified(1e-8)
        assert cert.polar_ratio > 1 + 1e-6 and "rho" in cert.reason
        assert cert.lower_bound <= full.certificate.objective <= cert.objective
        assert cert.objective <= previous
        previous = cert.objective


@pytest.mark.parametrize(("loss", "wanted"), [("squared", 100), ("logistic", 30), ("huber", 30)])
def test_escape_by_at_least_t4_in_every_case(loss, wanted):
    """Stationary at a width too small: one appended factor lowers NC by lam^2 (rho-1)^2 / (2 L |phi|^2)."""
    cases, seed = 0, 0
    while cases < wanted:
        problem = sensing(seed, shape=(5, 4), n_samples=30, rank=4, noise=0.1, loss=loss)
        family, seed = problem.family, seed + 1
        W = zero_network(family)
        for _ in range(4):
            polar, before = problem.polar(W), problem.objective(W)
            if polar.lower <= problem.lam * (1 + 1e-6):
                break
            atom, excess = family.atoms(polar.factor, problem.X)[0], polar.lower - problem.lam
            curvature = problem.loss.smoothness * problem.inner(atom, atom)
            grown = append(W, family.scale(polar.factor, np.array([excess / curvature])))
            promised = excess**2 / (2 * curvature)
            slack = abs(problem.euler(W)) + 1e-13 * before
            assert before - problem.objective(grown) >= promised - slack
            assert before - problem.objective(grow(problem, W)) >= promised - slack
            assert slack <= 1e-3 * promised
            cases += 1
            W = stationary(problem, grown, rounds=3)
    assert cases >= wanted


def test_grow_respects_the_width_and_rests_at_the_optimum():
    problem = sensing(6)
    zero = zero_network(problem.family)
    assert width(grow(problem, zero, max_width=1)) == 1
    one = grow(problem, zero, max_width=1)
    assert width(grow(problem, one, max_width=1)) == 1
    high = sensing(6, lam=2 * problem.polar().upper)
    assert width(grow(high, zero)) == 0


def test_descend_and_tidy_never_raise_the_objective():
    for seed in range(5):
        problem = sensing(seed)
        W = random_network(problem, np.random.default_rng(seed), 4)
        lower, _ = descend(problem, W)
        start = problem.objective(problem.family.balance(W))
        assert problem.objective(lower) <= start * (1 + 1e-12)
        assert problem.objective(tidy(problem, lower)) <= problem.objective(lower) * (1 + 1e-12)


# ---- polars that are not exact; refusals ------------------------------


def test_a_bounded_polar_ends_open_but_true():
    honest = sensing(7)
    fit = ppkit.fit(with_family(honest, BoundedPolar), gap=1e-8)
    best = ppkit.fit(honest, gap=1e-8).certificate
    assert not fit.certificate.certified(1e-8) and fit.certificate.kind == "bounded"
    assert fit.certificate.lower_bound <= best.objective
    assert fit.certificate.objective <= best.objective * (1 + 1e-6)  # the search still trains well


def test_a_search_trains_without_a_certificate():
    honest = sensing(7)
    fit = ppkit.fit(with_family(honest, SearchedPolar), gap=1e-8)
    assert not fit.certificate.certified(1.0) and fit.certificate.lower_bound == 0.0


def test_refusals():
    problem = sensing(0)
    for gap in (0, -1e-3, np.nan, np.inf):
        with pytest.raises(ppkit.InputError):
            ppkit.fit(problem, gap=gap)
    for limit in (0, -1, 1.5):
        with pytest.raises(ppkit.InputError):
            ppkit.fit(problem, max_width=limit)
    with pytest.raises(ppkit.InputError):
        ppkit.fit(problem, effort="most")
    with pytest.raises(ppkit.InputError):
        ppkit.fit(problem, start={"u": np.ones((1, 2)), "v": np.ones((1, 5))})
    with pytest.raises(ppkit.InputError):
        ppkit.certify(problem, zero_network(problem.family), effort="most")


# ---- the keyboard -------------------------------------------


def relu(seed=0):
    """Three inputs: the polar is a branch and bound, and takes several rounds."""
    family, rng = TwoLayerReLU(3), np.random.default_rng(seed)
    X = rng.standard_normal((20, 3))
    Y = family.predict(family.random_factors(rng, 2), X) + 0.1 * rng.standard_normal((20, 1))
    return ppkit.Problem(family, X, Y, 0.02)


@pytest.mark.parametrize(
    "make", [lambda: sensing(0, shape=(8, 7), n_samples=100), relu], ids=["cheap", "dear"]
)
@pytest.mark.parametrize("where", ["certify", "descend", "grow"])
def test_a_run_that_is_interrupted_returns_the_best_so_far(make, where, monkeypatch):
    problem = make()
    whole = ppkit.fit(problem, gap=1e-13, max_width=2)
    press_ctrl_c(monkeypatch, 2, rounds, where)
    with noting() as stopped:
        part = ppkit.fit(problem, gap=1e-13, max_width=2)
    assert stopped == ["fit"]
    assert 2 <= len(part.history) < len(whole.history)
    for row, same in zip(part.history, whole.history, strict=False):
        assert row | {"seconds": 0} == same | {"seconds": 0}
    assert part.certificate.relative_gap == min(row["gap"] for row in part.history)
    assert part.factors is part.certificate.factors
    part.certificate.verify(rigorous=False)


@pytest.mark.parametrize("make", [sensing, relu], ids=["cheap", "dear"])
def test_before_the_first_round_is_done_the_interrupt_goes_on(make, monkeypatch):
    press_ctrl_c(monkeypatch, 0, rounds, "certify")
    with pytest.raises(KeyboardInterrupt):
        ppkit.fit(make())


def test_a_stopped_search_counts_and_ends_the_run(monkeypatch):
    """The fourth batch of boxes of the first round: its row is wider than that of the whole search."""
    problem = relu()
    whole = ppkit.fit(problem, gap=1e-9).history
    press_ctrl_c(monkeypatch, 3, branch, "_bound_in_batches")
    part = ppkit.fit(problem, gap=1e-9)
    (row,) = part.history
    assert row["objective"] == whole[0]["objective"]
    assert 0 < row["lower_bound"] < whole[0]["lower_bound"] and len(whole) > 1
    part.certificate.verify(rigorous=False)


@pytest.mark.parametrize("make", [sensing, relu], ids=["cheap", "dear"])
def test_the_bar_is_closed_however_a_run_ends(make, monkeypatch, capsys):
    press_ctrl_c(monkeypatch, 1, rounds, "certify")
    ppkit.fit(make(), progress=True)
    assert capsys.readouterr().err.endswith("\n")


# ---- the bar -------------------------------------------------


def test_progress_bar_goes_to_stderr_only(capsys):
    ppkit.fit(sensing(0), gap=1e-6, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "certified decades" in err
    ppkit.fit(sensing(0), gap=1e-6)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("off", [1 - 1e-3, 1 + 1e-6, 1 + 1e-2])
def test_the_euler_residual_is_brought_to_zero(loss, off):
    """Along the action the certified gap is first order, and the objective shows nothing of it."""
    problem = sensing(1, loss=loss)
    cert = ppkit.fit(problem, gap=1e-10).certificate
    moved = problem.family.scale(cert.factors, np.full(width(cert.factors), off))
    back = rounds.at_euler(problem, moved)
    assert abs(problem.euler(moved)) > 1e-7 * cert.objective
    assert abs(problem.euler(back)) < 1e-12 * cert.objective
    assert problem.objective(back) <= problem.objective(moved)
