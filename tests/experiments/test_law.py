"""The law is read off rows correctly: rows made from a known law give it back."""

import numpy as np
import pytest

from ppkit.errors import InputError
from ppkit.experiments.grids import CONTROLS, GRIDS, get_grid
from ppkit.experiments.law import (
    Interval,
    crossing,
    frame,
    interval,
    joint_fit,
    lambda_effect,
    law,
    resampled_means,
)
from ppkit.experiments.local import curvature
from ppkit.experiments.teachers import draw_teacher
from ppkit.families import get_family

NAME = "two-layer-linear"


def made_rows(exponent=1.0, spread=0.1, seeds=12, seed=0):
    """Rows of the stored grid with error = 2.5 sigma^2 R^exponent D / N and lognormal noise."""
    rng, rows = np.random.default_rng(seed), []
    for cell in GRIDS[NAME].cells(range(seeds)):
        dim = get_family(cell.family)(**cell.options).dim
        error = 2.5 * cell.noise**2 * cell.teacher**exponent * dim / cell.n_samples
        rows.append(
            {
                "key": cell.key,
                "options": cell.options,
                "teacher": cell.teacher,
                "n_samples": cell.n_samples,
                "noise": cell.noise,
                "seed": cell.seed,
                "lam_scale": cell.lam_scale,
                "dim": dim,
                "lam": cell.lam_scale * cell.noise * float(np.sqrt(2 * dim / cell.n_samples)),
                "error": error * float(np.exp(spread * rng.standard_normal())),
                "relative_gap": 1e-9,
                "polar_lower": 1.0,
                "polar_upper": 1.0,
            }
        )
    return rows


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.4])
def test_the_planted_slope_is_found(exponent):
    found = law(NAME, made_rows(exponent))
    for slope in found.slopes.values():
        assert slope.low < slope.value < slope.high
        assert abs(slope.value - exponent) < 0.05
    assert found.verdict == ("inside" if exponent == 1.0 else "outside")
    for level in found.local.values():
        assert all(abs(local.value - exponent) < 0.2 for local in level)
    assert abs(found.exponents["R"].value - exponent) < 0.05


def test_exponents_and_constant_of_the_planted_law():
    found = joint_fit(frame(made_rows(spread=0.0)), get_grid(NAME))
    planted = {"R": 1.0, "D": 1.0, "N": 1.0, "sigma^2": 1.0, "constant": 2.5}
    for name, value in planted.items():
        assert abs(found[name].value - value) < 1e-9
    found = joint_fit(frame(made_rows(spread=0.0)), get_grid(NAME), dimension="effective_dim")
    for name, value in {**planted, "constant": 1.25}.items():
        assert abs(found[name].value - value) < 1e-9
    assert abs(law(NAME, made_rows(spread=0.0)).constant[4] - 2.5) < 1e-12


def test_intervals_cover_the_planted_slope_as_often_as_they_say():
    inside = 0
    for seed in range(40):
        (slope, _) = law(NAME, made_rows(spread=0.4, seed=seed)).slopes.values()
        inside += slope.low <= 1.0 <= slope.high
    assert inside >= 33  # of 40 at 95%: fewer has probability below one in ten thousand


def test_crossing_is_the_last_one_and_must_be_bracketed():
    N = np.array([10.0, 100.0, 1000.0])
    assert np.isclose(crossing(N, np.array([10.0, 1.0, 0.1]), 10**0.5), 10**1.5)
    assert np.isclose(crossing(N, np.array([0.1, 10.0, 0.1]), 1.0), 10**2.5)
    assert np.isnan(crossing(N, np.array([0.9, 0.5, 0.1]), 1.0))
    assert np.isnan(crossing(N, np.array([9.0, 5.0, 3.0]), 1.0))


def test_first_resample_is_the_seeds_themselves():
    values = np.random.default_rng(0).random((2, 3, 5))
    means = resampled_means(values, resamples=7)
    assert means.shape == (8, 2, 3)
    np.testing.assert_array_equal(means[0], values.mean(axis=-1))
    assert np.all(means >= values.min(axis=-1)) and np.all(means <= values.max(axis=-1))


def test_lambda_table_has_every_scale():
    table = lambda_effect(frame(made_rows()), get_grid(NAME))
    assert list(table.index) == [1 / 16, 1 / 4, 1.0, 4.0] and table.shape == (4, 3)


def test_what_cannot_be_read_is_said():
    with pytest.raises(InputError, match="no rows"):
        law(NAME, [])
    with pytest.raises(InputError, match="rows are missing"):
        law(NAME, made_rows()[:-1])
    with pytest.raises(InputError, match="unknown experiment"):
        law("perceptron", made_rows())


def test_draws_that_could_not_be_read_off_widen_the_interval():
    draws = np.concatenate([[0.5], np.linspace(0, 1, 2001)])
    whole = interval(draws)
    assert (whole.low, whole.high) == pytest.approx((0.025, 0.975))
    few = draws.copy()
    few[1 + np.arange(0, 2001, 100)] = np.nan
    assert interval(few).low < whole.low and interval(few).high > whole.high
    few[1::20] = np.nan
    assert interval(few) == Interval(0.5, -np.inf, np.inf)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((0.9, 1.1), "inside"),
        ((0.7, 0.8), "outside"),
        ((1.2, 1.3), "outside"),
        ((0.8, 0.9), "undecided"),
        ((1.1, 1.2), "undecided"),
        ((0.5, 2.0), "undecided"),
        ((-np.inf, np.inf), "undecided"),
        ((np.nan, np.nan), "undecided"),
    ],
)
def test_an_interval_decides_only_as_a_whole(ends, verdict):
    assert Interval(1.0, *ends).verdict(0.85, 1.15) == verdict


def test_a_level_that_is_not_bracketed_is_undecided():
    found = law(NAME, made_rows(), levels=(1e-9,))
    assert found.verdict == "undecided"


def test_widths_without_room_are_left_out():
    """Linear attention in four features has 80 functions: eight factors of 23 directions are too many."""
    grid = get_grid("linear-attention")
    assert [R for R in grid.teachers if grid.has_room(R)] == [1, 2, 4]
    for name in GRIDS:
        kept = [R for R in GRIDS[name].teachers if GRIDS[name].has_room(R)]
        assert name == "linear-attention" or kept == list(GRIDS[name].teachers)


@pytest.mark.parametrize("name", [name for name in GRIDS if name not in CONTROLS])
def test_directions_and_room_are_those_of_the_family(name):
    grid = get_grid(name)
    family = get_family(grid.family)(**grid.options[0])
    rng = np.random.default_rng(0)
    teacher = family.balance(draw_teacher(family, rng, 1))
    assert curvature(family, teacher, family.random_inputs(rng, 400))[1] == grid.directions
    if np.isfinite(grid.room):
        X = family.random_inputs(rng, int(grid.room) + 50)
        predictions = [
            family.predict(family.random_factors(rng, 1), X).ravel() for _ in range(int(grid.room) + 50)
        ]
        assert np.linalg.matrix_rank(np.array(predictions), 1e-10) == grid.room
