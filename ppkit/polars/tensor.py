"""Spectral norm of a tensor: power iteration below, unfoldings and quadratic forms above."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import Proof
from ..checks.forms import binomial_count, binomials, combine, form_upper, other_sizes, unfold
from ..factors import width
from ..rigor.margins import rounding_margin
from ..rigor.scales import unit_rows
from .base import Found, Norm, Units
from .forms import interior_points, polish
from .search import multistart

TIGHT = 1e-11  # relative width of an interval that counts as closed to rounding
MOST_BINOMIALS = {"fast": 0, "default": 1300, "exact": np.inf}  # binomials that an effort takes on
STARTS = {"fast": 8, "default": 24, "exact": 48}

Vectors = Sequence[np.ndarray]
Best = tuple[Vectors, np.ndarray]  # unit vectors of each mode (k, n_k) and their values (k,)


class TensorNorm(Norm):
    r"""``sup <M, u_1 o ... o u_K>`` over unit vectors: units ``u1`` (k, n1), ..., ``uK`` (k, nK).

    Hard in general.  Power iteration gives the lower end; an unfolding, or a quadratic form of
    :mod:`ppkit.checks.forms` added to its square, gives the upper one.  The polar is ``"exact"`` when
    the two meet to rounding (relative width 1e-10), else ``"bounded"``.

    Effort: ``"fast"`` takes 8 random starts and the best unfolding, one singular value; ``"default"`` 24
    starts and the quadratic forms, as long as there are at most 1,300 of them; ``"exact"`` 48 starts and
    any number m of forms, O(m^3) for each of at most 40 steps.
    """

    kinds = ("unfolding", "form")
    is_closed = False

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        size = float(np.linalg.norm(M))
        names = [f"u{k + 1}" for k in range(M.ndim)]
        if size == 0:
            units = {name: np.eye(1, n) for name, n in zip(names, M.shape, strict=True)}
            return Found(units, np.zeros(1), Proof("unfolding", {"mode": np.array(0)}))
        rng = np.random.default_rng(seed)
        begin = [rng.standard_normal((STARTS[effort], n)) for n in M.shape]
        for network in starts:
            if width(network):
                begin = [np.vstack([b, network[name]]) for b, name in zip(begin, names, strict=True)]
        T = M / size
        proof, (vectors, values) = enclose(T, maximizers(*power_iteration(T, begin)), MOST_BINOMIALS[effort])
        return Found(dict(zip(names, vectors, strict=True)), values * size, proof)

    def margin(self, M: np.ndarray, value: float, n_terms: int, magnitude: float) -> float:
        """Of the sums in ``M``: the checkers add their own rounding."""
        return rounding_margin(n_terms, magnitude)

    def rounded(
        self, M: np.ndarray, proof: Proof, n_terms: int, magnitude: float, value: float | None = None
    ) -> float:
        """The rounding of ``M`` goes under the root of a form, where the unfolding amplifies it."""
        if proof.kind != "form":
            return super().rounded(M, proof, n_terms, magnitude, value)
        return form_upper(self, M, proof.data, rounding_margin(n_terms, magnitude))

    def why(self, proof: Proof, lower: float, upper: float) -> str:
        kind = super().why(proof, lower, upper)
        return "exact" if kind == "bounded" and upper <= lower * (1 + 10 * TIGHT) else kind


def enclose(T: np.ndarray, best: Best, limit: float) -> tuple[Proof, Best]:
    """``(proof, maximizers)`` for a tensor of norm one: the least upper end found, and better starts.

    ``best`` are the maximizers so far.  The modes with at most ``limit`` binomials are eliminated in
    turn, the largest first, until one interval closes.
    """
    tops = [float(np.linalg.norm(unfold(T, k), 2)) for k in range(T.ndim)]
    mode = int(np.argmin(tops))
    proof, least = Proof("unfolding", {"mode": np.array(mode)}), tops[mode] ** 2
    for mode in np.argsort([-n for n in T.shape], kind="stable"):
        others = other_sizes(T.shape, mode)
        if not 0 < binomial_count(others) <= limit or least <= best[1][0] ** 2 * (1 + TIGHT / 4):
            continue
        U, rows = unfold(T, mode), binomials(others)
        Q = U.T @ U
        for _, found, Z in interior_points(Q, rows):
            best = improve(T, best, Z, mode)
            vectors, values = best
            near = values >= values[0] * (1 - 1e-5)
            z = products_of([v[near] for k, v in enumerate(vectors) if k != mode])
            for trial in (found, polish(Q, rows, found, z, values[near] ** 2)):
                top = np.linalg.eigvalsh(Q + combine(trial, rows, len(Q)))[-1]
                if top < least:
                    least, proof = top, Proof("form", {"mode": np.array(mode), "weights": trial})
            if least <= values[0] ** 2 * (1 + TIGHT / 4):
                break
    return proof, best


def improve(T: np.ndarray, best: Best, Z: np.ndarray, mode: int) -> Best:
    """Maximizers with those reached from the leading eigenvector of the dual matrix ``Z``."""
    z = np.linalg.eigh(Z)[1][:, -1].reshape(other_sizes(T.shape, mode))
    start = [np.linalg.svd(unfold(z, k), full_matrices=False)[0][:, :1].T for k in range(z.ndim)]
    start.insert(mode, np.zeros((1, T.shape[mode])))
    vectors, values = power_iteration(T, start)
    if values[0] <= best[1][0] * (1 + 1e-14):
        return best
    return maximizers([np.vstack(p) for p in zip(best[0], vectors, strict=True)], np.append(best[1], values))


def maximizers(vectors: Vectors, values: np.ndarray, most: int = 16, least: float = 0.3) -> Best:
    """Distinct unit maximizers with positive value, best first: arrays (s, n_k) and values (s,)."""
    sign = np.where(values < 0, -1.0, 1.0)
    vectors, values = [sign[:, None] * vectors[0], *vectors[1:]], np.abs(values)
    kept: list[int] = []
    for j in np.argsort(-values, kind="stable"):
        if len(kept) == most or (kept and values[j] < least * values[kept[0]]):
            break
        overlap = np.ones(len(kept))
        for v in vectors:
            overlap = overlap * (v[kept] @ v[j])
        if not np.any(overlap > 1 - 1e-6):
            kept.append(j)
    return [v[kept] for v in vectors], values[kept]


def contract(T: np.ndarray, vectors: Vectors, skip: int) -> np.ndarray:
    """``T`` applied to the rows of all ``vectors`` but the one of mode ``skip``, shape (s, n_skip)."""
    order = [skip, *(k for k in range(T.ndim) if k != skip)]
    out = T.transpose(order).reshape(-1, T.shape[order[-1]]) @ vectors[order[-1]].T
    for k in reversed(order[1:-1]):
        out = (out.reshape(-1, T.shape[k], out.shape[1]) * vectors[k].T).sum(axis=1)
    return out.T


def power_iteration(T: np.ndarray, vectors: Vectors, iterations: int = 1000, tol: float = 1e-14) -> Best:
    """Alternating ascent from each row of ``vectors`` (K arrays (s, n_k)): unit rows, values (s,), sorted."""

    def step(points: Units) -> tuple[np.ndarray, Units]:
        vectors = list(points.values())
        for k in range(T.ndim):
            g = contract(T, vectors, k)
            if k == 0:
                values = np.sum(g * vectors[0], axis=1)
            size = np.linalg.norm(g, axis=1, keepdims=True)
            vectors[k] = np.where(size > 0, g / np.where(size > 0, size, 1.0), vectors[k])
        return values, dict(zip(points, vectors, strict=True))

    starts = {f"u{k + 1}": unit_rows(v) for k, v in enumerate(vectors)}
    points, values = multistart(step, starts, iterations, tol)
    return list(points.values()), values


def products_of(vectors: Sequence[Any]) -> Any:
    """Row-wise outer products, flattened in C order: (s, n_a), (s, n_b), ... -> (s, n_a n_b ...).

    Balls in, Balls out.
    """
    out = vectors[0]
    for v in vectors[1:]:
        size = out.shape[1] * v.shape[1]
        out = (out[:, :, None] * v[:, None, :]).reshape(len(v), size)
    return out
