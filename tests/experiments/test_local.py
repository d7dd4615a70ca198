"""The first-order expansion against cases that are known and against certified fits."""

from dataclasses import replace

import numpy as np
import pytest

import ppkit
from ppkit.experiments.cell import Cell, run_cell
from ppkit.experiments.grids import CONTROLS, GRIDS
from ppkit.experiments.local import cancellation, cell_of, curvature, local_error, local_errors
from ppkit.experiments.teachers import draw_teacher
from ppkit.families import LinearAttention, TwoLayerLinear, TwoLayerReLU


def test_one_rank_one_term_under_a_white_design():
    """The singular value shrinks by lambda; m + n - 1 directions carry noise."""
    family, rng = TwoLayerLinear(6, 4), np.random.default_rng(0)
    teacher = draw_teacher(family, rng, 1)
    shrinkage, variance = local_error(family, teacher, rng, lam=0.1, noise=0.5, n_samples=200)
    assert np.isclose(shrinkage, 0.1**2, rtol=0.1)  # up to the sampling error of H
    assert variance == pytest.approx(0.25 * 9 / 200)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("two-layer-linear", {"n_inputs": 10, "n_outputs": 10}, 2, 1000, 0.5, 0),
        Cell("matrix-sensing", {"shape": [8, 8]}, 2, 2000, 0.5, 0),
        Cell("two-layer-relu", {"n_inputs": 6}, 2, 800, 0.25, 0, trainer="random"),
    ],
    ids=lambda cell: cell.family,
)
def test_it_predicts_the_error_of_the_optimum(cell):
    rows = [run_cell(replace(cell, seed=seed)) for seed in range(5)]
    ratio = np.array([row["error"] for row in rows]) / local_errors(rows)
    assert np.count_nonzero(np.isfinite(ratio)) >= 4
    assert 0.75 < np.nanmedian(ratio) < 1.33


def test_rows_know_their_cells():
    cell = Cell("two-layer-linear", {"n_inputs": 3, "n_outputs": 2}, 1, 20, 0.5, 4)
    assert cell_of(run_cell(cell)) == cell and cell_of(run_cell(cell)).key == cell.key


def test_a_nearly_singular_expansion_is_not_a_number():
    family, rng = TwoLayerReLU(3), np.random.default_rng(1)
    teacher = family.balance(family.random_factors(rng, 2))
    teacher = {k: np.concatenate([a, a]) for k, a in teacher.items()}
    teacher["v"][2:] += 3e-4 * rng.standard_normal((2, 3))
    assert np.isnan(local_error(family, teacher, rng, 0.1, 0.5, 100)).all()
    family = LinearAttention(2, 3, 1)
    assert np.isfinite(local_error(family, draw_teacher(family, rng, 1), rng, 0.1, 0.5, 100)).all()


@pytest.mark.parametrize("name", [name for name in GRIDS if name not in CONTROLS])
def test_the_price_is_at_least_the_cancellation(name):
    """Where the gradient of the cost lies in the range of H: one factor, or factors that do not mix."""
    grid, rng = GRIDS[name], np.random.default_rng(5)
    family = ppkit.families.get_family(grid.family)(**grid.options[0])
    for R in (1, 2, 3) if name in ("cp-tensor", *CONTROLS.values()) else (1,):
        teacher = family.balance(draw_teacher(family, rng, R))
        X = family.random_inputs(rng, 2000)
        low, price = cancellation(family, teacher, X), curvature(family, teacher, X)[0]
        assert low <= price * (1 + 1e-5), (R, low, price)


def test_relu_units_of_one_sign_have_a_price_below_two_pi():
    """The dual certificate is a constant function, whatever the width."""
    family = TwoLayerReLU(6)
    for R in (1, 4, 16):
        rng = np.random.default_rng(R)
        teacher = family.balance(family.agreeing(draw_teacher(family, rng, R)))
        X = family.random_inputs(rng, 20_000)
        low, price = cancellation(family, teacher, X), curvature(family, teacher, X)[0]
        assert low <= price * (1 + 1e-6) and price <= 2 * np.pi * 1.05
    teacher["u"] *= np.where(np.arange(16) % 2, -1.0, 1.0)[:, None]
    assert cancellation(family, teacher, X) > 4 * np.pi, "with both signs it grows"
