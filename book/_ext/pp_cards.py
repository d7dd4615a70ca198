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
        pages = sorted(Path(self.env.doc2path(self.env.docname)).parent.glob("*.md"))
        found = {}
        for page in pages:
            self.env.note_dependency(str(page))
            text = page.read_text(encoding="utf-8")
            if card(text):
                found[page.stem] = (TITLE.search(text).group(1), card(text))
        lines = ["```{list-table}", ":header-rows: 1", "", "* - Family", *(f"  - {f}" for f in fields)]
        for stem, (title, values) in found.items():
            missing = [f for f in fields if f not in values]
            if missing:
                raise self.error(f"the card of {stem}.md lacks {', '.join(missing)}")
            known = f"/{Path(self.env.docname).parent}/{stem}" if self.known(stem) else None
            lines += [f"* - {{doc}}`{title} <{known}>`" if known else f"* - {title}"]
            lines += [f"  - {values[f]}" for f in fields]
        if not found:
            raise self.error("no chapter beside this page has a card.")
        box = nodes.Element()
        self.state.nested_parse(StringList([*lines, "```"], self.env.docname), self.content_offset, box)
        return box.children

    def known(self, stem):
        return f"{Path(self.env.docname).parent}/{stem}" in self.env.found_docs


def setup(app):
    app.add_directive("pp-cards", Cards)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
