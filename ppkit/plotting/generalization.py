"""Figures of the generalization chapters: truth and bounds against the number of samples."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BAND, CYCLE, INK, MARKERS, MUTED, paired, styled, subplots


@styled
def against_samples(
    N: Any, series: Any, xlabel: str = "number of samples $N$", title: Any = None, vacuous: Any = None
) -> Figure:
    """Medians over draws with the range of the draws, on two logarithmic axes.

    ``series`` maps a name to an array (draws, len(N)) or (len(N),).  ``vacuous``, a number, shades the
    region above it: a bound there says no more than the value of the network that predicts zero.
    """
    fig, ax = subplots(1, 1, height=3.4)
    for (name, values), color, marker in paired(series.items(), CYCLE, MARKERS):
        values = np.atleast_2d(values)
        ax.plot(N, np.median(values, axis=0), color=color, marker=marker, label=name)
        if len(values) > 1:
            ax.fill_between(N, values.min(axis=0), values.max(axis=0), color=color, alpha=0.14, lw=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    if vacuous is not None:
        top = max(ax.get_ylim()[1], 3 * vacuous)
        ax.axhspan(vacuous, top, color=BAND, alpha=0.5, lw=0, zorder=0)
        ax.annotate("vacuous", (1, 1), xycoords="axes fraction", color=MUTED, ha="right", va="top",
                    xytext=(-6, -5), textcoords="offset points")  # fmt: skip
        ax.set_ylim(top=top)
    ax.set_xticks(N, [f"{n:g}" for n in N])
    ax.minorticks_off()
    ax.set_xlabel(xlabel)
    ax.grid(axis="y")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    if title:
        ax.set_title(title)
    return fig


@styled
def tightness(ratios: Any) -> Figure:
    """Histograms of bound over truth on a logarithmic axis; ``ratios`` maps a name to an array."""
    fig, ax = subplots(1, 1, height=2.7)
    every = np.concatenate(list(ratios.values()))
    bins = np.geomspace(min(1.0, every.min()), every.max() * 1.01, 36)
    for (name, values), color in paired(ratios.items(), CYCLE):
        ax.hist(values, bins, color=color, alpha=0.55, label=name)
    ax.axvline(1.0, color=INK, lw=1.2)
    ax.set_xscale("log")
    ax.set_xlabel("bound / truth (below one would be a violation)")
    ax.set_ylabel("draws")
    ax.legend(loc="upper right")
    return fig
