"""Deep ReLU paths: what a third layer sees, and how wide the polar's interval is."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BOUND, CYCLE, INK, MARKERS, MUTED, OBJECTIVE, paired, styled, subplots


@styled
def bump(angle: Any, before: Any, points: Any, signs: Any, value: Any) -> Figure:
    """The last pre-activation of a path around the circle, its positive part, and the samples.

    ``angle`` (K,), ``before`` (K,); ``points`` are the angles of the samples, ``signs`` those of the
    residual there, ``value`` (n,) the pre-activation there.
    """
    fig, ax = subplots(aspect=0.42)
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.plot(angle, before, "--", color=BOUND, lw=1.3, label="before the last ReLU")
    ax.plot(angle, np.maximum(before, 0), color=OBJECTIVE, label="after it")
    for sign, marker, name in ((1, "^", "residual $+1$"), (-1, "v", "residual $-1$")):
        here = signs == sign
        ax.plot(points[here], value[here], marker, color=INK, ms=7, ls="none", label=name)
    ax.set_xticks(np.pi * np.arange(-2, 3) / 2, [r"$-\pi$", r"$-\pi/2$", "$0$", r"$\pi/2$", r"$\pi$"])
    ax.set(xlabel="angle of the input", ylabel="signal")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=4, borderaxespad=0.0)
    return fig


@styled
def widths(N: Any, runs: Any) -> Figure:
    """Relative width of the polar's interval against samples; ``runs``: name -> (len(N), trials)."""
    fig, ax = subplots(aspect=0.46)
    for (name, rows), color, marker in paired(runs.items(), CYCLE, MARKERS):
        rows = np.maximum(np.asarray(rows), 1e-10)
        ax.plot(np.repeat(N, rows.shape[1]), rows.ravel(), marker, color=color, ms=3.5, alpha=0.5)
        ax.plot(N, np.median(rows, axis=1), marker=marker, color=color, label=name)
    ax.set(yscale="log", xlabel="samples", ylabel="relative width of the interval")
    ax.grid(axis="y")
    ax.legend()
    return fig
