"""Two-layer ReLU networks: the polar as a function of the angle, intervals against effort."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BAND, BOUND, INK, MUTED, OBJECTIVE, VIOLET, paired, styled, subplots


@styled
def angles(angle: Any, curves: Any, knots: Any, lam: float, units: Any = ()) -> Figure:
    """Alignment with a residual over directions: ``curves`` maps a name to values (K,) at ``angle``.

    ``knots`` are the angles at which a data point switches, ``lam`` the level a certified residual
    never exceeds, ``units`` pairs ``(angle, value)`` of the network's own directions.
    """
    fig, ax = subplots(aspect=0.46)
    for knot in knots:
        ax.axvline(knot, color=BAND, lw=0.8, zorder=0)
    ax.axhline(lam, color=BOUND, lw=1.3)
    ax.annotate(r"$\lambda$", (2 * np.pi, lam), (3, -3), textcoords="offset points", color=BOUND)
    for (name, values), color, style in paired(curves.items(), (INK, VIOLET), ("-", "--")):
        ax.plot(angle, values, style, color=color, lw=1.4, label=name)
    for k, (x, y) in enumerate(units):
        ax.plot(x, y, "o", color=OBJECTIVE, ms=6, label=None if k else "units of the network")
    ax.set_xlim(0, 2 * np.pi)
    ax.set_xticks(np.pi * np.arange(5) / 2, ["$0$", r"$\pi/2$", r"$\pi$", r"$3\pi/2$", r"$2\pi$"])
    ax.set(xlabel="angle of the direction $v$", ylabel="alignment with the residual")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=3, borderaxespad=0.0)
    return fig


@styled
def interval(runs: Any) -> Figure:
    """Relative width of the polar's interval against cones bounded; ``runs``: name -> ``(nodes, width)``."""
    fig, ax = subplots(aspect=0.5)
    for (name, (nodes, width)), color, marker in paired(
        runs.items(), (INK, OBJECTIVE, VIOLET, MUTED), "osD^"
    ):
        ax.plot(nodes, width, marker=marker, color=color, label=name)
    ax.set(xscale="log", yscale="log", xlabel="cones bounded", ylabel="relative width of the interval")
    ax.grid()
    ax.legend()
    return fig


@styled
def fits(x: Any, y: Any, curves: Any) -> Figure:
    """One-dimensional data and networks: ``curves`` maps a name to ``(x, prediction)``."""
    fig, ax = subplots(aspect=0.5)
    ax.plot(x, y, "o", color=MUTED, ms=4, label="data")
    for (name, (t, f)), color in paired(curves.items(), (OBJECTIVE, VIOLET)):
        ax.plot(t, f, color=color, label=name)
    ax.set(xlabel="input", ylabel="target and prediction")
    ax.legend()
    return fig
