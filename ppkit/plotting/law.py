"""Figures of the width law: the collapse of errors, what breaks it, the cone in which it is proved."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import BAND, BOUND, CYCLE, INK, MARKERS, MUTED, OBJECTIVE, RULE, paired, styled, subplots


@styled
def collapse(curves: Any, dim: int, noise: float) -> Figure:
    """Errors against N for each width, and the same errors in units of ``noise^2 R D / N``.

    ``curves`` maps a width R to ``(N, errors)``, errors of shape (draws, len(N)).
    """
    fig, (left, right) = subplots(1, 2, height=3.0)
    for (R, (N, errors)), color, marker in paired(curves.items(), CYCLE, MARKERS):
        N, unit = np.asarray(N, float), noise**2 * R * dim / np.asarray(N, float)
        middle, low, high = (np.quantile(errors, q, axis=0) for q in (0.5, 0.0, 1.0))
        for ax, x, scale in ((left, N, 1.0), (right, N / (R * dim), unit)):
            ax.plot(x, middle / scale, color=color, marker=marker, label=f"$R = {R}$")
            ax.fill_between(x, low / scale, high / scale, color=color, alpha=0.14, lw=0)
    left.set(xscale="log", yscale="log", xlabel="samples $N$", title=r"error $\Vert M - M^\star\Vert_F^2$")
    right.set(xscale="log", xlabel="$N / (R D)$", title=r"error in units of $\sigma^2 R D / N$")
    right.set_ylim(bottom=0)
    left.yaxis.set_minor_formatter("")
    for ax in (left, right):
        ax.grid(axis="y")
    ticks = sorted({float(n) / (R * dim) for R, (N, _) in curves.items() for n in N})
    _ticks(right, ticks, [f"{t:g}" for t in ticks])
    left.legend(loc="lower left")
    return fig


@styled
def controls(panels: Any) -> Figure:
    """One panel for each control: ``title -> (x, ticks, xlabel, series)``, series ``name -> (values, law)``.

    ``ticks`` are the labels of ``x``; ``law`` is a thin line beside the measured ``values``, or None.
    """
    fig, axes = subplots(1, len(panels), height=3.1)
    for ax, (title, (x, ticks, xlabel, series)) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for (name, (values, law)), color, marker in paired(series.items(), CYCLE, MARKERS):
            ax.plot(x, values, color=color, marker=marker, label=name)
            if law is not None:
                ax.plot(x, law, color=color, lw=0.9, ls=(0, (4, 3)))
        ax.set(xscale="log", yscale="log", xlabel=xlabel, title=title)
        _ticks(ax, x, ticks)
        ax.yaxis.set_minor_formatter("")
        ax.legend(fontsize=8.5)
        ax.grid(axis="y")
    return fig


def _ticks(ax: Axes, x: Any, labels: Sequence[str]) -> None:
    """Labels at the given abscissas of a logarithmic axis and nowhere else."""
    ax.set_xticks(x, labels)
    ax.xaxis.set_minor_formatter("")


@styled
def cone(opening: Any = 4.0) -> Figure:
    """The plane of diagonal 2 x 2 matrices: nuclear norm ball, the teacher's cone, data flat outside it."""
    fig, ax = subplots(1, 1, width=5.4, height=3.9)
    left, right, top = -1.25, 2.3, 1.15
    for sign, reach in ((1, right - 1), (-1, 1 - left)):
        edge = np.array([top / opening, reach])
        x = 1 + sign * np.array([0, *edge, *edge[::-1]])
        ax.fill(x, [0, top, top, -top, -top], color=RULE, alpha=0.45, lw=0)
        for side in (1, -1):
            ax.plot([1, x[1]], [0, side * top], color=MUTED, lw=0.8)
    ax.fill([1, 0, -1, 0], [0, 1, 0, -1], color=BAND, alpha=0.8, lw=0)
    ax.annotate(r"$\Vert M\Vert_* \leq \Vert M^\star\Vert_*$", (-0.02, -0.05), color=INK, ha="center")
    ax.annotate("the cone", (1.75, 0.55), color=MUTED, ha="center")
    for shift in (-0.06, 0.06):
        ax.plot([0.96 + shift, 1.04 + shift], [-top, top], color=OBJECTIVE, lw=1.2, ls=(0, (5, 3)))
    ax.annotate(
        "matrices that the\ndata tell apart badly", (1.4, -0.62), color=OBJECTIVE, ha="left", va="top"
    )
    ax.plot(1, 0, "o", color=INK, ms=5, zorder=5)
    ax.annotate(r"$M^\star$", (1, 0), xytext=(9, -3), textcoords="offset points", color=INK)
    ax.set(xlim=(left, right), ylim=(-top, top), aspect="equal", xlabel="first diagonal entry")
    ax.set_ylabel("second diagonal entry")
    return fig


@styled
def learning(N: Any, measured: Any, bound: Any, law: Any = None) -> Figure:
    """A learning curve with the range of its draws, a bound above it and a line of slope minus one."""
    fig, ax = subplots(1, 1, height=3.1)
    ax.plot(N, bound, color=BOUND, marker="s", label="what T9 would say")
    ax.plot(N, np.median(measured, axis=0), color=OBJECTIVE, marker="o", label="measured")
    ax.fill_between(N, measured.min(axis=0), measured.max(axis=0), color=OBJECTIVE, alpha=0.14, lw=0)
    if law is not None:
        ax.plot(N, law, color=MUTED, lw=0.9, ls=(0, (4, 3)), label="slope $-1$")
    ax.set(xscale="log", yscale="log", xlabel="samples $N$", ylabel="excess error")
    ax.set_xticks(N, [f"{n:g}" for n in N])
    ax.minorticks_off()
    ax.grid(axis="y")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig
