"""A notebook is executed again when, and only when, something it used has changed."""

import json
import re
import shutil
import subprocess

import nbformat
import pytest
from book_tools import ROOT, load_tool

pytestmark = pytest.mark.book


TEXT_NOTEBOOK = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

# A page with a cell

```{code-cell}
print(open("../data.txt").read())
```
"""


def notebook(*cells):
    new = nbformat.v4
    body = [new.new_markdown_cell("# Page"), *map(new.new_code_cell, cells)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.writes(new.new_notebook(cells=body, metadata=kernel))


@pytest.fixture
def small_book(tmp_path):
    """The book's own configuration and extensions around two notebooks, a module and a data file."""
    shutil.copytree(ROOT / "book" / "_ext", tmp_path / "book" / "_ext")
    (tmp_path / "book" / "_static").mkdir()
    for name in ("theme.css", "theme.js", "favicon.svg"):
        shutil.copy(ROOT / "book" / "_static" / name, tmp_path / "book" / "_static" / name)
    (tmp_path / "ppkit" / "plotting").mkdir(parents=True)
    for name in (
        "_config.yml",
        "CITATION.cff",
        "requirements.lock",
        "book/references.bib",
        "ppkit/plotting/palette.css",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/uses\nchapters:\n  - file: book/alone\n  - file: book/text\n"
    )
    (tmp_path / "module.py").write_text("answer = 'before'\n")
    (tmp_path / "data.txt").write_text("first")
    uses = "import sys\nsys.path.insert(0, '..')\nimport module\n"
    uses += "print(module.answer, open('../data.txt').read())"
    (tmp_path / "book" / "uses.ipynb").write_text(notebook(uses))
    (tmp_path / "book" / "alone.ipynb").write_text(notebook("print(1 + 1)"))
    (tmp_path / "book" / "text.md").write_text(TEXT_NOTEBOOK)
    return tmp_path


def build(folder):
    """Build and return which pages were executed, by name."""
    command = [*load_tool("build_book").JUPYTER_BOOK, "build", ".", "-W", "-n", "--keep-going"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    log = run.stdout + run.stderr
    assert run.returncode == 0, log
    return set(re.findall(r"\[execution\] book/(\w+) executed in", log))


def test_dependents_and_only_they_are_executed_again(small_book):
    page = small_book / "_build" / "html" / "book" / "uses.html"
    assert build(small_book) == {"uses", "alone", "text"}
    assert "before first" in page.read_text()
    assert build(small_book) == set()

    (small_book / "module.py").write_text("answer = 'after'\n")
    assert build(small_book) == {"uses"}
    assert "after first" in page.read_text()

    (small_book / "data.txt").write_text("second")
    assert build(small_book) == {"uses", "text"}
    assert "after second" in page.read_text()

    (small_book / "requirements.lock").write_text("# another environment\n")
    assert build(small_book) == {"uses", "alone", "text"}


def test_an_edited_package_is_seen(built_book):
    """Every notebook that imports ppkit has the package's modules on its record of the last run."""
    records = [json.loads(p.read_text()) for p in (ROOT / "_build" / ".traces").glob("*/*.json")]
    assert any("ppkit/certificates/record.py" in record for record in records)
