"""The progress bar and the keyboard: silent unless asked for, closed in the end, nothing goes unnoticed."""

import pytest
from problems import sensing

import ppkit
from ppkit.interrupts import note, noting, uninterrupted
from ppkit.optional import optional
from ppkit.progress import bar, counted, move


def test_without_a_bar_nothing_is_shown(capsys):
    with bar(False, total=3) as shown:
        move(shown, 2, gap="1e-3")
    assert shown is None and list(counted([1, 2], 2, 0, False)) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_bar_shows_where_it_is_and_closes_on_errors_too(capsys):
    with pytest.raises(ZeroDivisionError), bar(True, total=4, desc="rounds") as shown:
        move(shown, 3, width="2", gap="1e-3")
        raise ZeroDivisionError
    err = capsys.readouterr().err
    assert "rounds" in err and "3/4" in err and "width=2, gap=1e-3" in err and err.endswith("\n")
    assert shown.disable  # what tqdm sets when it is closed


def test_cells_are_counted_from_where_a_sweep_goes_on(capsys):
    assert list(counted(iter([1, 2]), 5, 3, True)) == [1, 2]
    assert "5/5" in capsys.readouterr().err


def test_a_bar_without_tqdm_is_refused_in_one_clear_line(monkeypatch):
    """Nothing else needs it: it is imported when a bar is shown, and not before."""
    monkeypatch.setattr("ppkit.optional.find_spec", lambda name: None)
    monkeypatch.setattr("ppkit.progress.tqdm", optional("tqdm.auto"))
    problem = sensing(0)
    assert ppkit.fit(problem).certificate.certified(1e-6)
    refusal = r"^this needs tqdm: pip install 'ppkit\[progress\]'$"
    with pytest.raises(ppkit.InputError, match=refusal):
        ppkit.fit(problem, progress=True)
    with pytest.raises(ppkit.InputError, match=refusal):
        counted([1], 1, 0, True)


# ---- the keyboard ------------------------------------------------------------------------------------------


def test_notes_go_to_whoever_asked_last():
    note("nobody asks")
    with noting() as outer:
        with noting() as inner:
            note("search")
        note("fit")
    assert inner == ["search"] and outer == ["fit"]


def test_what_must_not_go_on_is_interrupted_in_the_end():
    @uninterrupted()
    def row(stopped):
        if stopped:
            note("search")
        return 1

    assert row(False) == 1 and row(False) == 1
    with pytest.raises(KeyboardInterrupt):
        row(True)
