"""Batches on a device (the CPU here): the statistics of the ordinary path, resumable, clear refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest
from experiments.tiny import cells as tiny_cells

from ppkit.cli import main
from ppkit.errors import InputError
from ppkit.experiments import batched
from ppkit.experiments.batched import batches, check_device, run_batch
from ppkit.experiments.cell import Cell, draw, run_cell
from ppkit.experiments.grids import GRIDS, Grid
from ppkit.experiments.store import Store
from ppkit.experiments.sweep import sweep

torch = pytest.importorskip("torch")

SEARCH = {"noise": 0.25, "trainer": "random"}
HEAD = {"n_features": 3, "n_tokens": 2, "d_k": 2, "n_outputs": 2, "radius": 3.0}
TOKENS = {"n_features": 3, "n_tokens": 4, "n_outputs": 2}
CONVEX = [
    Cell("matrix-sensing", {"shape": [6, 5]}, 2, 80, 0.5, 0),
    Cell("matrix-sensing", {"shape": [6, 5]}, 2, 20, 0.5, 0),
    Cell("two-layer-linear", {"n_inputs": 6, "n_outputs": 5}, 2, 80, 0.5, 0),
    Cell("two-layer-linear", {"n_inputs": 6, "n_outputs": 5}, 2, 80, 0.5, 0, lam_scale=1 / 16),
    Cell("deep-linear", {"sizes": [6, 3, 3, 5]}, 2, 80, 0.5, 0),
    Cell("two-layer-quadratic", {"n_inputs": 5}, 2, 80, 0.5, 0),
    Cell("two-layer-relu", {"n_inputs": 2}, 2, 60, 0.25, 0),
    Cell("deep-relu", {"sizes": [2, 2, 1]}, 2, 60, 0.25, 0),
    Cell("structured-sensing", {"shape": [8, 4], "row": "l1", "col": "l2"}, 2, 80, 0.5, 0),
    Cell("structured-sensing", {"shape": [8, 4], "row": "l1", "col": "l2"}, 2, 80, 0.5, 0, lam_scale=1 / 16),
    Cell("structured-sensing", {"shape": [8, 4], "row": "l2", "col": "l1"}, 2, 20, 0.5, 0),
    Cell("structured-sensing", {"shape": [6, 4]}, 2, 40, 0.5, 0),
    *(
        Cell("linear-attention", {**TOKENS, "query": query}, 2, 60, 0.5, 0)
        for query in ("mean", "last", "all")
    ),
]
HARD = [
    Cell("two-layer-relu", {"n_inputs": 4}, 2, 50, seed=0, **SEARCH),
    Cell("two-layer-relu", {"n_inputs": 3, "n_outputs": 2, "bias": True}, 2, 50, seed=0, **SEARCH),
    Cell("multi-head-attention", HEAD, 1, 30, seed=0, **SEARCH),
    Cell("multi-head-attention", HEAD, 1, 30, 0.25, 0, trainer="teacher"),
    Cell("cp-tensor", {"shape": [3, 3, 2]}, 2, 40, 0.5, 0, trainer="random", effort="default"),
    Cell("deep-relu", {"sizes": [4, 2, 1, 1]}, 2, 76, 0.1, 0, trainer="random"),
    Cell("deep-relu", {"sizes": [3, 2, 2]}, 2, 50, seed=0, **SEARCH),
]
OUTSIDE = {
    "factorization": ("matrix-factorization", {"shape": [3, 3]}),
    "hard-pair": ("structured-sensing", {"shape": [3, 3], "row": "linf", "col": "l2"}),
}


def name_of(cell):
    options = "-".join(str(value) for value in cell.options.values())
    return f"{cell.family}-{options}-{cell.n_samples}-{cell.lam_scale}-{cell.trainer}"


def seeds(cell, n):
    return [replace(cell, seed=seed) for seed in range(n)]


def both(cell, n):
    """Rows of ``n`` seeds from a batch, and from the ordinary path."""
    batch = seeds(cell, n)
    found = run_batch(batch, "cpu")
    assert [key for key, _, _ in found] == [c.key for c in batch]
    return [row for _, row, _ in found], [run_cell(c) for c in batch]


@pytest.mark.parametrize("cell", CONVEX, ids=name_of)
def test_certified_rows_agree_one_by_one(cell):
    batch, plain = both(cell, 4)
    for a, b in zip(batch, plain, strict=True):
        assert a.keys() == b.keys()
        assert a["relative_gap"] <= cell.gap and a["kind"] == "exact"
        np.testing.assert_allclose(a["objective"], b["objective"], rtol=2 * cell.gap)
        np.testing.assert_allclose(a["error"], b["error"], rtol=1e-3)
        for name in ("lam", "signal", "sign_polar", "b_y", "dim"):
            assert a[name] == b[name]


@pytest.mark.parametrize("cell", HARD, ids=name_of)
def test_searched_rows_agree_in_the_mean(cell):
    batch, plain = both(cell, 8)
    a, b = (np.array([row["error"] for row in rows]) for rows in (batch, plain))
    assert abs(a.mean() - b.mean()) < np.hypot(a.std(ddof=1), b.std(ddof=1)) / np.sqrt(8)
    objectives = [row["objective"] / other["objective"] for row, other in zip(batch, plain, strict=True)]
    assert min(objectives) > 0.98 and max(objectives) < 1.02
    assert all(row["relative_gap"] >= 0 and row["polar_lower"] <= row["polar_upper"] for row in batch)
    assert all(row["lam"] == other["lam"] for row, other in zip(batch, plain, strict=True))


def test_a_batch_differs_in_the_seed_only():
    some = [*seeds(CONVEX[0], 3), *seeds(CONVEX[1], 70), *seeds(HARD[0], 2)]
    groups = batches(some)
    assert sorted(map(len, groups)) == [2, 3, 6, 64]
    assert all(len({replace(cell, seed=0).key for cell in group}) == 1 for group in groups)
    assert len({cell.key for group in groups for cell in group}) == len(some)


@pytest.mark.parametrize("cell", CONVEX + HARD, ids=name_of)
def test_a_batch_fits_the_memory(monkeypatch, cell):
    numbers = batched.numbers_of(cell)
    assert numbers >= draw(cell)[0].X.size + cell.n_samples
    monkeypatch.setattr(batched, "MOST_NUMBERS", 3 * numbers + 1)
    assert list(map(len, batches(seeds(cell, 7)))) == [3, 3, 1]
    monkeypatch.setattr(batched, "MOST_NUMBERS", numbers - 1)
    assert list(map(len, batches(seeds(cell, 2)))) == [1, 1]


def test_a_stopped_sweep_goes_on_with_the_same_rows(tmp_path):
    few, stopped = tiny_cells(4), Store(tmp_path / "stopped")
    whole = sweep(few, tmp_path / "whole", jobs=1, device="cpu")
    path = Store(tmp_path / "whole").rows_path
    kept = path.read_bytes().splitlines(keepends=True)
    stopped.folder.mkdir()
    stopped.rows_path.write_bytes(b"".join(kept[::2]) + kept[1][:40])
    assert sweep(few, stopped.folder, jobs=2, device="cpu") == whole
    assert stopped.rows_path.read_bytes() == path.read_bytes()
    assert len(stopped.times()) == len(kept) // 2


def test_a_row_where_the_best_network_is_zero():
    batch, plain = both(replace(CONVEX[2], lam_scale=100.0), 2)
    assert [row["width"] for row in batch] == [0, 0] == [row["width"] for row in plain]


def test_the_command_line(tmp_path, monkeypatch, capsys):
    class Tiny:
        def cells(self, seeds):
            return tiny_cells(len(seeds))

    monkeypatch.setitem(GRIDS, "tiny", Tiny())
    where = ["--seeds", "2", "--jobs", "1", "--quiet", "--results", str(tmp_path / "results")]
    assert main(["sweep", "run", "tiny", "--device", "cpu", *where]) == 0
    assert "12 rows" in capsys.readouterr().out
    rows = [json.loads(line) for line in Store(tmp_path / "results" / "tiny").rows_path.open()]
    assert max(row["relative_gap"] for row in rows) <= 1e-5


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("two-layer-linear", ["--device", "cuda"], "no CUDA device here"),
        ("two-layer-linear", ["--device", "abacus"], "unknown device 'abacus'"),
        ("two-layer-linear", ["--device", "mps"], "unknown device 'mps'"),
        (
            "factorization",
            ["--device", "cpu"],
            "matrix-factorization is not trained on a device; choose one of",
        ),
        ("hard-pair", ["--device", "cpu"], "is not trained on a device: its norms have to be l1 and l2"),
        ("two-layer-linear", ["--device", "cpu", "--dask", "tcp://127.0.0.1:9"], "not on both"),
    ],
)
def test_refusals_write_nothing(tmp_path, monkeypatch, capsys, name, more, message):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for other, (family, options) in OUTSIDE.items():
        monkeypatch.setitem(GRIDS, other, Grid(family, [options], (1,), (10,)))
    assert main(["sweep", "run", name, *more, "--results", str(tmp_path / "results")]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("device", ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def test_every_device_there_is_agrees_with_single_cells(device):
    assert check_device(device).type == device
    cells = seeds(CONVEX[2], 4)
    for cell, (key, row, _) in zip(cells, run_batch(cells, device), strict=True):
        assert key == cell.key
        np.testing.assert_allclose(row["error"], run_cell(cell)["error"], rtol=1e-3)


def test_a_device_that_is_not_there():
    with pytest.raises(InputError, match="no CUDA device here"):
        check_device("cuda:99")
