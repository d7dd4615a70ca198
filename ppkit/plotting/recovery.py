"""Matrices before and after: spectra, image grids, sweeps over width and over the regularization."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .style import (
    BAND,
    BOUND,
    GREEN,
    INK,
    MUTED,
    OBJECTIVE,
    RULE,
    TEXT_WIDTH,
    paired,
    spelled,
    styled,
    subplots,
)


@styled
def by_width(width: Any, objective: Any, lower_bound: Any) -> Figure:
    """The sandwich of networks trained at widths 0, 1, 2, ... and, beside it, the certified gap.

    ``lower_bound`` is drawn as the best bound so far, which is what is proved at that point; the
    axis ends a little above the optimum, so that the first objectives enter from above.
    """
    width, objective, lower_bound = (np.asarray(a, float) for a in (width, objective, lower_bound))
    lower_bound = np.maximum.accumulate(lower_bound)
    fig, (ax, decades) = subplots(1, 2, aspect=0.42, width_ratios=(1.25, 1))
    ax.fill_between(width, objective, lower_bound, color=BAND, lw=0, alpha=0.75)
    ax.plot(width, objective, "-o", color=OBJECTIVE, label="objective")
    ax.plot(width, lower_bound, "-s", color=BOUND, label="lower bound, all widths")
    ax.set_ylim(lower_bound[0] - 0.15 * (objective[-1] - lower_bound[0]), 1.22 * objective[-1])
    ax.set(xlabel="width of the trained network", title="the sandwich")
    ax.legend(loc="upper right")
    gap = (objective - lower_bound) / np.abs(objective)
    decades.plot(width, gap, "-D", color=INK)
    decades.set(yscale="log", xlabel="width of the trained network", title="certified relative gap")
    decades.grid(axis="y")
    return fig


@styled
def spectra(residual: Any, matrix: Any, lam: float) -> Figure:
    """Singular values of the residual against ``lam``, and those of the trained matrix below it.

    ``residual`` and ``matrix`` are lists of the same length, descending; an index where the matrix
    has a positive singular value is drawn filled, the others only in the upper panel.
    """
    residual, matrix = np.asarray(residual, float), np.asarray(matrix, float)
    used = matrix > 1e-9 * max(matrix.max(), np.finfo(float).tiny)
    index = np.arange(1, residual.size + 1)
    fig, (top, bottom) = subplots(2, 1, aspect=0.62, sharex=True)
    top.axhline(lam, color=BOUND, lw=1.2)
    top.annotate(r"$\lambda$", (residual.size, lam), xytext=(4, 4), textcoords="offset points", color=BOUND)
    stems(top, index, residual, used, OBJECTIVE)
    top.set_ylim(0, 1.18 * max(lam, residual.max()))
    top.set_title("singular values of the residual $S(G)$")
    bottom.plot(index[used], matrix[used], "o", color=GREEN)
    bottom.set(yscale="log", xlabel="index", title="singular values of the trained matrix")
    bottom.grid(axis="y")
    return fig


@styled
def thresholding(before: Any, after: Any, lam: float) -> Figure:
    """Soft thresholding: each singular value of the data and where the optimum puts it."""
    before, after = np.asarray(before, float), np.asarray(after, float)
    index = np.arange(1, before.size + 1)
    fig, ax = subplots(aspect=0.42)
    ax.axhline(lam, color=BOUND, lw=1.2)
    ax.annotate(r"$\lambda$", (index[-1], lam), xytext=(4, 4), textcoords="offset points", color=BOUND)
    ax.vlines(index, after, before, color=RULE, lw=3)
    ax.plot(index, before, "o", color=INK, mfc="none", label="data")
    ax.plot(index, after, "o", color=OBJECTIVE, label="certified optimum")
    ax.set(xlabel="index", ylabel="singular value")
    ax.legend()
    return fig


@styled
def recovered(truth: Any, estimates: Any) -> Figure:
    """Singular values of the true matrix and of estimates ``{name: values}``, logarithmic."""
    fig, ax = subplots(aspect=0.45)
    truth = np.asarray(truth, float)
    ax.plot(np.arange(1, truth.size + 1), truth, "-", color=INK, label="truth")
    for (name, values), color, marker in paired(estimates.items(), (OBJECTIVE, BOUND, GREEN), "osD"):
        values = np.asarray(values, float)
        values = values[values > 1e-9 * values[0]]
        ax.plot(np.arange(1, values.size + 1), values, marker, color=color, label=name, ms=4)
    ax.set(yscale="log", xlabel="index", ylabel="singular value")
    ax.legend()
    return fig


@styled
def images(panels: Any, limits: Any = (0.0, 1.0)) -> Figure:
    """Pictures side by side, ``{title: array}``, all on the same gray scale."""
    sizes = [np.shape(a) for a in panels.values()]
    ratio = max(a / b for a, b in sizes)
    fig, axes = subplots(1, len(panels), height=TEXT_WIDTH / len(panels) * ratio + 0.5, squeeze=False)
    for ax, (title, image) in zip(axes[0], panels.items(), strict=True):
        ax.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1], interpolation="none")
        ax.set_title(spelled(title), fontsize=10, loc="center")
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set(visible=True, color=MUTED)
    return fig


@styled
def sweep(lam: float, width: Any, error: Any, rank: int, noise: float, rule: Any) -> Figure:
    """Width and squared error of the optimum over ``lam``, with the noise polar and the rule marked.

    ``rank`` is that of the true matrix; ``noise`` the measured polar of the noise; ``rule`` the
    lambda of the book.
    """
    fig, (top, bottom) = subplots(2, 1, aspect=0.68, sharex=True)
    for ax in (top, bottom):
        ax.axvline(noise, color=BOUND, lw=1.2)
        ax.axvline(rule, color=MUTED, lw=1.2, ls=(0, (4, 2)))
    top.axhline(rank, color=RULE, lw=1)
    top.plot(lam, width, "-o", color=OBJECTIVE)
    top.set(ylabel="optimal width", ylim=(0, None))
    high = top.get_ylim()[1]
    top.annotate(
        "polar of the noise", (noise, high), xytext=(4, -2), textcoords="offset points", color=BOUND, va="top"
    )
    top.annotate(
        "rule", (rule, high), xytext=(-4, -2), textcoords="offset points", color=MUTED, ha="right", va="top"
    )
    top.annotate(
        "true rank", (np.max(lam), rank), xytext=(0, 3), textcoords="offset points", color=MUTED, ha="right"
    )
    bottom.plot(lam, error, "-s", color=GREEN)
    bottom.set(xscale="log", yscale="log", xlabel=r"$\lambda$", ylabel="squared error")
    bottom.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bottom.yaxis.set_major_formatter("{x:g}")
    bottom.yaxis.set_minor_formatter(NullFormatter())
    bottom.set_ylim(bottom.get_ylim()[0] / 1.5, bottom.get_ylim()[1] * 1.3)
    return fig


def stems(ax: Axes, index: Any, values: Any, used: Any, color: str) -> None:
    """Dots on stems, filled where ``used``."""
    ax.vlines(index, 0, values, color=RULE, lw=1.5)
    ax.plot(index[used], values[used], "o", color=color)
    ax.plot(index[~used], values[~used], "o", color=color, mfc="none")
