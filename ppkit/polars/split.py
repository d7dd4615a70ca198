"""The choice of weights, pieces and shift in the bound of :mod:`ppkit.checks.split`: a search."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..checks import Proof
from ..checks.pairs import Pair
from ..checks.split import (
    DIAGONAL,
    assemble,
    block_scaling,
    blocks,
    lifts,
    parts,
    piece_norms,
    scaling,
    sizes,
    split_upper,
)
from ..checks.vector_norms import LInf, VectorNorm
from .ascent import STARTS, PairNorm, ascend, at_one, highest, is_closed_at
from .base import Found, Units

SMOOTHING = 1e-7
STAGES = {"fast": ((8, 30), (64, 30)), "default": ((8, 60), (64, 100), (512, 200), (4096, 200))}
STAGES["exact"] = (*STAGES["default"], (32768, 400))
LEADING = 0.99  # singular vectors with at least this part of the largest singular value are rounded

Arrays = dict[str, np.ndarray]


class Split(PairNorm):
    """``sup u^T S v`` over a pair of balls, bounded at any size by weights, pieces and a shift.

    60, 560 and 960 iterations of one SVD each for the three efforts: at most 1.783 times the polar for
    ("linf", "linf") and 1.2534 times for ("linf", "l2") where the optimizer ends at the minimum (it ends
    within a percent at "fast" and 1e-4 at "default"); for mixtures and signs there is no such constant.
    Under sign constraints the same number of iterations again, of one eigenvalue decomposition each, with
    shifts of the diagonal blocks, where the interval is not closed without them.
    """

    kinds = ("split",)

    def find(self, M: np.ndarray, starts: Sequence[Units], effort: str, seed: int) -> Found:
        S, pair = at_one(M), self.pair
        data, bound = self.minimize(S, effort)
        V = self.before(starts, S.shape[1])
        if pair.nonnegative and not is_closed_at(highest(pair, S, V), bound):
            more, lower = self.minimize(S, effort, diagonal=True)
            data, bound = (more, lower) if lower < bound else (data, bound)
        if not is_closed_at(highest(pair, S, V), bound):
            drawn = pair.touch(pair.col, directions(pair, S, data, STARTS[effort], seed))
            V = ascend(pair, S, np.concatenate([V, drawn]))[1]
        return self.found(M, V, Proof("split", data))

    def minimize(self, S: np.ndarray, effort: str, diagonal: bool = False) -> tuple[Arrays, float]:
        """``(data, bound)`` of a proof with a small bound for ``S`` of Frobenius norm about one.

        L-BFGS on p-norms of all the numbers whose maximum is the bound, p growing; ``diagonal`` under sign
        constraints with shifts of the diagonal blocks.
        """
        from scipy.optimize import Bounds, minimize

        first = layout(self.pair, S, diagonal)
        z = np.concatenate([a.ravel() for a in first.values()])
        low = np.concatenate([np.full(a.size, 0.0 if "shift" in k else -np.inf) for k, a in first.items()])
        start = unpack(z, first)
        choices = [start, {k: a for k, a in start.items() if "shift" not in k}]  # no shift is often the best
        best = min(choices, key=lambda data: split_upper(self, S, data))
        least = split_upper(self, S, best)
        for p, steps in STAGES[effort] if least > 1e-14 else ():
            result = minimize(
                smooth,
                z,
                (self.pair, S, first, p),
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(low, np.inf),
                options={"maxiter": steps, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-12},
            )
            z = result.x
            data = unpack(z, first)
            value = split_upper(self, S, data)
            if value < least:
                least, best = value, data
        return best, least


def directions(pair: Pair, S: np.ndarray, data: Mapping, count: int, seed: int) -> np.ndarray:
    """Random ``v`` (count, n) from the leading singular vectors of the scaled matrix: Gaussian rounding."""
    d, e, P, pieces = parts(pair, data, float(np.linalg.norm(S)), S.shape)
    A = (assemble(pair, S, P) - sum(pieces.values())) / (np.sqrt(d)[:, None] * np.sqrt(e))
    _, s, Vt = np.linalg.svd(A, full_matrices=False)
    Vt = Vt[s >= LEADING * s[0]]
    drawn = np.random.default_rng(seed).standard_normal((count, len(Vt))) @ Vt / np.sqrt(e)
    return drawn if len(e) == S.shape[1] else drawn[:, 1:] * np.sign(drawn[:, :1])


def layout(pair: Pair, S: np.ndarray, diagonal: bool = False) -> Arrays:
    """Starting values of all the variables: log weights, pieces, shifts."""
    out, (full, free) = {}, sizes(pair, S.shape)
    P = np.zeros(free)
    P[: S.shape[0], : S.shape[1]] = np.maximum(-S, 0.0)
    A = assemble(pair, S, P)
    for k, norm, axis in (("d", pair.row, 1), ("e", pair.col, 0)):
        if isinstance(norm, LInf):
            length = np.linalg.norm(A, axis=axis)
            out[k] = np.log(np.maximum(length, 1e-6 * max(length.max(), 1e-300)))
    out.update({k: np.zeros(full) for k in piece_norms(pair)})
    if pair.nonnegative:
        out["shift"] = P
    if diagonal:
        out |= {k: np.zeros((n, n)) for k, n in zip(DIAGONAL, free, strict=True)}
    return out


def unpack(z: np.ndarray, first: Arrays) -> Arrays:
    """The variables ``z`` by name, in the order of ``first``; weights no longer logarithms."""
    out, at = {}, 0
    for k, a in first.items():
        part = z[at : at + a.size].reshape(a.shape)
        out[k] = np.exp(np.clip(part - part.max(), -60, 0)) if k in ("d", "e") else part
        at += a.size
    return out


def smooth(z: np.ndarray, pair: Pair, S: np.ndarray, first: Arrays, p: int) -> tuple[float, np.ndarray]:
    """The p-norm of all the numbers, logarithm taken, and its gradient."""
    data, pieces = unpack(z, first), piece_norms(pair)
    A = assemble(pair, S, data.get("shift")) - sum(data[k] for k in pieces)
    main, derivative_of_main = (smooth_blocks if "rows_shift" in data else smooth_matrix)(pair, S, A, data)
    lines = {k: smooth_lines(data[k], *pieces[k]) for k in pieces}
    numbers = np.concatenate([main, *(value.ravel() for value, _ in lines.values())])
    top = max(numbers.max(), 1e-300)
    total = max(np.sum((numbers / top) ** p), 1e-300)
    slope = (numbers / top) ** (p - 1) / total / top  # of log |numbers|_p
    g, by_line, grad = derivative_of_main(slope[: len(main)])
    at = len(main)
    for k, (value, derivative) in lines.items():
        weight = slope[at : at + value.size].reshape(value.shape)
        grad[k] = derivative(weight) - g
        at += value.size
    for k, share in zip(("d", "e"), by_line, strict=True):
        if k in data:
            grad[k] = data[k] / data[k].sum() * share.sum() - share
    if pair.nonnegative:
        (_, G), (_, H) = lifts(pair, S.shape)
        grad["shift"] = G.T @ g @ H
    return np.log(top) + np.log(total) / p, np.concatenate([grad[k].ravel() for k in first])


# what the largest number of the main piece is made of, and ``weights -> (derivative by A, by the logarithm of
# the lines' scales, by the shifts of the diagonal blocks)``
Main = tuple[np.ndarray, Callable[[np.ndarray], tuple[np.ndarray, tuple[np.ndarray, np.ndarray], Arrays]]]


def smooth_matrix(pair: Pair, S: np.ndarray, A: np.ndarray, data: Arrays) -> Main:
    """The singular values of the scaled main piece."""
    scale = scaling(pair, *weights_of(data, A.shape))
    U, s, Vt = np.linalg.svd(A * scale, full_matrices=False)

    def derivative(w: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], Arrays]:
        H = (U * w) @ Vt
        share = 0.5 * H * A * scale
        return H * scale, (share.sum(axis=1), share.sum(axis=0)), {}

    return s, derivative


def smooth_blocks(pair: Pair, S: np.ndarray, A: np.ndarray, data: Arrays) -> Main:
    """The positive eigenvalues of the scaled main piece between the shifts of its diagonal blocks."""
    m, scale = len(A), block_scaling(pair, *weights_of(data, A.shape))
    Q, R = (0.5 * (data[k] + data[k].T) for k in DIAGONAL)
    K = blocks(pair, Q, A, R, S.shape) * scale
    values, vectors = np.linalg.eigh(K)

    def derivative(w: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], Arrays]:
        H = (vectors * w) @ vectors.T
        share, g = np.sum(H * K, axis=1), H * scale
        (_, G), (_, F) = lifts(pair, S.shape)
        grad = dict(zip(DIAGONAL, (G.T @ g[:m, :m] @ G, F.T @ g[m:, m:] @ F), strict=True))
        return 2 * g[:m, m:], (share[:m], share[m:]), grad

    return np.maximum(values, 0.0), derivative


def weights_of(data: Arrays, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The weights of the lines, ones where there are none."""
    d, e = (data.get(k, np.ones(n)) for k, n in zip(("d", "e"), shape, strict=True))
    return d, e


def smooth_lines(
    M: np.ndarray, norm: VectorNorm | None, columns: bool, price: float
) -> tuple[np.ndarray, Callable]:
    """``(values, gradient for given weights)`` of all the lines' dual norms over their price, smoothed."""
    size = np.sqrt(M**2 + SMOOTHING**2)
    if norm is None:
        return size / price, lambda w: w * M / size / price
    axis = 0 if columns else 1
    if isinstance(norm, LInf):
        return size.sum(axis=axis) / price, lambda w: np.expand_dims(w, axis) * M / size / price
    length = np.sqrt(np.sum(M**2, axis=axis) + SMOOTHING**2)
    return length / price, lambda w: np.expand_dims(w / length, axis) * M / price
