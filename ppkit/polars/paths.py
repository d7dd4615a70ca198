"""Deep ReLU paths, as arrays and as the units of their polar."""

from collections.abc import Sequence

import numpy as np

from ..checks import Proof
from ..checks.cones import Sample, directional_values, hidden_gradient
from ..checks.plane import sweep
from ..checks.signs import one_signed
from ..factors import append, take
from ..rigor.scales import unit_rows
from .base import MOST_UNITS, DataNorm, Found, Units
from .relu import CONES, ascent, cones
from .search import multistart
from .signs import leaves_for, sign_search

ASCENT = {"fast": (24, 60), "default": (64, 200), "exact": (256, 600)}  # random paths, steps


class PathNorm(DataNorm):
    """``sup <G, phi(W)>`` over ReLU paths with matrices of norm one: units are such paths, ``W1`` to ``WL``.

    ``M = (A, G)``; ``sizes`` are (k0, ..., kL), of which ``layers`` hidden layers count beyond one.
    """

    kinds = ("layers", "signs")

    def __init__(self, sizes: tuple[int, ...], layers: int):
        self.sizes, self.layers = sizes, layers
        self.is_closed = layers == 0 and sizes[0] <= 2

    def find(self, M: Sample, starts: Sequence[Units], effort: str, seed: int) -> Found:
        A, G = M
        v, data = two_layers(A, G, starts, effort, seed)
        paths, proof = chains(self.sizes, unit_rows(hidden_gradient(A, G, v)), v), Proof("layers", data)
        if self.layers and not one_signed(G):
            for start in starts:
                paths = append(paths, unit_paths(start))
            paths = climb(A, G, paths, effort, seed)
            if G.shape[1] == 1 and A.shape[1] <= 2 and leaves_for(effort, len(A)) and np.any(A):
                lower = float(np.max(path_values(paths, A, G)))
                leaves, units = sign_search(A, G[:, 0], lower, self.layers, v, effort)
                paths, proof = append(paths, fan(self.sizes, *units)), Proof("signs", leaves)
        best = take(paths, distinct(path_values(paths, A, G)))
        values = [float(np.sum(G * atom)) / len(G) for atom in signals(best, A)[-1]]
        return Found(best, np.array(values), proof)


# ---- search -----------------------------------------------------------------------------------------


