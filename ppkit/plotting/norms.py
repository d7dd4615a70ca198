"""Pictures of norms between pairs of norms: how loose a bound is, and how boxes of directions close."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import (
    BAND,
    BOUND,
    CYCLE,
    INK,
    MARKERS,
    MUTED,
    OBJECTIVE,
    RULE,
    paired,
    spelled,
    styled,
    subplots,
)


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


@styled
def square() -> Figure:
    """The square of all ``u`` with entries in [-1, 1], inside the ellipses of three pairs of weights."""
    fig, ax = subplots(aspect=0.5)
    angle = np.linspace(0, 2 * np.pi, 181)
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]])
    names = {0.5: "weights 1/2, 1/2", 0.8: "weights 4/5, 1/5", 0.2: "weights 1/5, 4/5"}
    ax.fill(*corners.T, color=BAND, alpha=0.75, lw=0)
    ax.plot(*corners.T, color=OBJECTIVE, label="entries in [-1, 1]")
    looks = (BOUND, MUTED, MUTED), ("-", (0, (4, 2)), (0, (1, 2)))
    for (weight, name), color, dash in paired(names.items(), *looks):
        outline = np.cos(angle) / np.sqrt(weight), np.sin(angle) / np.sqrt(1 - weight)
        ax.plot(*outline, color=color, ls=dash, label=name)
    ax.plot(*corners[:4].T, "o", color=OBJECTIVE, ms=5)
    ax.set(xlabel="$u_1$", ylabel="$u_2$", aspect="equal", xlim=(-2.5, 2.5), ylim=(-2.4, 2.4))
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return fig
