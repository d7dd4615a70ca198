"""Type: formulas and their punctuation, the room that code takes, numbers as they are printed."""

import sys

import pytest
from book_tools import ROOT
from docutils import nodes

sys.path.insert(0, str(ROOT / "book" / "_ext"))

import pp_typeset

pytestmark = pytest.mark.book


def paragraph(*parts):
    """A paragraph of texts and formulas; a formula is written ``$...$``."""
    made = [nodes.math("", p.strip("$")) if p.startswith("$") else nodes.Text(p) for p in parts]
    return nodes.paragraph("", "", *made)


@pytest.mark.parametrize(
    ("parts", "pieces"),
    [
        (("Let ", "$x$", ". Then ", "$y$", "."), ["x.", "y."]),
        (("a (", "$x$", "), b (", "$x$", "), c ", "$x$", " d"), ["(x),", "(x),"]),
        ((".", "$x$", ".", "$y$", ".", "$x$", "."), ["x.", "y.", "x."]),
        (("(", "$x$", ", ", "$y$", ")-like"), ["(x,", "y)-"]),
    ],
)
def test_punctuation_stays_and_no_text_is_lost(parts, pieces):
    line = paragraph(*parts)
    before = line.astext()
    for formula in list(line.findall(nodes.math)):
        pp_typeset.keep_together(formula)
    assert line.astext() == before
    assert [n.astext() for n in line.findall(nodes.inline) if "pp-together" in n["classes"]] == pieces


def block(text, language="python"):
    made = nodes.literal_block(text, text)
    made["language"] = language
    pp_typeset.lay_out(made)
    return made


def test_code_uses_the_margin_and_starts_at_the_left():
    method = block("    def f(self):\n        return 1\n\n")
    assert method.astext() == method.rawsource == "def f(self):\n    return 1"
    assert method["classes"] == ["pp-broad"]
    assert block("x" * 110)["classes"] == ["pp-broad", "pp-tight"]


def test_output_uses_the_margin_only_when_it_is_long():
    assert block("    kept as printed", "none")["classes"] == []
    assert block("    kept as printed", "none").astext().startswith("    ")
    assert block("x" * 90, "none")["classes"] == ["pp-broad"]


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("3e-08", "3 × 10<sup>−8</sup>"),
        ("≤ 1e-08", "≤ 10<sup>−8</sup>"),
        ("error ≤ 1e−12", "error ≤ 10<sup>−12</sup>"),
        ("-3e-12", "−3 × 10<sup>−12</sup>"),
        ("9e-01", "0.9"),
        ("1.2e-02", "0.012"),
        ("0e+00", "0"),
        ("4.5e+04", "4.5 × 10<sup>4</sup>"),
        ("0.10 [-0.59, 0.83]", "0.10 [−0.59, 0.83]"),
        ("nan [nan, nan]", "—"),
        ("inf", "∞"),
        ("n_x = 3", "n<sub>x</sub> = 3"),
        ("(l1, linf)", "(ℓ<sub>1</sub>, ℓ<sub>∞</sub>)"),
        ("2026-11-21", "2026-11-21"),
        ("two-layer-relu", "two-layer-relu"),
        ("widths 4-8", "widths 4-8"),
    ],
)
def test_numbers_of_tables(written, printed):
    cell = pp_typeset.CELL.sub(pp_typeset.cell, f"<td>{written}</td>")
    assert cell.replace(' class="pp-number"', "") == f"<td>{printed}</td>"


@pytest.mark.parametrize("text", ["1, 2, 4, 8", "1.00 [0.98, 1.03]", "≤ 1e-08"])
def test_a_number_is_not_broken(text):
    assert 'class="pp-number"' in pp_typeset.CELL.sub(pp_typeset.cell, f"<td>{text}</td>")
    assert 'class="pp-number"' not in pp_typeset.CELL.sub(pp_typeset.cell, f"<td>{text} of them</td>")
