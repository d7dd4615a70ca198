"""Figures of the balance chapter: orbits of equivalent factors, imbalance in time, the order, roots."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BAND, BOUND, GREEN, INK, MUTED, OBJECTIVE, styled, subplots


@styled
def orbit(products: Any, paths: Any) -> Figure:
    """Hyperbolas of equal product, circles of equal cost, and training paths of the two norms.

    ``products`` (k,) are the values of ``a b`` to draw; ``paths`` is a list of arrays (steps, 2).
    """
    fig, axes = subplots(1, 1, width=4.6, aspect=1.0)
    ax = np.atleast_1d(axes).ravel()[0]
    a = np.linspace(0.05, 3.2, 400)
    angle = np.linspace(0, np.pi / 2, 200)
    for P in products:
        radius = np.sqrt(2 * P)
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), color=BAND, lw=1.2)
        ax.plot(a, P / a, color=MUTED, lw=1.0)
        ax.plot([np.sqrt(P)], [np.sqrt(P)], color=INK, marker="o", ms=5)
    ax.plot([0, 3.2], [0, 3.2], color=GREEN, lw=1.0, ls="--")
    for path in paths:
        ax.plot(path[:, 0], path[:, 1], color=OBJECTIVE, lw=1.6)
        ax.plot(path[:1, 0], path[:1, 1], color=OBJECTIVE, marker="s", ms=5)
    ax.set_xlim(0, 3.2)
    ax.set_ylim(0, 3.2)
    ax.set_aspect("equal")
    ax.set_xlabel("norm of the first block")
    ax.set_ylabel("norm of the second block")
    return fig


@styled
def decay(time: Any, imbalance: Any, rate: Any) -> Figure:
    """Imbalance of each factor (steps, r) against time, and the exponential of the proposition."""
    fig, axes = subplots(1, 1, height=2.9)
    ax = np.atleast_1d(axes).ravel()[0]
    ax.plot(time, np.abs(imbalance), color=OBJECTIVE, lw=1.2)
    top = np.max(np.abs(imbalance[0]))
    ax.plot(time, top * np.exp(-rate * time), color=INK, ls="--", lw=1.4)
    ax.set_yscale("log")
    ax.set_xlabel("time (steps times step size)")
    ax.set_title("imbalance of each factor; dashed: the exponential")
    ax.grid(axis="y")
    return fig


@styled
def features(rates: Any, before: Any, after: Any, lam: float) -> Figure:
    """``|<g, atom(a)>|`` against the rate ``a`` for two fits, with the level lam.

    ``before`` and ``after`` are ``(rates in use, values on the grid)``.
    """
    fig, axes = subplots(1, 2, height=2.9, sharey=True)
    for ax, (used, value), title in zip(axes, (before, after), ("random rates", "grown"), strict=True):
        ax.axhline(lam, color=BOUND, lw=1.2)
        ax.plot(rates, np.abs(value), color=OBJECTIVE)
        ax.plot(used, np.zeros(len(used)), color=INK, marker="|", ms=9, ls="none", clip_on=False)
        ax.set_xlabel("rate")
        ax.set_title(title)
    axes[0].set_ylabel("price of an atom")
    return fig
