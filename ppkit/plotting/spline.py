"""Networks of one input: splines with their kinks, the alignment over knots, second derivatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BAND, BOUND, GREEN, INK, MARKERS, MUTED, OBJECTIVE, VIOLET, paired, styled, subplots

LINES = ((OBJECTIVE, "-"), (BOUND, "--"), (GREEN, "-."), (VIOLET, ":"))


@styled
def curves(
    x: Any,
    y: Any,
    functions: Any,
    kinks: Any = None,
    labels: Sequence[str] = ("input", "target and prediction"),
) -> Figure:
    """Data and functions: ``functions`` maps a name to ``(t, f)``; ``kinks`` are points on the first."""
    fig, ax = subplots(aspect=0.5)
    ax.plot(x, y, "o", color=MUTED, ms=3 if len(x) > 60 else 5, alpha=0.6 if len(x) > 60 else 1, label="data")
    for (name, (t, f)), (color, dash) in paired(functions.items(), LINES):
        ax.plot(t, f, dash, color=color, label=name)
    if kinks is not None:
        ax.plot(*kinks, "D", mfc="none", mec=INK, ms=6, label="kinks")
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.legend()
    return fig


@styled
def alignment(t: Any, right: Any, left: Any, lam: float, units: Any) -> Figure:
    """Alignment of hinges with a residual over their knots, one curve for each orientation.

    ``units`` maps an orientation, +1 or -1, to the knots and values of the network's own hinges.
    """
    fig, ax = subplots(aspect=0.46)
    ax.axhspan(-lam, lam, color=BAND, alpha=0.5, lw=0)
    for level in (-lam, lam):
        ax.axhline(level, color=BOUND, lw=1.1)
    ax.annotate(r"$\lambda$", (t[-1], lam), (4, -3), textcoords="offset points", color=BOUND)
    ax.annotate(r"$-\lambda$", (t[-1], -lam), (4, -3), textcoords="offset points", color=BOUND)
    rows = ((right, 1, OBJECTIVE, "-", "active to the right"), (left, -1, VIOLET, "--", "active to the left"))
    for (values, side, color, dash, name), marker in paired(rows, MARKERS):
        ax.plot(t, values, dash, color=color, lw=1.4, label=name)
        ax.plot(*units[side], marker, color=color, ms=6)
    ax.margins(x=0)
    ax.set(xlabel="knot $t$", ylabel="alignment with the residual")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderaxespad=0.0)
    return fig


@styled
def second_derivative(x: Any, y: Any, functions: Any, kinks: Any, density: Any) -> Figure:
    """Two ways through the same points, and where each of them bends.

    Left, data and ``functions`` (name to ``(t, f)``).  Right, second derivatives: ``kinks`` is a pair
    ``(knots, weights)`` drawn as stems, ``density`` a pair ``(t, values)`` on an axis of its own.
    """
    fig, (left, right) = subplots(1, 2, height=3.2)
    left.plot(x, y, "o", color=MUTED, label="data")
    for (name, (t, f)), (color, dash) in paired(functions.items(), LINES):
        left.plot(t, f, dash, color=color, label=name)
    left.set(xlabel="input", ylabel="prediction")
    left.legend(fontsize=8.5)
    right.axhline(0, color=MUTED, lw=0.8)
    right.vlines(kinks[0], 0, kinks[1], color=OBJECTIVE)
    right.plot(*kinks, "o", color=OBJECTIVE)
    right.set(xlabel="input", ylabel="weights of the kinks")
    top = 1.15 * np.max(np.abs(kinks[1]))
    right.set_ylim(-top, top)
    other = right.twinx()
    other.spines["right"].set_visible(True)
    other.plot(*density, "--", color=BOUND)
    most = 1.15 * np.max(np.abs(density[1]))
    other.set_ylim(-most, most)
    other.set_ylabel("density of $f''$")
    return fig
