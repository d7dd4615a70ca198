"""The look of every figure and table: palette, text face, inline vector output.

A figure function takes data, draws on :func:`subplots` inside :func:`styled`, and returns
the matplotlib ``Figure``.  :func:`figure` turns that into an inline SVG whose colors are
CSS variables (so one picture serves the light and the dark page), and stores it under a
name that ``{glue:figure}`` finds.  The same figure always gives the same bytes.
"""

import functools
import html
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ..errors import InputError


def read_palette() -> dict[str, tuple[str, ...]]:
    """``name -> (light, dark)`` of the variables --pp-NAME in ``palette.css``, which the pages load too."""
    text = Path(__file__).with_name("palette.css").read_text(encoding="utf-8")
    entries: dict[str, tuple[str, ...]] = {}
    for name, color in re.findall(r"--pp-([a-z]+): (#[0-9a-f]{6});", text):
        entries[name] = (*entries.get(name, ()), color)
    return entries


PALETTE = read_palette()
COLORS = {name: light for name, (light, _) in PALETTE.items()}
INK, MUTED, RULE = COLORS["ink"], COLORS["muted"], COLORS["rule"]
OBJECTIVE, BOUND, BAND = COLORS["objective"], COLORS["bound"], COLORS["band"]
GREEN, GOLD, VIOLET = COLORS["green"], COLORS["gold"], COLORS["violet"]
CYCLE = (OBJECTIVE, BOUND, GREEN, GOLD, VIOLET, INK)
MARKERS = ("o", "s", "^", "D", "v", "P")  # use beside color, never color alone

TEXT_WIDTH = 6.8  # inches: the width of a line of the page
SEQUENTIAL = LinearSegmentedColormap.from_list("pp-sequential", ["#fbf8f1", BAND, OBJECTIVE, "#4a1208"])
DIVERGING = LinearSegmentedColormap.from_list("pp-diverging", [BOUND, "#f7f3ea", OBJECTIVE])

RC: dict[Any, Any] = {
    "font.family": "serif",
    "font.serif": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "cm",
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 10.5,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "lines.solid_capstyle": "round",
    "patch.linewidth": 0.8,
    "image.cmap": "pp-sequential",
    "image.interpolation": "nearest",
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",
    "svg.image_inline": True,
    "path.simplify": True,
    "path.simplify_threshold": 0.2,
}

for _map in (SEQUENTIAL, DIVERGING):
    if _map.name not in mpl.colormaps:
        mpl.colormaps.register(_map)


def context() -> AbstractContextManager[None]:
    """The style as a context manager: matplotlib's defaults, then ours, whatever a user's file says."""
    return mpl.rc_context({**mpl.rcParamsDefault, **RC, "backend": mpl.rcParams["backend"]})


def paired(items: Iterable[Any], *styles: Any) -> list[tuple[Any, ...]]:
    """``zip`` of the items with as many styles as they need; an item without a style is an error."""
    items = list(items)
    most = min(map(len, styles))
    if len(items) > most:
        raise InputError(f"at most {most} series can be told apart in this figure, not {len(items)}")
    return [(item, *look) for item, *look in zip(items, *styles, strict=False)]


def styled(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a figure function so that every artist it makes follows the style."""

    @functools.wraps(draw)
    def wrapper(*args, **kwargs):
        with context():
            return draw(*args, **kwargs)

    return wrapper


def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    width: Any = TEXT_WIDTH,
    height: float | None = None,
    aspect: float = 0.5,
    **kwargs: Any,
) -> tuple[Figure, Any]:
    """A styled ``Figure`` and its axes, outside pyplot, ``width`` inches wide.

    ``height`` defaults to ``aspect`` times the width; other arguments go to ``Figure.subplots``.
    """
    with context():
        fig = Figure(figsize=(width, height if height is not None else aspect * width), layout="constrained")
        FigureCanvasSVG(fig)
        return fig, fig.subplots(rows, columns, **kwargs)


def spelled(text: str) -> str:
    """The names that norms have in code, ``l1``, ``l2``, ``linf``, as mathematics."""
    text = re.sub(r"\blinf\b", r"$\\ell_\\infty$", text)
    return re.sub(r"\bl([12])\b", r"$\\ell_\1$", text)


class Picture:
    """A rendered figure: inline SVG for the notebook and the page, its text alternative elsewhere."""

    def __init__(self, svg: str, alt: str) -> None:
        self.svg, self.alt = svg, alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.svg, "text/plain": f"[figure: {self.alt}]"}

    def __repr__(self) -> str:
        return f"[figure: {self.alt}]"


def figure(fig: Figure, name: str, alt: str, *, seed: Any = None, rows: Any = None) -> None:
    """Show ``fig`` and store it as ``name`` for ``{glue:figure}``.

    ``alt`` says in words what is to be seen.  ``seed`` (a number or several) and ``rows``
    (the stored results it was drawn from) go into the passport line under the caption.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", name):
        raise ValueError(f"figure name '{name}' should look like 'page-fig-topic'.")
    if len(alt.split()) < 5:
        raise ValueError(f"figure '{name}' needs a text alternative that says what is to be seen.")
    passport = {"seed": seed, "rows": rows}
    picture = Picture(to_svg(fig, name, alt, passport), alt)
    _glue(name, picture)


def to_svg(fig: Figure, name: str, alt: str, passport: Mapping[str, Any] | None = None) -> str:
    """The figure as a string of inline SVG: same figure, same bytes.

    Colors of the palette become ``var(--pp-NAME, #hex)``; ids are prefixed with ``name``;
    coordinates are rounded to a hundredth of a point.
    """
    buffer = io.StringIO()
    with context(), mpl.rc_context({"svg.hashsalt": name}):
        FigureCanvasSVG(fig).print_svg(buffer, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", svg, flags=re.S)
    svg = _rename_ids(svg, name)
    svg = re.sub(r'(\s(?:d|x|y|points|width|height)=")([^"]*)', _round_numbers, svg)
    svg = re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: _VARIABLES.get(m.group().lower(), m.group()), svg)
    svg = re.sub(r"\s*\n\s*", "\n", re.sub(r"\s*\n(?=[MLQCz\"])", " ", svg)).replace(' "', '"')
    svg = re.sub(r"<g([^>]*)>\n((?:<use [^>]*/>\n){2,})</g>", _share_style, svg)
    data = "".join(
        f' data-{key}="{html.escape(_plain(value))}"'
        for key, value in (passport or {}).items()
        if value is not None
    )
    view = re.findall(r'viewBox="([^"]*)"', svg)[0]
    width = float(view.split()[2])
    label = html.escape(alt, quote=True)
    opening = (
        f'<svg class="pp-figure" data-figure="{name}"{data} role="img" aria-label="{label}" viewBox="{view}" '
        f'style="--pp-figure-width:{width / 72:.2f}in;width:100%;max-width:{width / 72:.2f}in;height:auto;'
        f'stroke-linejoin:round" xmlns="http://www.w3.org/2000/svg">'
    )
    return opening + svg[svg.index(">") + 1 :].strip()


_VARIABLES = {light: f"var(--pp-{name}, {light})" for name, light in COLORS.items()}


def _rename_ids(svg: str, name: str) -> str:
    """Drop the ids nobody refers to; prefix the others, so that two figures share a page."""
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m.group(1)}"' if m.group(1) in used else "", svg)
    svg = svg.replace("url(#", f"url(#{name}-")
    return svg.replace('xlink:href="#', f'href="#{name}-').replace('xlink:href="data:', 'href="data:')


