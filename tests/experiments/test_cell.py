"""A cell: the same row everywhere, a certified student, honest numbers."""

from dataclasses import replace

import numpy as np
import pytest
from problems import press_ctrl_c

import ppkit
from ppkit.errors import InputError
from ppkit.experiments.cell import Cell, draw, run_cell
from ppkit.experiments.grids import CONTROLS, GRIDS
from ppkit.experiments.local import cell_of
from ppkit.experiments.teachers import draw_teacher, near
from ppkit.factors import take, width
from ppkit.polars import branch
from ppkit.training import rounds

LINEAR = Cell("two-layer-linear", {"n_inputs": 6, "n_outputs": 5}, 2, 100, 0.5, seed=3)
RELU = Cell("two-layer-relu", {"n_inputs": 5}, 2, 60, 0.25, seed=3, trainer="random")
SENSING = Cell("matrix-sensing", {"shape": (5, 4)}, 1, 60, 0.5, seed=3)


@pytest.mark.parametrize("cell", [LINEAR, RELU, SENSING], ids=lambda c: c.family)
def test_the_same_cell_gives_the_same_row(cell):
    assert run_cell(cell) == run_cell(cell)


def test_cells_that_differ_have_different_streams():
    others = [replace(LINEAR, seed=4), replace(LINEAR, n_samples=101), replace(LINEAR, noise=0.25)]
    draws = [cell.streams(1)[0].random() for cell in [LINEAR, *others]]
    assert len(set(draws)) == len(draws) and len({cell.key for cell in [LINEAR, *others]}) == len(draws)


@pytest.mark.parametrize("cell", [LINEAR, SENSING], ids=lambda c: c.family)
def test_a_row_is_about_the_certified_optimum(cell):
    row, (problem, teacher, _) = run_cell(cell), draw(cell)
    fit = ppkit.fit(problem, cell.gap)
    assert row["relative_gap"] <= cell.gap and row["kind"] == "exact"
    assert np.isclose(row["objective"], fit.certificate.objective, rtol=2 * cell.gap)
    rng = np.random.default_rng(0)
    X = problem.family.random_inputs(rng, 40_000)
    F = problem.family.predict(fit.factors, X) - problem.family.predict(teacher, X)
    losses = np.sum(F**2, axis=1)
    assert abs(losses.mean() - row["error"]) < 5 * losses.std() / 200 + 1e-2 * row["error"]


def test_deviation_is_population_minus_sample():
    row, (problem, _, _) = run_cell(LINEAR), draw(LINEAR)
    population = 0.5 * (row["error"] + 5 * LINEAR.noise**2)
    sample = row["objective"] - row["lam"] * row["theta"]
    assert abs(row["deviation"] - abs(population - sample)) < 1e-8
    assert problem.lam == pytest.approx(row["lam"], rel=1e-9)


def test_search_is_sound_and_near_the_certified_optimum():
    row, (problem, _, _) = run_cell(RELU), draw(RELU)
    assert row["relative_gap"] >= 0
    assert row["polar_lower"] <= row["polar_upper"]
    best = ppkit.fit(problem, 1e-3, effort="default").certificate
    assert row["objective"] >= best.lower_bound
    assert row["objective"] <= 1.02 * best.objective


@pytest.mark.parametrize("name", GRIDS)
def test_teachers_cost_one_each(name):
    grid, rng = GRIDS[name], np.random.default_rng(0)
    family = ppkit.families.registry[grid.family](**grid.options[0])
    teacher = draw_teacher(family, rng, 3)
    np.testing.assert_allclose(family.theta(teacher), 1.0, rtol=1e-9)
    start = near(family, rng, teacher, 5)
    assert width(start) == 5 and width(near(family, rng, teacher, 2)) == 3
    family.check_factors(start)


@pytest.mark.parametrize("name", CONTROLS)
def test_factors_made_to_agree_cost_the_same_and_do_not_cancel(name):
    grid, rng = GRIDS[name], np.random.default_rng(1)
    family = ppkit.families.get_family(grid.family)(**grid.options[0])
    X = family.random_inputs(rng, 4000)

    def overlaps(teacher):
        F = np.stack([family.predict(take(teacher, [k]), X).ravel() for k in range(6)])
        return (F @ F.T / np.outer(*(2 * [np.linalg.norm(F, axis=1)])))[np.triu_indices(6, 1)]

    plain = draw_teacher(family, rng, 6)
    teacher = family.agreeing(plain)
    np.testing.assert_allclose(family.theta(teacher), family.theta(plain), rtol=1e-12)
    assert sum(not np.array_equal(teacher[k], plain[k]) for k in plain) == 1
    assert np.min(overlaps(teacher)) > 0.0 > np.min(overlaps(plain))


def test_agreement_is_part_of_a_row_only_where_it_is_set():
    assert "agree" not in run_cell(RELU) and cell_of(run_cell(RELU)) == RELU
    other = replace(RELU, agree=True)
    row = run_cell(other)
    assert row["agree"] is True and cell_of(row) == other and other.key != RELU.key
    with pytest.raises(InputError, match="no rule makes its factors agree"):
        draw(replace(LINEAR, agree=True))


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_has_no_double_cell(name):
    cells = GRIDS[name].cells()
    assert len({cell.key for cell in cells}) == len(cells)
    assert {cell.seed for cell in cells} == set(range(20))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"family": "perceptron"}, "unknown family"),
        ({"trainer": "adam"}, "unknown trainer"),
        ({"teacher": 0}, "teacher must be at least 1"),
        ({"noise": 0.0}, "positive"),
        ({"lam_scale": -1.0}, "positive"),
    ],
)
def test_bad_cells(fields, message):
    with pytest.raises(InputError, match=message):
        replace(LINEAR, **fields)


@pytest.mark.parametrize(
    ("cell", "module", "name"),
    [
        (LINEAR, rounds, "certify"),
        (replace(RELU, options={"n_inputs": 3}), branch, "_bound_in_batches"),
        (replace(RELU, options={"n_inputs": 3}, trainer="certified"), branch, "_bound_in_batches"),
    ],
    ids=["training", "polar", "polar in training"],
)
def test_no_row_depends_on_when_a_key_was_hit(cell, module, name, monkeypatch):
    """What Ctrl-C stops has a valid answer, but the row of such a cell is not that of its parameters."""
    press_ctrl_c(monkeypatch, 1, module, name)
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell)
