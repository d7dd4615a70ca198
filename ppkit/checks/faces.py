r"""Operator norms by directions: the ratio of a convex function to a norm on boxes in the faces of a cube.

For a pair with norms \|.\|_{row} and \|.\|_{col}, the polar is

.. math:: \max_u \|S^\top u\|_{col *} / \|u\|_{row},

with the positive part of :math:`S^\top u` and :math:`u \ge 0` under sign constraints.  Only the direction of
u matters: one coordinate is the largest, and is one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..rigor.margins import EPS
from ..rigor.trees import replay
from .base import Checker
from .pairs import Pair

SHARP = 0.25  # a tangent below this part of the norm at a corner bounds nothing


def faces(pair: Pair, S: np.ndarray) -> tuple[Callable, np.ndarray, np.ndarray]:
    """``(bound, lo, hi)``: the directions of u as faces of the cube, u_k = 1 on root k, for S (d, n).

    On the cone through a box the value is convex, hence below its chords, and the norm is above
    its tangent p at the center: their ratio is at most its largest value at a corner.
    """
    d = len(S)
    lo = np.full((d, d), 0.0 if pair.nonnegative else -1.0)
    lo[np.diag_indices(d)] = 1.0
    choice = np.array(np.meshgrid(*[[0.0, 1.0]] * d, indexing="ij")).reshape(d, -1).T
    ceiling = float(np.linalg.norm(S)) * pair.col.dual_bound(S.shape[1]) * 2

    def bound(
        tag: np.ndarray, lo: np.ndarray, hi: np.ndarray, cutoff: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        center = 0.5 * (lo + hi)
        p = pair.row.tangent(center, 0.5 * (hi - lo))
        corners = lo[:, None, :] + (hi - lo)[:, None, :] * choice
        value = pair.gain(pair.col, corners.reshape(-1, d) @ S).reshape(len(lo), -1)
        norm = np.sum(corners * p[:, None, :], axis=2)
        least = pair.row.value(corners.reshape(-1, d)).reshape(len(lo), -1) * SHARP
        fine = np.all(norm > least, axis=1)
        top = np.max(value / np.where(fine[:, None], norm, 1.0), axis=1) * (1 + 16 * d * EPS)
        points = center / pair.row.value(center)[:, None]
        return np.where(fine, top, ceiling), pair.gain(pair.col, points @ S), points

    return bound, lo, np.ones((d, d))


def faces_upper(norm: Any, M: np.ndarray, data: Mapping[str, np.ndarray]) -> float:
    """The largest bound over the boxes of the tree of directions of the side ``side`` of ``norm.pair``."""
    return replay(*faces(*norm.pair.seen_from(data["side"], M)), data)


FACES = Checker(faces_upper)
