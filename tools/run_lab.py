"""Run the code cells of a notebook in order, in this process, and say which claims' rows are red.

    python tools/run_lab.py NOTEBOOK ROWS

Appends to ROWS one line of JSON for each row of ``ppkit.claims``, with the number of its cell, and
one for each cell that raised: the cells after it run all the same, on what there is.
"""

import io
import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import nbformat


def run(notebook: Path, rows: Path) -> None:
    os.environ["PPKIT_CLAIMS"] = str(rows)
    os.environ.setdefault("MPLBACKEND", "agg")
    os.chdir(notebook.parent)
    names = {"__name__": "__main__"}
    for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type != "code":
            continue
        write(rows, {"cell": number})
        try:
            with redirect_stdout(io.StringIO()):
                exec(compile(cell.source, f"<cell {number}>", "exec"), names)
        except Exception as error:
            said = traceback.format_exception_only(error)[-1].strip()
            write(rows, {"cell": number, "raised": said[:200]})


def write(rows: Path, line: dict) -> None:
    with rows.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    run(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
