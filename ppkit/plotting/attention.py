"""Linear attention: the matrices of a head, the in-context step over lambda, what a lens sees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BOUND, DIVERGING, INK, MARKERS, MUTED, OBJECTIVE, RULE, paired, styled, subplots


@styled
def head(A: Any, B: Any, labels: Sequence[str]) -> Figure:
    """The two matrices of one head as colored squares, with ``labels`` for the features."""
    A, B = np.asarray(A, float), np.asarray(B, float)
    fig, axes = subplots(1, 2, aspect=0.46, width_ratios=(A.shape[1], max(2, B.shape[1])))
    for ax, matrix, title in zip(axes, (A, B), ("$A$: keys and queries", "$B$: values"), strict=True):
        top = np.max(np.abs(matrix))
        ax.imshow(matrix, cmap=DIVERGING, vmin=-top, vmax=top, interpolation="none")
        for (i, j), value in np.ndenumerate(matrix):
            text = f"{value:.2f}".replace("-0.00", "0.00")
            color = "#1f1b16" if abs(value) < 0.6 * top else "#ffffff"  # the squares keep theirs by night
            ax.text(j, i, text, ha="center", va="center", color=color, fontsize=9.5)
        ax.set_yticks(range(len(labels)), labels)
        ax.set_xticks(range(matrix.shape[1]), labels if matrix.shape[1] == len(labels) else ["out"])
        ax.set_title(title, loc="center")
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set(visible=True, color=MUTED)
    return fig


@styled
def step_size(lam: Any, theory: Any, exact: Any, drawn: Any) -> Figure:
    """The step of in-context gradient descent over ``lam``.

    ``theory`` is the closed form; ``exact`` and ``drawn`` are ``(step, width)`` of certified optima on a
    symmetrized and on a random sample; widths above one are written beside the points.
    """
    fig, ax = subplots(aspect=0.46)
    ax.plot(lam, theory, color=BOUND, label="closed form")
    for (step, width), marker, color, name in (
        (exact, "o", OBJECTIVE, "certified optimum, symmetrized sample"),
        (drawn, "s", MUTED, "certified optimum, random sample"),
    ):
        ax.plot(lam, step, marker, color=color, label=name, mfc=color if marker == "o" else "none")
        for x, y, w in zip(lam, step, width, strict=True):
            if w > 1:
                ax.annotate(
                    f"{w} heads", (x, y), (0, -14), textcoords="offset points", ha="center", fontsize=8.5
                )
    ax.axhline(0, color=RULE, lw=0.8)
    ax.set(xscale="log", xlabel=r"$\lambda$", ylabel="step of gradient descent")
    ax.legend(loc="lower left")
    return fig


@styled
def relaxations(radius: Any, excess: Any, floor: Any = 1e-9) -> Figure:
    """Upper over lower end of the polar, minus one, against the radius of keys and queries.

    ``excess`` maps the name of a bound to one number for each radius.
    """
    fig, ax = subplots(aspect=0.5)
    for (name, values), color, marker in paired(excess.items(), (MUTED, BOUND, OBJECTIVE, INK), MARKERS):
        ax.plot(radius, np.maximum(values, floor), marker=marker, color=color, label=name)
    ax.set(xscale="log", yscale="log", xlabel="radius", ylabel="upper / lower $-$ 1", xticks=list(radius))
    ax.set_xticklabels([f"{r:g}" for r in radius])
    ax.minorticks_off()
    ax.grid(axis="y")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderaxespad=0.0)
    return fig


@styled
def boxes(runs: Any) -> Figure:
    """Relative width of the polar's interval against boxes bounded; ``runs``: name -> ``(boxes, width)``."""
    fig, ax = subplots(aspect=0.5)
    for (name, (count, width)), color, marker in paired(
        runs.items(), (INK, OBJECTIVE, BOUND, MUTED), MARKERS
    ):
        ax.plot(count, width, marker=marker, color=color, label=name)
    ax.set(xscale="log", yscale="log", xlabel="boxes bounded", ylabel="relative width of the interval")
    ax.grid()
    ax.legend()
    return fig
