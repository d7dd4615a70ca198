r"""Operator norms without a closed form: an interval for :math:`\sup\{u^\top S v\}` over two unit balls.

The lower end is attained by a factor that alternating ascent found.  The upper end, for effort "fast",
"default" and "exact", is the first of these that applies:

* the value at every vertex of a "linf" side with at most 16, 19, 25 coordinates (one less under sign
  constraints), exact, for 2^15, 2^18, 2^24 products of a vector with the matrix;
* branch and bound over the directions of the shorter "l2" or "l1+l2" side of at most 3, 5, 7
  coordinates, stopped at a relative width of 1e-9 or 2,000, 20,000, 400,000 boxes;
* the bound of :mod:`ppkit.checks.split`, 60, 560 and 960 iterations of one SVD each: at most
  1.783 times the polar for ("linf", "linf") and 1.2534 times for ("linf", "l2") where the optimizer
  ends at the minimum (it ends within a percent at "fast" and 1e-4 at "default"); for mixtures and
  signs there is no such constant.
"""

from dataclasses import dataclass

import numpy as np

from ..checks.split import SplitBound, mid
from ..checks.vector_norms import L2, LInf, VectorNorm
from ..checks.vertices import vertex_bits, vertex_values, vertices
from ..errors import InputError
from ..rigor.balls import arbs, to_arb
from ..rigor.margins import EPS, rounding_margin
from ..rigor.trees import replay
from .branch import branch_and_bound
from .search import multistart

ENUMERATED = {"fast": 15, "default": 18, "exact": 24}  # bits of a vertex number
BRANCHED = {"fast": 3, "default": 5, "exact": 7}  # coordinates of the shorter factor
NODES = {"fast": 2_000, "default": 20_000, "exact": 400_000}
CLOSED = 1e-9  # relative width at which a branch and bound stops
STARTS = {"fast": 32, "default": 128, "exact": 512}
KEPT = 32
PROGRAM = 9  # bits of a vertex number up to which a convex program lists all of them


