"""The rows as the page of the measured law gets them."""

import json
import math

import pp_rows
import pytest
from book_tools import ROOT

from ppkit.experiments.grids import GRIDS
from ppkit.experiments.store import Store


@pytest.mark.parametrize("name", GRIDS)
def test_no_row_is_lost_and_none_is_changed(name):
    rows = Store(ROOT / "results" / name).rows()
    data = json.loads(json.dumps(pp_rows.compact(name, rows.values()), allow_nan=False))
    found = [dict(zip(data["columns"], values, strict=True)) for values in data["rows"]]
    assert sorted(row["key"] for row in found) == sorted(rows)
    for row in found:
        stored = rows[row["key"]]
        assert row["error"] == pytest.approx(stored["error"], rel=1e-5)
        for end in ("polar_lower", "polar_upper"):
            assert (math.inf if row[end] is None else row[end]) == pytest.approx(stored[end], rel=1e-5)
        assert all(row[k] == stored[k] for k in ("teacher", "n_samples", "seed", "dim", "width"))
        assert data["options"][row["member"]].split()[0].startswith(next(iter(stored["options"])))
    grid = GRIDS[name]
    assert sum(row["base"] for row in found) == len(grid.teachers) * len(grid.samples) * 20


def test_what_is_not_finite_is_null():
    assert [pp_rows.short(v) for v in (float("inf"), float("nan"), 3, 1 / 3)] == [None, None, 3, 0.333333]
