"""Figures: shown once, captioned, from any page, with a passport line under the caption.

* The cell that draws shows its picture in Jupyter; on the page the captioned ``{glue:figure}``
  replaces it, so the picture appears once.
* ``{pp-figure} NAME`` with ``:from: lower-bound-lab.ipynb`` shows a picture that a notebook drew
  on a page that is not that notebook, captioned and numbered like any other.
* The passport says where a picture comes from: notebook, commit, seeds, rows, running time.
"""

import html
import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from myst_nb.ext.glue.utils import create_pending_glue_ref
from pp_git import last_commit
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

PICTURE = re.compile(r'<svg class="pp-figure" data-figure="([^"]+)"')


def picture_name(node):
    """The name of the picture below this node, if there is one."""
    for raw in node.findall(nodes.raw):
        match = PICTURE.search(raw.astext())
        if match:
            return match.group(1)
    return None


class Figure(SphinxDirective):
    """A captioned picture that a notebook glued: ``{pp-figure} NAME`` with ``:from: NOTEBOOK.ipynb``."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"from": directives.unchanged_required, "name": directives.unchanged}

    def run(self):
        if "from" not in self.options:
            raise self.error("a pp-figure needs the notebook that draws it, ':from: NAME.ipynb'.")
        source, line = self.get_source_info()
        picture = create_pending_glue_ref(
            self.state.document, source, line, self.options["from"], self.arguments[0]
        )
        self.env.note_dependency(self.env.doc2path(picture.refdoc))
        figure = nodes.figure("", picture, pp_from=picture.refdoc)
        self.set_source_info(figure)
        self.add_name(figure)
        if not self.content:
            raise self.error(f"figure '{self.arguments[0]}' needs a caption.")
        caption, *legend = self.parse_caption()
        figure += caption
        if legend:
            figure += nodes.legend("", *legend)
        return [figure]

    def parse_caption(self):
        box = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, box)
        first = box.children[0]
        caption = nodes.caption(first.rawsource, "", *first.children)
        caption.source, caption.line = self.get_source_info()
        return [caption, *box.children[1:]]


def show_once(app, document):
    """Drop a cell's own copy of each picture that the page shows as a captioned figure."""
    captioned = {picture_name(figure) for figure in document.findall(nodes.figure)} - {None}
    for output in list(document.findall(nodes.container)):
        if "cell_output" in output["classes"] and picture_name(output) in captioned:
            output.parent.remove(output)


class Passports(SphinxPostTransform):
    """Add the passport line under the caption of every picture."""

    default_priority = 400
    formats = ("html",)

    def run(self):
        for figure in list(self.document.findall(nodes.figure)):
            if picture_name(figure) is None:
                continue
            raw = next(r for r in figure.findall(nodes.raw) if PICTURE.search(r.astext()))
            figure.append(nodes.raw("", self.line(figure, raw.astext()), format="html"))

    def line(self, figure, svg):
        docname = figure.get("pp_from", self.env.docname)
        path = Path(self.env.doc2path(docname))
        parts = [("drawn by", f"<code>{html.escape(path.name)}</code>")]
        commit = last_commit(path)
        if commit:
            parts.append(("commit", f"<code>{commit.short}</code>"))
        for key, word in (("seed", "seed"), ("rows", "rows")):
            match = re.search(rf'data-{key}="([^"]*)"', svg[: svg.index(">")])
            if match:
                parts.append((word, match.group(1)))
        seconds = self.env.nb_metadata.get(docname, {}).get("exec_data", {}).get("runtime")
        if seconds:
            parts.append(("notebook ran in", f"{seconds:.1f} s"))
        items = "".join(f"<span>{word} {value}</span>" for word, value in parts)
        return f'<p class="pp-passport">{items}</p>'


def setup(app):
    app.add_directive("pp-figure", Figure)
    app.connect("doctree-read", show_once)
    app.add_post_transform(Passports)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
