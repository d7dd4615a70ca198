r"""Operator norms from the cube: a convex function is largest at a vertex.

For a norm \|.\| with dual \|.\|_*, the polar of a pair with "linf" on one side is

.. math:: \max_{s \in \{-1, 1\}^d} \|S^\top s\|_*,

with :math:`\{0, 1\}^d` and the positive part of :math:`S^\top s` under sign constraints.  Up to about
twenty coordinates all vertices are tried.
"""

import numpy as np

BLOCK = 1024
LONGEST = 26  # bits of a vertex number: no more than this are ever enumerated


def vertex_bits(d, nonnegative):
    """Bits of a vertex number; without sign constraints the first sign is + (the values are even)."""
    return d if nonnegative else d - 1


def vertices(index, d, nonnegative):
    """The vertices with the given numbers, (k, d): bit i is coordinate i (i + 1 with signs)."""
    bits = np.asarray(index)[:, None] >> np.arange(vertex_bits(d, nonnegative)) & 1
    if nonnegative:
        return bits.astype(float)
    return np.concatenate([np.ones((len(bits), 1)), 1.0 - 2.0 * bits], axis=1)


def vertex_values(S, norm, nonnegative):
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
