"""The same rows from a Dask cluster, one of whose workers is killed in mid-run."""

import os
import signal
import threading
import time

import pytest
from experiments.tiny import cells

from ppkit.errors import InputError
from ppkit.experiments.store import Store
from ppkit.experiments.sweep import sweep

SEEDS = 60


@pytest.fixture
def cluster():
    from distributed import LocalCluster

    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(n_workers=3, host="127.0.0.1", **options) as local:
        yield local


def test_a_killed_worker_costs_no_row(tmp_path, cluster):
    store, victim = Store(tmp_path / "dask"), cluster.workers[0].pid

    def kill():
        while not store.rows_path.exists() or store.rows_path.read_text().count("\n") < 20:
            time.sleep(0.005)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    rows = sweep(cells(SEEDS), store.folder, dask=cluster.scheduler_address)
    killer.join(timeout=10)
    assert not killer.is_alive(), "the sweep ended before a worker was killed"
    assert rows == sweep(cells(SEEDS), tmp_path / "here", jobs=1)
    assert store.rows_path.read_bytes() == Store(tmp_path / "here").rows_path.read_bytes()


def test_no_scheduler_there(tmp_path, monkeypatch):
    monkeypatch.setattr("ppkit.experiments.sweep.CONNECT", "1s")
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        sweep(cells(1), tmp_path, dask="tcp://127.0.0.1:9")
    assert not Store(tmp_path).rows_path.exists()
