r"""Operator norms from the cube: a convex function is largest at a vertex.

For a norm \|.\| with dual \|.\|_*, the polar of a pair with "linf" on one side is

.. math:: \max_{s \in \{-1, 1\}^d} \|S^\top s\|_*,

with :math:`\{0, 1\}^d` and the positive part of :math:`S^\top s` under sign constraints.  Up to about
twenty coordinates all vertices are tried.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..rigor.balls import Balls, arbs, mid, to_arb
from ..rigor.margins import EPS, rounding_margin
from .base import Checker, require
from .vector_norms import LInf, VectorNorm

BLOCK = 1024
LONGEST = 26  # bits of a vertex number: no more than this are ever enumerated


def vertex_bits(d: int, nonnegative: bool) -> int:
    """Bits of a vertex number; without sign constraints the first sign is + (the values are even)."""
    return d if nonnegative else d - 1


def vertices(index: np.ndarray, d: int, nonnegative: bool) -> np.ndarray:
    """The vertices with the given numbers, (k, d): bit i is coordinate i (i + 1 with signs)."""
    bits = np.asarray(index)[:, None] >> np.arange(vertex_bits(d, nonnegative)) & 1
    if nonnegative:
        return bits.astype(float)
    return np.concatenate([np.ones((len(bits), 1)), 1.0 - 2.0 * bits], axis=1)


def vertex_values(S: np.ndarray, norm: VectorNorm, nonnegative: bool) -> np.ndarray:
    """The dual norm of ``S^T s`` (of its positive part) at every vertex, in the order of the numbers."""
    d = len(S)
    n_bits = vertex_bits(d, nonnegative)
    if n_bits > LONGEST:
        raise ValueError(f"2^{n_bits} vertices are too many")
    low = min(n_bits, BLOCK.bit_length() - 1)
    first = d - n_bits + low  # coordinates that vary within a block
    block = vertices(np.arange(2**low), first, nonnegative) @ S[:first]
    rest = vertices(np.arange(2 ** (d - first)), d - first, True)
    if not nonnegative:
        rest = 1.0 - 2.0 * rest
    shifts = rest @ S[first:]
    out = [norm.dual(np.maximum(block + c, 0.0) if nonnegative else block + c) for c in shifts]
    return np.concatenate(out)


def vertices_upper(norm: Any, M: np.ndarray, data: Mapping[str, np.ndarray]) -> float:
    """The largest value at a vertex of the side ``cube`` of ``norm.pair``."""
    pair, S = norm.pair.seen_from(data["cube"], M)
    if not isinstance(pair.row, LInf):
        raise ValueError("no cube on this side")
    return float(vertex_values(S, pair.col, pair.nonnegative).max())


def prove_vertices(norm: Any, M: Balls, bound: float, data: Mapping[str, np.ndarray]) -> None:
    """The same for Balls ``M``: at the floats next to them, rounding added, and the distance charged."""
    near, (m, n) = mid(M), M.shape
    far = sum(abs(x) for x in arbs(M - near).flat)
    most = norm.pair.dual_bound(M.shape)
    value = to_arb(vertices_upper(norm, near, data) * (1 + 8 * (m + n) * EPS))
    value += rounding_margin(m + n + 8, float(np.linalg.norm(near)) * most)
    require(bool(value + to_arb(most * (1 + 4 * EPS)) * far <= bound))


VERTICES = Checker(vertices_upper, prove_vertices)
