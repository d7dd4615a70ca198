r"""The polar of two-layer ReLU networks: by sorting in the plane, by cones of directions beyond it.

A search finds good directions first, past the kinks where plain ascent stops.  Where the loss wants less
of a sample's unit (:math:`G_i^\top u < 0`) the value has a concave kink at :math:`a_i^\top v = 0`, and
maxima sit on such kinks.  A gradient step jumps to and fro across them.
"""

from collections.abc import Sequence

import numpy as np

from ..checks import Proof
from ..checks.cones import (
    Sample,
    cone_bound,
    directional_values,
    face_boxes,
    hidden_gradient,
    size_of,
    with_spectral,
)
from ..checks.plane import sweep, swept_upper
from ..losses import Loss
from ..rigor.scales import lifted, row_norms, unit_rows
from .base import MOST_UNITS, DataNorm, Found, Least, Norm, Units
from .branch import branch_and_bound
from .relaxation import ITERATIONS, MOST_SAMPLES, RelaxedNorm, relaxed_dual, relaxes
from .search import gather, multistart

CONES = {"fast": (1e-3, 2_000), "default": (1e-7, 50_000), "exact": (1e-9, 5_000_000)}  # gap, cones at most
RESTARTS = {"fast": 64, "default": 512, "exact": 2_048}
NEGLIGIBLE = 1e-150
LEVELS = (0.3, 0.1, 0.03, 0.01, 0.003)


def relu_norm(d: int) -> Norm:
    """The polar ``sup |(1/N) G^T max(Av, 0)|`` over ``|v| <= 1`` as a norm of ``(A, G)``, ``A`` (N, d).

    With one or two columns it is exact, by sorting angles.  With more the branch and bound over cones stops
    at a relative width of its interval or at a number of cones, whichever comes first: 1e-3 or 2,000
    (``effort="fast"``), 1e-7 or 50,000 (``"default"``), 1e-9 or 5,000,000 (``"exact"``); a million cones of
    100 points take about five seconds of one core.  With more than six columns, where cones rarely close the
    interval, ``"exact"`` means 50,000 of them and, if that leaves it open, the semidefinite relaxation of
    :mod:`ppkit.checks.relaxation`, for up to 400 samples: ten to twenty seconds of one core for 200 samples,
    growing with the cube of their number.
    """
    if d <= 2:
        return PlaneNorm()
    return Least(ConesNorm(), RelaxedNorm(), closed=CONES["default"][0])


class PlaneNorm(DataNorm):
    """The polar for one or two columns of ``A``, by sorting: units ``u`` (k, n_y) and ``v`` (k, 1 or 2)."""

    kinds = ("plane",)

    def find(self, M: Sample, starts: Sequence[Units], effort: str, seed: int) -> Found:
        A, G = M
        v, values = sweep(A, G)
        best = v[np.argsort(-values, kind="stable")[:64]]
        units, attained = unit_pairs(A, G, best)
        return Found(units, attained, Proof("plane"), swept_upper(A, G, values))


class ConesNorm(DataNorm):
    """The polar by branch and bound over cones: units ``u`` (k, n_y) and ``v`` (k, d).

    Where the relaxation is tried next, the cones have the budget of the default effort.
    """

    kinds = ("cones",)
    is_closed = False

    def find(self, M: Sample, starts: Sequence[Units], effort: str, seed: int) -> Found:
        A, G = M
        gap, most = CONES[effort]
        v = search(A, G, starts, seed, RESTARTS[effort])
        v, data, upper = cones(A, G, v, gap, CONES["default"][1] if relaxes(A, effort) else most)
        units, values = unit_pairs(A, G, v)
        return Found(units, values, Proof("cones", data), with_spectral(A, G, upper))


def cones(
    A: np.ndarray, G: np.ndarray, v: np.ndarray, gap: float, most: int
) -> tuple[np.ndarray, dict[str, np.ndarray], float]:
    """``(directions, data, upper)``: branch and bound from unit directions ``v`` (k, d), the best in front.

    It stops at a relative width ``gap`` of the interval or after ``most`` cones; ``upper`` is the largest
    bound over the cones that ``data`` describes, as :func:`ppkit.checks.cones.cones_upper` reads it.
    """
    lo, hi = face_boxes(A.shape[1], G.shape[1])
    result = branch_and_bound(
        cone_bound(A, G),
        lo,
        hi,
        lower=float(directional_values(A, G, v).max()),
        gap=gap,
        max_nodes=most,
    )
    if result.point is not None:
        v = np.concatenate([result.point[None], v])
    return v, {**result.tree, "cutoff": np.array(result.lower / size_of(G))}, result.upper


