r"""Upper bounds for the operator norm between a pair of vector norms: weights, splits, shifts.

For :math:`\sup\{u^\top S v : \|u\|_{row} \le 1, \|v\|_{col} \le 1\}` and any positive weights d (of sum
one; the identity on an l2 side), any split and, under sign constraints, any shift :math:`P \ge 0`,

.. math:: S + P = A + B + C + E, \quad
    \max\{\|D_d^{-1/2} A D_e^{-1/2}\|, \max_i \|B_i\|_*/\gamma, \max_k \|C^k\|_*/\gamma',
    \max_{ik}|E_{ik}|/\gamma\gamma'\}

is an upper bound.  A side "linf" under sign constraints enters with the coordinates ``(1, 2u - 1)``, see
:func:`lifts`.  B, C and E stand for the l1 parts of mixtures on the row, the column, both sides.

Under sign constraints :math:`u^\top Q u \ge 0` for every non-negative Q as well, so that the norm of the main
piece may be replaced by the largest eigenvalue of

.. math:: \begin{pmatrix} D_d^{-1/2} & \\ & D_e^{-1/2} \end{pmatrix}
    \begin{pmatrix} Q & A \\ A^\top & R \end{pmatrix}
    \begin{pmatrix} D_d^{-1/2} & \\ & D_e^{-1/2} \end{pmatrix}, \quad Q, R \ge 0 \text{ symmetric},

which is the dual of the relaxation over doubly non-negative matrices.  Every choice is valid, so nothing
rests on the optimizer that chooses (:mod:`ppkit.polars.split`).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..factors import Numbers
from ..rigor.balls import Balls, arbs, mid, to_arb
from ..rigor.margins import EPS
from ..rigor.matrices import positive_definite
from .base import Checker, require
from .pairs import Pair
from .vector_norms import L1L2, L2, LInf, VectorNorm

Shape = tuple[int, ...]
DIAGONAL = ("rows_shift", "columns_shift")  # names of the shifts of the diagonal blocks


def split_upper(norm: Any, M: np.ndarray, data: Mapping[str, np.ndarray]) -> float:
    """The bound that ``data`` gives for ``M`` (m, n), rounded outward; scale free."""
    pair, size = norm.pair, float(np.linalg.norm(M))
    d, e, P, pieces = parts(pair, data, size, M.shape)
    A = assemble(pair, M, P) - sum(pieces.values())
    total = assemble(pair, M, P, np.abs) + sum(np.abs(B) for B in pieces.values())
    Q, R = diagonal_shifts(pair, data, size, M.shape)
    if Q is None and R is None:
        scale = scaling(pair, d, e)
        main = float(np.linalg.norm(A * scale, 2))
    else:
        scale = block_scaling(pair, d, e)
        main = max(float(np.linalg.eigvalsh(blocks(pair, Q, A, R, M.shape) * scale)[-1]), 0.0)
        total = blocks(pair, Q, total, R, M.shape, np.abs)
    main += (16 + 4 * sum(M.shape)) * EPS * float(np.linalg.norm(total * scale))
    lines = [line_value(B, *piece_norms(pair)[k]) for k, B in pieces.items()]
    return max([main, *lines]) * (1 + 8 * (sum(M.shape) + 4) * EPS)


def prove_split(norm: Any, M: Balls, bound: float, data: Mapping[str, np.ndarray]) -> None:
    """The same for Balls ``M``: each piece, and the pivots of the matrix that bounds the main one."""
    pair, size = norm.pair, float(np.sqrt(np.sum(mid(M) ** 2)))
    d, e, P, pieces = parts(pair, data, size, M.shape)
    A = assemble(pair, M, Balls(P))
    for k, B in pieces.items():
        A = A - B
        line, columns, price = piece_norms(pair)[k]
        lines = Balls(B.T if columns else B)
        top = to_arb(bound) * to_arb(price)
        if line is None:
            require(all(abs(x) <= top for x in arbs(lines).flat))
        else:
            require(line.dual_at_most(lines, top))
    Q, R = (None if N is None else Balls(N) for N in diagonal_shifts(pair, data, size, M.shape))
    m = len(d)
    K = np.full((m + len(e),) * 2, to_arb(0), object)
    K[:m, m:], K[m:, :m] = -arbs(A), -arbs(A).T
    for block, N, (_, G) in (
        (slice(m), Q, lifts(pair, M.shape)[0]),
        (slice(m, None), R, lifts(pair, M.shape)[1]),
    ):
        if N is not None:
            K[block, block] = -arbs(G @ N @ G.T)
    for at, side, w in ((0, pair.row, d), (m, pair.col, e)):
        w = arbs(w)
        total = w.sum() if isinstance(side, LInf) else max(w, key=float)
        for i, x in enumerate(w):
            K[at + i, at + i] += to_arb(bound) * x / total
    require(positive_definite(K))


SPLIT = Checker(split_upper, prove_split)


# ---- the terms of the bound -------------------------------------------------------------------------------


def piece_norms(pair: Pair) -> dict[str, tuple[VectorNorm | None, bool, float]]:
    """``name -> (norm of a line, lines are columns, price)`` of the pieces beside the main one."""
    out: dict[str, tuple[VectorNorm | None, bool, float]] = {}
    if isinstance(pair.row, L1L2):
        out["rows"] = (main_part(pair.col), False, pair.row.gamma)
    if isinstance(pair.col, L1L2):
        out["columns"] = (main_part(pair.row), True, pair.col.gamma)
    if isinstance(pair.row, L1L2) and isinstance(pair.col, L1L2):
        out["entries"] = (None, False, pair.row.gamma * pair.col.gamma)
    return out


def main_part(norm: VectorNorm) -> VectorNorm:
    """The norm itself, or the l2 part of a mixture."""
    return L2() if isinstance(norm, L1L2) else norm


def lifts(pair: Pair, shape: Shape) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """``((L, G), (L', G'))``: the matrix ``L S L'^T`` is bounded, shifts are ``G P G'^T`` with P >= 0.

    Under sign constraints a side "linf" has ``u = (1 + s)/2`` with ``|s_i| <= 1``: the coordinates
    become ``(1, s)``, and of ``1 + s_i >= 0`` and ``1 - s_i >= 0`` both give shifts.
    """
    out = []
    for norm, n in zip((pair.row, pair.col), shape, strict=True):
        if isinstance(norm, LInf):
            half = 0.5 * np.ones((1, n)), 0.5 * np.eye(n)
            L = np.vstack(half)
            out.append((L, np.hstack([L, np.vstack([half[0], -half[1]])])))
        else:
            out.append((np.eye(n), np.eye(n)))
    return tuple(out)


def sizes(pair: Pair, shape: Shape) -> tuple[Shape, Shape]:
    """Shapes of the matrix to be bounded and of the shift."""
    if not pair.nonnegative:
        return shape, shape
    (L, G), (R, H) = lifts(pair, shape)
    return (len(L), len(R)), (G.shape[1], H.shape[1])


def assemble(pair: Pair, S: Numbers, P: Numbers, weigh: Callable = np.positive) -> Numbers:
    """The matrix to be bounded, before pieces are taken off; ``weigh=np.abs`` for a sum of sizes."""
    if not pair.nonnegative:
        return weigh(S)
    (L, G), (R, H) = lifts(pair, S.shape)
    return weigh(L) @ weigh(S) @ weigh(R).T + weigh(G) @ P @ weigh(H).T


def blocks(
    pair: Pair, Q: Any, A: np.ndarray, R: Any, shape: Shape, weigh: Callable = np.positive
) -> np.ndarray:
    """The symmetric matrix with the main piece beside its diagonal and the shifts on it."""
    m = len(A)
    K = np.zeros((sum(A.shape),) * 2)
    K[:m, m:], K[m:, :m] = A, A.T
    for block, N, (_, G) in zip((slice(m), slice(m, None)), (Q, R), lifts(pair, shape), strict=True):
        if N is not None:
            K[block, block] = weigh(G) @ N @ weigh(G).T
    return K


def block_scaling(pair: Pair, d: np.ndarray, e: np.ndarray) -> np.ndarray:
    """:func:`scaling` for the matrix of :func:`blocks`."""
    s = np.sqrt(np.concatenate([budget(pair.row, d) / d, budget(pair.col, e) / e]))
    return s[:, None] * s


def scaling(pair: Pair, d: np.ndarray, e: np.ndarray) -> np.ndarray:
    """What the entries of the main matrix are multiplied by, for weights of its rows and columns."""
    root = np.sqrt(budget(pair.row, d) * budget(pair.col, e))
    return root / (np.sqrt(d)[:, None] * np.sqrt(e))


def budget(norm: VectorNorm, weights: np.ndarray) -> float:
    """The largest ``sum_i weights_i u_i^2`` over the unit ball of the norm's main part."""
    return weights.sum() if isinstance(norm, LInf) else weights.max()


