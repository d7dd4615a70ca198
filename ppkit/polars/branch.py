r"""Best-first branch and bound over boxes, for polars without a closed form.

A family supplies a *bound*: for a batch of boxes, an upper bound on the function over each box that
is a theorem, a value attained inside it, and the point where it is attained.  Whatever stops the
search (the target gap, a budget, the keyboard), the interval it returns is valid: the upper end is
the largest bound over a set of boxes that covers the domain.  The tree of splits is the proof: it is
replayed by :func:`replay` with no search, and a search continues from it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..factors import Factors
from ..interrupts import note
from ..progress import bar, move
from ..rigor.trees import BATCH, _bound_in_batches, _halve, leaves

SHOWN = ContextVar("whether searches show their intervals", default=False)


@contextmanager
def progress_bars(show: bool = True) -> Iterator[None]:
    """Within this block every branch and bound shows its interval closing, however deep the call."""
    token = SHOWN.set(show)
    try:
        yield
    finally:
        SHOWN.reset(token)


@dataclass(frozen=True, eq=False)
class Branching:
    """What a branch and bound knows when it stops.

    Attributes
    ----------
    lower, upper : float
        Interval that holds the supremum; ``lower`` is attained at ``point`` of root ``tag``.
    point : array (d,) or None
    tag : int
        Index of the root box that holds ``point``.
    nodes : int
        Boxes bounded in this run.
    tree : dict of arrays
        ``dim`` (n,): the dimension along which node k was halved, -1 for a leaf; ``child`` (n,): its
        first child (the second is the next index).  Nodes ``0..m-1`` are the root boxes.
    """

    lower: float
    upper: float
    point: np.ndarray | None
    tag: int
    nodes: int
    tree: dict[str, np.ndarray]


def branch_and_bound(
    bound: Callable[..., Any],
    lo: Any,
    hi: Any,
    lower: float = 0.0,
    gap: float = 1e-6,
    max_nodes: int = 100_000,
    seconds: float = np.inf,
    tree: Factors | None = None,
) -> Branching:
    """Supremum of a function over the union of root boxes, as an interval.

    Parameters
    ----------
    bound : callable
        ``bound(tag (k,), lo (k, d), hi (k, d), cutoff) -> (upper (k,), value (k,), point (k, d))``;
        ``tag`` is the index of the root box each box descends from.  Below ``cutoff``, the best value
        known, a bound need not be sharp.
    lo, hi : arrays (m, d)
        The root boxes.
    lower : float
        A value known to be attained (a search's best), used for pruning.
    gap : float
        Stop when ``upper - lower <= gap * |upper|``.
    max_nodes : int
        Stop after bounding this many boxes (deterministic).
    seconds : float
        Stop after this much time.
    tree : dict or None
        The tree of an earlier run to continue.

    A progress bar shows the interval closing within :func:`progress_bars`.

    Returns
    -------
    Branching
    """
    lo, hi = np.atleast_2d(np.asarray(lo, float)), np.atleast_2d(np.asarray(hi, float))
    dims, children = _start(tree, len(lo))
    leaf, tag, lo, hi = leaves(dims, children, lo, hi)
    upper, value, points = _bound_in_batches(bound, tag, lo, hi, lower)
    nodes, point, at = len(lo), None, 0
    best = int(np.argmax(value))
    if value[best] > lower:
        lower, point, at = float(value[best]), points[best], int(tag[best])
    settled = -np.inf
    clock = time.perf_counter()
    with bar(SHOWN.get(), desc="polar interval", unit="box", leave=False) as shown:
        while True:
            done = upper <= lower + gap * np.abs(upper)
            settled = max(settled, np.max(upper[done], initial=-np.inf))
            keep = ~done
            leaf, tag, lo, hi, upper = leaf[keep], tag[keep], lo[keep], hi[keep], upper[keep]
            highest = max(np.max(upper, initial=-np.inf), settled)
            move(shown, nodes, interval=f"[{lower:.6g}, {highest:.6g}]")
            if not len(upper) or nodes >= max_nodes or time.perf_counter() - clock > seconds:
                break
            size = min(max(BATCH, len(upper) // 16), len(upper))
            chosen = np.argpartition(-upper, size - 1)[:size]
            rest = np.ones(len(upper), bool)
            rest[chosen] = False
            dim = np.argmax(hi[chosen] - lo[chosen], axis=1)
            new_lo, new_hi = _halve(lo[chosen], hi[chosen], dim)
            new_tag = np.repeat(tag[chosen], 2)
            try:
                new_upper, value, points = _bound_in_batches(bound, new_tag, new_lo, new_hi, lower)
            except KeyboardInterrupt:
                note("branch and bound")
                break  # nothing of this batch was used: the boxes at hand still cover the domain
            first = len(dims) + 2 * np.arange(size)
            for k, d, c in zip(leaf[chosen], dim, first, strict=True):
                dims[k], children[k] = int(d), int(c)
            dims.extend([-1] * (2 * size))
            children.extend([-1] * (2 * size))
            nodes += 2 * size
            best = int(np.argmax(value))
            if value[best] > lower:
                lower, point, at = float(value[best]), points[best], int(new_tag[best])
            leaf = np.concatenate([leaf[rest], (first[:, None] + np.arange(2)).ravel()])
            tag = np.concatenate([tag[rest], new_tag])
            lo, hi = np.concatenate([lo[rest], new_lo]), np.concatenate([hi[rest], new_hi])
            upper = np.concatenate([upper[rest], new_upper])
    top = max(float(np.max(upper, initial=-np.inf)), float(settled), lower)
    tree = {"dim": np.array(dims, np.int16), "child": np.array(children, np.int32)}
    return Branching(lower, top, point, at, nodes, tree)


def _start(tree: Factors | None, n_roots: int) -> tuple[list[int], list[int]]:
    if tree is None:
        return [-1] * n_roots, [-1] * n_roots
    return list(map(int, tree["dim"])), list(map(int, tree["child"]))
