"""Quadratic forms that vanish on rank-one tensors: upper ends of a tensor's spectral norm."""

from itertools import combinations_with_replacement

import numpy as np


def binomials(sizes):
    """Index quadruples (m, 4): the forms ``z_a z_b - z_c z_d`` that span those vanishing on rank one.

    ``sizes`` are the modes of z; indices are flat, in C order.
    """
    index = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)
    groups = {}
    for a, b in combinations_with_replacement(range(len(index)), 2):
        if np.sum(index[a] != index[b]) > 1:
            key = tuple(map(tuple, np.sort(index[[a, b]], axis=0)))
            groups.setdefault(key, []).append((a, b))
    rows = [(*group[0], *other) for group in groups.values() for other in group[1:]]
    return np.array(rows, int).reshape(-1, 4)


def binomial_count(sizes):
    """The number of rows of ``binomials(sizes)``, without making them."""
    n = int(np.prod(sizes))
    return n * (n + 1) // 2 - int(np.prod([k * (k + 1) // 2 for k in sizes]))


def combine(weights, rows, n):
    """The symmetric matrix (n, n) of the form ``sum_k weights[k] (z_a z_b - z_c z_d)_k``."""
    N = np.zeros((n, n), weights.dtype)
    np.add.at(N, (rows[:, 0], rows[:, 1]), 0.5 * weights)
    np.add.at(N, (rows[:, 2], rows[:, 3]), -0.5 * weights)
    return N + N.T
