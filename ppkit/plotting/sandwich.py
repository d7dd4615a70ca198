"""The sandwich (objective above, lower bound below, the band between them closing) and its kin:
the three forms of gap control in one picture, certified against true gaps, the escape step, rates.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import BAND, BOUND, CYCLE, GREEN, INK, MARKERS, MUTED, OBJECTIVE, VIOLET, paired, styled, subplots


def note(ax: Axes, text: str, point: Any, shift: Any, **style: Any) -> None:
    """``text`` beside a data point, moved by ``shift`` points."""
    ax.annotate(text, point, shift, textcoords="offset points", **style)


@styled
def closing(history: Any, target: Any = None) -> Figure:
    """A training run, round by round: the band of values, and the relative gap it certifies.

    ``history`` holds rows with ``round, width, objective, lower_bound, gap`` as ``ppkit.fit`` leaves
    them; ``target`` is the relative gap that was asked for.
    """
    k = np.array([row["round"] for row in history])
    upper = np.array([row["objective"] for row in history], float)
    lower = np.maximum.accumulate([row["lower_bound"] for row in history])
    gap = np.minimum.accumulate([row["gap"] for row in history])
    fig, (left, right) = subplots(1, 2, height=3.1)
    left.fill_between(k, upper, lower, color=BAND, lw=0)
    left.plot(k, upper, color=OBJECTIVE, marker="o", label="objective")
    left.plot(k, lower, color=BOUND, marker="s", label="lower bound")
    left.set_title("the band of values")
    left.legend(loc="best")
    right.plot(k, gap, color=INK, marker="D")
    stride = -(-len(history) // 10)  # more numbers than that run into each other
    for row, x, y in list(zip(history, k, gap, strict=True))[::-stride]:
        note(right, f"{row['width']}", (x, y), (4, 5), color=MUTED, fontsize=8.5)
    if target is not None:
        right.axhline(target, color=MUTED, lw=0.8, ls="--")
    right.set_title("certified relative gap (numbers: width)")
    right.set_yscale("log")
    for ax in (left, right):
        ax.set_xlabel("round")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y")
    return fig


@styled
def forms(scale: Any, dual: Any, rho: Any, objective: Any, optimum: float) -> Figure:
    """Lower bounds as readings of the dual value along the ray of the residual, at a stationary point.

    ``dual`` (K,) is the dual value of ``scale`` (K,) times the residual, from 0 to 1, where it meets
    ``objective``; feasible scales end at ``1/rho``; ``optimum`` is the optimal value.
    """
    fig, ax = subplots(height=3.9)
    feasible, end = scale <= 1 / rho, 1 / rho
    at_end = np.interp(end, scale, dual)
    ax.axvspan(end, 1.03, color=BAND, alpha=0.55, lw=0)
    ax.plot([0, 1], [dual[0], objective], color=MUTED, lw=1.1, ls="--")
    ax.plot(scale[~feasible], dual[~feasible], color=MUTED, lw=1.2)
    ax.plot(scale[feasible], dual[feasible], color=BOUND, lw=2.4)
    chord = dual[0] + (objective - dual[0]) * np.array([2 - rho, end])
    points = (
        (2 - rho, chord[0], "(a)"),
        (end, chord[1], "(b)"),
        (end, at_end, "(c)"),
    )
    for (x, y, name), marker in paired(points, MARKERS):
        ax.plot(x, y, marker, color=BOUND, ms=7, zorder=4)
        note(ax, name, (x, y), (-7, 6), color=BOUND, ha="right")
    ax.axhline(optimum, color=INK, lw=0.8, ls=(0, (1, 2.5)))
    ax.plot(1, objective, "o", color=OBJECTIVE, ms=7, zorder=4, clip_on=False)
    note(ax, "objective", (1, objective), (-2, 9), color=OBJECTIVE, ha="right")
    note(ax, "optimum over all widths", (0.02, optimum), (0, 4))
    note(ax, "not feasible", ((end + 1) / 2, dual[0]), (0, 6), color=MUTED, ha="center")
    ax.set_xticks([0, 2 - rho, end, 1], ["$0$", r"$2-\rho$", r"$1/\rho$", "$1$"])
    ax.set_xlim(0, 1.03)
    ax.set_ylim(top=objective + 0.12 * (objective - dual[0]))
    ax.set_xlabel("$s$, the scale of the residual")
    ax.set_ylabel(r"dual value of $s\,G_W$")
    return fig


@styled
def path(step: Any, gaps: Any, true: Any) -> Figure:
    """Gaps against training steps: ``gaps`` maps a form's name to its certified gaps (K,)."""
    fig, ax = subplots(height=3.6)
    for (name, gap), color, marker in paired(gaps.items(), (VIOLET, GREEN, BOUND), MARKERS):
        ax.plot(step, gap, color=color, marker=marker, ms=3.5, lw=1.4, label=f"certified by {name}")
    ax.fill_between(step, true, gap, color=BAND, lw=0, alpha=0.7)
    ax.plot(step, true, color=OBJECTIVE, lw=2.2, label="true gap")
    ax.set(xscale="log", yscale="log", xlabel="gradient step", ylabel="gap")
    ax.grid(axis="y")
    ax.legend()
    return fig