def two_layers(
    A: np.ndarray, G: np.ndarray, starts: Sequence[Units], effort: str, seed: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """``(v, data)``: good directions for the two-layer polar and its proof, which is empty in the plane.

    Plain ascent is enough here: where hidden layers remain, paths climb on from all of these directions.
    """
    if A.shape[1] <= 2:
        v, values = sweep(A, G)
        return v[np.argsort(-values, kind="stable")[:32]], {}
    own = [{"v": start["W1"].reshape(-1, A.shape[1])} for start in starts]
    gap, most = CONES[effort]
    v, data, _ = cones(A, G, ascent(A, G, own, seed), gap, most)
    return v[np.argsort(-directional_values(A, G, v), kind="stable")[:32]], data


def climb(A: np.ndarray, G: np.ndarray, paths: Units, effort: str, seed: int) -> dict[str, np.ndarray]:
    """Gradient ascent on products of spheres from ``paths`` and from random ones, each monotone."""
    (restarts, steps), rng = ASCENT[effort], np.random.default_rng(seed)
    more = {k: rng.standard_normal((restarts, *a.shape[1:])) for k, a in paths.items()}

    def step(points: Units) -> tuple[np.ndarray, Units]:
        slope = slopes(points, A, G)
        norms = layer_norms(slope)
        return path_values(points, A, G), scale_layers(slope, 1 / np.where(norms > 0, norms, 1.0))

    def mix(points: Units, ends: Units, t: np.ndarray) -> Units:
        new = {k: points[k] + t[:, None, None] * ends[k] for k in points}
        return scale_layers(new, 1 / np.maximum(layer_norms(new), 1e-300))

    return multistart(step, append(paths, unit_paths(more)), steps, mix=mix)[0]


def distinct(values: np.ndarray) -> np.ndarray:
    """Indices of the best of the values (k,) that differ by more than rounding, best first."""
    order = np.argsort(-values, kind="stable")
    first = np.unique(np.round(values[order] / (values.max() or 1.0), 9), return_index=True)[1]
    return order[np.sort(first)[:MOST_UNITS]]


# ---- paths as arrays --------------------------------------------------------------------------------


def signals(factors: Units, X: np.ndarray) -> list[np.ndarray]:
    """Pre-activations of every layer of every ReLU path, a list of (r, N, k_l); the last are the atoms."""
    out, below = [], X[None]
    for l in range(1, len(factors) + 1):
        out.append(below @ np.swapaxes(factors[f"W{l}"], 1, 2))
        below = np.maximum(out[-1], 0.0)
    return out


def slopes(factors: Units, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
    """Gradient of ``<G, sum of the atoms>`` in each matrix of each ReLU path."""
    hidden, back, out = signals(factors, X), G[None] / len(X), {}
    for l in range(len(factors), 0, -1):
        below = X[None] if l == 1 else np.maximum(hidden[l - 2], 0.0)
        shape = factors[f"W{l}"].shape
        out[f"W{l}"] = np.broadcast_to(np.swapaxes(back, 1, 2) @ below, shape)
        if l > 1:
            back = (back @ factors[f"W{l}"]) * (hidden[l - 2] > 0)
    return {k: out[k] for k in factors}


def path_values(factors: Units, X: np.ndarray, G: np.ndarray) -> np.ndarray:
    """``<G, phi>`` of each path, shape (r,)."""
    return np.einsum("rno,no->r", signals(factors, X)[-1], G) / len(G)


def layer_norms(factors: Units) -> np.ndarray:
    """Frobenius norm of each matrix of each path, shape (L, r)."""
    return np.stack([np.sqrt(np.sum(a**2, axis=(1, 2))) for a in factors.values()])


def scale_layers(factors: Units, ratios: np.ndarray) -> dict[str, np.ndarray]:
    """Each matrix of each path times its ratio; ``ratios`` (L, r)."""
    return {k: s[:, None, None] * a for (k, a), s in zip(factors.items(), ratios, strict=True)}


def unit_paths(factors: Units) -> dict[str, np.ndarray]:
    """The paths that are not dead, every matrix with norm one."""
    norms = layer_norms(factors)
    alive = np.all(norms > 0, axis=0)
    return scale_layers(take(factors, alive), 1 / norms[:, alive])


def chains(sizes: Sequence[int], u: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """Paths whose signal stays in the first unit of each layer: ``u`` (r, kL) after ``v`` (r, k0).

    All matrices between the outer two are ``e_1 e_1^T``.
    """
    depth = len(sizes) - 1
    out = {f"W{l}": np.zeros((len(u), sizes[l], sizes[l - 1])) for l in range(1, depth + 1)}
    for a in out.values():
        a[:, 0, 0] = 1.0
    out["W1"][:, 0, :] = v
    out[f"W{depth}"][:, :, 0] = u
    return out


def fan(sizes: Sequence[int], side: float, weight: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
    """The path with last pre-activation ``sum_k weight_k max(v_k^T x, 0)``, its largest terms at least.

    ``side`` is the sign of the output weight, ``weight`` (m,), ``v`` (m, k0) unit rows.
    """
    order = np.argsort(-np.abs(weight), kind="stable")[: sizes[1]]
    weight, v = weight[order], v[order]
    root = np.sqrt(np.abs(weight) / np.sum(np.abs(weight)))
    out = chains(sizes, np.array([[side]]), np.zeros((1, sizes[0])))
    out["W1"][0, : len(v)] = root[:, None] * v
    out["W2"][0, 0, : len(v)] = np.sign(weight) * root
    return out
