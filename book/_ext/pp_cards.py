"""``{pp-cards}``: one table of the cards that open the family chapters, read from the chapters.

The content of the directive names the fields to show, one a line, as the cards spell them.  A card
is a ``{list-table}`` of class ``pp-card``; nothing about a family is written twice.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

FENCE = re.compile(r"^(`{3,}|:{3,})\{list-table\}\n(.*?)^\1\s*$", re.M | re.S)
ROW = re.compile(r"^\* - (.*?)\n  - (.*?)$", re.M)
TITLE = re.compile(r"^# (.+)$", re.M)


def card(text):
    """The fields of the card on a page, in order; empty when the page has none."""
    for block in FENCE.finditer(text):
        if ":class: pp-card" in block.group(2):
            return dict(ROW.findall(block.group(2)))
    return {}


class Cards(SphinxDirective):
    """A table with one line a family and the named fields as columns."""

    has_content = True

    def run(self):
        fields = [line.strip() for line in self.content if line.strip()]
        folder = Path(self.env.docname).parent
        found = {}
        for page in self.pages(folder):
            self.env.note_dependency(str(page))
            text = page.read_text(encoding="utf-8")
            if card(text):
                found[page.stem] = (TITLE.search(text).group(1), card(text))
        lines = ["```{list-table}", ":header-rows: 1", "", "* - Family", *(f"  - {f}" for f in fields)]
        for stem, (title, values) in found.items():
            missing = [f for f in fields if f not in values]
            if missing:
                raise self.error(f"the card of {stem}.md lacks {', '.join(missing)}")
            lines.append(f"* - {{doc}}`{title} </{folder}/{stem}>`")
            lines += [f"  - {values[f]}" for f in fields]
        if not found:
            raise self.error("no chapter beside this page has a card.")
        box = nodes.Element()
        self.state.nested_parse(StringList([*lines, "```"], self.env.docname), self.content_offset, box)
        return box.children

    def pages(self, folder):
        """The chapters in ``folder`` that are in the table of contents, in its order."""
        path = Path(self.env.srcdir) / "_toc.yml"
        self.env.note_dependency(str(path))
        toc = path.read_text(encoding="utf-8")
        names = re.findall(rf"file: ({re.escape(str(folder))}/\S+)", toc)
        paths = (Path(self.env.doc2path(name)) for name in names if name in self.env.found_docs)
        return [path for path in paths if path.suffix == ".md"]


def setup(app):
    app.add_directive("pp-cards", Cards)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
