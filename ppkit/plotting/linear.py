"""Linear networks: sandwiches by width, errors over lambda, one path against many, escape from zero."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .geometry import frame, key, sets
from .style import BAND, BOUND, CYCLE, INK, MARKERS, MUTED, OBJECTIVE, RULE, styled, subplots


@styled
def against_least_squares(panels: Any, ylabel: str = "squared error per sample") -> Figure:
    """Training and test error over ``lam``, one panel each, with those of least squares as lines.

    ``panels`` maps a title to ``{"lam", "train", "test", "width", "ls_train", "ls_test"}``; the widths of
    the optima are written along the lower edge.
    """
    fig, grid = subplots(1, len(panels), aspect=0.46, squeeze=False, sharey=True)
    for j, (ax, (title, p)) in enumerate(zip(grid[0], panels.items(), strict=True)):
        ax.axhline(p["ls_test"], color=OBJECTIVE, ls="--", lw=1.1, label="least squares, test")
        ax.axhline(p["ls_train"], color=BOUND, ls=":", lw=1.3, label="least squares, training")
        ax.plot(p["lam"], p["test"], "-o", color=OBJECTIVE, label="network, test")
        ax.plot(p["lam"], p["train"], "-s", color=BOUND, label="network, training")
        ax.set(xscale="log", title=title, xlabel=r"$\lambda/\lambda_{\max}$", ylim=(0, None))
        for x, w in zip(p["lam"], p["width"], strict=True):
            ax.annotate(
                str(w), (x, 0), (0, 4), textcoords="offset points", ha="center", color=MUTED, fontsize=8.5
            )
        if j == 0:
            ax.set_ylabel(ylabel)
            fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderaxespad=0.0)
    return fig


@styled
def ladder(width: Any, objective: Any, lower_bound: Any) -> Figure:
    """The sandwich of networks trained at widths 0, 1, 2, ...; beside it the certified relative gap.

    ``lower_bound`` is drawn as the best bound so far, which is what is proved at that point.
    """
    objective, lower = np.asarray(objective, float), np.maximum.accumulate(np.asarray(lower_bound, float))
    fig, (ax, decades) = subplots(1, 2, aspect=0.42, width_ratios=(1.25, 1))
    ax.fill_between(width, objective, lower, color=BAND, lw=0, alpha=0.75)
    ax.plot(width, objective, "-o", color=OBJECTIVE, label="objective")
    ax.plot(width, lower, "-s", color=BOUND, label="lower bound, all widths")
    ax.set(ylim=(0, 1.15 * objective[0]), title="the sandwich")
    ax.legend(loc="upper right")
    decades.plot(width, (objective - lower) / np.abs(objective), "-D", color=INK)
    decades.set(yscale="log", title="certified relative gap")
    decades.grid(axis="y")
    for axes in (ax, decades):
        axes.set_xlabel("width of the trained network")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


@styled
def starts(gaps: Any, floor: Any = 1e-12) -> Figure:
    """Relative gaps of trained networks, one column of dots per group ``{name: gaps}``, logarithmic.

    Gaps below ``floor`` are drawn on it.
    """
    fig, ax = subplots(aspect=0.46)
    rng = np.random.default_rng(0)
    for j, values in enumerate(gaps.values()):
        y = np.maximum(np.asarray(values, float), floor)
        x = j + rng.uniform(-0.16, 0.16, y.size)
        ax.plot(x, y, MARKERS[j % len(MARKERS)], color=CYCLE[j % len(CYCLE)], alpha=0.8, mew=0)
    ax.set(yscale="log", ylabel="certified relative gap", xlim=(-0.6, len(gaps) - 0.4))
    ax.set_xticks(range(len(gaps)), list(gaps))
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y")
    return fig


@styled
def escape(runs: Any, predicted: Any) -> Figure:
    """Cost of a small chain over training time, on a logarithmic axis, one curve per depth.

    ``runs`` maps a name to ``(time, cost)``; ``predicted`` maps the same names to the predicted time at
    which the chain has left the saddle, drawn as a tick on the time axis.
    """
    fig, ax = subplots(aspect=0.46)
    for j, (name, (time, cost)) in enumerate(runs.items()):
        color = CYCLE[j % len(CYCLE)]
        ax.plot(time, cost, color=color, label=name)
        ax.axvline(predicted[name], color=color, lw=1.0, ls=(0, (4, 3)))
        marked = np.linspace(0, len(time) - 1, 9).astype(int)[1:-1]
        ax.plot(np.asarray(time)[marked], np.asarray(cost)[marked], MARKERS[j % len(MARKERS)], color=color)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="training time (gradient flow)",
        ylabel=r"cost $\theta$ of the chain",
    )
    ax.legend(loc="upper left")
    return fig


@styled
def side_by_side(spectra: Any) -> Figure:
    """Singular values of several trained maps, ``{name: values}``, as grouped stems."""
    fig, ax = subplots(aspect=0.42)
    longest = max(len(v) for v in spectra.values())
    step = 0.8 / len(spectra)
    for j, (name, values) in enumerate(spectra.items()):
        x = np.arange(1, len(values) + 1) + (j - (len(spectra) - 1) / 2) * step
        ax.vlines(x, 0, values, color=RULE, lw=2)
        ax.plot(x, values, MARKERS[j % len(MARKERS)], color=CYCLE[j % len(CYCLE)], label=name)
    ax.axhline(0, color=INK, lw=0.7)
    ax.set(xlabel="index", ylabel="singular value", xlim=(0.3, longest + 0.7), ylim=(0, None))
    ax.legend()
    return fig


@styled
def balls(items: Any, axes: Any = ("$a$", "$b$")) -> Figure:
    """Unit balls beside one another on common axes: ``{title: (outline (K, 2), hull (J, 2))}``."""
    fig, grid = subplots(1, len(items), height=3.0, squeeze=False, sharey=True)
    everything = np.vstack([hull for _, hull in items.values()])
    for j, (ax, (title, (outline, hull))) in enumerate(zip(grid[0], items.items(), strict=True)):
        frame(ax, everything, axes, corner=(j == 0, True))
        sets(ax, [outline], hull)
        ax.set(title=title, xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    key(grid[0][0])
    return fig
