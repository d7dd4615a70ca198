"""House rules of the Markdown pages: one label prefix a page, labeled statements, solved exercises."""

import re

import pytest
from book_tools import ROOT, sources

PAGES = sources(".md")
CHAPTERS = [
    p
    for p in PAGES
    if p.values[0].parent.name in ("foundations", "families", "scaling", "training", "beyond")
    and p.values[0].stem != "index"
]
STATEMENT = re.compile(
    r"^[:`]{3,}\{prf:(theorem|lemma|corollary|proposition|definition|assumption)\}[^\n]*\n((?::\w+:.*\n)*)",
    re.M,
)


def labels(text):
    found = re.findall(r"^:(?:label|name): *([\w-]+)", text, re.M)
    found += re.findall(r"^\(([\w-]+)\)=", text, re.M)
    found += re.findall(r"^\$\$ *\(([\w-]+)\)", text, re.M)
    return found


@pytest.mark.parametrize("path", CHAPTERS)
def test_labels_share_one_prefix(path):
    own = path.stem  # a page may also be called by its name: (setting)=, (setting-sources)=
    prefixes = {label.split("-")[0] for label in labels(path.read_text()) if not label.startswith(own)}
    assert len(prefixes) <= 1, prefixes


def test_labels_are_unique_across_the_book():
    seen = [label for param in PAGES for label in labels(param.values[0].read_text())]
    assert len(seen) == len(set(seen)), sorted({x for x in seen if seen.count(x) > 1})


@pytest.mark.parametrize("path", CHAPTERS)
def test_statements_are_labeled(path):
    bare = [kind for kind, options in STATEMENT.findall(path.read_text()) if ":label:" not in options]
    assert bare == []


@pytest.mark.parametrize("path", CHAPTERS)
def test_three_exercises_at_least(path):
    assert len(re.findall(r"\{exercise(?:-start)?\}", path.read_text())) >= 3


@pytest.mark.parametrize("path", CHAPTERS)
def test_every_exercise_has_a_folded_solution(path):
    text = path.read_text()
    solutions = re.findall(r"\{solution(?:-start)?\} *([\w-]+)\n((?::\w+:.*\n)*)", text)
    assert all("dropdown" in options for _, options in solutions)
    exercises = set(re.findall(r"\{exercise(?:-start)?\}[^\n]*\n(?::\w+:.*\n)*?:label: *([\w-]+)", text))
    assert exercises == {name for name, _ in solutions}


@pytest.mark.parametrize("path", CHAPTERS)
def test_nothing_is_waved_away(path):
    words = re.findall(
        r"easy to see|easily seen|clearly,|it is obvious|left to the reader", path.read_text(), re.I
    )
    assert words == []


def test_files_of_the_book_are_all_in_the_contents():
    pages = {
        p for p in (ROOT / "book").rglob("*.md") if not p.relative_to(ROOT / "book").parts[0].startswith("_")
    }
    assert pages == {param.values[0] for param in PAGES}, "a page is missing from _toc.yml"
