"""Every page in a real browser: mathematics set, figures shown, nothing overflows, no other host is asked."""

import http.server
import subprocess
import threading
from functools import partial
from urllib.parse import urlsplit

import pytest
from book_tools import ROOT, toc_files

from ppkit.experiments.grids import GRIDS
from ppkit.experiments.store import Store

pytestmark = [pytest.mark.book, pytest.mark.browser]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 375, "height": 800}
NARROW = (768, 412, 390, 360)  # a tablet and three phones


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def address(built_book):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=built_book))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    from playwright.sync_api import sync_playwright

    find = subprocess.run(["sh", ROOT / "tools" / "find_chromium.sh"], capture_output=True, text=True)
    assert find.returncode == 0, "no Chromium: `make chromium` installs it, or set CHROMIUM=/path/to/chromium"
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=find.stdout.strip(), args=list(FLAGS)
        )
        yield context
        context.close()


@pytest.fixture
def visit(browser, address):
    """Open a page of the book; every request, console error and failure is kept on the result."""
    opened = []

    def open_page(name, viewport=WIDE, color_scheme="light"):
        page = browser.new_page()
        opened.append(page)
        page.problems, page.hosts = [], set()
        page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("requestfailed", lambda request: page.problems.append(f"failed: {request.url}"))
        page.on(
            "response", lambda r: page.problems.append(f"{r.status}: {r.url}") if r.status >= 400 else None
        )
        page.on("request", lambda request: page.hosts.add(urlsplit(request.url).netloc))
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme)
        page.goto(f"{address}/{name}.html", wait_until="load")
        page.evaluate("async () => { if (window.MathJax?.startup) await MathJax.startup.promise; }")
        return page

    yield open_page
    for page in opened:
        page.close()


INSPECT = """() => {
  const article = document.querySelector('.bd-article');
  const all = selector => [...article.querySelectorAll(selector)];
  const prose = article.cloneNode(true);
  prose.querySelectorAll('pre, code, script, mjx-container, svg').forEach(e => e.remove());
  return {
    unset: all('.math').filter(m => !m.querySelector('mjx-container')).map(m => m.textContent),
    errors: all('mjx-merror, [data-mjx-error]').map(e => e.textContent),
    dollars: prose.textContent.match(/.{0,40}[$].{0,40}/g) || [],
    flat: all('svg.pp-figure').filter(s => s.getBoundingClientRect().height < 40).map(s => s.dataset.figure),
    missing: [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src),
    ids: all('svg.pp-figure [id]').map(e => e.id),
  };
}"""

OVERFLOW = """() => [...document.querySelectorAll('.bd-article :is(p, h1, h2, h3, li, pre, figcaption)')]
  .filter(e => !e.closest('.output, table, aside, mjx-container, pre pre'))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.textContent.slice(0, 80))"""

CUT = """() => [...document.querySelectorAll('.bd-article :is(pre, table, div.math, mjx-container)')]
  .filter(e => e.getClientRects().length && !e.closest('details, .toggle, .pp-foot'))
  .map(e => e.matches('table') ? e.parentElement : e)
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth < 800)
  .filter(e => getComputedStyle(e).overflowX !== 'visible')
  .map(e => `${e.tagName} ${e.clientWidth} ${e.scrollWidth} ${e.textContent.slice(0, 60)}`)"""

CONTRAST = """() => {
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(v => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const ratio = l => (Math.max(l, paper) + .05) / (Math.min(l, paper) + .05);
  const parts = ['.bd-article p', '.bd-article h1', '.bd-article a.reference', '.pp-foot', '.pp-label'];
  return Object.fromEntries(parts.filter(s => document.querySelector(s)).map(
    s => [s, ratio(light(getComputedStyle(document.querySelector(s)).color))]));
}"""


