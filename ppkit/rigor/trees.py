"""Trees of halved boxes: replaying what a branch and bound found, with no search."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..factors import Array, Factors

BATCH = 512


def replay(
    bound: Callable[..., Any], lo: ArrayLike, hi: ArrayLike, tree: Factors, cutoff: float = -np.inf
) -> float:
    """The upper end that ``tree`` proves: the largest bound over its leaves, no search.

    ``cutoff`` is the lower end the search ended with, for a bound that is not sharp below it.
    Raises ValueError when the tree is not one that halves boxes (its leaves would not cover).
    """
    lo, hi = np.atleast_2d(np.asarray(lo, float)), np.atleast_2d(np.asarray(hi, float))
    dims, children = np.asarray(tree["dim"]), np.asarray(tree["child"])
    check_tree(dims, children, *lo.shape)
    _, tag, lo, hi = leaves(dims, children, lo, hi)
    return float(np.max(_bound_in_batches(bound, tag, lo, hi, cutoff)[0]))


def check_tree(dims: np.ndarray, children: np.ndarray, n_roots: int, n_dims: int) -> None:
    """Raise ValueError unless every split node has its own two children later in the list.

    Whole numbers only: what is split in a list of others could change when it is rounded.
    """
    if not all(a.dtype.kind in "iu" for a in (dims, children)):
        raise ValueError("a tree holds whole numbers")
    split = dims >= 0
    first = children[split]
    owned = np.sort(np.concatenate([first, first + 1]))
    if (
        dims.ndim != 1
        or dims.shape != children.shape
        or np.any(dims >= n_dims)
        or not np.array_equal(owned, np.arange(n_roots, len(dims)))
        or np.any(first <= np.flatnonzero(split))
    ):
        raise ValueError("not a tree of halved boxes")


def leaves(dims: ArrayLike, children: ArrayLike, lo: Array, hi: Array) -> tuple[np.ndarray, ...]:
    """``(node, tag, lo, hi)`` of the leaves of a tree over the given root boxes."""
    dims, children = np.asarray(dims, int), np.asarray(children, int)
    node, tag = np.arange(len(lo)), np.arange(len(lo))
    out = []
    while len(node):
        is_leaf = dims[node] < 0
        out.append((node[is_leaf], tag[is_leaf], lo[is_leaf], hi[is_leaf]))
        node, tag, lo, hi = node[~is_leaf], tag[~is_leaf], lo[~is_leaf], hi[~is_leaf]
        lo, hi = _halve(lo, hi, dims[node])
        node, tag = (children[node][:, None] + np.arange(2)).ravel(), np.repeat(tag, 2)
    return tuple(np.concatenate(part) for part in zip(*out, strict=True))


def _halve(lo: Array, hi: Array, dim: np.ndarray) -> tuple[Array, Array]:
    """Both halves of each box along its dimension, interleaved: shapes (2k, d)."""
    k = np.arange(len(lo))
    middle = 0.5 * (lo[k, dim] + hi[k, dim])
    new_lo, new_hi = np.repeat(lo, 2, axis=0), np.repeat(hi, 2, axis=0)
    new_hi[2 * k, dim] = middle
    new_lo[2 * k + 1, dim] = middle
    return new_lo, new_hi


def _bound_in_batches(
    bound: Callable[..., Any], tag: np.ndarray, lo: Array, hi: Array, cutoff: float
) -> tuple[np.ndarray, ...]:
    parts = [
        bound(tag[i : i + BATCH], lo[i : i + BATCH], hi[i : i + BATCH], cutoff)
        for i in range(0, len(lo), BATCH)
    ]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
