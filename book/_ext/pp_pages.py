"""What every page carries: the closing band at its head; license, date, version and citation at its foot."""

import html
import re
from pathlib import Path

import yaml
from docutils import nodes
from pp_git import last_commit
from sphinx.util.osutil import relative_uri

WIDTH, HEIGHT, STEPS = 1200, 64, 60
# Settings of a live-code library that the book does not use: it would load from another host.
THEBE = re.compile(r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName.*?</script>', re.S)


def curve(position, sign):
    """One slice of the sandwich as an SVG path: it decays toward the middle, faster later in the book."""
    rate = 1.1 + 3.2 * position
    points = []
    for k in range(STEPS + 1):
        t = k / STEPS
        gap = (HEIGHT / 2 - 2) * (2.718281828 ** (-rate * t)) * (0.8 if sign > 0 else 1.0)
        points.append((WIDTH * t, HEIGHT / 2 + sign * (gap + 0.6)))
    return points


def band(position):
    """The sandwich, objective above and lower bound below, closing as the book goes on."""
    upper, lower = curve(position, -1), curve(position, +1)

    def path(points):
        return "L".join(f"{x:.0f} {y:.2f}" for x, y in points)

    return (
        f'<svg class="pp-band" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="pp-band-fill" d="M{path(upper)}L{path(lower[::-1])}Z"/>'
        f'<path class="pp-band-upper" d="M{path(upper)}"/>'
        f'<path class="pp-band-lower" d="M{path(lower)}"/></svg>'
    )


def reading_order(app):
    """Every page once, in the order of the table of contents."""
    order, includes = [], app.env.toctree_includes

    def visit(name):
        if name not in order:
            order.append(name)
            for child in includes.get(name, ()):
                visit(child)

    visit(app.config.root_doc)
    return order


def plain_title(app, name):
    return " ".join(app.env.titles[name].astext().split())


def bibtex(app, name, date, about):
    """A BibTeX entry for one page of the book."""
    title = re.sub(r"([&%#_])", r"\\\1", plain_title(app, name))
    key = "ppkit-" + name.rsplit("/", 1)[-1]
    fields = [
        ("author", "{" + about["author"] + "}"),
        ("title", title),
        ("booktitle", app.config.project),
        ("year", date[:4]),
        ("note", f"Version {about['version']}, {date}"),
    ]
    if about["url"]:
        fields.append(("url", about["url"]))
    lines = ",\n".join(f"  {k:<9} = {{{v}}}" for k, v in fields)
    return f"@incollection{{{key},\n{lines}\n}}"


def about_book(app):
    """Version, date, authors and address, from CITATION.cff alone."""
    cff = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text())
    names = [a.get("name") or f"{a['given-names']} {a['family-names']}" for a in cff["authors"]]
    return {
        "version": str(cff["version"]),
        "date": str(cff["date-released"]),
        "author": " and ".join(names),
        "url": cff.get("url") or cff.get("repository-code") or "",
    }


def foot(app, name):
    about = about_book(app)
    commit = last_commit(Path(app.env.doc2path(name)))
    date = commit.date if commit else about["date"]
    links = []
    for target, words in (("book/notation", "Notation"), ("book/appendix/cite", "How to cite the book")):
        if target in app.env.found_docs and target != name:
            uri = relative_uri(app.builder.get_target_uri(name), app.builder.get_target_uri(target))
            links.append(f'<a href="{uri}">{words}</a>')
    entry = html.escape(bibtex(app, name, date, about))
    return (
        '<footer class="pp-foot">'
        f'<details class="pp-cite"><summary>Cite this chapter</summary><pre>{entry}</pre></details>'
        f"<p><span>Version {about['version']}</span><span>This page: {date}</span>"
        '<span>Text <a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>, '
        "code BSD-3-Clause</span>" + "".join(f"<span>{link}</span>" for link in links) + "</p></footer>"
    )


def unnumber_labs(app, env):
    """A lab shows no number of its own; its figures keep the number of the chapter it belongs to."""
    for name in env.found_docs:
        if name.endswith("-lab"):
            env.toc_secnumbers[name] = {}
            for node in (env.titles[name], *env.tocs[name].findall(nodes.reference)):
                node.attributes.pop("secnumber", None)
    return []


def dress(app, pagename, templatename, context, doctree):
    """Wrap the body of every page that comes from a source file."""
    if pagename not in app.env.found_docs or "body" not in context:
        return
    order = reading_order(app)
    position = order.index(pagename) / max(len(order) - 1, 1) if pagename in order else 0.0
    body = THEBE.sub("", context["body"])
    context["body"] = band(position) + body + foot(app, pagename)
    context["script_files"][:] = [f for f in context["script_files"] if "thebe" not in str(f)]


def setup(app):
    app.connect("env-get-updated", unnumber_labs, priority=900)
    app.connect("html-page-context", dress)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
