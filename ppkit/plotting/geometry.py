"""Prediction space in the plane: atom sets, their hulls, scaling rays, touching lines, the gauge.

Every function takes the sets it draws: an atom set is a list of closed outlines (K, 2), a hull the
vertices (K, 2) of a convex polygon in order.  Nothing is computed here beyond the picture's frame.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import BAND, BOUND, GOLD, INK, MUTED, OBJECTIVE, RULE, TEXT_WIDTH, spelled, styled, subplots

AXES = ("prediction on $x_1$", "prediction on $x_2$")


@styled
def hull(
    atoms: Any,
    hull: Any,
    rays: Any = (),
    path: Any = None,
    names: Sequence[str] = (),
    note: str | None = None,
    axes: Any = AXES,
) -> Figure:
    """An atom set inside its hull, scaling rays through single atoms, a network as a chain of arrows.

    ``rays`` are atoms (K, 2) whose rays are drawn; ``path`` the atoms (r, 2) of a network, laid head
    to tail from the origin, with ``names`` for the arrows and ``note`` at the tip.
    """
    fig, ax = subplots(aspect=0.62)
    chain = np.zeros((1, 2)) if path is None else np.vstack([np.zeros(2), np.cumsum(path, axis=0)])
    frame(ax, np.vstack([hull, chain]), axes)
    ray_lines(ax, rays)
    sets(ax, atoms, hull)
    for j in range(len(chain) - 1):
        arrow(ax, chain[j], chain[j + 1], OBJECTIVE)
        if j < len(names):
            away(ax, names[j], (chain[j] + chain[j + 1]) / 2, chain[j + 1] - chain[j])
    if note is not None:
        dot(ax, chain[-1], OBJECTIVE)
        label(ax, note, chain[-1], (8, -4), OBJECTIVE)
    key(ax)
    return fig


@styled
def touching(atoms: Any, hull: Any, touches: Any, axes: Any = AXES) -> Figure:
    """The polar as a line that touches: one panel for each ``(direction, height, point)``.

    The line is where the Euclidean product with ``direction`` equals ``height``; it touches the hull
    at ``point``.
    """
    fig, grid = subplots(1, len(touches), aspect=0.5, squeeze=False)
    radius = np.max(np.linalg.norm(hull, axis=1))
    for j, (ax, (direction, height, point)) in enumerate(zip(grid[0], touches, strict=True)):
        length = np.linalg.norm(direction)
        unit = np.asarray(direction, float) / length
        foot = height / length * unit
        frame(ax, 1.2 * np.asarray(hull), axes if j == 0 else (axes[0], None))
        sets(ax, atoms, hull)
        ax.axline(foot, foot + np.array([-unit[1], unit[0]]), color=OBJECTIVE, lw=1.6)
        arrow(ax, np.zeros(2), 0.5 * radius * unit, INK)
        beside = 0.42 * radius * unit + 0.1 * radius * np.array([-unit[1], unit[0]])
        ax.text(*beside, "$g$", ha="center", va="center", zorder=6)
        dot(ax, point, OBJECTIVE)
    key(ax)
    return fig


@styled
def panels(items: Any, columns: Any = 2, axes: Any = AXES, share: Any = False) -> Figure:
    """Several atom sets with their hulls, one panel each: ``(title, atoms, hull)``."""
    rows = -(-len(items) // columns)
    fig, grid = subplots(rows, columns, height=TEXT_WIDTH / columns * rows * 0.92, squeeze=False)
    everything = np.vstack([item[2] for item in items])
    for j, ax in enumerate(grid.flat):
        if j >= len(items):
            ax.set_visible(False)
            continue
        title, atoms, hull_ = items[j]
        frame(ax, everything if share else hull_, axes, corner=(j % columns == 0, j // columns == rows - 1))
        sets(ax, atoms, hull_)
        ax.set_title(spelled(title))
        if j == 0:
            key(ax)
    return fig


@styled
def gauge(atoms: Any, hull: Any, level: Any, parts: Any, axes: Any = AXES) -> Figure:
    """The gauge: the hull inflated by ``level`` until its boundary meets a prediction.

    ``parts`` (r, 2) are the outputs of the factors whose sum is that prediction.
    """
    fig, ax = subplots(aspect=0.66)
    hull, parts = np.asarray(hull), np.asarray(parts)
    target = parts.sum(axis=0)
    grown = level * np.vstack([hull, hull[:1]])
    frame(ax, grown, axes)
    ax.plot(*grown.T, color=BOUND, lw=1.3, ls=(0, (5, 3)))
    sets(ax, atoms, hull)
    ax.plot(*np.array([np.zeros(2), target]).T, color=MUTED, lw=1.0, ls=(0, (4, 3)), zorder=3)
    for part in parts:
        arrow(ax, np.zeros(2), part, OBJECTIVE)
        ax.plot(*np.array([part, target]).T, color=OBJECTIVE, lw=1.0, ls=(0, (1, 2)), zorder=3)
    dot(ax, target, OBJECTIVE)
    dot(ax, target / level, BOUND)
    label(ax, "$f$", target, (8, 4), OBJECTIVE)
    ax.annotate(
        r"$f/\Omega(f)$",
        target / level,
        xytext=(-34, -50),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "color": MUTED, "lw": 0.7, "shrinkB": 4},
        zorder=6,
    )
    label(ax, r"$\Omega(f)\,K$", grown[np.argmax(grown[:, 1])], (9, -3), BOUND)
    label(ax, "$K$", hull[np.argmax(hull[:, 1])], (8, -2), BOUND)
    key(ax)
    return fig


@styled
def growing(hulls: Any, names: Sequence[str], axes: Any = AXES) -> Figure:
    """Nested hulls, smallest first, each named at its highest point."""
    fig, ax = subplots(aspect=0.6)
    frame(ax, np.vstack(hulls), axes)
    for j, (corners, name) in enumerate(zip(hulls, names, strict=True)):
        ring = np.vstack([corners, corners[:1]])
        ax.fill(*ring.T, color=BAND, alpha=0.38, lw=0)
        ax.plot(*ring.T, color=BOUND, lw=1.1 + 0.5 * j)
        ax.annotate(
            name,
            corners[np.argmax(corners.sum(axis=1))],
            xytext=(-62, 10),
            textcoords="offset points",
            color=BOUND,
            arrowprops={"arrowstyle": "-", "color": MUTED, "lw": 0.7, "shrinkB": 2},
        )
    ax.plot(0, 0, "+", color=INK, ms=7, mew=1.1)
    return fig


def sets(ax: Axes, atoms: Any, hull: Any) -> None:
    """The filled atom set and the outline of its hull, below everything else."""
    closed = np.vstack([hull, hull[:1]])
    ax.fill(*closed.T, color=BAND, alpha=0.38, lw=0, zorder=1)
    for outline in atoms:
        ring = np.vstack([outline, outline[:1]])
        ax.fill(*ring.T, color=GOLD, alpha=0.55, lw=0, zorder=1.5)
        ax.plot(*ring.T, color=GOLD, lw=1.6, zorder=2, label="_atoms")
    ax.plot(*closed.T, color=BOUND, lw=1.6, zorder=2.5, label="_hull")
    ax.plot(0, 0, "+", color=INK, ms=7, mew=1.1, zorder=3)


def ray_lines(ax: Axes, rays: Any) -> None:
    """Faint rays from the origin through single atoms, to the edge of the frame."""
    reach = 4 * max(np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim()))
    for atom in rays:
        far = reach * np.asarray(atom) / np.linalg.norm(atom)
        ax.plot(
            [0, far[0]],
            [0, far[1]],
            color=MUTED,
            lw=0.9,
            ls=(0, (4, 3)),
            zorder=1.2,
            scalex=False,
            scaley=False,
        )


def frame(
    ax: Axes, points: Any, axes: Sequence[str | None], corner: Any = (True, True), margin: Any = 0.09
) -> None:
    """Equal scales, hairline axes through the origin, limits around ``points``."""
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    pad = margin * np.max(high - low)
    ax.set_xlim(low[0] - pad, high[0] + pad)
    ax.set_ylim(low[1] - pad, high[1] + pad)
    ax.set_aspect("equal", adjustable="box")
    ax.axhline(0, color=RULE, lw=0.8, zorder=0)
    ax.axvline(0, color=RULE, lw=0.8, zorder=0)
    ax.locator_params(nbins=5)
    if axes[0] and corner[1]:
        ax.set_xlabel(axes[0])
    if axes[1] and corner[0]:
        ax.set_ylabel(axes[1])


def arrow(ax: Axes, start: Any, end: Any, color: str) -> None:
    """A solid arrow in data coordinates."""
    ax.annotate(
        "",
        end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>,head_width=0.22,head_length=0.45",
            "color": color,
            "lw": 1.7,
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=4,
    )


def dot(ax: Axes, point: Any, color: str) -> None:
    """A point with a paper-colored rim."""
    ax.plot(*np.asarray(point, float), "o", ms=6.5, color=color, zorder=5)


def label(ax: Axes, text: str, point: Any, offset: Any, color: str) -> None:
    """Text beside a point."""
    ax.annotate(text, point, xytext=offset, textcoords="offset points", color=color, zorder=6)


def away(ax: Axes, text: str, point: Any, direction: Any) -> None:
    """Text beside the middle of an arrow, on its left."""
    normal = np.array([-direction[1], direction[0]]) / np.linalg.norm(direction)
    ax.annotate(
        text,
        point,
        xytext=(20 * normal[0], 11 * normal[1]),
        textcoords="offset points",
        ha="center",
        va="center",
        color=INK,
        zorder=6,
    )


def key(ax: Axes) -> None:
    """A two-line legend: what is an atom set, what is a hull."""
    ax.plot([], [], color=GOLD, lw=5, alpha=0.7, label="one factor of cost at most 1")
    ax.plot([], [], color=BOUND, lw=1.6, label="convex hull: any width, total cost at most 1")
    ax.figure.legend(loc="outside upper left", ncols=2, handlelength=1.6, borderaxespad=0.0)
