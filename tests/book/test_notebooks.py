"""Every notebook is committed executed, without errors, and keeps the book's house rules."""

import re

import mutants
import nbformat
import pytest
from book_tools import ROOT, sources
from pp_kernels import AsyncLocalKernelManager

NOTEBOOKS = sources(".ipynb")
FIGURE = re.compile(r'<svg class="pp-figure" data-figure="([^"]+)".*?</svg>', re.S)
LONGEST_CELL = 15


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code" and cell.source.strip()]


def outputs(path):
    return [output for cell in code_cells(path) for output in cell.outputs]


def output_text(output):
    if output.output_type == "stream":
        return output.text
    return "\n".join(str(value) for value in output.get("data", {}).values())


def markdown(path):
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def figures(text):
    return {match.group(1): match.group(0) for match in FIGURE.finditer(text)}


def test_notebooks_are_found():
    committed = {p for p in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert committed == {param.values[0] for param in NOTEBOOKS}, "a notebook is missing from _toc.yml"


@pytest.mark.parametrize("path", NOTEBOOKS)
class TestCommitted:
    def test_executed_from_top_to_bottom(self, path):
        cells = code_cells(path)
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))

    def test_without_errors_or_warnings(self, path):
        assert [o for o in outputs(path) if o.output_type == "error" or o.get("name") == "stderr"] == []

    def test_clean(self, path):
        notebook = read(path)
        assert set(notebook.metadata) <= {"kernelspec", "language_info"}
        assert notebook.metadata.kernelspec.name == "python3"
        assert all(set(cell.metadata) <= {"tags", "mystnb"} for cell in notebook.cells)

    def test_names_no_place_on_a_machine(self, path):
        told = [
            output_text(o)[:200]
            for o in outputs(path)
            if re.search(r"/(home|root|work|Users|tmp)/", output_text(o))
        ]
        assert told == []


@pytest.mark.parametrize("path", NOTEBOOKS)
class TestHouseRules:
    def test_cells_are_short(self, path):
        long = [
            cell.source for cell in code_cells(path) if len(cell.source.strip().splitlines()) > LONGEST_CELL
        ]
        assert long == [], f"code cells have at most {LONGEST_CELL} lines"

    def test_cells_that_draw_are_folded(self, path):
        for cell in code_cells(path):
            if "draw.figure(" in cell.source:
                tags = set(cell.metadata.get("tags", ()))
                assert {"hide-input", "nbval-ignore-output"} <= tags, cell.source

    def test_verdicts_are_computed_by_the_package(self, path):
        """Rows come from ``ppkit.claims``: no verdict of one's own, no row that takes a truth value."""
        own = [
            c.source
            for c in code_cells(path)
            if re.search(r"""["']verdict["']|def (row|check)\((rows|claim)""", c.source)
        ]
        assert own == []

    def test_every_numbered_claim_has_a_row(self, path):
        """The first argument of a row is the number of the claim in the list at the head."""
        said = set(re.findall(r"\w\(\s*(\d+), f?[\"'\w]", "\n".join(c.source for c in code_cells(path))))
        assert set(mutants.claims_of(path)) <= said

    def test_no_banner_comments(self, path):
        assert not [c.source for c in code_cells(path) if re.search(r"^\s*#\s*[-=#*]{4,}", c.source, re.M)]

    def test_every_figure_has_a_text_alternative_and_a_caption(self, path):
        drawn = {name: svg for output in outputs(path) for name, svg in figures(output_text(output)).items()}
        for name, svg in drawn.items():
            label = re.search(r'aria-label="([^"]+)"', svg)
            assert label and len(label.group(1).split()) >= 5, f"{name}: say what is to be seen"
        directive = r"\{(?:glue:figure|pp-figure)\} *([\w-]+)\n((?::\w+:[^\n]*\n)*)(.*?)\n[`:]{3,}"
        captioned = re.findall(directive, markdown(path), re.S)
        assert set(drawn) <= {name for name, _, _ in captioned} | used_elsewhere(), "a figure has no caption"
        for name, options, caption in captioned:
            assert ":name:" in options, f"{name} needs ':name: ...', or nobody can refer to it"
            assert len(caption.split()) >= 5, f"{name} needs a caption"

    def test_numbers_in_prose_are_glued(self, path):
        text = re.sub(
            r"```.*?```|:::.*?:::|\$\$.*?\$\$|\$[^$]*\$|`[^`]*`|\{[^}]*\}`[^`]*`",
            " ",
            markdown(path),
            flags=re.S,
        )
        text = re.sub(r"\[[^\]]*\]\([^)]*\)|<[^>]*>", " ", text)
        typed = re.findall(r"(?<![\w.])\d+\.\d{2,}(?![\w.])|(?<![\w.])\d+(?:\.\d+)?e-?\d+", text)
        assert typed == [], "glue measured numbers ({glue:text}`name`) or set given ones as mathematics"


def used_elsewhere():
    """Figures that a page shows with ``{pp-figure}``."""
    text = "\n".join(p.read_text() for p in (ROOT / "book").rglob("*.md"))
    return set(re.findall(r"\{pp-figure\} *([\w-]+)", text))


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.book
@pytest.mark.parametrize("path", NOTEBOOKS)
def test_running_again_draws_the_same_figures(path, built_book, tmp_path):
    """Two executions on one machine give the same bytes: the built page's, and one more."""
    from nbclient import NotebookClient

    notebook = read(path)
    resources = {"metadata": {"path": str(path.parent)}}
    options = {"timeout": 600, "kernel_name": "python3", "kernel_manager_class": AsyncLocalKernelManager}
    NotebookClient(notebook, resources=resources, **options).execute()
    again = tmp_path / path.name
    nbformat.write(notebook, again)
    drawn = {name: svg for output in outputs(again) for name, svg in figures(output_text(output)).items()}
    page = (built_book / path.relative_to(ROOT)).with_suffix(".html").read_text()
    for name, svg in figures(page).items():
        assert drawn[name] == svg, f"figure {name} differs between two runs"