@pytest.mark.parametrize("name", toc_files())
def test_page(name, visit, address):
    """On a wide screen and, resized, on a phone."""
    page = visit(name)
    assert page.problems == []
    assert page.hosts - {"", urlsplit(address).netloc} == set()
    found = page.evaluate(INSPECT)
    assert found["unset"] == [], "mathematics that MathJax did not set"
    assert found["errors"] == [], "TeX that MathJax could not read"
    assert found["dollars"] == [], "a dollar sign is left in the text: mathematics that was not parsed"
    assert page.evaluate(CUT) == [], "code, a table or a formula that is cut off beside a free margin"
    assert found["flat"] == found["missing"] == [], "pictures that do not show"
    assert len(found["ids"]) == len(set(found["ids"])), "two figures of the page share an id"

    for width in (PHONE["width"], *NARROW):
        page.set_viewport_size({**PHONE, "width": width})
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "wider than the screen"
        assert page.evaluate(OVERFLOW) == [], f"text that leaves a screen of {width} pixels"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_modes(scheme, visit):
    for name in toc_files()[:3]:
        page = visit(name, color_scheme=scheme)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        ratios = page.evaluate(CONTRAST)
        assert min(ratios.values()) >= 4.5, (name, ratios)
        page.close()


def test_proofs_fold(visit):
    for name in toc_files():
        page = visit(name)
        button = page.locator(".pp-fold").first
        if button.count():
            box = page.locator(".proof:has(.pp-fold)").first
            tall = box.bounding_box()["height"]
            button.click()
            assert button.get_attribute("aria-expanded") == "false"
            assert box.bounding_box()["height"] < tall
            return
    pytest.fail("no page has a proof")


def test_measure_is_65_to_80_characters(visit):
    """The width of a line of running text, in characters of its own face."""
    page = visit(toc_files()[0])
    characters = page.evaluate(
        """() => {
          const all = [...document.querySelectorAll('.bd-article section > p')];
          const p = all.find(p => p.textContent.length > 40);
          const probe = document.createElement('span');
          probe.textContent = 'the quick brown fox jumps over a lazy dog and then sleeps until noon';
          p.append(probe); probe.style.whiteSpace = 'nowrap';
          const each = probe.getBoundingClientRect().width / probe.textContent.length;
          const width = p.getBoundingClientRect().width; probe.remove(); return width / each;
        }"""
    )
    assert 62 <= characters <= 80


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_row_can_be_picked(viewport, visit):
    page = visit("book/scaling/results", viewport)
    told, points = page.locator(".pp-rows-told"), page.locator(".pp-rows-chart > svg > circle")
    for name in GRIDS:
        rows = Store(ROOT / "results" / name).rows()
        page.select_option(".pp-rows-choice", name)
        told.get_by_text(f"{len(rows)} trained students").wait_for()
        assert points.count() == len(rows)
        page.locator(".pp-rows-chart").press("ArrowLeft")
        command = page.locator(".pp-rows-command code").inner_text().split()
        assert command[:5] == ["ppkit", "sweep", "rerun", name, "--key"] and command[5] in rows
        chosen = page.locator(".pp-rows-chosen")
        point = {"x": float(chosen.get_attribute("cx")), "y": float(chosen.get_attribute("cy"))}
        page.locator(".pp-rows-chart").press("ArrowRight")
        assert page.locator(".pp-rows-command code").inner_text().split()[5] != command[5]
        page.locator(".pp-rows-chart").click(position=point)
        found = [float(chosen.get_attribute(c)) for c in ("cx", "cy")]
        assert found == pytest.approx(list(point.values()), abs=2.0), "a click takes the nearest point"
        row = rows[page.locator(".pp-rows-command code").inner_text().split()[5]]
        shown = told.locator("dd").all_inner_texts()
        assert shown[1:3] == [str(row["teacher"]), str(row["n_samples"])] and shown[5] == str(row["seed"])
        assert float(shown[6].split()[0]) == pytest.approx(row["error"], rel=1e-3)
    assert page.problems == []
