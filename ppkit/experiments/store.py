"""The results store: ``NAME/rows.jsonl``, one row for each cell, none lost and none double.

A row is appended in one write and flushed; what a killed process leaves of a line is cut off when
the store is opened again.  What differs from run to run (seconds, the machine) is in ``times.jsonl``.
"""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..optional import optional

filelock = optional("filelock")


class Store:
    """The rows of one experiment in a folder.

    Parameters
    ----------
    folder : path
        ``rows.jsonl`` and ``times.jsonl`` lie here; made on the first row.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.rows_path, self.times_path = self.folder / "rows.jsonl", self.folder / "times.jsonl"

    def rows(self) -> dict[str, dict[str, float | str]]:
        """``key -> row`` of the complete rows; raises :class:`InputError` on a broken file."""
        out = {}
        for number, line in enumerate(complete_lines(self.rows_path), start=1):
            try:
                row = json.loads(line)
                out[row["key"]] = row
            except (ValueError, KeyError, TypeError):
                raise InputError(f"{self.rows_path}: line {number} is not a row") from None
        return out

    def times(self) -> dict[str, float]:
        """``key -> seconds`` of the cells that were run here."""
        rows = [json.loads(line) for line in complete_lines(self.times_path)]
        return {row["key"]: row["seconds"] for row in rows}

    def open(self) -> Any:
        """Lock the store for one writer and cut off what a killed writer left of a line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise InputError(f"{self.folder}: another sweep is writing here") from None
        for path in (self.rows_path, self.times_path):
            cut_torn_line(path)
        return lock

    def append(self, key: str, row: Mapping[str, Any], seconds: float) -> None:
        """Add one row; it is on disk when this returns.

        Its time goes first: a kill between the two leaves a time without a row, which is harmless.
        """
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        append_line(self.times_path, {"key": key, "seconds": round(seconds, 3), "machine": machine})
        append_line(self.rows_path, {"key": key, **row})

    def sort(self) -> None:
        """Rewrite the rows in the order of their keys, in one step."""
        rows = self.rows()
        partial = self.rows_path.with_suffix(".partial")
        partial.write_text("".join(dump(rows[key]) for key in sorted(rows)), encoding="utf-8")
        os.replace(partial, self.rows_path)


def dump(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON (with ``Infinity``, which Python reads)."""
    return json.dumps(row, sort_keys=True) + "\n"


def complete_lines(path: Path) -> list[str]:
    """The lines of a file that end in a newline; none if there is no file."""
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def cut_torn_line(path: Path) -> None:
    """Cut a file after its last newline."""
    if path.exists():
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            with open(path, "r+b") as stream:
                stream.truncate(data.rfind(b"\n") + 1)


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Append one line in one write and wait until it is on disk."""
    with open(path, "ab", buffering=0) as stream:
        stream.write(dump(row).encode())
        os.fsync(stream.fileno())


def find_results() -> Path:
    """The folder ``results`` here or in the nearest folder above."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "results").is_dir():
            return folder / "results"
    raise InputError("no folder 'results' here or above: run 'ppkit sweep run' or get the repository")


def stored(name: str) -> list[dict[str, float | str]]:
    """The stored rows of the experiment ``name``, a list; see :func:`find_results`."""
    rows = list(Store(find_results() / name).rows().values())
    if not rows:
        raise InputError(f"{name}: no rows under {find_results()}; use 'ppkit sweep run {name}'")
    return rows
