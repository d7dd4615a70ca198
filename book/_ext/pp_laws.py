"""``{pp-law}`NAME```: what the stored rows of an experiment say, computed when the book is built.

The text is the slope of log N* on log R with its interval at each error level, and the verdict.
"""

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxRole

from ppkit.experiments.law import law
from ppkit.experiments.store import Store

WORDS = {
    "inside": "linear in the width",
    "outside": "not linear in the width",
    "undecided": "undecided whether linear in the width",
}


def sentence(name, folder):
    """Slopes and verdict of the experiment ``name`` whose rows lie under ``folder``."""
    found = law(name, list(Store(folder / name).rows().values()))
    slopes = ", ".join(f"{slope} at {level:g} σ²" for level, slope in found.slopes.items())
    return f"{WORDS[found.verdict]}: slope of log N* on log R {slopes}"


class Law(SphinxRole):
    """The role."""

    def run(self):
        folder = Path(self.env.srcdir) / "results"
        self.env.note_dependency(str(folder / self.text / "rows.jsonl"))
        return [nodes.inline(text=sentence(self.text, folder), classes=["pp-law"])], []


def setup(app):
    app.add_role("pp-law", Law())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
