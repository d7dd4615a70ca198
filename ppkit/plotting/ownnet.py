"""Figures of networks that were trained elsewhere."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from . import style


@style.styled
def path(rows: Any) -> Figure:
    """The sandwich and the relative gap along training.

    ``rows`` are mappings with ``steps, objective, lower, gap``, one a certificate.
    """
    steps, objective, lower, gap = (
        np.array([row[k] for row in rows]) for k in ("steps", "objective", "lower", "gap")
    )
    fig, (left, right) = style.subplots(1, 2, height=3.1)
    left.fill_between(steps, lower, objective, color=style.BAND, lw=0)
    left.plot(steps, objective, color=style.OBJECTIVE, marker="o", label="objective of the network")
    left.plot(steps, lower, color=style.BOUND, marker="s", label="certified lower bound")
    left.set_xscale("log")
    left.set_xlabel("Adam steps")
    left.set_title("the band of values")
    left.legend()
    right.plot(steps, gap, color=style.INK, marker="D")
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("Adam steps")
    right.set_title("certified relative gap")
    for ax in (left, right):
        ax.grid(axis="y")
    return fig