def line_value(M: np.ndarray, norm: VectorNorm | None, columns: bool, price: float) -> float:
    """The largest dual norm of a line (or entry) over its price."""
    if norm is None:
        return float(np.abs(M).max()) / price
    return float(norm.dual(M.T if columns else M).max()) / price


# ---- what is stored ---------------------------------------------------------------------------------------


def parts(pair: Pair, data: Mapping[str, np.ndarray], size: float, shape: Shape) -> tuple:
    """``(d, e, P, pieces)`` of a proof for a matrix of Frobenius norm about one, times ``size``."""
    full, free = sizes(pair, shape)
    d, e = (weights(data.get(k), n) for k, n in zip(("d", "e"), full, strict=True))
    P = matrix(data.get("shift"), free)
    if np.any(P < 0) or (np.any(P) and not pair.nonnegative):
        raise ValueError("a shift is non-negative, and zero without sign constraints")
    return d, e, P * size, {k: matrix(data.get(k), full) * size for k in piece_norms(pair)}


def diagonal_shifts(
    pair: Pair, data: Mapping[str, np.ndarray], size: float, shape: Shape
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The symmetric shifts of the two diagonal blocks, None where the proof has none."""

    def one(name: str, n: int) -> np.ndarray | None:
        if name not in data:
            return None
        N = matrix(data[name], (n, n))
        if np.any(N < 0) or not pair.nonnegative:
            raise ValueError("a shift is non-negative, and absent without sign constraints")
        return (N + N.T) * (0.5 * size)

    (rows, columns), (m, n) = DIAGONAL, sizes(pair, shape)[1]
    return one(rows, m), one(columns, n)


def weights(values: np.ndarray | None, n: int) -> np.ndarray:
    """Positive weights, ones if there are none."""
    w = np.ones(n) if values is None else np.asarray(values, float)
    if w.shape != (n,) or not np.all(np.isfinite(w)) or not np.all(w > 0):
        raise ValueError("one positive weight for every line")
    return w


def matrix(values: np.ndarray | None, shape: Shape) -> np.ndarray:
    """A finite matrix, zero if there is none."""
    M = np.zeros(shape) if values is None else np.asarray(values, float)
    if M.shape != shape or not np.all(np.isfinite(M)):
        raise ValueError("a finite matrix of the shape of the problem")
    return M