@styled
def orders(paths: Any, bound: Any = None) -> Figure:
    """Certified against true gaps: ``paths`` maps a name to ``(true, certified)``, arrays (K,).

    ``bound``, a pair of arrays ``(true, value)``, is drawn as the top of the band of possible values,
    whose bottom is the diagonal.
    """
    fig, ax = subplots(height=4.3)
    ends = np.array([min(t.min() for t, _ in paths.values()), max(t.max() for t, _ in paths.values())])
    if bound is not None:
        order = np.argsort(bound[0])
        x, top = bound[0][order], bound[1][order]
        ax.fill_between(x, x, top, color=BAND, alpha=0.6, lw=0)
        ax.plot(x, top, color=MUTED, lw=1.2, ls="--", label="bound of the theorem")
    ax.plot(ends, ends, color=OBJECTIVE, lw=1.8, label="the true gap itself")
    for (name, (true, gap)), color, marker in paired(paths.items(), CYCLE[1:], MARKERS[1:]):
        ax.plot(true, gap, color=color, marker=marker, ms=4, lw=1.2, label=name)
    ax.set(xscale="log", yscale="log", xlabel="true gap", ylabel="certified gap")
    ax.grid()
    ax.legend(loc="lower right")
    return fig


@styled
def step(tau: Any, objective: Any, models: Any, chosen: Any) -> Figure:
    """The objective along one appended factor, and quadratic models of it.

    ``tau`` (K,), ``objective`` (K,); ``models`` maps a name to its parabola (K,); ``chosen`` maps the
    same names to ``(tau, promised value, value reached)``.
    """
    fig, ax = subplots(height=3.7)
    ax.plot(tau, objective, color=OBJECTIVE, lw=2.6, label="objective")
    ax.axhline(objective[0], color=MUTED, lw=0.8, ls=(0, (1, 2.5)))
    low, top = objective.min(), objective.max()
    for (name, model), color, marker in paired(models.items(), (BOUND, VIOLET), MARKERS):
        ax.plot(tau, model, color=color, lw=1.4, ls="--", label=name)
        at, promised, reached = chosen[name]
        low, top = min(low, promised), max(top, objective[0] + 0.35 * (objective[0] - promised))
        ax.plot([at, at], [promised, reached], color=color, lw=0.9)
        ax.plot(at, promised, marker, color=color, ms=6, mfc="none")
        ax.plot(at, reached, marker, color=color, ms=6)
    ax.set_ylim(low - 0.06 * (top - low), top)
    ax.set_xlim(tau[0], tau[-1])
    ax.set(xlabel=r"$\tau$, the length of the appended factor", ylabel="objective")
    ax.legend(loc="upper left")
    return fig


@styled
def decrease(promised: Any, measured: Any, kinds: Any) -> Figure:
    """Measured against promised decreases; ``kinds`` maps a name to the indices drawn alike."""
    fig, ax = subplots(height=3.9)
    ends = np.array([promised.min(), max(promised.max(), measured.max())])
    ax.set_ylim(0.5 * ends[0], 2 * ends[1])
    ax.fill_between(ends, [0.5 * ends[0]] * 2, ends, color=BAND, alpha=0.55, lw=0)
    ax.plot(ends, ends, color=INK, lw=0.9)
    for (name, index), color, marker in paired(kinds.items(), CYCLE, MARKERS):
        ax.plot(promised[index], measured[index], marker, color=color, ms=4.5, label=name)
    ax.set(xscale="log", yscale="log", xlabel="decrease that T4 promises", ylabel="decrease measured")
    ax.grid()
    ax.legend(loc="upper left")
    return fig


@styled
def rate(panels: Any) -> Figure:
    """Gaps against rounds, one panel a problem: ``panels`` maps a title to ``(curves, bound)``.

    ``curves`` maps a name to gaps (K,), ``bound`` (K,) is the theorem's curve; all are drawn against
    ``k + 1`` on logarithmic axes.
    """
    fig, axes = subplots(1, len(panels), height=3.7, squeeze=False)
    for ax, (title, (curves, bound)) in zip(axes[0], panels.items(), strict=True):
        ax.plot(np.arange(1, len(bound) + 1), bound, color=INK, lw=1.2, ls="--", label="bound of the theorem")
        for (name, gap), color, marker in paired(curves.items(), CYCLE, MARKERS):
            ax.plot(np.arange(1, len(gap) + 1), gap, color=color, marker=marker, ms=3.5, lw=1.3, label=name)
        ax.set(xscale="log", yscale="log", xlabel="$k+1$", title=title)
        ax.grid()
    axes[0][0].set_ylabel("gap $h_k$")
    fig.legend(
        *axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5, columnspacing=1.2
    )
    return fig
