"""One build of the book for all tests that look at its pages."""

import fcntl

import pytest
from book_tools import ROOT, load_tool


@pytest.fixture(scope="session")
def built_book():
    """The folder of the built pages; builds them once, also under pytest-xdist."""
    build = load_tool("build_book")
    (ROOT / "_build").mkdir(exist_ok=True)
    with (ROOT / "_build" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not build.is_current():
            assert build.build() == 0, "the book has warnings: see _build/book.log"
    return build.HTML
