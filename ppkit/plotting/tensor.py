"""Tensors: bounds on the spectral norm, a bound that closes, atoms in the plane, photographs."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .style import BAND, BOUND, GREEN, INK, MARKERS, MUTED, OBJECTIVE, TEXT_WIDTH, paired, styled, subplots


@styled
def slack(size: Any, curves: Any, floor: Any = 1e-16) -> Figure:
    """Relative slack of upper bounds over the size of a mode, a cloud of tensors for each curve.

    ``curves`` maps a name to a list like ``size`` of arrays of slacks.
    """
    fig, ax = subplots(aspect=0.42)
    for (name, clouds), color, marker in paired(curves.items(), (MUTED, OBJECTIVE), MARKERS):
        for n, cloud in zip(size, clouds, strict=True):
            cloud = np.maximum(cloud, floor)
            spread = np.linspace(-0.2, 0.2, len(cloud))
            ax.plot(n + spread, cloud, marker, color=color, ms=3.5, label=name if n == size[0] else None)
    ax.set(yscale="log", xlabel="size $n$ of each mode", ylabel="upper / lower $-$ 1", xticks=list(size))
    ax.grid(axis="y")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderaxespad=0.0)
    return fig


@styled
def closing(found: Any, polished: Any, floor: Any = 1e-16) -> Figure:
    """Relative slack of the bound over the steps of the interior-point method, raw and polished."""
    fig, ax = subplots(aspect=0.42)
    step = np.arange(1, len(found) + 1)
    ax.plot(step, np.maximum(found, floor), "s-", color=BOUND, label="as found")
    ax.plot(step, np.maximum(polished, floor), "o-", color=OBJECTIVE, label="after the linear system")
    ax.set(yscale="log", xlabel="interior-point step", ylabel="upper / lower $-$ 1")
    ax.grid(axis="y")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderaxespad=0.0)
    return fig


@styled
def plane(atoms: Any, inner: Any, normals: Any, upper: Any) -> Figure:
    """Atoms (k, 2), the polygon of the maximizers (s, 2), and the touching lines ``<normal, f> = upper``."""
    fig, ax = subplots(height=0.62 * TEXT_WIDTH, width=0.72 * TEXT_WIDTH)
    around = np.vstack([inner, inner[:1]])
    ax.fill(*inner.T, color=BAND, alpha=0.6, lw=0)
    ax.plot(*atoms.T, ".", color=GREEN, ms=2, alpha=0.7, label="random atoms")
    ax.plot(*around.T, color=INK, lw=1.1, label="hull of the maximizers")
    reach = 0.45 * np.ptp(inner)
    for k, (normal, height) in enumerate(zip(normals, upper, strict=True)):
        foot, along = height * normal, np.array([-normal[1], normal[0]])
        ends = np.stack([foot - reach * along, foot + reach * along])
        ax.plot(*ends.T, color=BOUND, lw=1.3, label="upper end of the polar" if k == 0 else None)
    ax.set(xlabel="first output", ylabel="second output", aspect="equal")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=2, borderaxespad=0.0)
    return fig


@styled
def photographs(panels: Any) -> Figure:
    """A row of small color pictures, ``{title: array (m, n, 3) with entries in [0, 1]}``."""
    fig, axes = subplots(1, len(panels), height=1.2 * TEXT_WIDTH / len(panels), squeeze=False)
    for ax, (title, image) in zip(axes[0], panels.items(), strict=True):
        ax.imshow(np.clip(image, 0, 1), interpolation="none")
        ax.set_title(title, fontsize=10, loc="center")
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set(visible=True, color=MUTED)
    return fig
