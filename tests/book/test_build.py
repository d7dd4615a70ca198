"""The book builds without a warning, points nowhere that does not exist, and loads nothing from elsewhere."""

from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from book_tools import ROOT, load_tool, toc_files

pytestmark = pytest.mark.book


class Page(HTMLParser):
    """What a page defines (ids), links to, and loads."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loads = set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids.update(values[key] for key in ("id", "name") if values.get(key))
        if tag == "a" and values.get("href"):
            self.links.add(values["href"])
        if values.get("src"):
            self.loads.add(values["src"])
        if tag == "link" and values.get("href") and values.get("rel") not in ("canonical", "author"):
            self.loads.add(values["href"])


@pytest.fixture(scope="module")
def pages(built_book):
    skip = ("_static", "_sources")
    found = [p for p in built_book.rglob("*.html") if p.relative_to(built_book).parts[0] not in skip]
    return {path: Page(path) for path in found}


def test_every_page_of_the_contents_is_built(built_book):
    missing = [name for name in toc_files() if not (built_book / f"{name}.html").exists()]
    assert not missing


def test_log_has_no_warning(built_book):
    log = (ROOT / "_build" / "book.log").read_text()
    assert "build succeeded" in log
    assert [line for line in log.splitlines() if "WARNING:" in line] == []


def test_building_again_does_nothing(built_book):
    assert load_tool("build_book").is_current()


def test_links_lead_somewhere(pages, built_book):
    broken = []
    for path, page in pages.items():
        for link in page.links | page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append(f"{path.relative_to(built_book)}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                broken.append(f"{path.relative_to(built_book)}: {link} (no such place)")
    assert broken == []


def test_nothing_is_loaded_from_another_host(pages):
    outside = {load for page in pages.values() for load in page.loads if urlsplit(load).netloc}
    assert outside == set()


def test_no_path_of_this_machine_is_published(pages):
    told = [str(path) for path in pages if str(ROOT) in path.read_text()]
    assert told == []
