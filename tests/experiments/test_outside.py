"""A family and a model from outside the package: every table is a method that they override."""

from dataclasses import replace

import numpy as np
import pytest

import ppkit
from ppkit import bounds
from ppkit.experiments import training, truth
from ppkit.experiments.batched import model_of, run_batch
from ppkit.experiments.cell import Cell, draw, run_cell
from ppkit.experiments.values import bound_values
from ppkit.families import Family, models
from ppkit.families.outer_product import OuterProductFamily


class Model(models.Sensing):
    """Sensing through the circular antidiagonals of ``sum_j u_j v_j^T``."""

    def inputs(self, X):
        return X[:, self.family.place]


class Circular(OuterProductFamily):
    """Two circular filters in a row, ``phi(u, v)(x) = <x, u * v>``."""

    name, n_outputs, device_model = "circular", 1, Model

    def __init__(self, n):
        self.n, self.shape = n, (n, n)
        self.place = np.add.outer(np.arange(n), np.arange(n)) % n

    shapes = property(lambda self: {"u": (self.n,), "v": (self.n,)})
    input_shape = property(lambda self: (self.n,))

    def params(self):
        return {"n": self.n}

    @classmethod
    def from_data(cls, X, Y, **options):
        return cls(X.shape[1])

    def forward(self, M, X):
        return X[:, self.place.ravel()] @ M.reshape(-1, 1)

    def adjoint(self, X, G):
        return (G[:, 0] @ X / len(X))[self.place]

    def rounding(self, X, G):
        return len(X), float(np.sqrt(self.n) * np.linalg.norm(X) * np.linalg.norm(G)) / len(X)

    def unit_constants(self, a):
        """``<x, u * v>`` is at most the largest Fourier coefficient of x, hence ``sqrt(n) |x|``."""
        return np.sqrt(self.n) * a, 2.0

    def linear_map(self, factors):
        u, v = (np.fft.rfft(factors[k]) for k in ("u", "v"))
        return np.fft.irfft(u * v, self.n).sum(axis=0)

    def agreeing(self, factors):
        """Filters without negative entries."""
        return {k: np.abs(a) for k, a in factors.items()}


class Bare(Circular):
    """The same family, of which nobody has said anything."""

    name = "bare"
    device_model, linear_map = None, Family.linear_map
    unit_constants, agreeing = Family.unit_constants, Family.agreeing


class Told(Bare):
    """A family whose predictions are not known to be linear, with an error and a price of its own."""

    name, descends_plainly, has_mirrors = "told", True, False

    def population_error(self, factors, teacher):
        return float(np.sum((Circular.linear_map(self, factors) - Circular.linear_map(self, teacher)) ** 2))

    def population_discrepancy(self, X, G, factors, teacher):
        residual = (
            Circular.linear_map(self, teacher) - Circular.linear_map(self, factors) - G[:, 0] @ X / len(X)
        )
        size = float(np.abs(np.fft.fft(residual)).max())
        return size, size


@pytest.fixture
def cell(monkeypatch):
    """A cell of the family, which is in the registry for the time being."""
    for family in (Circular, Told):
        monkeypatch.setitem(ppkit.families.registry, family.name, family)
    return Cell("circular", {"n": 6}, 2, 60, 0.3, seed=0)


def pair(family):
    rng = np.random.default_rng(1)
    return family.random_factors(rng, 3), family.random_factors(rng, 2)


def sample(family, seed=2):
    rng = np.random.default_rng(seed)
    X = family.random_inputs(rng, 30)
    Y = family.predict(pair(family)[1], X) + 0.3 * rng.standard_normal((30, 1))
    return ppkit.Problem(family, X, Y, 0.1)


def test_constants():
    family, rng = Circular(6), np.random.default_rng(0)
    V = family.random_factors(rng, 500)
    V = family.scale(V, 1 / family.theta(V))
    X = np.vstack([family.random_inputs(rng, 20), np.ones(6)])
    constants = bounds.unit_constants(family, float(np.linalg.norm(X, axis=1).max()))
    assert np.abs(family.atoms(V, X)).max() <= constants["b"] and constants["dim"] == 12


@pytest.mark.parametrize("family", [Circular(6), Told(6)], ids=["linear", "told"])
def test_the_error_is_exact(family):
    value, half = truth.prediction_error(family, *pair(family))
    mean, interval = truth.sampled_error(family, *pair(family), n_test=50_000)
    assert half == 0 and abs(value - mean) <= 2.5 * interval
    assert truth.prediction_error(Bare(6), *pair(family))[1] > 0


def test_the_discrepancy_is_exact():
    W, teacher = pair(Circular(6))
    linear, told = (truth.discrepancy(sample(family), W, teacher) for family in (Circular(6), Told(6)))
    np.testing.assert_allclose(linear, told, rtol=1e-9)


def test_a_sweep(cell):
    row = run_cell(cell)
    assert row["relative_gap"] <= cell.gap and row["error_half_width"] == 0
    assert all(value > 0 for value in bound_values(row).values())
    agreed = draw(replace(cell, agree=True))[1]
    np.testing.assert_allclose(Circular(6).theta(agreed), 1.0)
    assert run_cell(replace(cell, family="told", trainer="random"))["relative_gap"] >= 0


def test_a_sweep_on_a_device(cell):
    pytest.importorskip("torch")
    [(_, row, _)] = run_batch([cell], "cpu")
    assert row["relative_gap"] <= cell.gap
    np.testing.assert_allclose(row["objective"], run_cell(cell)["objective"], rtol=2 * cell.gap)


def test_what_a_family_does_not_say_is_refused_or_searched():
    family, problem = Bare(6), sample(Bare(6))
    for ask, message in (
        (lambda: bounds.unit_constants(family, 1.0), "no constants for bare"),
        (lambda: truth.discrepancy(problem, *pair(family)), "no exact discrepancy for bare"),
        (lambda: family.agreeing(pair(family)[0]), "no rule makes its factors agree"),
        (lambda: model_of(family), "bare is not trained on a device; choose one of matrix-sensing"),
        (lambda: bounds.width_free_rademacher(sample(Told(6)), 1.0, 9.0, 99.0), "mirror images"),
    ):
        with pytest.raises(ppkit.InputError, match=message):
            ask()


def test_plain_descent(monkeypatch):
    problem, told = sample(Circular(6)), sample(Told(6))
    W = pair(Circular(6))[0]
    monkeypatch.setattr(training, "full_descend", lambda *_: pytest.fail("a better method was used"))
    assert told.objective(training.descend(told, W)) < told.objective(W)
    with pytest.raises(pytest.fail.Exception, match="better method"):
        training.descend(problem, W)
