"""The example that runs through the foundations, in the plane of diagonal matrices.

Matrix factorization of ``Y = diag(3, 2)`` with the squared loss and ``lambda = 1``.  A diagonal
matrix is the point (a, b) of its entries.  One picture grows from page to page: ``plane`` draws the
parts that a page has reached.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError
from .geometry import arrow, dot, frame, label
from .style import BAND, BOUND, GOLD, GREEN, INK, MUTED, OBJECTIVE, TEXT_WIDTH, VIOLET, styled, subplots

#: the data, the optimal prediction, its residual, and the prediction of the network of width one
Y, OPTIMUM, RESIDUAL, NETWORK = (np.array(p, float) for p in ((3, 2), (2, 1), (1, 1), (2, 0)))
#: the other matrix of the population, the mean of the two, and the population's optimum
OTHER, MEAN, COMPETITOR = (np.array(p, float) for p in ((1, 2), (2, 2), (1, 1)))
#: what ``plane`` can draw, in the order in which the pages introduce it
PARTS = ("hull", "level", "polar", "optimum", "network", "dual", "escape", "population", "bounds")
#: objective of the network of width one, the optimum, the bounds (c), (b), (a) it certifies
VALUES = {"objective": 4.5, "optimum": 4.0, "(c)": 2.875, "(b)": 2.25, "(a)": 0.0}


@styled
def plane(parts: Sequence[str]) -> Figure:
    """The parts of the example that are named, each one of ``PARTS``.

    ``hull``: what cost one predicts, and the data; ``level``: the hull three times as large, which
    touches the optimal prediction; ``polar``: the residuals of polar at most lambda; ``optimum``: the
    data as optimal prediction plus optimal residual; ``network``: a stationary network of width one
    and its residual; ``dual``: that residual scaled into the polar set; ``escape``: the factor that
    is appended; ``population``: a second matrix that could have been seen, the mean of the two and the
    population's optimum; ``bounds``: beside the plane, the objective, the optimum and three lower bounds.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise InputError(f"no part of the picture is called {unknown[0]}; the parts are {', '.join(PARTS)}.")
    columns = 2 if "bounds" in parts else 1
    fig, grid = subplots(
        1, columns, height=4.1, width=TEXT_WIDTH, squeeze=False, width_ratios=[3.2, 1][:columns]
    )
    ax = grid[0, 0]
    low, high = ((-1.3, -1.3), (3.6, 2.5)) if not {"level"} & set(parts) else ((-3, -3), (3.4, 3))
    frame(ax, np.array([low, high]), ("first diagonal entry", "second diagonal entry"), margin=0.03)
    for part in PARTS[:-1]:
        if part in parts:
            _DRAW[part](ax)
    dot(ax, Y, INK)
    label(ax, "$y$", Y, (8, 2), INK)
    if "bounds" in parts:
        _bounds(grid[0, 1])
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, handlelength=1.6)
    return fig


def _diamond(radius: float) -> np.ndarray:
    return radius * np.array([(1, 0), (0, 1), (-1, 0), (0, -1), (1, 0)], float)


def _hull(ax: Axes) -> None:
    ring = _diamond(1)
    ax.fill(*ring.T, color=BAND, alpha=0.38, lw=0, zorder=1)
    ax.plot(*ring.T, color=BOUND, lw=1.6, zorder=2.5, label=r"$\Omega\leq 1$: cost at most one")
    for end in ring[:2]:
        ax.plot(*np.array([-end, end]).T, color=GOLD, lw=3.4, zorder=2, solid_capstyle="butt")
    ax.plot([], [], color=GOLD, lw=3.4, label="one factor of cost at most one")


def _level(ax: Axes) -> None:
    ax.plot(*_diamond(3).T, color=BOUND, lw=1.2, ls=(0, (5, 3)), zorder=2, label=r"$\Omega=3$")


def _polar(ax: Axes) -> None:
    square = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1), (1, 1)], float)
    ax.plot(*square.T, color=GREEN, lw=1.6, ls=(0, (6, 1.5)), zorder=2.6, label=r"$\Omega^\circ=\lambda$")


def _optimum(ax: Axes) -> None:
    arrow(ax, np.zeros(2), OPTIMUM, OBJECTIVE)
    arrow(ax, OPTIMUM, Y, GREEN)
    dot(ax, RESIDUAL, GREEN)
    label(ax, "$g^*$", RESIDUAL, (-3, 8), GREEN)
    dot(ax, OPTIMUM, OBJECTIVE)
    label(ax, "$f^*$", OPTIMUM, (8, -9), OBJECTIVE)


def _network(ax: Axes) -> None:
    arrow(ax, np.zeros(2), NETWORK, VIOLET)
    dot(ax, NETWORK, VIOLET)
    label(ax, r"$\Phi(W)$", NETWORK, (6, -15), VIOLET)
    ax.plot(*(Y - NETWORK), "s", color=VIOLET, ms=6, zorder=5)
    label(ax, "$G_W$", Y - NETWORK, (7, 4), VIOLET)


def _dual(ax: Axes) -> None:
    scaled = (Y - NETWORK) / 2
    ax.plot(*np.array([np.zeros(2), Y - NETWORK]).T, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=3)
    ax.plot(*scaled, "s", color=BOUND, ms=6, zorder=5.5)
    label(ax, "$G_W/2$", scaled, (-46, 6), BOUND)


def _escape(ax: Axes) -> None:
    arrow(ax, NETWORK, OPTIMUM, GOLD)
    label(ax, r"$e_2e_2^\top$", (NETWORK + OPTIMUM) / 2, (7, -4), INK)


def _population(ax: Axes) -> None:
    ax.plot(*np.array([OTHER, Y]).T, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=3)
    ax.plot(*OTHER, "o", color=INK, mfc="none", ms=7, zorder=5)
    label(ax, "not seen", OTHER, (-58, -4), INK)
    ax.plot(*MEAN, "D", color=MUTED, ms=5, zorder=5)
    label(ax, "mean", MEAN, (-14, 9), MUTED)
    arrow(ax, OPTIMUM, COMPETITOR, GREEN)
    for point, name, shift in ((OPTIMUM, r"$\Phi^\star$", (8, -9)), (COMPETITOR, r"$f$", (-6, -18))):
        dot(ax, point, OBJECTIVE if point is OPTIMUM else GREEN)
        label(ax, name, point, shift, OBJECTIVE if point is OPTIMUM else GREEN)


def _bounds(ax: Axes) -> None:
    colors = {"objective": OBJECTIVE, "optimum": INK}
    for name, value in VALUES.items():
        color = colors.get(name, BOUND)
        ax.plot([0, 0.3], [value, value], color=color, lw=2, ls="-" if name != "optimum" else (0, (2, 1)))
        ax.annotate(
            f"{name}: {value:g}", (0.3, value), xytext=(5, -3), textcoords="offset points", color=color
        )
    ax.axhspan(VALUES["(c)"], VALUES["objective"], 0, 0.15, color=BAND, alpha=0.6, lw=0)
    ax.set(xlim=(0, 2), ylim=(-0.3, 4.9), xticks=[], title="value")
    ax.spines["bottom"].set_visible(False)


_DRAW = {
    "hull": _hull,
    "level": _level,
    "polar": _polar,
    "optimum": _optimum,
    "network": _network,
    "dual": _dual,
    "escape": _escape,
    "population": _population,
}
