"""``{pp-rows}``: every stored row as a point that can be picked, with the command that runs it again.

The page holds the frame only.  The rows of an experiment are a script of their own, loaded when a reader
chooses it: a script and not JSON, so that the book also works from a folder, without a server.
"""

import html
import json
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ppkit.experiments.grids import GRIDS
from ppkit.experiments.store import Store

COLUMNS = (
    *("key", "teacher", "n_samples", "dim", "noise", "lam_scale", "seed", "error", "error_half_width"),
    *("theta", "width", "relative_gap", "polar_lower", "polar_upper", "lam"),
)
FRAME = """<div class="pp-rows" data-names="{names}">
<noscript><p>Picking points needs scripts; <code>ppkit sweep rerun</code> does the same.</p></noscript>
</div>"""


class Rows(nodes.General, nodes.Element):
    """The frame; ``names`` are the experiments."""


class RowsDirective(SphinxDirective):
    """The directive; it takes neither arguments nor content."""

    def run(self):
        names = [name for name in GRIDS if rows_file(self.env, name).exists()]
        if not names:
            raise self.error("pp-rows: there are no stored rows under results/.")
        for name in names:
            self.env.note_dependency(str(rows_file(self.env, name)))
        return [Rows(names=names)]


def rows_file(env, name):
    return Path(env.srcdir) / "results" / name / "rows.jsonl"


def compact(name, rows):
    """What the page needs of the rows of an experiment: six digits, options and columns named once."""
    grid, options = GRIDS[name], []
    table = []
    for row in sorted(rows, key=lambda row: (row["teacher"], row["n_samples"], row["seed"], row["key"])):
        if row["options"] not in options:
            options.append(row["options"])
        member = options.index(row["options"])
        values = [row[column] for column in COLUMNS]
        base = row["options"] == grid.options[0] and row["noise"] == grid.noise and row["lam_scale"] == 1
        table.append([short(value) for value in values] + [member, int(base)])
    spelled = [" ".join(f"{key}={value}" for key, value in member.items()) for member in options]
    return {"columns": [*COLUMNS, "member", "base"], "options": spelled, "rows": table}


def short(value):
    """Six digits; null for what is not finite, which JSON cannot say."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def visit(writer, node):
    writer.body.append(FRAME.format(names=html.escape(" ".join(node["names"]))))
    raise nodes.SkipNode


def add_script(app, pagename, templatename, context, doctree):
    """Only a page with the frame loads the script."""
    if doctree is not None and next(doctree.findall(Rows), None) is not None:
        app.add_js_file("rows.js")


def write(app, exception):
    """The rows of each experiment, ``_static/rows/NAME.js``."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    for name in GRIDS:
        if rows_file(app.env, name).exists():
            rows = Store(rows_file(app.env, name).parent).rows().values()
            data = json.dumps(compact(name, rows), separators=(",", ":"), allow_nan=False)
            (folder / f"{name}.js").write_text(f"window.ppRows({json.dumps(name)},{data});\n")


def setup(app):
    app.add_node(Rows, html=(visit, None))
    app.add_directive("pp-rows", RowsDirective)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