def _share_style(match: Any) -> str:
    """Write the style that all markers of one group share once, on the group."""
    attributes, uses = match.groups()
    styles = set(re.findall(r' style="([^"]*)"', uses))
    if len(styles) != 1 or "style=" in attributes or uses.count(" style=") != uses.count("<use "):
        return match.group()
    style = f' style="{styles.pop()}"'
    return f"<g{attributes}{style}>\n{uses.replace(style, '')}</g>"


def _round_numbers(match: Any) -> str:
    def fix(number):
        value = round(float(number.group()), 2)
        return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"

    return match.group(1) + re.sub(r"-?\d+\.\d+(?:e-?\d+)?", fix, match.group(2))


def _plain(value: int) -> str:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return str(value)
    return ", ".join(str(item) for item in value)


def _glue(name: str, value: Any) -> None:
    """Show ``value``, marked so that MyST-NB's ``{glue:figure} name`` finds it; needs only IPython."""
    try:
        from IPython.display import display
    except ImportError:
        print(repr(value))
        return
    metadata = {"scrapbook": {"name": name, "mime_prefix": ""}}
    display(value._repr_mimebundle_(), raw=True, metadata=metadata)


class Table:
    """Rows under named columns, as HTML on the page and aligned text elsewhere."""

    def __init__(self, columns: Any, rows: Iterable[Any], caption: str | None = None) -> None:
        self.columns, self.rows, self.caption = list(columns), [list(row) for row in rows], caption

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{_text_html(str(c))}</th>' for c in self.columns)
        body = "".join("<tr>" + "".join(map(_cell_html, row)) + "</tr>" for row in self.rows)
        caption = f"<caption>{_text_html(self.caption)}</caption>" if self.caption else ""
        return f'<table class="pp-table">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def __repr__(self) -> str:
        lines = [[str(c) for c in self.columns], *([_cell_text(c) for c in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join(([self.caption] if self.caption else []) + text)


def table(rows: Any, caption: str | None = None) -> Table:
    """A table from a list of mappings or a pandas ``DataFrame``.

    The keys of the first row are the columns.  A truth value is a verdict: it shows as a mark
    and a word ("✓ holds", "✗ fails"), never as a color alone.  A float shows with four digits:
    format it yourself where another number of digits is meant.  ``$...$`` in a string is
    mathematics.
    """
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    rows = [dict(row) for row in rows]
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise ValueError("a table needs at least one row, each a mapping from column to value.")
    columns = list(rows[0])
    if any(list(row) != columns for row in rows):
        raise ValueError(f"every row of a table needs the columns {columns}, in that order.")
    return Table(columns, [[row[c] for c in columns] for row in rows], caption)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in {"bool", "bool_"}


def _cell_text(value: Any) -> str:
    if _is_truth(value):
        return "✓ holds" if value else "✗ fails"
    if isinstance(value, str):
        return value
    if hasattr(value, "__float__") and not hasattr(value, "__index__"):
        number = float(value)
        return f"{number:.4g}" if math.isfinite(number) else str(number)
    return str(value)


def _text_html(text: str) -> str:
    """Escape, and mark ``$...$`` as the mathematics that it is."""
    return re.sub(
        r"\$([^$]+)\$", r'<span class="math notranslate nohighlight">\\(\1\\)</span>', html.escape(text)
    )


def _cell_html(value: Any) -> str:
    text = _cell_text(value)
    if _is_truth(value):
        return f'<td class="{"pp-holds" if value else "pp-fails"}">{text}</td>'
    if isinstance(value, str):
        return f"<td>{_text_html(text)}</td>"
    text = re.sub(r"e([+-])0*(\d+)$", lambda m: f" × 10<sup>{'−' * (m[1] == '-')}{m[2]}</sup>", text)
    return f'<td class="pp-number">{text.replace("-", "−")}</td>'
