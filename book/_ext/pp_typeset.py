"""The small things of setting type that Markdown cannot say.

* A comma or a bracket stays on the line of the formula beside it.
* Code, and output with long lines, may use the margin beside the text; an excerpt starts at the left.
* Numbers in the tables that notebooks draw look as in print: 3e-08 is 3 × 10⁻⁸, -2 is −2.
"""

import re
import textwrap
from decimal import Decimal

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

COLUMN, PAGE, MOST = 73, 105, 113  # characters of code in the column, with the margin, and set smaller
CODE = {"python", "python3", "ipython", "ipython3"}
CLOSING = re.compile(r"[.,;:!?)\]’”'\"%-]+")
OPENING = re.compile(r"[(\[‘“'\"]+$")
CELL = re.compile(r"<td>([^<]*)</td>")
FLOAT = re.compile(r"(?<![\w.])([-−]?)(\d(?:\.\d+)?)e([+−-]?\d+)(?!\w)")
MINUS = re.compile(r"(?<![\w.)\]−-])-(?=\d)")
EXACTLY = {"nan [nan, nan]": "—", "nan": "—", "inf": "∞", "-inf": "−∞"}
NORM = re.compile(r"(?<!\w)l(1|2|inf)(?!\w)")
INDEX = re.compile(r"(?<!\w)([A-Za-zα-ω])_(\w|max|min)(?!\w)")
NUMERIC = re.compile(r"[\s\d.,/·×<>()\[\]≤≥≈−+–—%…½]*(<sup>[\d−]+</sup>[\s\d.,/·×<>()\[\]≤≥≈−+–—%…½]*)*")


class Typeset(SphinxPostTransform):
    """Formulas keep their punctuation; code is marked; tables show printed numbers."""

    default_priority = 500
    formats = ("html",)

    def run(self):
        for formula in list(self.document.findall(nodes.math)):
            keep_together(formula)
        for block in self.document.findall(nodes.literal_block):
            lay_out(block)
        for raw in list(self.document.findall(nodes.raw)):
            if raw.get("format") == "html" and '<table class="pp-table"' in raw.astext():
                raw.replace_self(nodes.raw("", CELL.sub(cell, raw.astext()), format="html"))


def lay_out(block):
    """Say how much room a block of code takes; a method quoted alone loses its indentation."""
    code = textwrap.dedent(block.astext()).rstrip()
    longest = max(map(len, code.splitlines()), default=0)
    if block.get("language") in CODE:
        block.clear()
        block.rawsource = code
        block += nodes.Text(code)
        block["classes"].append("pp-broad")
    elif longest > COLUMN:
        block["classes"].append("pp-broad")
    if PAGE < longest <= MOST:
        block["classes"].append("pp-tight")


def keep_together(formula):
    """Put the formula and the marks that touch it into one piece that no line break divides."""
    parent, place = formula.parent, formula.parent.index(formula)
    before, after = (parent[k] if 0 <= k < len(parent) else None for k in (place - 1, place + 1))
    lead = OPENING.search(before) if isinstance(before, nodes.Text) else None
    trail = CLOSING.match(after) if isinstance(after, nodes.Text) else None
    if not lead and not trail:
        return
    piece = nodes.inline("", classes=["pp-together"])
    parent[place] = piece
    if lead:
        parent[place - 1] = nodes.Text(before[: lead.start()])
        piece += nodes.Text(lead.group())
    piece += formula
    if trail:
        parent[place + 1] = nodes.Text(after[trail.end() :])
        piece += nodes.Text(trail.group())


def power(match):
    """A number in the notation of programs, as it is printed."""
    sign, digits, exponent = match[1].replace("-", "−"), match[2], int(match[3].replace("−", "-"))
    if -2 <= exponent <= 2 or Decimal(digits) == 0:
        return sign + f"{Decimal(digits).scaleb(exponent).normalize():f}"
    times = "" if Decimal(digits) == 1 else f"{digits} × "
    return f"{sign}{times}10<sup>{str(exponent).replace('-', '−')}</sup>"


def cell(match):
    text = EXACTLY.get(match[1], match[1])
    text = NORM.sub(lambda m: f"ℓ<sub>{m[1].replace('inf', '∞')}</sub>", text)
    text = INDEX.sub(r"\1<sub>\2</sub>", MINUS.sub("−", FLOAT.sub(power, text)))
    kind = ' class="pp-number"' if any(c.isdigit() for c in text) and NUMERIC.fullmatch(text) else ""
    return f"<td{kind}>{text}</td>"


def setup(app):
    app.add_post_transform(Typeset)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
