"""Pictures of norms induced by pairs of norms: balls in planes of matrices, and lines of a residual."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BOUND, CYCLE, INK, MARKERS, MUTED, OBJECTIVE, RULE, paired, spelled, styled, subplots

STYLES = ("-", (0, (6, 2.5)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))


@styled
def balls(planes: Any) -> Figure:
    """Unit balls in planes of matrices, one panel each, several outlines in a panel.

    ``planes`` maps a title to ``{name: outline (K, 2)}``; outlines that coincide share a name.
    """
    fig, axes = subplots(1, len(planes), aspect=0.5, squeeze=False)
    for ax, (title, outlines) in zip(axes[0], planes.items(), strict=True):
        ax.axhline(0, color=RULE, lw=0.8, zorder=0)
        ax.axvline(0, color=RULE, lw=0.8, zorder=0)
        for (name, outline), color, dash in paired(outlines.items(), CYCLE, STYLES):
            ax.plot(*np.vstack([outline, outline[:1]]).T, color=color, ls=dash, label=spelled(name))
        reach = 1.12 * max(np.max(np.abs(outline)) for outline in outlines.values())
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), title=title, xlabel="$x$", aspect="equal")
        ax.locator_params(nbins=5)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), handlelength=2.4, fontsize=9)
    axes[0][0].set_ylabel("$y$")
    return fig


@styled
def lines(panels: Any) -> Figure:
    """Dual norms of the lines of a residual over lambda, filled where the network uses the line.

    ``panels`` maps a title to ``(values (K,), used (K,) of truth values)``; lines are sorted by value.
    """
    fig, axes = subplots(1, len(panels), aspect=0.42, squeeze=False, sharey=True)
    for ax, (title, (values, used)) in zip(axes[0], panels.items(), strict=True):
        order = np.argsort(-np.asarray(values) - 1e-6 * np.asarray(used), kind="stable")
        values, used = np.asarray(values)[order], np.asarray(used, bool)[order]
        index = np.arange(1, len(values) + 1)
        ax.axhline(1, color=BOUND, lw=1.2)
        ax.vlines(index, 0, values, color=RULE, lw=1.0)
        ax.plot(index[used], values[used], "o", color=OBJECTIVE, ms=4)
        ax.plot(index[~used], values[~used], "o", color=OBJECTIVE, mfc="none", ms=4)
        ax.set(title=spelled(title), xlabel="line, sorted", ylim=(0, 1.15))
    axes[0][0].set_ylabel(r"dual norm$\,/\,\lambda$")
    return fig


@styled
def recovery(x: Any, curves: Any, xlabel: str, marks: Any = ()) -> Figure:
    """Relative error of recovered matrices, ``curves`` maps a name to errors (K,); ``marks`` are x values."""
    fig, ax = subplots(aspect=0.45)
    for at in marks:
        ax.axvline(at, color=MUTED, lw=1.0, ls=(0, (4, 3)))
    for (name, error), color, marker in paired(curves.items(), CYCLE, MARKERS):
        ax.plot(x, error, marker=marker, color=color, label=spelled(name))
    ax.axhline(1, color=INK, lw=0.7, ls=(0, (1, 2)))
    ax.set(xlabel=xlabel, ylabel="relative error", yscale="log")
    ax.grid(axis="y")
    ax.legend()
    return fig
