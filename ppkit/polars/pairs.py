r"""Operator norms between a pair of vector norms: :math:`\sup\{u^\top S v\}` over two unit balls.

:func:`pair_norm` says which norm a pair has.  Where there is no closed form it is an interval: the lower end
is attained by a factor that alternating ascent found, the upper end is the least of

* the value at every vertex of a "linf" side (:class:`Vertices`), exact, if there are few;
* branch and bound over the directions of a short side (:class:`Faces`);
* one singular value or eigenvalue at any size (:class:`ppkit.polars.split.Split`).
"""

from collections.abc import Sequence

import numpy as np

from ..checks import Proof
from ..checks.faces import faces
from ..checks.pairs import Pair
from ..checks.vector_norms import L1, L2, LInf, VectorNorm
from ..checks.vertices import vertex_bits, vertex_values, vertices
from .ascent import KEPT, NARROW, Ascent, PairNorm, ascend, at_one, highest, values_at
from .base import CLOSED, Found, Least, Norm, Units
from .branch import branch_and_bound
from .lines import LinesNorm
from .spectral import SpectralNorm
from .split import Split

ENUMERATED = {"fast": 15, "default": 18, "exact": 24}  # bits of a vertex number
BRANCHED = {"fast": 3, "default": 5, "exact": 7}  # coordinates of the shorter factor
NODES = {"fast": 2_000, "default": 20_000, "exact": 400_000}


def pair_norm(row: VectorNorm, col: VectorNorm, nonnegative: bool = False) -> Norm:
    """The norm ``sup u^T S v`` for ``|u|_row <= 1``, ``|v|_col <= 1``, both non-negative on request."""
    if isinstance(row, L1):
        return LinesNorm(col, by_columns=False, nonnegative=nonnegative)
    if isinstance(col, L1):
        return LinesNorm(row, by_columns=True, nonnegative=nonnegative)
    pair, sides = Pair(row, col, nonnegative), (row, col)
    if all(isinstance(side, L2) for side in sides):
        # with signs the split is nearly always tight, and cheap
        return Least(Ascent(pair), Split(pair), Faces(pair)) if nonnegative else SpectralNorm()
    cubes = sum(isinstance(side, LInf) for side in sides)
    vertices_first = [Vertices(pair)] if cubes else []
    boxes = [Faces(pair)] if cubes < 2 else []
    return Least(*vertices_first, Ascent(pair), *boxes, Split(pair), closed=NARROW)


class Vertices(PairNorm):
    """The value at every vertex of the smaller "linf" side, exact: one of them is the maximizer.

    With at most 16, 19, 25 coordinates for the three efforts (one less under sign constraints), which takes
    2^15, 2^18, 2^24 products of a vector with the matrix.
    """

    kinds = ("vertices",)

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        side = self.pair.cube_side(M.shape)
        if side is None or vertex_bits(M.shape[side], self.pair.nonnegative) > ENUMERATED[effort]:
            return self.nothing(M)
        pair, S = self.pair.seen_from(side, at_one(M))
        one = best_vertices(pair, S)
        U, V = (one, pair.touch(pair.col, one @ S))[:: 1 - 2 * side]
        return Found({"u": U, "v": V}, values_at(M, U, V), Proof("vertices", {"cube": np.array(side)}))

    def why(self, proof: Proof, lower: float, upper: float) -> str:
        return "exact" if proof.kind in self.kinds else "heuristic"


class Faces(PairNorm):
    """Branch and bound over the directions of the shorter side that is not "linf".

    For at most 3, 5, 7 coordinates, stopped where the interval is closed or after 2,000, 20,000, 400,000
    boxes.
    """

    kinds = ("faces",)

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        pair, side = self.pair, round_side(self.pair, M.shape)
        if M.shape[side] > BRANCHED[effort]:
            return self.nothing(M)
        S = at_one(M)
        V = self.before(starts, S.shape[1])
        space, attained = faces(*pair.seen_from(side, S)), highest(pair, S, V)
        run = branch_and_bound(*space, attained, gap=CLOSED, max_nodes=NODES[effort])
        if run.point is not None:
            point = pair.touch(pair.col, run.point[None] @ S) if side == 0 else run.point[None]
            V = ascend(pair, S, np.concatenate([point, V]))[1]
        return self.found(M, V, Proof("faces", {"side": np.array(side), **run.tree}))


def round_side(pair: Pair, shape: tuple[int, int]) -> int:
    """The shorter side (0 or 1) that is no cube."""
    sides = [k for k, norm in enumerate((pair.row, pair.col)) if not isinstance(norm, LInf)]
    return min(sides, key=lambda k: shape[k])


def best_vertices(pair: Pair, S: np.ndarray) -> np.ndarray:
    """The best vertices of the cube on the row side, best first, shape (k, m)."""
    values = vertex_values(S, pair.col, pair.nonnegative)
    top = np.arange(len(values))
    if len(values) > KEPT:
        top = np.sort(np.argpartition(-values, KEPT)[:KEPT])
    order = top[np.argsort(-values[top], kind="stable")]
    return vertices(order, len(S), pair.nonnegative)
