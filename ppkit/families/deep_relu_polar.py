r"""The polar of deep ReLU paths, enclosed from above.

With unit Frobenius norms the last hidden layer may have one unit: its pre-activation z runs over a set
whose support function is the polar p of a path that is one layer shorter, and the value is
:math:`\frac1N\sum_i g_i \max(z_i, 0)`.  Two facts bound it: ``max(z, 0) = (z + |z|)/2``, and for any h

.. math:: \sum_i g_i \max(z_i, 0) \le \sum_i h_i z_i + \sum_i \max_{z_i} (g_i \max(z_i, 0) - h_i z_i),

where each maximum is over the interval that is left to z_i when its sign is fixed or not.
"""

import heapq
from fractions import Fraction

import numpy as np

from ..branch import branch_and_bound, replay
from ..polar import EPS, rounding_margin
from .relu_polar import (
    ascent,
    cone_bound,
    directional_values,
    face_boxes,
    line_sweep,
    magnitude,
    plane_sweep,
    spectral_bound,
    sweep_margin,
)

MAX_NODES = {"fast": 2_000, "default": 20_000, "exact": 1_000_000}
LEAVES = {"fast": (0, 0), "default": (40, 20_000), "exact": (1_000, 2_000_000)}
LARGEST = 500  # samples
GAPS = {"fast": 1e-3, "default": 1e-7, "exact": 1e-9}
CUTS = 40


def size_of(G):
    """The largest entry of ``|G|``, 1 for zero."""
    return float(np.max(np.abs(G), initial=0.0)) or 1.0


def sweep(A, G):
    """Unit directions and their values, the largest of which is the two-layer polar of at most two inputs."""
    return line_sweep(A, G) if A.shape[1] == 1 else plane_sweep(A, G)


# ---- two layers -------------------------------------------------------------------------------------


def two_layers(A, G, starts, effort, seed):
    """``(directions, proof)`` for the two-layer polar; with at most two inputs nothing has to be proved."""
    if A.shape[1] <= 2:
        v, values = sweep(A, G)
        return v[np.argsort(-values, kind="stable")[:32]], {}
    v = ascent(A, G, starts, seed)
    result = branch_and_bound(
        cone_bound(A, G),
        *face_boxes(A.shape[1], G.shape[1]),
        lower=float(directional_values(A, G, v).max()),
        gap=GAPS[effort],
        max_nodes=MAX_NODES[effort],
    )
    if result.point is not None:
        v = np.concatenate([result.point[None], v])
    v = v[np.argsort(-directional_values(A, G, v), kind="stable")[:32]]
    return v, {**result.tree, "cutoff": np.array(result.lower / size_of(G))}


def two_layer_upper(A, G, proof):
    """Upper end of the two-layer polar, rounded outward."""
    d = A.shape[1]
    if d <= 2:
        top = float(sweep(A, G)[1].max())
        return top + sweep_margin(A, G, top)
    margin = 4 * np.sqrt(d) * rounding_margin(max(len(A), d * d) + d, magnitude(A, G), 0.0, d)
    upper = spectral_bound(A, G)
    if "dim" in proof:
        boxes, cutoff = face_boxes(d, G.shape[1]), float(proof["cutoff"]) * size_of(G)
        upper = min(upper, replay(cone_bound(A, G), *boxes, proof, cutoff))
    return upper + margin


def deeper(A, G, upper, layers):
    """From the two-layer upper end to that of paths with ``layers`` more hidden layers."""
    spectral = float(np.linalg.norm(G, 2) * np.linalg.norm(A, 2)) / len(A) * (1 + 1e-12)
    share = 0.5**layers
    return share * upper + (1 - share) * max(spectral, upper) if layers else upper


def leaves_for(effort, n_samples):
    """How many sign patterns a search may look at: each costs linear programs with 2 N unknowns."""
    most, work = LEAVES[effort]
    return min(most, max(2, work // n_samples**2)) if n_samples <= LARGEST else 0


# ---- signs of the last pre-activation -----------------------------------------------------------------


def row_norms(A):
    """At least the norms of the rows (N,), safe where squares underflow."""
    top = np.max(np.abs(A), axis=1)
    return np.where(top > 1e-140, np.linalg.norm(A, axis=1), np.sqrt(A.shape[1]) * top) * (1 + 1e-12)


def corners(w, reach, signs, h):
    """``max_z (w max(z, 0) - h z)`` of each sample over the interval its sign leaves, shape (..., N)."""
    low, high = np.where(signs > 0, 0.0, -reach), np.where(signs < 0, 0.0, reach)
    ends = np.maximum(-h * low, (w - h) * high)
    return np.maximum(ends, 0.0)


def leaf_upper(A, w, reach, signs, h, layers):
    """The bound of one leaf for any ``h`` (N,), rounded outward."""
    G = len(A) * h[:, None]
    rest = corners(w, reach, signs, h)
    linear = deeper(A, G, two_layer_upper(A, G, {}), layers - 1)
    rounding = 8 * (len(w) + 8) * EPS * float(np.sum((np.abs(w) + np.abs(h)) * reach))
    return linear + float(np.sum(rest)) + rounding


def best_line(A, w, reach, signs, pool, layers):
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


def sign_search(A, g, lower, layers, v, effort):
    """Branch and bound over the signs of z: ``(leaves, units of the best leaf with their side)``.

    Only samples that pull upward need a sign: for the others one slope between ``w_i`` and 0 is exact.
    """
    N = len(g)
    reach = row_norms(A)
    pool, heap, done = list(v), [], []
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
        if -bound <= lower * (1 + GAPS[effort]) or not open_.any():
            done.append(leaf)
            if -bound > lower * (1 + GAPS[effort]):
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


def signs_upper(A, g, proof, layers):
    """The upper end that the leaves prove, for any residual ``g`` (N,); ValueError if they do not cover."""
    side, signs, lines = (np.asarray(proof[k]) for k in ("side", "signs", "lines"))
    if signs.shape != lines.shape or signs.shape != (len(side), len(g)) or not np.all(np.abs(side) == 1):
        raise ValueError("leaves of the wrong shape")
    if not np.all(np.isfinite(lines)):
        raise ValueError("lines that are not finite")
    for s in (1, -1):
        check_cover(signs[side == s])
    reach = row_norms(A)
    N, size = len(g), size_of(g)
    bounds = [
        leaf_upper(A, s * g / N, reach, pattern, size / N * line, layers)
        for s, pattern, line in zip(side, signs, lines, strict=True)
    ]
    return float(np.max(bounds))  # NaN if a leaf overflows; the built-in max would pass over it


def check_cover(signs):
    """Raise ValueError unless the partial sign patterns (m, N) are disjoint and cover all of them."""
    if not np.all(np.isin(signs, (-1, 0, 1))):
        raise ValueError("signs other than -1, 0 and 1")
    share = sum(Fraction(1, 2 ** int(np.sum(s != 0))) for s in signs)
    apart = all(np.any(a * b < 0) for k, a in enumerate(signs) for b in signs[:k])
    if share != 1 or not apart:
        raise ValueError("the leaves do not cover all signs")