def unit_pairs(A: np.ndarray, G: np.ndarray, v: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """``(units, values)``: the best of the unit directions ``v`` (k, d) of each pattern with their ``u``."""
    value = hidden_gradient(A, G, v)
    norm = row_norms(value)[:, 0]
    order = np.argsort(-norm, kind="stable")
    pattern = (A @ v[order].T > 0).T
    order = order[np.sort(np.unique(pattern, axis=0, return_index=True)[1])[:MOST_UNITS]]
    return {"u": unit_rows(value[order]), "v": v[order]}, norm[order]


def relaxed_point(
    A: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, effort: str
) -> tuple[np.ndarray, Proof] | None:
    """``(dual, proof)``: a dual point that is nearly best under the relaxation; None where it is not tried.

    In the plane the polar of that point needs no relaxation.
    """
    G = -loss.gradient(Y, np.zeros(Y.shape))
    if len(A) > MOST_SAMPLES or not (A.any() and G.any()):
        return None
    v = search(A, G, (), 0, RESTARTS[effort])
    values = directional_values(A, G, v)
    square = float(np.mean(np.maximum(A @ v[np.argmax(values)], 0.0) ** 2)) * loss.smoothness
    mass = max(float(values.max()) - lam, lam) / square if square > 0 else 1.0
    dual, proof = relaxed_dual(A, Y, lam, loss, mass, *ITERATIONS[effort])
    return dual, proof if A.shape[1] > 2 else Proof("plane")


# ---- search -----------------------------------------------------------------------------------------


def ascent(
    A: np.ndarray, G: np.ndarray, starts: Sequence[Units], seed: int, restarts: int = 64, steps: int = 60
) -> np.ndarray:
    """Unit directions (k, d), best first, from the ascent v <- the gradient of the value, normalized."""
    rng = np.random.default_rng(seed)
    data = A[rng.permutation(len(A))[: restarts // 2]]
    v = gather(starts, {"v": np.concatenate([data, -data, rng.standard_normal((restarts, A.shape[1]))])})["v"]
    v = v[np.linalg.norm(v, axis=1) > 0]

    def step(points: Units) -> tuple[np.ndarray, Units]:
        v = points["v"]
        h = hidden_gradient(A, G, v)
        size = np.linalg.norm(h, axis=1)
        slope = ((G @ (h / np.maximum(size, NEGLIGIBLE)[:, None]).T) * (A @ v.T > 0)).T @ A
        slope = lifted(slope)[0]
        norm = np.linalg.norm(slope, axis=1, keepdims=True)
        return size, {"v": np.where(norm > 0, slope / np.where(norm > 0, norm, 1.0), v)}

    return multistart(step, {"v": v / np.linalg.norm(v, axis=1, keepdims=True)}, steps)[0]["v"]


def search(A: np.ndarray, G: np.ndarray, starts: Sequence[Units], seed: int, restarts: int) -> np.ndarray:
    """Unit directions (k, d), best first: smoothed ascent from ``restarts`` starts and more, then plain."""
    rng = np.random.default_rng(seed)
    data = A[rng.permutation(len(A))[: restarts // 2]]
    v = gather(starts, {"v": np.concatenate([data, -data, rng.standard_normal((restarts, A.shape[1]))])})["v"]
    size = np.linalg.norm(v, axis=1)
    v = soften(A, G, v[size > 0] / size[size > 0][:, None])
    return ascent(A, G, (*starts, {"v": v}), seed)


def soften(A: np.ndarray, G: np.ndarray, v: np.ndarray, steps: int = 25) -> np.ndarray:
    r"""Unit directions near maxima of ``|(1/N) G^T max(Av, 0)|``, one for each row of ``v`` (k, d).

    Monotone ascent on a smoothed value, with less and less smoothing: each concave kink becomes a
    parabola as wide as ``level`` (the sine of an angle), whose curvature is added back as
    :math:`\tfrac\kappa2\|v\|^2`.  The sum is convex, so the maximizer of its linearization on the
    sphere, the normalized gradient, never lowers the smoothed value.
    """
    top = np.max(np.abs(A), initial=0.0), np.max(np.abs(G), initial=0.0)
    A, G = A / (top[0] or 1.0), G / (top[1] or 1.0)
    size = np.linalg.norm(A, axis=1)
    keep = (size > NEGLIGIBLE) & np.any(np.abs(G) > NEGLIGIBLE, axis=1)
    A, G, size = A[keep], G[keep], size[keep]
    if len(A) == 0:
        return v
    B = A * np.sqrt(np.linalg.norm(G, axis=1) / size)[:, None]
    curvature = np.linalg.norm(B, 2) ** 2
    for level in LEVELS:
        for _ in range(steps):
            z = v @ A.T
            h = np.maximum(z, 0.0) @ G
            pull = h @ G.T
            pull = pull / np.maximum(np.linalg.norm(h, axis=1, keepdims=True), NEGLIGIBLE)
            on = np.where(pull < 0, np.clip(0.5 + z / (2 * level * size), 0.0, 1.0), z > 0)
            v = (pull * on) @ A + curvature / (2 * level) * v
            v = v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), NEGLIGIBLE)
    return v
