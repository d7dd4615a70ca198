"""The store loses no row and doubles none, whatever kills the writer."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from experiments.tiny import cells

from ppkit.errors import InputError
from ppkit.experiments.store import Store
from ppkit.experiments.sweep import sweep

TINY = Path(__file__).with_name("tiny.py")
SEEDS = 80


def lines(path):
    return path.read_text().count("\n") if path.exists() else 0


def kill_after(folder, more, jobs):
    """Start a sweep of its own process group and kill it with SIGKILL once ``more`` rows have come."""
    store = Store(folder)
    target = lines(store.rows_path) + more
    command = [sys.executable, str(TINY), str(folder), str(SEEDS), str(jobs)]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    while lines(store.rows_path) < target and process.poll() is None:
        time.sleep(0.001)
    killed = process.poll() is None
    if killed:
        os.killpg(process.pid, signal.SIGKILL)
    process.stderr.close()
    process.wait()
    return killed


def test_twenty_kills_and_a_resume_give_the_rows_of_an_undisturbed_run(tmp_path):
    draw = random.Random(7)
    kills = [kill_after(tmp_path / "cut", draw.randint(1, 20), 2 if k % 5 == 0 else 1) for k in range(20)]
    assert all(kills), "the sweep ended before it was killed: make the grid larger"
    before = lines(Store(tmp_path / "cut").rows_path)
    assert 20 <= before < len(cells(SEEDS))
    sweep(cells(SEEDS), tmp_path / "cut", jobs=1)
    sweep(cells(SEEDS), tmp_path / "whole", jobs=1)
    cut, whole = (Store(tmp_path / name).rows_path.read_bytes() for name in ("cut", "whole"))
    assert cut == whole and whole.count(b"\n") == len(cells(SEEDS))


def test_a_line_torn_anywhere_is_cut_off_and_made_again(tmp_path):
    few = cells(1)
    sweep(few, tmp_path, jobs=1)
    path = Store(tmp_path).rows_path
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for end in (start + 1, (start + len(whole)) // 2, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert len(Store(tmp_path).rows()) == len(few) - 1
        sweep(few, tmp_path, jobs=1)
        assert path.read_bytes() == whole


def test_rows_that_are_there_are_not_computed_again(tmp_path):
    few = cells(1)
    rows = sweep(few, tmp_path, jobs=1)
    times = Store(tmp_path).times_path.read_bytes()
    assert sweep(few, tmp_path, jobs=1) == rows
    assert Store(tmp_path).times_path.read_bytes() == times


def test_a_longer_grid_keeps_the_rows_of_the_shorter(tmp_path):
    first = sweep(cells(1), tmp_path, jobs=1)
    both = sweep(cells(2), tmp_path, jobs=2)
    assert [row for row in both if row["seed"] == 0] == first


def test_two_writers_are_refused(tmp_path):
    lock = Store(tmp_path).open()
    try:
        with pytest.raises(InputError, match="another sweep"):
            sweep(cells(1), tmp_path, jobs=1)
    finally:
        lock.release()


@pytest.mark.parametrize("text", ["not json\n", "[1]\n", '{"nokey": 1}\n'])
def test_a_broken_file_is_named_and_left_as_it_is(tmp_path, text):
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="line 1 is not a row"):
        sweep(cells(1), tmp_path, jobs=1)
    assert path.read_text() == text


def test_rows_are_json_with_their_parameters(tmp_path):
    (cell,) = cells(1)[:1]
    (row,) = sweep([cell], tmp_path, jobs=1)
    stored = json.loads(Store(tmp_path).rows_path.read_text())
    assert stored == row and row["key"] == cell.key
    assert (row["family"], row["teacher"], row["n_samples"]) == ("two-layer-linear", 1, 8)


@pytest.mark.parametrize("jobs", [0, 1.5, True, "2"])
def test_bad_jobs(tmp_path, jobs):
    with pytest.raises(InputError, match="jobs"):
        sweep(cells(1), tmp_path, jobs=jobs)