@dataclass(frozen=True)
class HardNorm:
    """``sup u^T S v`` for ``|u|_row <= 1, |v|_col <= 1``, both non-negative on request; no side is l1."""

    row: VectorNorm
    col: VectorNorm
    nonnegative: bool

    @property
    def split(self):
        """The bound for any size."""
        return SplitBound(self.row, self.col, self.nonnegative)

    @property
    def plain(self):
        """Whether only signs make the pair hard: then the bound is nearly always tight, and cheap."""
        return isinstance(self.row, L2) and isinstance(self.col, L2)

    # ---- maximizers ---------------------------------------------------------------------------------

    def touch(self, norm, W):
        """Unit vectors that attain the dual norm of each row; zero where nothing is gained."""
        if not self.nonnegative:
            return norm.touch(W)
        return norm.touch(np.maximum(W, 0.0)) * (W > 0)

    def gain(self, norm, W):
        """The value of :meth:`touch`."""
        return norm.dual(np.maximum(W, 0.0) if self.nonnegative else W)

    def ascend(self, S, V):
        """``(U, V, values)`` of alternating ascent from the rows of ``V``, best first, no copies."""

        def step(points):
            value = self.gain(self.row, points["v"] @ S.T)
            u = self.touch(self.row, points["v"] @ S.T)
            return value, {"v": self.touch(self.col, u @ S)}

        V, values = multistart(step, {"v": V})
        V = V["v"]
        distinct = np.sort(np.unique(np.round(V, 7), axis=0, return_index=True)[1])[:KEPT]
        return self.touch(self.row, V[distinct] @ S.T), V[distinct], values[distinct]

    def starts(self, S, networks, count, seed):
        """Unit ``v`` to start from: networks, lines of ``S``, singular vectors, random ones."""
        rng = np.random.default_rng(seed)
        singular = np.linalg.svd(S, full_matrices=False)[2][:8]
        lines = S[np.argsort(-np.abs(S).sum(axis=1), kind="stable")[: count // 4]]
        drawn = rng.standard_normal((count // 2, len(S))) @ S
        V = self.touch(self.col, np.concatenate([singular, -singular, lines, drawn]))
        V = np.concatenate([*(W["v"] for W in networks), V, np.eye(1, S.shape[1])])
        V = V[self.col.value(V) > 0]
        return V / self.col.value(V)[:, None]

    def search(self, S, networks, effort, seed):
        """``(proof, U, V)`` for ``S`` of Frobenius norm about one; factors best first."""
        side = self.cube_side(S.shape)
        if side is not None and self.bits(S.shape[side]) <= ENUMERATED[effort]:
            return {"cube": np.array(side)}, *self.best_vertices(S, side)
        U, V, values = self.ascend(S, self.starts(S, networks, STARTS[effort], seed))
        least, proof = np.inf, {}
        if self.plain:
            proof, least = self.split.minimize(S, effort)
        side = self.round_side(S.shape)
        if side is not None and S.shape[side] <= BRANCHED[effort] and least > values[0] * (1 + CLOSED):
            pair, T = self.seen_from(side, S)
            bound, lo, hi = pair.faces(T)
            found = branch_and_bound(bound, lo, hi, float(values[0]), gap=CLOSED, max_nodes=NODES[effort])
            if found.upper < least:
                least, proof = found.upper, {"side": np.array(side), **found.tree}
            if found.point is not None:
                point = self.touch(self.col, found.point[None] @ S if side == 0 else found.point[None])
                U, V, values = self.ascend(S, np.concatenate([point, V]))
        if least > values[0] * (1 + 10 * CLOSED):
            if not self.plain:
                choice, value = self.split.minimize(S, effort)
                least, proof = min(((least, proof), (value, choice)), key=lambda pair: pair[0])
            if "dim" not in proof:
                drawn = self.touch(self.col, self.split.directions(S, proof, STARTS[effort], seed))
                U, V, values = self.ascend(S, np.concatenate([V, drawn]))
        return proof, U, V

    def upper(self, S, proof):
        """The upper end that ``proof`` gives for ``S``, but for the rounding of sums over ``S``."""
        if "cube" in proof:
            pair, T = self.seen_from(proof["cube"], S)
            if not isinstance(pair.row, LInf):
                raise ValueError("no cube on this side")
            return float(vertex_values(T, pair.col, self.nonnegative).max())
        if "dim" in proof:
            pair, T = self.seen_from(proof["side"], S)
            return replay(*pair.faces(T), proof)
        return self.split.upper(S, proof)

    def margin(self, size, shape):
        """Rounding of :meth:`upper` for a matrix of Frobenius norm at most ``size``."""
        (m, n) = shape
        return rounding_margin(m + n + 8, size * self.row.dual_bound(m) * self.col.dual_bound(n))

    def prove(self, S, bound, proof):
        """Whether ``upper <= bound`` is proved, rounding included, for Balls ``S``; None for a tree.

        At the cube the floats next to ``S`` are tried, with the margin of their sums, and the distance
        to them is charged.
        """
        if "dim" in proof:
            return None
        if "cube" not in proof:
            return self.split.prove(S, bound, proof)
        near = mid(S)
        (m, n), far = S.shape, arbs(S - near)
        charge = to_arb(self.row.dual_bound(m) * self.col.dual_bound(n) * (1 + 4 * EPS))
        value = self.upper(near, proof)
        value = to_arb(value * (1 + 8 * (m + n) * EPS)) + self.margin(float(np.linalg.norm(near)), S.shape)
        return bool(value + charge * sum(abs(x) for x in far.flat) <= bound)

    # ---- vertices of a cube -------------------------------------------------------------------------

    def bits(self, d):
        """How many bits number the vertices of a cube of ``d`` coordinates."""
        return vertex_bits(d, self.nonnegative)

    def cube_side(self, shape):
        """The side (0 or 1) with the smaller cube, None without "linf"."""
        sides = [k for k, norm in enumerate((self.row, self.col)) if isinstance(norm, LInf)]
        return min(sides, key=lambda k: shape[k], default=None)

    def round_side(self, shape):
        """The shorter side without a cube, None if both have one."""
        sides = [k for k, norm in enumerate((self.row, self.col)) if not isinstance(norm, LInf)]
        return min(sides, key=lambda k: shape[k], default=None)

    def seen_from(self, side, S):
        """The pair and the matrix with the given side (0 or 1) as rows."""
        if int(side) not in (0, 1):
            raise ValueError("a side is 0 or 1")
        return (self, S) if int(side) == 0 else (HardNorm(self.col, self.row, self.nonnegative), S.T)

    def best_vertices(self, S, side):
        """The best vertices on a side with the factors that they attain: ``(U, V)``, best first."""
        if side == 1:
            pair, T = self.seen_from(1, S)
            return pair.best_vertices(T, 0)[::-1]
        values = vertex_values(S, self.col, self.nonnegative)
        order = np.argsort(-values, kind="stable") if len(values) <= KEPT else _top(values)
        U = vertices(order, len(S), self.nonnegative)
        return U, self.touch(self.col, U @ S)

    def all_vertices(self, shape):
        """``(side, vertices (K, d))`` of the smaller cube, but for zero."""
        side = self.cube_side(shape)
        if side is None or self.bits(shape[side]) > PROGRAM:
            raise InputError("structured-sensing: no finite convex program for this pair and shape")
        d = shape[side]
        return side, vertices(np.arange(int(self.nonnegative), 2 ** self.bits(d)), d, self.nonnegative)

    # ---- branch and bound ---------------------------------------------------------------------------

    def faces(self, S):
        """``(bound, lo, hi)``: the directions of u as faces of the cube, u_k = 1 on root k.

        On the cone through a box the value is convex, hence below its chords, and the norm is above
        its tangent p at the center: their ratio is at most its largest value at a corner.
        """
        d = len(S)
        lo = np.full((d, d), 0.0 if self.nonnegative else -1.0)
        lo[np.diag_indices(d)] = 1.0
        choice = np.array(np.meshgrid(*[[0.0, 1.0]] * d, indexing="ij")).reshape(d, -1).T
        ceiling = float(np.linalg.norm(S)) * self.col.dual_bound(S.shape[1]) * 2

        def bound(tag, lo, hi, cutoff):
            center = 0.5 * (lo + hi)
            p = self.row.tangent(center, 0.5 * (hi - lo))
            corners = lo[:, None, :] + (hi - lo)[:, None, :] * choice
            value = self.gain(self.col, corners.reshape(-1, d) @ S).reshape(len(lo), -1)
            norm = np.sum(corners * p[:, None, :], axis=2)
            least = self.row.value(corners.reshape(-1, d)).reshape(len(lo), -1) / 4
            fine = np.all(norm > least, axis=1)
            top = np.max(value / np.where(fine[:, None], norm, 1.0), axis=1) * (1 + 16 * d * EPS)
            points = center / self.row.value(center)[:, None]
            return np.where(fine, top, ceiling), self.gain(self.col, points @ S), points

        return bound, lo, np.ones((d, d))


def _top(values):
    """Numbers of the largest values, best first."""
    order = np.argpartition(-values, KEPT)[:KEPT]
    return order[np.lexsort((order, -values[order]))]
