"""Quadratic networks: two-sided spectra, recovery against the number of measurements, shrinkage."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import (
    BAND,
    BOUND,
    GREEN,
    INK,
    MARKERS,
    MUTED,
    OBJECTIVE,
    RULE,
    TEXT_WIDTH,
    VIOLET,
    paired,
    styled,
    subplots,
)


@styled
def spectrum(residual: Any, used: Any, lam: float) -> Figure:
    """Eigenvalues of the residual's matrix between ``-lam`` and ``lam``, in descending order.

    ``used`` holds +1, -1 or 0 for each: the sign of the units along that eigenvector.
    """
    residual, used = np.asarray(residual, float), np.asarray(used)
    index = np.arange(1, residual.size + 1)
    fig, ax = subplots(aspect=0.42)
    ax.axhspan(-lam, lam, color=BAND, alpha=0.45, lw=0)
    for level, name, shift in ((lam, r"$\lambda$", 4), (-lam, r"$-\lambda$", -13)):
        ax.axhline(level, color=BOUND, lw=1.2)
        ax.annotate(name, (residual.size, level), (2, shift), textcoords="offset points", color=BOUND)
    ax.vlines(index, 0, residual, color=RULE, lw=1.3)
    for sign, marker, color, name in (
        (1, "^", OBJECTIVE, "carries positive units"),
        (-1, "v", VIOLET, "carries negative units"),
        (0, "o", MUTED, "carries none"),
    ):
        at = used == sign
        ax.plot(index[at], residual[at], marker, color=color, mfc=color if sign else "none", label=name)
    ax.set(xlabel="index", ylabel="eigenvalue of $S(G)$", ylim=(-1.5 * lam, 1.5 * lam))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3, borderaxespad=0.0)
    return fig


@styled
def pictures(rows: Any) -> Figure:
    """Rows of small gray pictures: ``{title: array}`` for each row, gray from the row's first picture."""
    columns = max(len(row) for row in rows)
    fig, grid = subplots(len(rows), columns, height=1.15 * TEXT_WIDTH / columns * len(rows), squeeze=False)
    for axes, row in zip(grid, rows, strict=True):
        first = next(iter(row.values()))
        for ax, (title, image) in zip(axes, row.items(), strict=True):
            ax.imshow(image, cmap="gray", vmin=np.min(first), vmax=np.max(first), interpolation="none")
            ax.set_title(title, fontsize=10, loc="center")
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set(visible=True, color=MUTED)
    return fig


@styled
def by_samples(ratio: Any, curves: Any) -> Figure:
    """Recovery error and certified gap over measurements per unknown.

    ``curves`` maps a name to ``(error, gap)``, arrays like ``ratio``.
    """
    fig, (left, right) = subplots(1, 2, aspect=0.42)
    for (name, (error, gap)), color, marker in paired(curves.items(), (OBJECTIVE, GREEN), MARKERS):
        left.plot(ratio, error, marker=marker, color=color, label=name)
        right.plot(ratio, gap, marker=marker, color=color, label=name)
    left.set(title="error of the picture", ylim=(0, None))
    right.set(title="certified relative gap", yscale="log")
    left.legend()
    for ax in (left, right):
        ax.set_xlabel("measurements per pixel")
        ax.grid(axis="y")
    return fig


@styled
def shrinkage(panels: Any) -> Figure:
    """Eigenvalues of the truth and of the optimum, theory as a bar and the fit as a dot.

    ``panels`` maps a title to ``(truth, theory, fitted)``, arrays of one length.
    """
    fig, axes = subplots(1, len(panels), aspect=0.4, squeeze=False, sharey=True)
    for j, (ax, (title, (truth, theory, fitted))) in enumerate(zip(axes[0], panels.items(), strict=True)):
        index = np.arange(1, len(truth) + 1)
        ax.axhline(0, color=INK, lw=0.7)
        ax.vlines(index, theory, truth, color=RULE, lw=3)
        ax.plot(index, truth, "o", color=INK, mfc="none", label="truth")
        ax.hlines(theory, index - 0.3, index + 0.3, color=BOUND, lw=2.4, label="closed form")
        ax.plot(index, fitted, "o", color=OBJECTIVE, ms=4, label="certified network")
        ax.set(title=title, xlabel="index")
        if j == 0:
            ax.set_ylabel("eigenvalue")
            fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3, borderaxespad=0.0)
    return fig
