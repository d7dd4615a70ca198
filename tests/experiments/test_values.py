"""Plug-in values of the bounds: the formulas of ``ppkit.bounds`` on what a row holds."""

import numpy as np
import pytest

from ppkit import bounds
from ppkit.experiments.cell import Cell, run_cell
from ppkit.experiments.store import stored
from ppkit.experiments.values import bound_values

ROW = run_cell(Cell("two-layer-linear", {"n_inputs": 5, "n_outputs": 1}, 1, 200, 0.5, 0))


def test_values_are_those_of_the_bounds():
    found, theta = bound_values(ROW), ROW["theta"]
    sizes = ROW["b"], ROW["b_y"], 2.0
    assert found["T6"] == theta * bounds.parameter_count(200, ROW["width"], 6, theta, *sizes).value
    assert found["T7"] == theta * bounds.width_free(200, 6, theta, *sizes).value
    L, M = bounds.loss_constants("squared", ROW["b"], ROW["b_y"], theta)
    assert found["T8"] == pytest.approx(2 * L * theta * ROW["sign_polar"] + 3 * M * np.sqrt(np.log(40) / 400))


@pytest.mark.parametrize("name", ["matrix-sensing", "two-layer-quadratic", "linear-attention", "cp-tensor"])
def test_no_row_deviates_by_more(name):
    for row in stored(name)[::40]:
        found = bound_values(row)
        assert row["deviation"] <= min(found["T6"], found["T7"], found["T8"])
        assert 0 < found["zero"] < np.inf
