"""Candidate networks around the optimum: brackets, the price of a fixed width, rows of images."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BOUND, GREEN, INK, MUTED, OBJECTIVE, RULE, TEXT_WIDTH, styled, subplots


@styled
def bracket(problems: Any) -> Figure:
    """Objectives and lower bounds relative to the optimum: ``problems`` maps a name to ``(upper, lower)``.

    Candidates are sorted by objective.  The vertical axis is linear within a per cent of the optimum
    and logarithmic beyond.
    """
    fig, grid = subplots(1, len(problems), aspect=0.48, squeeze=False)
    for ax, (name, (upper, lower)) in zip(grid[0], problems.items(), strict=True):
        order = np.argsort(upper)
        index = np.arange(1, order.size + 1)
        ax.vlines(index, lower[order] - 1, upper[order] - 1, color=RULE, lw=0.5, zorder=0)
        ax.plot(index, upper[order] - 1, "o", ms=2.2, color=OBJECTIVE, label="objective")
        ax.plot(index, lower[order] - 1, "s", ms=2.2, color=BOUND, label="certified lower bound")
        ax.axhline(0, color=INK, lw=1.0)
        ax.set_yscale("symlog", linthresh=1e-8, linscale=0.5)
        ax.set_yticks([-1, -1e-4, 0, 1e-4, 1, 1e4])
        ax.set(title=name, xlabel="candidate, sorted by objective")
    grid[0][0].set_ylabel("relative distance from the optimum")
    handles, labels = grid[0][0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper left", ncols=2, markerscale=2.5, borderaxespad=0.0)
    return fig


@styled
def widths(width: Any, objective: Any, formula: Any, bound: Any, optimum: float) -> Figure:
    """Trained objectives at fixed widths, their closed form, and the bounds over all widths."""
    fig, ax = subplots(aspect=0.45)
    ax.axhline(optimum, color=INK, lw=1.0)
    ax.annotate(
        "optimum over all widths",
        (width[0], optimum),
        xytext=(-4, 4),
        textcoords="offset points",
        color=INK,
    )
    ax.plot(width, formula, "o", ms=11, mfc="none", color=GREEN, label="closed form at this width")
    ax.plot(width, objective, "-o", color=OBJECTIVE, label="trained at this width")
    ax.plot(width, bound, "-s", color=BOUND, label="certified lower bound, all widths")
    ax.set(xlabel="width", ylabel="objective")
    ax.set_xticks(width)
    ax.legend()
    return fig


@styled
def pictures(rows: Any) -> Figure:
    """Rows of small images on one gray scale: ``rows`` maps a name to images (K, h, w)."""
    number = max(len(images) for images in rows.values())
    fig, grid = subplots(
        len(rows), number, height=TEXT_WIDTH * 1.08 * len(rows) / (number + 1), squeeze=False
    )
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(name, color=MUTED)
    return fig
