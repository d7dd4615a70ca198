"""Run the cells of an experiment in processes or on a cluster, resumably."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..optional import optional
from ..progress import counted
from .cell import Cell, run_cell
from .store import Store

distributed, joblib = optional("distributed"), optional("joblib")
threadpoolctl = optional("threadpoolctl")

CONNECT = "10s"


def sweep(
    cells: Sequence[Cell],
    folder: Path,
    jobs: float | str = 2,
    dask: Any = None,
    device: Any = None,
    progress: bool = False,
) -> list[dict[str, float | str]]:
    """Run the cells that have no row yet; the rows of all of them as a list, in the order of ``cells``.

    Parameters
    ----------
    cells : iterable of Cell
    folder : path
        The store, ``folder/rows.jsonl``.  Rows of other cells that lie there stay.
    jobs : int
        Number of processes (joblib's loky, one BLAS thread each).
    dask : str or None
        Address of a Dask scheduler: its workers run the cells instead, the rows are written here.
    device : str or None
        "cuda" or "cpu": PyTorch trains the cells that differ only in the seed together, there; see
        :mod:`ppkit.experiments.batched`.  Not together with ``dask``.
    progress : bool
        Show a bar with the time left.
    """
    cells, store = list({cell.key: cell for cell in cells}.values()), Store(folder)
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0:
        raise InputError(f"jobs must be a whole number other than 0, got {jobs!r}")
    runs = in_parallel if device is None else on_device(cells, device, dask)
    lock = store.open()
    try:
        have = store.rows()
        todo = [cell for cell in cells if cell.key not in have]
        with backend(jobs, dask):
            for key, row, seconds in counted(runs(todo), len(cells), len(cells) - len(todo), progress):
                store.append(key, row, seconds)
        if todo:
            store.sort()
    finally:
        lock.release()
    rows = store.rows()
    return [rows[cell.key] for cell in cells]


def in_parallel(cells: Sequence[Cell]) -> Iterator[tuple[str, dict[str, Any], float]]:
    """``(key, row, seconds)`` of each cell as soon as it is done, largest cells first."""
    largest_first = sorted(cells, key=lambda cell: -cell.n_samples)
    return joblib.Parallel(return_as="generator_unordered", batch_size=1)(
        map(joblib.delayed(timed), largest_first)
    )


def timed(cell: Cell) -> tuple[str, dict[str, dict[str, int] | float | str], float]:
    """``(key, row, CPU seconds)`` of one cell, on one BLAS thread."""
    with threadpoolctl.threadpool_limits(1):
        start = time.process_time()
        row = run_cell(cell)
        return cell.key, row, time.process_time() - start


def on_device(cells: Sequence[Cell], device: Any, dask: str | None) -> Callable[..., Any]:
    """Like :func:`in_parallel`, a batch of ``cells`` at a time; raises :class:`InputError` if it cannot be.

    A batch that lacks a row is run whole, so that the rows do not depend on where a sweep was stopped.
    """
    from .batched import batches, check_device

    if dask is not None:
        raise InputError("a sweep runs on a Dask cluster or on a device, not on both")
    check_device(device)
    planned = batches(cells)

    def run(todo):
        missing = {cell.key for cell in todo}
        tasks = [
            joblib.delayed(timed_batch)(b, device) for b in planned if any(cell.key in missing for cell in b)
        ]
        for rows in joblib.Parallel(return_as="generator_unordered", batch_size=1)(tasks):
            yield from (row for row in rows if row[0] in missing)

    return run


def timed_batch(cells: Sequence[Cell], device: Any) -> list[tuple[str, dict[str, Any], float]]:
    """``(key, row, CPU seconds)`` of each cell of a batch, on one BLAS thread."""
    from .batched import run_batch

    with threadpoolctl.threadpool_limits(1):
        return run_batch(cells, device)


def backend(jobs: int, dask: Any) -> Any:
    """The joblib backend as a context: processes here, or the workers of a Dask cluster."""
    if dask is None:
        return joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1)
    try:
        client = distributed.Client(dask, timeout=CONNECT, set_as_default=True)
    except (OSError, ValueError, TimeoutError):
        raise InputError(f"no Dask scheduler answers at {dask}") from None
    return Cluster(client)


class Cluster:
    """joblib's Dask backend for as long as a client is connected."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.context = nullcontext()

    def __enter__(self) -> Any:
        self.context = joblib.parallel_config(
            backend="dask", n_jobs=-1, client=self.client, wait_for_workers_timeout=30
        )
        return self.context.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)
        self.client.close()
