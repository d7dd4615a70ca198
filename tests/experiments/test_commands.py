"""``ppkit sweep``: run, resume, status, report, and what it says to bad input."""

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
    for action in ("run", "resume", "status", "report"):
        assert main(["sweep", action, "perceptron", "--results", str(tmp_path)]) == 2
        assert "unknown experiment 'perceptron'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_report_without_rows(tmp_path, capsys):
    assert main(["sweep", "report", "two-layer-linear", "--results", str(tmp_path)]) == 2
    assert "no rows" in capsys.readouterr().err


def test_report_of_stored_rows_with_a_figure(tmp_path, capsys):
    assert main(["sweep", "report", "two-layer-linear", "--figures", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2 and out[1].startswith("two-layer-linear") and out[1].endswith("linear")
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
