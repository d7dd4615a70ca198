"""``ppkit sweep``: run, resume, status, report, rerun, and what it says to bad input."""

import json

import pytest
from experiments.tiny import cells

from ppkit.cli import main
from ppkit.experiments import commands
from ppkit.experiments.sweep import sweep


class Tiny:
    """A grid of cells that take milliseconds."""

    def cells(self, seeds=range(20)):
        return cells(len(seeds))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(commands.GRIDS, "tiny", Tiny())


def test_run_status_resume(tmp_path, tiny, capsys):
    where = ["--results", str(tmp_path)]
    assert main(["sweep", "run", "tiny", "--seeds", "2", "--jobs", "1", "--quiet", *where]) == 0
    assert "12 rows" in capsys.readouterr().out
    assert main(["sweep", "status", "tiny", *where]) == 0
    assert "12 of 120 cells" in capsys.readouterr().out
    assert main(["sweep", "resume", "tiny", "--seeds", "3", "--jobs", "1", "--quiet", *where]) == 0
    assert "18 rows" in capsys.readouterr().out


def test_resume_needs_something(tmp_path, tiny, capsys):
    assert main(["sweep", "resume", "tiny", "--results", str(tmp_path)]) == 2
    assert "nothing to resume" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_unknown_names_write_nothing(tmp_path, capsys):
    for action in ("run", "resume", "status", "report", "rerun"):
        assert main(["sweep", action, "perceptron", "--results", str(tmp_path)]) == 2
        assert "unknown experiment 'perceptron'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_report_without_rows(tmp_path, capsys):
    assert main(["sweep", "report", "two-layer-linear", "--results", str(tmp_path)]) == 2
    assert "no rows" in capsys.readouterr().err


def test_report_of_stored_rows_with_a_figure(tmp_path, capsys):
    assert main(["sweep", "report", "two-layer-linear", "--figures", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2 and out[1].startswith("two-layer-linear") and out[1].endswith("inside")
    assert (tmp_path / "two-layer-linear.svg").read_text().startswith("<?xml")


def test_report_of_an_incomplete_grid(tmp_path, capsys):
    from ppkit.experiments.grids import GRIDS

    few = GRIDS["two-layer-linear"].cells(range(1))[:3]
    sweep(few, tmp_path / "two-layer-linear", jobs=1)
    assert main(["sweep", "report", "two-layer-linear", "--results", str(tmp_path)]) == 2
    assert "resume the sweep" in capsys.readouterr().err


def test_bad_seeds(tmp_path, capsys):
    assert main(["sweep", "run", "two-layer-linear", "--seeds", "0", "--results", str(tmp_path)]) == 2
    assert "--seeds" in capsys.readouterr().err


def test_rerun_finds_the_rows_asked_for_and_sees_a_changed_number(tmp_path, tiny, capsys):
    where = ["--results", str(tmp_path), "--quiet"]
    assert main(["sweep", "run", "tiny", "--seeds", "2", "--jobs", "1", *where]) == 0
    capsys.readouterr()
    again = ["sweep", "rerun", "tiny", *where]
    assert main([*again, "--teacher", "2", "--samples", "16"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3 and all(line.endswith("the same") for line in out[1:])
    path = tmp_path / "tiny" / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["theta"] *= 1 + 1e-4
    rows[1]["kind"] = "perfect"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for row, verdict in zip(rows, ("theta differs by 1.0e-04", "kind differs by inf"), strict=False):
        assert main([*again, "--key", row["key"]]) == 1
        assert capsys.readouterr().out.rstrip().endswith(verdict)
    assert main([*again, "--key", rows[0]["key"], "--tolerance", "1e-3"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say which rows"),
        (["--samples", "17"], "no stored row has n_samples 17"),
        (["--seed", "0", "--tolerance", "nan"], "--tolerance"),
    ],
)
def test_rerun_refuses(options, message, capsys):
    assert main(["sweep", "rerun", "two-layer-linear", *options]) == 2
    assert message in capsys.readouterr().err
