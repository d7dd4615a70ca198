"""The style: the page's colors, figures equal byte for byte, tables that say their verdict in words."""

import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml

import ppkit
from ppkit import plotting as draw
from ppkit.plotting import style

ROOT = Path(__file__).resolve().parent.parent.parent
SHEETS = (ROOT / "ppkit" / "plotting" / "palette.css", ROOT / "book" / "_static" / "theme.css")
CSS = [path.read_text() for path in SHEETS]
LINES = ("ink", "muted", "objective", "bound", "green", "gold", "violet")
MAKE = r"""
from ppkit.plotting import style
import numpy as np

@style.styled
def sketch():
    fig, axes = style.subplots(1, 2)
    t = np.linspace(0, 1, 50)
    axes[0].plot(t, np.exp(-t), label=r"$\Omega^\circ$")
    axes[0].fill_between(t, 0, t, color=style.BAND)
    axes[0].legend()
    axes[1].scatter(t, t**2); axes[1].imshow(np.outer(t, t)); axes[1].grid(True)
    return fig
""".replace("\\\\\\\\", "\\\\")


def sketch():
    space = {}
    exec(MAKE, space)
    return space["sketch"]()


def css_palette(theme):
    """``name -> color`` of what both sheets say about a theme; each color stands in one of them."""
    blocks = [re.search(rf'html\[data-theme="{theme}"\] {{(.*?)}}', sheet, re.S).group(1) for sheet in CSS]
    colors, own = (dict(re.findall(r"--pp-([a-z]+): (#[0-9a-f]{6});", block)) for block in blocks)
    assert not set(colors) & set(own)
    aliases = dict(re.findall(r"--pp-([a-z]+): var\(--pp-([a-z]+)\);", blocks[1]))
    return colors | own | {name: colors[other] for name, other in aliases.items()}


def linear(color):
    value = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    light = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


# Viénot, Brettel and Mollon (1999): what dichromats see, in linear RGB.
PROTAN = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
DEUTAN = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])


def lab(color, vision=None):
    rgb = linear(color) if vision is None else np.clip(vision @ linear(color), 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 1e-4))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(("index", "theme"), [(0, "light"), (1, "dark")])
def test_palette_is_read_from_the_sheet_that_the_pages_load(index, theme):
    page = css_palette(theme)
    assert {name: pair[index] for name, pair in style.PALETTE.items()} == {n: page[n] for n in style.PALETTE}
    assert set(LINES) < set(style.PALETTE)
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    assert config["html_css_files"] == ["palette.css", "theme.css"]
    assert SHEETS[0] in [ROOT / path for path in config["html_static_path"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_stand_out_from_the_paper(theme):
    page = css_palette(theme)
    assert min(contrast(page[name], page["paper"]) for name in LINES) >= 3
    assert min(contrast(page[name], page["paper"]) for name in ("ink", "muted", "accent")) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("vision", [None, PROTAN, DEUTAN], ids=["trichromat", "protan", "deutan"])
def test_first_colors_of_the_cycle_differ_for_every_eye(theme, vision):
    page = css_palette(theme)
    colors = [lab(page[name], vision) for name in ("objective", "bound", "green", "gold")]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colors, 2)) >= 15


def test_same_figure_same_bytes_in_another_process():
    code = MAKE + "print(style.to_svg(sketch(), 'x-fig-sketch', 'a sketch of two panels side by side'))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.strip() == style.to_svg(
        sketch(), "x-fig-sketch", "a sketch of two panels side by side"
    )


def test_svg_is_fit_for_a_page():
    svg = style.to_svg(sketch(), "x-fig-sketch", 'two panels, "left" and <right>', {"seed": 3})
    assert svg.startswith('<svg class="pp-figure" data-figure="x-fig-sketch" data-seed="3" role="img"')
    assert 'aria-label="two panels, &quot;left&quot; and &lt;right&gt;"' in svg
    assert all(i.startswith("x-fig-sketch-") for i in re.findall(r' id="([^"]+)"', svg))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= set(re.findall(r' id="([^"]+)"', svg))
    assert "var(--pp-objective, #b22d1e)" in svg
    assert not re.search(r"<style|<metadata|<\?xml|<!DOCTYPE|<text", svg)


def test_a_user_s_matplotlib_settings_change_nothing():
    import matplotlib as mpl

    before = style.to_svg(sketch(), "x-fig-sketch", "a sketch of two panels side by side")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert style.to_svg(sketch(), "x-fig-sketch", "a sketch of two panels side by side") == before


def test_figure_wants_a_name_and_a_real_text_alternative():
    with pytest.raises(ValueError, match="page-fig-topic"):
        draw.figure(sketch(), "Sketch", alt="a sketch of two panels side by side")
    with pytest.raises(ValueError, match="what is to be seen"):
        draw.figure(sketch(), "x-fig-sketch", alt="a plot")


def test_table_says_its_verdict_in_words():
    rows = [{"theory": r"$\rho \le 1$", "measured": 3.2e-9, "verdict": np.bool_(True)}]
    rows += [{"theory": "a < b", "measured": -0.5, "verdict": False}]
    table = draw.table(rows, caption="T3")
    page = table._repr_html_()
    assert '<td class="pp-holds">✓ holds</td>' in page and '<td class="pp-fails">✗ fails</td>' in page
    assert r'<span class="math notranslate nohighlight">\(\rho \le 1\)</span>' in page
    assert "3.2 × 10<sup>−9</sup>" in page and "a &lt; b" in page and "−0.5" in page
    assert "✓ holds" in repr(table) and "3.2e-09" in repr(table)


def test_table_takes_a_data_frame():
    import pandas as pd

    frame = pd.DataFrame({"theory": ["x"], "verdict": [True]})
    assert draw.table(frame)._repr_html_() == draw.table([{"theory": "x", "verdict": True}])._repr_html_()


@pytest.mark.parametrize("rows", [[], [{"a": 1}, {"b": 2}]])
def test_table_refuses_ragged_rows(rows):
    with pytest.raises(ValueError, match="row"):
        draw.table(rows)


def test_plotting_is_lazy():
    code = "import sys; from ppkit import plotting; assert 'matplotlib' not in sys.modules; plotting.table"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="its topics are"):
        draw.nothing_like_this  # noqa: B018


def test_no_series_is_left_out_of_a_figure():
    found = style.paired({"a": 1, "b": 2}.items(), ("red", "blue", "green"), "os^")
    assert found == [(("a", 1), "red", "o"), (("b", 2), "blue", "s")]
    with pytest.raises(ppkit.InputError, match="at most 6 series"):
        draw.generalization.against_samples([1, 2], {str(k): [1, 1] for k in range(7)})
