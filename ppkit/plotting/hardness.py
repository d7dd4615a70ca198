"""How hard a polar is: three levels of one linear function, cost against size, what looseness costs."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .geometry import AXES, arrow, dot, frame, key, sets
from .style import BOUND, CYCLE, INK, MARKERS, MUTED, OBJECTIVE, VIOLET, paired, styled, subplots


@styled
def levels(atoms: Any, hull: Any, normal: Any, lines: Any, axes: tuple[str, str] = AXES) -> Figure:
    """Parallel lines ``<normal, f> = height`` at a body; ``lines`` maps a name to ``(height, point)``.

    ``point`` (2,) attains the height and is marked; None where nothing does.
    """
    fig, ax = subplots(aspect=0.62)
    unit = np.asarray(normal, float) / np.linalg.norm(normal)
    frame(ax, 1.25 * np.asarray(hull), axes)
    sets(ax, atoms, hull)
    for (name, (height, point)), color, dash in zip(
        lines.items(), (VIOLET, OBJECTIVE, BOUND), ((0, (5, 3)), "-", (0, (1, 2))), strict=True
    ):
        foot = height / np.linalg.norm(normal) * unit
        ax.axline(foot, foot + np.array([-unit[1], unit[0]]), color=color, ls=dash, lw=1.6, label=name)
        if point is not None:
            dot(ax, point, color)
    arrow(ax, np.zeros(2), 0.4 * np.max(np.linalg.norm(hull, axis=1)) * unit, INK)
    key(ax)
    return fig


@styled
def growth(by_samples: Any, by_inputs: Any) -> Figure:
    """Boxes of a branch and bound and patterns of an enumeration, against samples and against inputs.

    ``by_samples``: inputs -> ``(N, boxes (draws, n), patterns (n,))``; ``by_inputs``:
    ``(inputs, boxes (draws, n), patterns (n,))``.
    """
    fig, (left, right) = subplots(1, 2, height=3.3, sharey=True)
    for (d, (N, boxes, patterns)), color, marker in paired(by_samples.items(), CYCLE, MARKERS):
        left.plot(N, np.median(boxes, axis=0), color=color, marker=marker, label=f"$n_x = {d}$")
        left.plot(N, patterns, color=color, ls=(0, (4, 3)), lw=1.0)
    d, boxes, patterns = by_inputs
    right.plot(d, np.median(boxes, axis=0), color=INK, marker="o", label="boxes (median of draws)")
    right.fill_between(d, boxes.min(axis=0), boxes.max(axis=0), color=INK, alpha=0.14, lw=0)
    right.plot(d, patterns, color=MUTED, ls=(0, (4, 3)), label="activation patterns")
    left.set(xscale="log", yscale="log", xlabel="samples $N$", ylabel="boxes; patterns (dashed)")
    left.set_xticks(N, [f"{n:g}" for n in N])
    left.minorticks_off()
    right.set(xlabel="inputs $n_x$", xticks=d)
    for ax in (left, right):
        ax.grid(axis="y")
        ax.legend(loc="upper left")
    return fig


@styled
def looseness(kappa: Any, gap: Any, curve: Any) -> Figure:
    """Certified relative gap of one network against how loose the polar's upper end is.

    ``kappa`` and ``gap`` map the name of a bound to numbers; ``curve`` is a pair of arrays, the theorem.
    """
    fig, ax = subplots(aspect=0.5)
    ax.plot(*curve, color=MUTED, lw=1.2, label=r"$1 - 1/\kappa$")
    for name, color, marker in paired(kappa, CYCLE, MARKERS):
        ax.plot(kappa[name], gap[name], color=color, marker=marker, ls="", label=name)
    ax.set(xlabel=r"upper end over $\lambda$: $\kappa$", ylabel="certified relative gap")
    ax.grid()
    ax.legend(loc="lower right")
    return fig


@styled
def claims(starts: Any, ratios: Any, proved: Any) -> Figure:
    """Lower bounds that searches claim, over the objective at hand, against the starts of each search.

    ``ratios`` (draws, len(starts)); what lies above 1 is false.  ``proved`` is a certificate's ratio.
    """
    fig, ax = subplots(aspect=0.5)
    ax.axhline(1.0, color=INK, lw=1.2)
    for column, (n, values) in enumerate(zip(starts, np.asarray(ratios).T, strict=True)):
        false = values > 1
        for part, color, marker, name in (
            (values[false], OBJECTIVE, "x", "false"),
            (values[~false], MUTED, "o", "not contradicted"),
        ):
            ax.plot(np.full(len(part), n), part, color=color, marker=marker, ls="", ms=5, zorder=3)
            if column == 0:
                ax.plot([], [], color=color, marker=marker, ls="", label=name)
    ax.axhline(proved, color=BOUND, lw=1.6, ls=(0, (5, 3)), label="proved")
    ax.set(xscale="log", xlabel="starts of the search", ylabel="claimed lower bound / objective")
    ax.set_xticks(starts, [f"{n:g}" for n in starts])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3, borderaxespad=0.0)
    return fig
