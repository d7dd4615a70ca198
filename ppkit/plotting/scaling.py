"""Figures of the width law: error against samples, its collapse, and N* against the teacher's width."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from .style import BAND, BOUND, CYCLE, INK, MARKERS, MUTED, OBJECTIVE, paired, styled, subplots

MORE_MARKERS = (*MARKERS, "X", "<", ">", "p", "*", "h")
AXES = {"xscale": "log", "yscale": "log"}


@styled
def law_figure(law: Any, rows: Any, title: str | None = None) -> Figure:
    """Three panels for one experiment: the raw curves, the collapsed curves, and N*(R).

    ``law`` is a :class:`ppkit.experiments.law.Law` and ``rows`` are what it was read off.
    """
    fig, (raw, collapsed, stars) = subplots(1, 3, height=2.6)
    curves = base_curves(law, rows)
    for (R, curve), color, marker in paired(curves, CYCLE, MARKERS):
        style = {"color": color, "marker": marker, "ms": 4, "label": f"$R={R}$"}
        raw.plot(curve["n_samples"], curve["scaled"], **style)
        collapsed.plot(curve["n_samples"] / (R * curve["dim"]), curve["collapse"], **style)
    for level in law.slopes:
        raw.axhline(level, color=MUTED, lw=0.8, ls=(0, (4, 3)))
    raw.set(xlabel="$N$", ylabel=r"error / $\sigma^2$", **AXES)
    collapsed.set(xlabel="$N/(RD)$", ylabel=r"error $\cdot\, N/(RD\sigma^2)$", **AXES)
    top = max(curve["collapse"].max() for _, curve in curves)
    low = min(curve["collapse"].min() for _, curve in curves)
    collapsed.set_ylim(low / 8, 3 * top)
    collapsed.legend(loc="lower center", ncols=2, fontsize=8, handlelength=1.2, columnspacing=1.0)
    n_star_panel(stars, law)
    stars.legend(fontsize=8, handlelength=1.2)
    for ax in (raw, collapsed):
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_minor_formatter(NullFormatter())
    collapsed.set_yticks([1, 10], ["1", "10"])
    if title:
        raw.set_title(title)
    return fig


def n_star_panel(ax: Axes, law: Any, label: bool = True) -> None:
    """N* against R at each level, with bootstrap intervals, and a line of slope one through the first."""
    for (level, found), color, marker in paired(law.n_star.items(), CYCLE, MARKERS):
        value, low, high = (np.array([getattr(i, end) for i in found]) for end in ("value", "low", "high"))
        name = rf"${level:g}\sigma^2$: {law.slopes[level].value:.2f}" if label else None
        ax.errorbar(law.teachers, value, [value - low, high - value], color=color, marker=marker, ms=4,
                    lw=1.4, capsize=2, label=name)  # fmt: skip
        if np.isfinite(value[0]):
            ax.plot(law.teachers, value[0] * law.teachers / law.teachers[0], color=MUTED, lw=0.8, ls=":")
    ax.set(xlabel="$R$", ylabel="$N^*$", **AXES)
    ax.set_xticks(law.teachers, [str(R) for R in law.teachers])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_formatter(NullFormatter())


@styled
def all_laws(laws: Sequence[Any], titles: Sequence[str], columns: Any = 4) -> Figure:
    """Small multiples of N* against R, one panel for each experiment."""
    rows = -(-len(laws) // columns)
    fig, axes = subplots(rows, columns, height=1.75 * rows, squeeze=False)
    for law, title, ax in paired(laws, titles, axes.ravel()):
        n_star_panel(ax, law, label=False)
        ax.set_title(title, fontsize=9)
        ax.set(xlabel="", ylabel="")
        ax.tick_params(labelsize=8)
    for ax in axes.ravel()[len(laws) :]:
        ax.set_axis_off()
    fig.supxlabel("width $R$ of the teacher", fontsize=10)
    fig.supylabel("$N^*$", fontsize=10)
    return fig


@styled
def controls(panels: Any) -> Figure:
    """The law's constant against the teacher's width, one panel for each family.

    ``panels`` maps a title to ``{name: (R, measured, predicted)}``: points joined by a line are measured,
    the dashed line is predicted.
    """
    fig, axes = subplots(1, len(panels), height=2.7, squeeze=False)
    for (title, kinds), ax in paired(panels.items(), axes[0]):
        for (name, (R, measured, predicted)), color, marker in paired(
            kinds.items(), (OBJECTIVE, BOUND), MARKERS
        ):
            ax.plot(R, measured, color=color, marker=marker, ms=4.5, label=name)
            ax.plot(R, predicted, color=color, lw=1.0, ls=(0, (4, 3)))
        ax.set(xlabel="$R$", **AXES)
        widths = sorted({int(value) for R, _, _ in kinds.values() for value in R})
        ax.set_xticks(widths, [str(value) for value in widths])
        ax.xaxis.set_minor_locator(NullLocator())
        low, high = ax.get_ylim()
        ticks = [t for t in (0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= t <= high]
        ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_title(title, fontsize=10)
    axes[0, 0].set_ylabel(r"error $\cdot\, N/(RD\sigma^2)$")
    axes[0, 0].legend(fontsize=8.5, handlelength=1.4)
    return fig


@styled
def slopes(laws: Sequence[Any], titles: Sequence[str], band: Any) -> Figure:
    """The slope of log N* on log R with its interval, one line for each experiment and level."""
    fig, ax = subplots(1, 1, height=0.45 + 0.34 * len(laws))
    ax.axvspan(*band, color=BAND, alpha=0.5, lw=0)
    ax.axvline(1.0, color=INK, lw=0.8)
    for k, law in enumerate(laws):
        for slope, color, marker, shift in paired(law.slopes.values(), CYCLE, MARKERS, (-0.13, 0.13)):
            error = [[slope.value - slope.low], [slope.high - slope.value]]
            ax.errorbar(
                slope.value, k + shift, xerr=error, color=color, marker=marker, ms=4, capsize=2, lw=1.3
            )
    ax.set_yticks(range(len(laws)), titles)
    ax.invert_yaxis()
    ax.set_xlabel(r"slope of $\log N^*$ on $\log R$")
    return fig


@styled
def polar_units(points: Any, titles: Sequence[str]) -> Figure:
    r"""Error against ``R (lambda/sigma)^2`` for the cells of every experiment, both in units of sigma^2.

    ``points`` is a list of arrays (cells, 2).
    """
    fig, ax = subplots(1, 1, height=3.9)
    for k, (xy, title) in enumerate(zip(points, titles, strict=True)):
        color, marker = CYCLE[k % len(CYCLE)], MORE_MARKERS[k]
        ax.plot(*np.asarray(xy).T, marker, color=color, ms=4, alpha=0.75, label=title)
    span = np.array([min(np.min(xy[:, 0]) for xy in points), max(np.max(xy[:, 0]) for xy in points)])
    ax.plot(span, span, color=INK, lw=0.9)
    ax.set(
        xlabel=r"$R\,\lambda^2/\sigma^2$, from the polar of the noise", ylabel=r"error / $\sigma^2$", **AXES
    )
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return fig


@styled
def predicted(measured: Any, expansion: Any, titles: Sequence[str]) -> Figure:
    """The law's constant, measured against the first-order expansion; arrays (n_R,) for each experiment."""
    fig, ax = subplots(1, 1, height=3.9)
    for k, (y, x, title) in enumerate(zip(measured, expansion, titles, strict=True)):
        color, marker = CYCLE[k % len(CYCLE)], MORE_MARKERS[k]
        ax.plot(x, y, marker, color=color, ms=5, label=title)
    ends = np.nanmin([np.nanmin(x) for x in expansion]), np.nanmax([np.nanmax(x) for x in expansion])
    ax.plot(ends, ends, color=INK, lw=0.9)
    ax.set(xlabel="predicted constant", ylabel="measured constant", **AXES)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return fig


