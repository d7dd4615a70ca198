"""``{pp-mutants}``: what was noticed of the deliberate faults in the package, from the stored rows.

The argument says which table: ``claims``, every claim of every lab with the faults that turn it red, or
``faults``, every fault with what noticed it.  ``{pp-mutant-count}`` is a number: of ``faults``, of those
``tried``, of those ``unnoticed``, of ``claims``, of ``open`` claims.
"""

import importlib
import sys
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective, SphinxRole

ROOT = Path(__file__).resolve().parent.parent.parent


def tool():
    """``tools/mutants.py``, which a book without these tables need not have beside it."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("mutants")
    finally:
        sys.path.pop(0)


def depend(env):
    """The page is written anew when an entry, a row or a lab changes."""
    mutants = tool()
    for path in (mutants.ROWS, *mutants.ENTRIES.glob("*.json"), *mutants.labs()):
        if path.exists():
            env.note_dependency(str(path))


def counts():
    mutants = tool()
    rows = mutants.fresh().values()
    return {
        "faults": len(mutants.entries()),
        "tried": len(rows),
        "claims": sum(len(mutants.claims_of(lab)) for lab in mutants.labs()),
        "unnoticed": sum(not mutants.noticed(row) for row in rows),
        "open": len(mutants.unkilled()),
    }


def claims_table():
    """Lines of a list table: a lab, a claim, the faults of what it claims that turn it red."""
    mutants = tool()
    found = mutants.killed()
    lines = ["* - Lab", "  - Claim", "  - Faults that turn it red"]
    for lab in mutants.labs():
        name = str(lab.relative_to(ROOT))
        for claim in mutants.claims_of(lab):
            said = "; ".join(found.get((name, claim), ["none yet"]))
            lines += [f"* - {{doc}}`/{name.removesuffix('.ipynb')}`", f"  - {claim}", f"  - {said}"]
    return lines


def faults_table():
    """Lines of a list table: a fault, its file, what noticed it."""
    mutants = tool()
    rows = mutants.fresh()
    lines = ["* - Fault", "  - In", "  - Noticed by"]
    for entry in mutants.entries():
        row = rows.get(entry["name"], {})
        lab = Path(entry.get("lab") or "").stem
        said = [f"{lab}: claim {claim}" for claim in row.get("red", ())]
        said += [f"{lab}: claim {claim} (its cell stops)" for claim in row.get("stopped", ())]
        said += [f"`{test.split('::')[-1]}`" for test in row.get("tests", ())]
        where = entry["file"].removeprefix("ppkit/")
        lines += [
            f"* - {entry['what']}",
            f"  - `{where}`",
            f"  - {'; '.join(said) or ('nothing' if row else 'not tried yet')}",
        ]
    return lines


class Mutants(SphinxDirective):
    """One of the two tables."""

    required_arguments = 1

    def run(self):
        depend(self.env)
        tables = {"claims": claims_table, "faults": faults_table}
        if self.arguments[0] not in tables:
            raise self.error(f"the tables are {', '.join(tables)}")
        head = ["```{list-table}", ":header-rows: 1", ":class: pp-mutants", ""]
        lines = StringList([*head, *tables[self.arguments[0]](), "```"], self.env.docname)
        box = nodes.Element()
        self.state.nested_parse(lines, self.content_offset, box)
        return box.children


class Count(SphinxRole):
    """A number."""

    def run(self):
        depend(self.env)
        return [nodes.Text(str(counts()[self.text]))], []


def setup(app):
    app.add_directive("pp-mutants", Mutants)
    app.add_role("pp-mutant-count", Count())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
