"""Branch and bound over the signs of the last pre-activation of deep ReLU paths with one output."""

import heapq

import numpy as np

from ..checks.cones import size_of
from ..checks.plane import sweep
from ..checks.signs import corners, leaf_upper, row_norms_up
from .relu import CONES

LEAVES = {"fast": (0, 0), "default": (40, 20_000), "exact": (1_000, 2_000_000)}  # at most, times N^2
MOST_SAMPLES = 500  # samples
CUTS = 40

Hidden = tuple[np.ndarray, np.ndarray]  # weights (m,) and unit directions (m, d) of a last pre-activation
Leaf = tuple[float, int, float, np.ndarray, np.ndarray, Hidden]  # -bound, count, side, signs, line, units


def leaves_for(effort: str, n_samples: int) -> int:
    """How many sign patterns a search may look at: each costs linear programs with 2 N unknowns."""
    most, work = LEAVES[effort]
    return min(most, max(2, work // n_samples**2)) if n_samples <= MOST_SAMPLES else 0


def best_line(
    A: np.ndarray,
    w: np.ndarray,
    reach: np.ndarray,
    signs: np.ndarray,
    pool: list[np.ndarray],
    layers: int,
) -> tuple[float, np.ndarray, Hidden]:
    """``(bound, h, units)``: h from a linear program over the directions in ``pool``, which grows.

    ``units = (weights, directions)``: the multipliers of the cutting planes, a point z that attains the
    program's value if the cuts are complete.
    """
    from scipy.optimize import linprog

    N = len(w)
    fixed, high = signs != 0, np.where(signs < 0, 0.0, reach)
    low = np.where(signs > 0, 0.0, -reach)
    # variables h (N), c (N) >= 0, tau >= 0:  c >= -h low,  c >= (w - h) high
    eye = np.eye(N)
    rows = [np.hstack([-eye * low, -eye, np.zeros((N, 1))]), np.hstack([-eye * high, -eye, np.zeros((N, 1))])]
    sides = [np.zeros(N), -w * high]
    best, h_best = np.inf, np.where(fixed, np.where(signs > 0, w, 0.0), np.where(w > 0, w / 2, w))
    units = np.ones(1), np.array(pool[:1])
    cost = np.concatenate([np.zeros(N), np.ones(N), [0.5 ** (layers - 1)]])
    limits = [(None, None)] * N + [(0, None)] * (N + 1)
    for _ in range(CUTS):
        H = np.maximum(A @ np.array(pool).T, 0.0).T
        cuts = [np.hstack([s * H, np.zeros_like(H), -np.ones((len(H), 1))]) for s in (1.0, -1.0)]
        right = np.concatenate([*sides, np.zeros(2 * len(H))])
        result = linprog(cost, np.vstack([*rows, *cuts]), right, bounds=limits, method="highs")
        if result.status != 0:
            break
        h = result.x[:N]
        bound = leaf_upper(A, w, reach, signs, h, layers)
        if bound < best:
            best, h_best = bound, h
        force = -result.ineqlin.marginals[2 * N :]
        units = force[: len(H)] - force[len(H) :], np.array(pool)
        v, values = sweep(A, len(A) * h[:, None])
        if values.max() <= result.x[-1] + 1e-10 * size_of(w) * np.max(reach):
            break
        pool.extend(v[np.argsort(-values)[:4]])
    best = min(best, leaf_upper(A, w, reach, signs, h_best, layers))
    return best, h_best, (units[0][units[0] != 0], units[1][units[0] != 0])


def sign_search(
    A: np.ndarray, g: np.ndarray, lower: float, layers: int, v: np.ndarray, effort: str
) -> tuple[dict[str, np.ndarray], tuple[float, np.ndarray, np.ndarray]]:
    """Branch and bound over the signs of z: ``(leaves, units of the best leaf with their side)``.

    Only samples that pull upward need a sign: for the others one slope between ``w_i`` and 0 is exact.
    """
    N, enough = len(g), lower * (1 + CONES[effort][0])
    reach = row_norms_up(A)
    pool = list(v)
    heap: list[Leaf] = []
    done: list[Leaf] = []
    for side in (1.0, -1.0):
        w, signs = side * g / N, np.zeros(N, int)
        bound, h, units = best_line(A, w, reach, signs, pool, layers)
        heapq.heappush(heap, (-bound, len(heap), side, signs, h, units))
    count = len(heap)
    while heap and count < leaves_for(effort, N):
        leaf = heapq.heappop(heap)
        bound, _, side, signs, h, _ = leaf
        w = side * g / N
        open_ = (signs == 0) & (w > 0) & (reach > 0)
        if -bound <= enough or not open_.any():
            done.append(leaf)
            if -bound > enough:
                break
            continue
        i = int(np.argmax(np.where(open_, corners(w, reach, signs, h), -1.0)))
        for sign in (1, -1):
            child = signs.copy()
            child[i] = sign
            bound, line, units = best_line(A, w, reach, child, pool, layers)
            count += 1
            heapq.heappush(heap, (-bound, count, side, child, line, units))
    leaves = done + heap
    _, _, side, _, _, units = min(leaves, key=lambda leaf: leaf[:2])
    proof = {
        "side": np.array([leaf[2] for leaf in leaves]),
        "signs": np.array([leaf[3] for leaf in leaves], np.int8),
        "lines": np.array([leaf[4] for leaf in leaves]) * N / size_of(g),
    }
    return proof, (side, *units)
