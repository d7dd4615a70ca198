"""Execute notebooks in place and keep only what is worth committing.

    python tools/execute_notebooks.py                      every notebook of the book, two at a time
    python tools/execute_notebooks.py book/families/*.ipynb

Outputs stay; timings, kernel details and cell attachments of a session go, so that running it
again on the same code leaves the file as it was.  A notebook that fails is left untouched.
"""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from pp_kernels import AsyncLocalKernelManager  # noqa: E402

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = {"tags", "mystnb"}


def find_notebooks():
    return sorted(p for p in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def clean(notebook):
    """Drop what differs from run to run or from machine to machine."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = nbformat.from_dict(
            {k: v for k, v in cell.metadata.items() if k in KEPT_CELL_METADATA}
        )
        for output in cell.get("outputs", ()):
            if output.output_type in ("display_data", "execute_result"):
                keep = {k: v for k, v in output.metadata.items() if k == "scrapbook"}
                output.metadata = nbformat.from_dict(keep)
    return notebook


def execute(path, timeout=600):
    """Run one notebook in its own folder; the error message, or nothing."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        kernel_manager_class=AsyncLocalKernelManager,
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return str(error)
    text = nbformat.writes(clean(notebook))
    path.write_text(text if text.endswith("\n") else text + "\n")
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    paths = [p.resolve() for p in arguments.notebooks] or find_notebooks()
    failed = False
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for path, error in zip(paths, pool.map(execute, paths), strict=True):
            print(f"{'FAILED ' if error else 'ok     '}{path.relative_to(ROOT)}")
            if error:
                failed = True
                print(error, file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
