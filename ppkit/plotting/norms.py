"""Pictures of norms between pairs of norms: how loose a bound is, and how boxes of directions close."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BOUND, CYCLE, INK, MARKERS, OBJECTIVE, RULE, paired, spelled, styled, subplots


@styled
def ratios(panels: Any) -> Figure:
    """Ratios of an upper to a lower end against the size, one dot a draw, a line at the constant.

    ``panels`` maps a title to ``(sizes (K,), ratios (K, draws), constant or None)``.
    """
    fig, axes = subplots(1, len(panels), aspect=0.4, squeeze=False)
    for ax, (title, (sizes, values, constant)) in zip(axes[0], panels.items(), strict=True):
        values = np.asarray(values)
        at = np.repeat(np.asarray(sizes, float), values.shape[1])
        ax.plot(at, values.ravel(), "o", color=OBJECTIVE, ms=3.5, mfc="none")
        ax.plot(sizes, values.mean(axis=1), "-", color=OBJECTIVE, lw=1.2)
        ax.axhline(1, color=INK, lw=0.7, ls=(0, (1, 2)))
        if constant is not None:
            ax.axhline(constant, color=BOUND, lw=1.2)
        ax.set(title=spelled(title), xlabel="rows = columns", xticks=sizes)
    axes[0][0].set_ylabel("upper end / lower end")
    return fig


@styled
def boxes(panels: Any) -> Figure:
    """A function of the direction (1, t) under the bounds of boxes of directions.

    ``panels`` maps a title to ``(t (K,), value (K,), lo (B,), hi (B,), bound (B,))``.
    """
    fig, axes = subplots(1, len(panels), aspect=0.42, squeeze=False, sharey=True)
    for ax, (title, (t, value, lo, hi, bound)) in zip(axes[0], panels.items(), strict=True):
        ax.hlines(bound, lo, hi, color=BOUND, lw=1.6)
        ax.vlines(np.unique(np.concatenate([lo, hi])), 0, np.max(bound), color=RULE, lw=0.6, zorder=0)
        ax.plot(t, value, color=OBJECTIVE)
        ax.set(title=title, xlabel="$t$", ylim=(0, None))
    axes[0][0].set_ylabel("value over norm")
    return fig


@styled
def closing(curves: Any, xlabel: str = "boxes", ylabel: str = "relative width of the interval") -> Figure:
    """Widths of intervals against the work spent, ``curves`` maps a name to ``(work, width)``."""
    fig, ax = subplots(aspect=0.45)
    for (name, (work, width)), color, marker in paired(curves.items(), CYCLE, MARKERS):
        ax.plot(work, width, marker=marker, color=color, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale="log", yscale="log")
    ax.grid(axis="y")
    ax.legend()
    return fig
