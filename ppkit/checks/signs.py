r"""The polar of deep ReLU paths, enclosed from above.

With unit Frobenius norms the last hidden layer may have one unit: its pre-activation z runs over a set
whose support function is the polar p of a path that is one layer shorter, and the value is
:math:`\frac1N\sum_i g_i \max(z_i, 0)`.  Two facts bound it: ``max(z, 0) = (z + |z|)/2``, and for any h

.. math:: \sum_i g_i \max(z_i, 0) \le \sum_i h_i z_i + \sum_i \max_{z_i} (g_i \max(z_i, 0) - h_i z_i),

where each maximum is over the interval that is left to z_i when its sign is fixed or not.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from ..rigor.balls import Balls, NoProof, arbs
from ..rigor.margins import EPS
from .base import Checker
from .cones import Data, Sample, cones_upper, size_of
from .plane import plane_upper, prove_plane


def two_layer_upper(A: np.ndarray, G: np.ndarray, data: Data) -> float:
    """At least the two-layer polar: by sorting for at most two inputs, otherwise by the cones in ``data``."""
    return plane_upper(A, G) if A.shape[1] <= 2 else cones_upper(A, G, data)


def one_signed(G: np.ndarray) -> bool:
    """Whether a residual with one output has one sign: then no depth beats two layers."""
    return G.shape[1] == 1 and (all(x >= 0 for x in G.flat) or all(x <= 0 for x in G.flat))


def deeper(A: np.ndarray, G: np.ndarray, upper: float, layers: int) -> float:
    """From the two-layer upper end to that of paths with ``layers`` more hidden layers."""
    spectral = float(np.linalg.norm(G, 2) * np.linalg.norm(A, 2)) / len(A) * (1 + 1e-12)
    share = 0.5**layers
    return share * upper + (1 - share) * max(spectral, upper) if layers else upper


def layers_upper(norm: Any, M: Sample, data: Data) -> float:
    """At least the polar of paths with ``norm.layers`` hidden layers beyond one, from a two-layer proof."""
    A, G = M
    upper = two_layer_upper(A, G, data)
    return upper if one_signed(G) else deeper(A, G, upper, norm.layers)


def prove_layers(norm: Any, M: tuple[Balls, Balls], bound: float, data: Data) -> None:
    """The polar is at most ``bound`` for Balls ``M``: in the plane, where no layer counts."""
    A, G = M
    if A.shape[1] > 2 or not (norm.layers == 0 or one_signed(arbs(G))):
        raise NoProof("more than two inputs or layers are rechecked in floating point only")
    prove_plane(norm, M, bound, data)


# ---- signs of the last pre-activation -----------------------------------------------------------------


def row_norms_up(A: np.ndarray) -> np.ndarray:
    """At least the norms of the rows (N,), safe where squares underflow."""
    top = np.max(np.abs(A), axis=1)
    return np.where(top > 1e-140, np.linalg.norm(A, axis=1), np.sqrt(A.shape[1]) * top) * (1 + 1e-12)


def corners(w: np.ndarray, reach: np.ndarray, signs: np.ndarray, h: np.ndarray) -> np.ndarray:
    """``max_z (w max(z, 0) - h z)`` of each sample over the interval its sign leaves, shape (..., N)."""
    low, high = np.where(signs > 0, 0.0, -reach), np.where(signs < 0, 0.0, reach)
    ends = np.maximum(-h * low, (w - h) * high)
    return np.maximum(ends, 0.0)


def leaf_upper(
    A: np.ndarray, w: np.ndarray, reach: np.ndarray, signs: np.ndarray, h: np.ndarray, layers: int
) -> float:
    """The bound of one leaf for any ``h`` (N,), rounded outward."""
    G = len(A) * h[:, None]
    rest = corners(w, reach, signs, h)
    linear = deeper(A, G, two_layer_upper(A, G, {}), layers - 1)
    rounding = 8 * (len(w) + 8) * EPS * float(np.sum((np.abs(w) + np.abs(h)) * reach))
    return linear + float(np.sum(rest)) + rounding


def signs_upper(norm: Any, M: Sample, data: Data) -> float:
    """At least the polar: the largest bound over the leaves of one output, or that of the layers."""
    A, G = M
    upper = layers_upper(norm, M, {})
    if norm.layers == 0 or G.shape[1] > 1 or one_signed(G):
        return upper
    return min(upper, leaves_upper(A, G[:, 0], data, norm.layers))  # a NaN comes second and is not taken


def leaves_upper(A: np.ndarray, g: np.ndarray, data: Data, layers: int) -> float:
    """The upper end that the leaves prove, for any residual ``g`` (N,); ValueError if they do not cover."""
    side, signs, lines = (np.asarray(data[k]) for k in ("side", "signs", "lines"))
    if signs.shape != lines.shape or signs.shape != (len(side), len(g)) or not np.all(np.abs(side) == 1):
        raise ValueError("leaves of the wrong shape")
    if not np.all(np.isfinite(lines)):
        raise ValueError("lines that are not finite")
    for s in (1, -1):
        check_cover(signs[side == s])
    reach = row_norms_up(A)
    N, size = len(g), size_of(g)
    bounds = [
        leaf_upper(A, s * g / N, reach, pattern, size / N * line, layers)
        for s, pattern, line in zip(side, signs, lines, strict=True)
    ]
    return float(np.max(bounds))  # NaN if a leaf overflows; the built-in max would pass over it


def check_cover(signs: np.ndarray) -> None:
    """Raise ValueError unless the partial sign patterns (m, N) are disjoint and cover all of them."""
    if not np.all(np.isin(signs, (-1, 0, 1))):
        raise ValueError("signs other than -1, 0 and 1")
    share = sum(Fraction(1, 2 ** int(np.sum(s != 0))) for s in signs)
    apart = all(np.any(a * b < 0) for k, a in enumerate(signs) for b in signs[:k])
    if share != 1 or not apart:
        raise ValueError("the leaves do not cover all signs")


LAYERS = Checker(layers_upper, prove_layers)
SIGNS = Checker(signs_upper, prove_layers)
