"""A live re-run is told from the stored rows when it disagrees, and only then."""

import pytest

from ppkit.errors import InputError
from ppkit.experiments.cell import Cell
from ppkit.experiments.grids import GRIDS
from ppkit.experiments.rerun import agreement, fresh_cells, rerun
from ppkit.experiments.store import find_results, stored

NAME = "two-layer-linear"


@pytest.mark.parametrize("name", GRIDS)
def test_fresh_cells_are_not_stored(name):
    cells = fresh_cells(name)
    assert len(cells) >= 20 and all(isinstance(cell, Cell) for cell in cells)
    assert not {cell.key for cell in cells} & {cell.key for cell in GRIDS[name].cells()}
    small = {(cell.teacher, cell.n_samples) for cell in GRIDS[name].cells()}
    assert {(cell.teacher, cell.n_samples) for cell in cells} <= small


def test_a_live_rerun_agrees():
    found = rerun(NAME, stored(NAME))
    assert found.agrees and found.low < found.ratio < found.high
    assert found.table["cells"].sum() == len(fresh_cells(NAME))


def test_errors_off_by_a_third_do_not_agree():
    rows = stored(NAME)
    half = [
        row | {"seed": 1000 + row["seed"], "error": 4 / 3 * row["error"]} for row in rows if row["seed"] < 6
    ]
    assert not agreement(NAME, rows, half).agrees


def test_rows_are_found_from_any_folder_below(monkeypatch, tmp_path):
    top = find_results()
    monkeypatch.chdir(top / NAME)
    assert find_results() == top
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no folder 'results'"):
        stored(NAME)


def test_no_rows(monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no rows"):
        stored(NAME)
