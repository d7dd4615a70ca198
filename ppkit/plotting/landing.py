"""The figure of the landing page: a training run as a band that closes over many decades."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import BAND, BOUND, INK, MUTED, OBJECTIVE, RULE, styled, subplots

WIDTH, HEIGHT = 7.4, 4.7  # inches
THUMB = 0.145  # width of a thumbnail as a part of the figure's
FLOOR = 1e-11  # relative distances below this are drawn as zero


@styled
def closing(
    step: Any, objective: Any, lower_bound: Any, frames: Any, optimum: float | None = None, floor: Any = FLOOR
) -> Figure:
    """Distance of objective and lower bound from the optimum, mirrored, on logarithmic axes.

    ``step`` (K,) counts from 1; ``objective`` and ``lower_bound`` (K,) are what is certified there;
    ``frames`` maps a step to the image (a, b) that the network shows at that step, drawn above it
    with its certified relative gap.  ``optimum`` defaults to the last objective.
    """
    step, objective, lower_bound = (np.asarray(a, float) for a in (step, objective, lower_bound))
    optimum = objective[-1] if optimum is None else optimum
    lower_bound = np.maximum.accumulate(lower_bound)
    above = decades(objective - optimum, optimum, floor)
    below = decades(optimum - lower_bound, optimum, floor)
    fig, old = subplots(width=WIDTH, height=HEIGHT)
    old.remove()
    fig.set_layout_engine("none")
    ax = fig.add_axes((0.095, 0.125, 0.89, 0.56))
    wedge(ax, step, above, below, floor)
    gap = (objective - lower_bound) / np.abs(objective)
    for slot, (at, image) in enumerate(frames.items()):
        k = int(np.flatnonzero(step == at)[0])
        left = 0.06 + (0.935 - THUMB) * slot / max(1, len(frames) - 1)
        thumbnail(fig, left, image, f"within {spoken(gap[k])}", ax.transData.transform((at, above[k])))
    return fig


def decades(distance: Any, scale: Any, floor: Any) -> Any:
    """Decades of ``distance / scale`` above ``floor``, zero below it."""
    return np.log10(np.maximum(distance / abs(scale), floor) / floor)


def wedge(ax: Axes, step: Any, above: Any, below: Any, floor: Any) -> None:
    """The two slices, the band between them and the line they close on."""
    ax.fill_between(step, above, -below, color=BAND, lw=0, alpha=0.75)
    ax.axhline(0, color=INK, lw=0.8, ls=(0, (1, 2.5)))
    ax.plot(step, above, color=OBJECTIVE, lw=2.6)
    ax.plot(step, -below, color=BOUND, lw=2.6)
    ax.set_xscale("log")
    ax.set_xlim(step[0] * 0.9, step[-1] * 1.02)
    top = 1.04 * max(above.max(), below.max())
    ax.set_ylim(-1.06 * below.max(), top)
    marks = np.arange(np.ceil(np.log10(floor)) + 1, 1, 2)
    levels = marks - np.log10(floor)
    names = [f"$10^{{{int(k)}}}$" for k in marks]
    ax.set_yticks(np.r_[-levels[::-1], levels], names[::-1] + names)
    for level in levels:
        ax.axhline(level, color=RULE, lw=0.5, zorder=0)
        ax.axhline(-level, color=RULE, lw=0.5, zorder=0)
    ax.set_xlabel("gradient steps")
    ax.set_ylabel("relative distance from the optimum")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    left = step[0] * 1.15
    ax.text(left, 0.8 * above[0], "the network's objective", color=OBJECTIVE, va="top", fontsize=13)
    ax.text(left, -0.8 * below[0], "no network, however wide, is below this", color=BOUND, fontsize=13)
    ax.text(left, 0.25, "the optimum over all widths", color=INK, style="italic", fontsize=11)


def thumbnail(fig: Figure, left: Any, image: Any, words: str, point: Any) -> None:
    """``image`` at the top of the figure, ``words`` under it, a hairline down to ``point`` (pixels)."""
    tall = THUMB * WIDTH / HEIGHT * image.shape[0] / image.shape[1]
    ax = fig.add_axes((left, 0.985 - tall, THUMB, tall))
    ax.imshow(np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="none", aspect="auto")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set(visible=True, color=INK, lw=0.7)
    label = 0.985 - tall - 0.045
    fig.text(left + THUMB / 2, label, words, ha="center", fontsize=10)
    x, y = fig.transFigure.inverted().transform(point)
    ends = (left + THUMB / 2, x), (label - 0.015, y)
    fig.add_artist(Line2D(*ends, transform=fig.transFigure, color=MUTED, lw=0.6))


def spoken(gap: Any) -> Any:
    """A relative gap as a reader says it: per cent while that is short, then a power of ten."""
    if gap >= 0.01:
        return f"{100 * gap:.0f}%"
    exponent = int(np.ceil(np.log10(gap)))
    return f"$10^{{{exponent}}}$"
