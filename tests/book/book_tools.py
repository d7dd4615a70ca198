"""The book as the tests see it: its sources, and its pages, built when they are out of date."""

import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent


def load_tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def toc_files():
    """Every page of the table of contents, in reading order, as paths without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())

    def visit(node):
        if isinstance(node, list):
            for item in node:
                yield from visit(item)
        elif isinstance(node, dict):
            if "file" in node:
                yield node["file"]
            for key in ("parts", "chapters", "sections"):
                yield from visit(node.get(key, []))

    return [toc["root"], *visit(toc)]


def sources(suffix):
    """The sources of the book that end so, each as an id and a path."""
    paths = [ROOT / f"{name}{suffix}" for name in toc_files()]
    return [
        pytest.param(path, id=path.relative_to(ROOT / "book").as_posix()) for path in paths if path.exists()
    ]
