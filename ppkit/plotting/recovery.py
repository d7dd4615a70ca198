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


@styled
def nuclear_ball() -> Figure:
    """The nuclear norm ball of symmetric 2 x 2 matrices, and of diagonal ones with a measurement.

    Left, seen from the side in the coordinates ``((x + z), (x - z), 2 y)/sqrt 2`` of ``[[x, y], [y, z]]``: a
    cylinder whose two rims are the factors of cost one.  Right, the cut by diagonal matrices, with the
    spectral norm ball and the line ``2 x + z = 2`` of a measurement.
    """
    fig, (solid, flat) = subplots(1, 2, aspect=0.46, width_ratios=(1.25, 1))
    angle = np.linspace(0, 2 * np.pi, 181)
    r, tilt = np.sqrt(0.5), 0.32
    ring = np.column_stack([tilt * r * np.cos(angle), r * np.sin(angle)])
    away = np.array([r, 0])
    front, behind = ring + away, ring - away  # the positive semidefinite rim and the negative one
    solid.fill(*np.vstack([front[-46:], front[:46], behind[45:136]]).T, color=BAND, alpha=0.75, lw=0)
    for height in (r, -r):
        solid.plot([-r, r], [height, height], color=BOUND, lw=1.2)
    for part in (behind[:46], behind[-46:]):
        solid.plot(*part.T, color=OBJECTIVE, lw=1.2, ls=(0, (2, 2)))
    for part in (behind[45:136], front):
        solid.plot(*part.T, color=OBJECTIVE, lw=2.2)
    for name, at, x in (("$vv^\\top$, $|v| = 1$", r, -18), ("$-vv^\\top$", -r, -16)):
        solid.annotate(name, (at, r), xytext=(x, 8), textcoords="offset points", color=OBJECTIVE)
    solid.set(xlabel="trace$\\,/\\sqrt{2}$", xlim=(-1.15, 1.25), ylim=(-1.0, 1.1), yticks=[], aspect="equal")
    solid.set_title("symmetric 2 × 2 matrices")
    diamond = np.array([[1, 0], [0, 1], [-1, 0], [0, -1], [1, 0]])
    square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1], [1, 1]])
    flat.fill(*diamond.T, color=BAND, alpha=0.75, lw=0)
    flat.plot(*diamond.T, color=BOUND, label="nuclear norm 1")
    flat.plot(*square.T, color=MUTED, ls=(0, (4, 2)), lw=1.1, label="spectral norm 1")
    flat.plot([0.35, 1.6], [1.3, -1.2], color=GREEN, label="a measurement, $2x + z = 2$")
    flat.plot([1, -1, 0, 0], [0, 0, 1, -1], "o", color=OBJECTIVE, ms=5)
    flat.set(xlabel="$x$", xlim=(-1.5, 1.7), ylim=(-1.3, 1.4), aspect="equal", title="diagonal matrices")
    flat.set_ylabel("$z$")
    flat.legend(loc="upper center", bbox_to_anchor=(0.4, -0.24), fontsize=9)
    return fig
