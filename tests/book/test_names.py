"""What pages and labs call by its name in the package is there, and so is the code that they show."""

import ast
import json
import pkgutil
import re

import pytest
from book_tools import sources

PAGES, LABS = sources(".md"), sources(".ipynb")
DOTTED = re.compile(r"\bppkit(?:\.[A-Za-z_]\w*)+")
IMPORTED = re.compile(r"^from (ppkit[\w.]*) import ([\w, ]+)$", re.M)
SHOWN = re.compile(r"\{literalinclude\} *(\S+)\n((?::[^\n]*\n)*)")


def text(path):
    """A page, or the sources of a lab's cells."""
    if path.suffix != ".ipynb":
        return path.read_text()
    return "\n\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])


def named(text):
    """Dotted names of the package: those written out, and those that an import line asks for."""
    imported = (
        f"{room}.{name.split()[0]}" for room, names in IMPORTED.findall(text) for name in names.split(",")
    )
    return sorted({*DOTTED.findall(text), *imported})


def missing(names):
    """Those of ``names`` that nothing answers to."""
    out = []
    for name in names:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            out.append(name)
    return out


def defined(code, name):
    """Whether ``code`` defines the dotted ``name``."""
    body = ast.parse(code).body
    for part in name.split("."):
        node = next((node for node in body if getattr(node, "name", None) == part), None)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return True


@pytest.mark.parametrize("path", PAGES + LABS)
def test_names_of_the_package_exist(path):
    assert missing(named(text(path))) == []


@pytest.mark.parametrize("path", PAGES)
def test_shown_code_exists(path):
    for file, options in SHOWN.findall(text(path)):
        code = (path.parent / file).resolve()
        assert code.exists(), file
        for name in re.findall(r":pyobject: *(\S+)", options):
            assert defined(code.read_text(), name), f"{file} has no {name}"


def test_a_name_that_moved_is_found():
    told = (
        "`ppkit.fit.stationary`\nfrom ppkit.families.base import zero_network, Family\nppkit.certify(p, W)\n"
    )
    assert missing(named(told)) == ["ppkit.families.base.zero_network", "ppkit.fit.stationary"]
    assert not defined("class A:\n    def f(self): pass\n", "A.g")
    assert defined("class A:\n    def f(self): pass\n", "A.f")
