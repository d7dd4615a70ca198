"""Alternating ascent between the two sides of a pair of norms without a closed form."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..checks import SEARCH, Proof
from ..checks.pairs import Pair
from ..rigor.margins import rounding_margin
from .base import CLOSED, Found, Norm, Units, both
from .search import multistart

STARTS = {"fast": 32, "default": 128, "exact": 512}
KEPT = 32  # units that a search hands on
NARROW = 10 * CLOSED  # relative width of an interval that is not worth a bound at any size
DIGITS = 7  # to which two units are one


class PairNorm(Norm):
    """Abstract: ``sup u^T S v`` over the balls of ``pair``, units ``u`` (k, m) and ``v`` (k, n).

    These norms are members of one :class:`ppkit.polars.base.Least`.  One that does not take on a matrix at
    the effort it is asked for finds :meth:`nothing`; :class:`Ascent` starts from all networks, and those
    that follow start from what the ones before them found, and return that along with what is new.
    """

    is_closed = False

    def __init__(self, pair: Pair):
        self.pair = pair

    def margin(self, M: Any, value: float, n_terms: int, magnitude: float) -> float:
        """Products of vectors with ``M`` have ``m + n`` terms more."""
        return rounding_margin(n_terms + sum(M.shape) + 8, magnitude, value, sum(M.shape))

    def found(self, M: np.ndarray, V: np.ndarray, proof: Proof, upper: float | None = None) -> Found:
        """The rows of ``V`` with the ``u`` that they attain; the zero unit if there are none."""
        V = V if len(V) else np.zeros((1, M.shape[1]))
        U = self.pair.touch(self.pair.row, V @ at_one(M).T)
        return Found({"u": U, "v": V}, values_at(M, U, V), proof, upper)

    def before(self, starts: Sequence[Units], n: int) -> np.ndarray:
        """The ``v`` (k, n) that the members before this one found."""
        return starts[-1]["v"] if starts else np.zeros((0, n))

    def joined(self, before: Found, after: Found) -> Found:
        """The units of one of both: those found ``after`` hold the others, or better ones in their place."""
        least = both(before, after)
        higher = np.max(after.values) > np.max(before.values) * (1 + CLOSED)
        kept = after if higher or least.proof is after.proof else before
        return replace(least, units=kept.units, values=kept.values)

    def nothing(self, M: np.ndarray) -> Found:
        """The zero unit and no upper end."""
        units = {"u": np.zeros((1, M.shape[0])), "v": np.zeros((1, M.shape[1]))}
        return Found(units, np.zeros(1), Proof(SEARCH), np.inf)


class Ascent(PairNorm):
    """Alternating ascent from networks, lines, singular vectors and random points; no upper end."""

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        S = at_one(M)
        V = first_points(self.pair, S, starts, STARTS[effort], seed)
        return self.found(M, ascend(self.pair, S, V)[1], Proof(SEARCH), np.inf)


def at_one(M: np.ndarray) -> np.ndarray:
    """``M`` at Frobenius norm one, rounded: a search takes the same way for every multiple of it."""
    size = float(np.linalg.norm(M))
    return np.round(M / size, 12) if size > 0 else M


def values_at(M: np.ndarray, U: np.ndarray, V: np.ndarray) -> np.ndarray:
    """``u^T M v`` for every row of ``U`` and ``V``."""
    return np.sum(U @ M * V, axis=1)


def ascend(pair: Pair, S: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(U, V, values)`` of alternating ascent from the rows of ``V``, best first, no copies."""

    def step(points: Units) -> tuple[np.ndarray, Units]:
        value = pair.gain(pair.row, points["v"] @ S.T)
        u = pair.touch(pair.row, points["v"] @ S.T)
        return value, {"v": pair.touch(pair.col, u @ S)}

    points, values = multistart(step, {"v": V})
    V = points["v"]
    first = np.sort(np.unique(np.round(V, DIGITS), axis=0, return_index=True)[1])[:KEPT]
    return pair.touch(pair.row, V[first] @ S.T), V[first], values[first]


def first_points(pair: Pair, S: np.ndarray, networks: Iterable[Units], count: int, seed: int) -> np.ndarray:
    """Unit ``v`` to start from: networks, lines of ``S``, singular vectors, random ones."""
    rng = np.random.default_rng(seed)
    singular = np.linalg.svd(S, full_matrices=False)[2][:8]
    lines = S[np.argsort(-np.abs(S).sum(axis=1), kind="stable")[: count // 4]]
    drawn = rng.standard_normal((count // 2, len(S))) @ S
    V = pair.touch(pair.col, np.concatenate([singular, -singular, lines, drawn]))
    V = np.concatenate([*(W["v"] for W in networks), V, np.eye(1, S.shape[1])])
    V = V[pair.col.value(V) > 0]
    return V / pair.col.value(V)[:, None]


def highest(pair: Pair, S: np.ndarray, V: np.ndarray) -> float:
    """The largest value that a row of ``V`` attains, zero if there are none."""
    return float(np.max(pair.gain(pair.row, V @ S.T), initial=0.0))


def is_closed_at(value: float, upper: float) -> bool:
    """Whether nothing is left between the ends of an interval that is worth a search."""
    return upper <= value * (1 + NARROW)
