"""A family that nobody planned for: one file, one registry line, and everything else is there."""

import time
from pathlib import Path

import numpy as np
import pytest
from circular_convolution import CircularConvolution

import ppkit
from ppkit.experiments.cell import Cell
from ppkit.experiments.sweep import sweep
from ppkit.testing import family_checks


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The registry line, for as long as a test runs."""
    monkeypatch.setitem(ppkit.families.registry, CircularConvolution.name, CircularConvolution)


def planted(n=32, n_samples=100, noise=0.1):
    """Filters of three frequencies under noise: the problem, and the filter (n,)."""
    rng, member = np.random.default_rng(0), CircularConvolution(n)
    waves = [np.cos(2 * np.pi * k * np.arange(n) / n + shift) for k, shift in ((3, 0.5), (7, 2.0), (11, 4.0))]
    filter_ = np.sum(waves, axis=0) / n
    X = rng.standard_normal((n_samples, n))
    Y = X @ filter_ + noise * rng.standard_normal(n_samples)
    return ppkit.Problem(member, X, Y, 0.1), filter_


@pytest.mark.parametrize(("name", "check"), family_checks(CircularConvolution(6)))
def test_it_keeps_every_promise(name, check):
    check()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_so_do_its_small_members(n):
    ppkit.testing.check_family(CircularConvolution(n))


def test_it_is_one_file_of_45_lines():
    lines = Path(__file__).with_name("circular_convolution.py").read_text().splitlines()
    assert len(lines) <= 45


def test_its_polar_is_the_largest_fourier_coefficient():
    problem, _ = planted()
    c = np.abs(np.fft.fft(problem.Y[:, 0] @ problem.X / problem.n_samples))
    polar = problem.polar()
    assert polar.kind == "exact" and polar.lower <= c.max() * (1 + 1e-13) <= polar.upper * (1 + 1e-12)
    assert polar.upper == pytest.approx(c.max(), rel=1e-12)


def test_it_is_trained_certified_saved_and_verified(tmp_path):
    problem, filter_ = planted()
    start = time.perf_counter()
    fit = ppkit.fit(problem, gap=1e-6)
    seconds = time.perf_counter() - start
    assert fit.certificate.certified(1e-6)
    fit.certificate.save(tmp_path / "certificate.npz")
    checked = ppkit.Certificate.load(tmp_path / "certificate.npz").verify(rigorous=True)
    assert checked.rigorous and checked.relative_gap <= 1e-6
    print(f"certified to {checked.relative_gap:.1e} after {seconds:.2f} s, verified in balls")
    sums = problem.family.sums.ravel()
    found = np.bincount(sums, problem.family.matrix(fit.factors).ravel())
    spectrum, planted_spectrum = np.abs(np.fft.rfft(found)), np.abs(np.fft.rfft(filter_))
    assert {3, 7, 11} == set(np.flatnonzero(planted_spectrum > 1e-9)) == set(np.argsort(-spectrum)[:3])
    # the optimum is a soft threshold in frequency: Omega is the l1 norm of the coefficients over n
    omega = np.abs(np.fft.fft(found)).sum() / len(found)
    assert problem.theta(fit.factors) == pytest.approx(omega, rel=1e-5)


def test_it_has_bounds():
    """T6 to T8 with its own constants, on inputs of Euclidean norm at most a."""
    problem, _ = planted()
    factors = ppkit.fit(problem).factors
    a, theta = float(np.max(np.linalg.norm(problem.X, axis=1))), problem.theta(factors)
    c = ppkit.bounds.unit_constants(problem.family, a)
    rng = np.random.default_rng(1)
    W = problem.family.random_factors(rng, 1000)
    W = problem.family.scale(W, 1 / problem.family.theta(W))
    assert c["dim"] == 64 and np.max(np.abs(problem.family.atoms(W, problem.X))) <= c["b"]
    b_y, N = float(np.max(np.abs(problem.Y))), problem.n_samples
    known = {"dim": c["dim"], "b": c["b"], "b_y": b_y, "lipschitz": c["lipschitz"]}
    count = ppkit.bounds.parameter_count(N, width=4, B=theta, **known)
    free = ppkit.bounds.width_free(N, theta=theta, **known)
    complexity = ppkit.bounds.rademacher(problem, None, theta, draws=10)
    for bound in (count, free, complexity):
        assert 0 < bound.value < np.inf
    assert complexity.facts["lower"] <= complexity.value


def test_it_is_swept(tmp_path):
    cells = [
        Cell(CircularConvolution.name, {"n": 8}, 2, N, 0.5, seed, trainer=trainer)
        for N in (16, 32)
        for seed in range(2)
        for trainer in ("certified", "random")
    ]
    rows = sweep(cells, tmp_path, jobs=1)
    assert len(rows) == len(cells) and all(row["relative_gap"] <= 1e-4 for row in rows)
    assert all(row["error"] > 0 and row["kind"] == "exact" for row in rows)
    assert sweep(cells, tmp_path, jobs=1) == rows