@styled
def lambda_scales(tables: Any, titles: Sequence[str]) -> Figure:
    """The constant against lambda in units of the noise's polar; tables from ``law.lambda_effect``."""
    fig, ax = subplots(1, 1, height=3.6)
    for k, (table, title) in enumerate(zip(tables, titles, strict=True)):
        color, marker = CYCLE[k % len(CYCLE)], MORE_MARKERS[k]
        ax.plot(table.index, table.mean(axis=1), marker=marker, color=color, ms=4, lw=1.2, label=title)
    ax.axvline(1.0, color=MUTED, lw=0.8, ls=(0, (4, 3)))
    ax.set(
        xlabel=r"$\lambda\,/\,(\sigma\,\Omega^\circ(\xi))$", ylabel=r"error $\cdot\, N/(RD\sigma^2)$", **AXES
    )
    ax.set_xticks([1 / 16, 1 / 4, 1, 4], ["1/16", "1/4", "1", "4"])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8.5)
    return fig


def base_curves(law: Any, rows: Any) -> Any:
    """``[(R, frame of means by N)]`` of the base grid; columns n_samples, dim, scaled, collapse."""
    table = pd.DataFrame([row for row in rows if row["lam_scale"] == 1.0])
    plain = table.groupby("teacher").size().idxmin()  # a width only the base grid has
    first = table[table["teacher"] == plain].iloc[0]
    same = table["options"].map(str) == str(first["options"])
    table = table[same & (table["noise"] == first["noise"]) & table["teacher"].isin(law.teachers)]
    table = table.assign(scaled=table["error"] / table["noise"] ** 2)
    table["collapse"] = table["scaled"] * table["n_samples"] / (table["teacher"] * table["dim"])
    means = table.groupby(["teacher", "n_samples"], as_index=False)[["dim", "scaled", "collapse"]].mean()
    return list(means.groupby("teacher"))
