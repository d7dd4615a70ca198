"""Figures of certificate files."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BOUND, OBJECTIVE, styled, subplots


@styled
def forgery(amounts: Any, accepted: Any) -> Figure:
    """Accepted and refused raises; ``accepted`` maps the name of a check to booleans (k,)."""
    fig, axes = subplots(1, 1, height=1.9)
    ax = np.atleast_1d(axes).ravel()[0]
    for level, (_, yes) in enumerate(reversed(accepted.items())):
        ax.plot(amounts[yes], np.full(yes.sum(), level), "o", color=BOUND, label="accepted")
        ax.plot(amounts[~yes], np.full((~yes).sum(), level), "x", color=OBJECTIVE, label="refused")
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    ax.legend(unique.values(), unique.keys(), loc="upper left", bbox_to_anchor=(0, 1.35), ncols=2)
    ax.set_xscale("log")
    ax.set_yticks(range(len(accepted)), list(reversed(accepted)))
    ax.set_ylim(-0.6, len(accepted) - 0.4)
    ax.set_xlabel("relative raise of the lower bound")
    return fig
