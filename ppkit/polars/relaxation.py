"""Finding multipliers of the semidefinite relaxation of two-layer ReLU units, and dual points."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from ..checks import SEARCH, Proof
from ..checks.cones import Sample, directional_values
from ..checks.relaxation import Frame, frame, opposite, relaxed_upper, side_form, squares, weights
from ..losses import Loss
from ..rigor.scales import unit_rows
from .base import DataNorm, Found, Units
from .search import gather

ITERATIONS = {"fast": (300, 1e-3), "default": (800, 2e-4), "exact": (3_000, 5e-5)}
FEW = 6  # features up to which cones close the interval
MOST_SAMPLES = 400  # samples that the relaxation takes on
CHECK = 50  # iterations between two looks at the bound
BALANCE = (10, 20, 40, 60, 80, 110, 140, 170, 200, 250, 300, 350, 400)  # where the step length adapts

Row = TypeVar("Row", bound=tuple[Any, ...])


def relaxes(A: np.ndarray, effort: str) -> bool:
    """Whether a polar with features ``A`` (N, d) is relaxed at this effort when cones leave it open."""
    return effort == "exact" and A.shape[1] > FEW and len(A) <= MOST_SAMPLES


class RelaxedNorm(DataNorm):
    """The two-layer ReLU polar by its semidefinite relaxation, where :func:`relaxes` says so.

    It finds no units of its own, and stands in a :class:`ppkit.polars.base.Least` behind a norm that does.
    """

    kinds = ("relaxation",)
    is_closed = False

    def find(self, M: Sample, starts: Sequence[Units], effort: str, seed: int) -> Found:
        A, G = M
        none = {"u": np.zeros((0, G.shape[1])), "v": np.zeros((0, A.shape[1]))}
        if relaxes(A, effort):
            v = unit_rows(gather(starts, {"v": A})["v"])
            value = float(directional_values(A, G, v).max())
            if value > 0:
                return Found(none, np.zeros(0), relaxed_polar(A, G, value, *ITERATIONS[effort])[1])
        return Found(none, np.zeros(0), Proof(SEARCH), np.inf)


# ---- multipliers as a proof -----------------------------------------------------------------------


def best_shift(fr: Frame, H: np.ndarray) -> tuple[np.ndarray, float]:
    """``(tau, shift)`` with nearly the least ``tau_v + tau_u``; any answer is sound.

    With the shift the form is definite in the first N coordinates; what is left of it in (v, u) after
    eliminating them says which tau make the whole form semidefinite.
    """
    from scipy.optimize import minimize_scalar

    square_v, square_u, zero = squares(fr)
    N, k = len(fr.size), fr.V.shape[1]
    scale = np.sqrt(square_v + square_u)[N:]
    values, Q = np.linalg.eigh(H[:N, :N])
    B = (Q.T @ H[:N, N:]) / scale
    rest, weight = H[N:, N:] / np.outer(scale, scale), zero[N:] / scale**2
    size = float(np.max(np.abs(H))) or 1.0

    def needed(form: np.ndarray, ratio: float) -> np.ndarray:
        half = np.exp(np.where(np.arange(len(form)) < k, ratio, -ratio))
        top = max(float(np.linalg.eigvalsh(form * np.outer(half, half))[-1]), 0.0)
        return np.array([top * np.exp(-2 * ratio), top * np.exp(2 * ratio)])

    def split(log_excess: float) -> tuple[np.ndarray, float]:
        shift = max(float(values[-1]), 0.0) + size * np.exp(log_excess)
        form = rest - np.diag(shift * weight) + (B.T / (shift - values)) @ B
        ratio = minimize_scalar(lambda r: np.sum(needed(form, r)), bounds=(-4, 4), method="bounded").x
        return needed(form, ratio) * (1 + 1e-10), shift

    best = minimize_scalar(lambda e: np.sum(split(e)[0]), bounds=(-16, 3), method="bounded").x
    return split(best)


# ---- finding multipliers --------------------------------------------------------------------------


def relaxed_polar(
    A: np.ndarray, G: np.ndarray, value: float, iterations: int, change: float
) -> tuple[float, Proof]:
    """``(upper, proof)``: nearly the best multipliers for ``G``, whose polar is about ``value``."""
    fr = frame(A, G.shape[1])
    tries = splitting(fr, lambda F, step: G, value, value, True, iterations)
    bounds = ((relaxed_upper(A, G, data), data) for _, data in tries)
    upper, data = min(until_flat(bounds, change), key=lambda pair: pair[0])
    return upper, Proof("relaxation", data)


def relaxed_dual(
    A: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, mass: float, iterations: int, change: float
) -> tuple[np.ndarray, Proof]:
    """``(dual, proof)``: nearly the best dual point whose relaxed polar is at most ``lam``.

    ``mass`` is a rough size of Theta at the optimum; it sets the first step length only.
    """
    fr = frame(A, Y.shape[1])
    tries = splitting(fr, lambda F, step: proximal(loss, Y, F, step), lam, lam / mass, False, iterations)

    def bounds() -> Iterator[tuple[float, np.ndarray, Units]]:
        for g, data in tries:
            upper = relaxed_upper(A, g, data)
            g = g * min(1.0, lam / upper) if upper > 0 else g
            yield float(np.mean(loss.conjugate(Y, -g))), g, data

    _, dual, data = min(until_flat(bounds(), change), key=lambda triple: triple[0])
    return dual, Proof("relaxation", data)


def until_flat(tries: Iterable[Row], change: float, patience: int = 3) -> Iterator[Row]:
    """The tries, each starting with a number to be minimized, until that falls by less than ``change``."""
    best, since = np.inf, 0
    for row in tries:
        yield row
        since = 0 if row[0] < best - change * abs(best) or best == np.inf else since + 1
        best = min(best, row[0])
        if since == patience:
            return


def proximal(loss: Loss, Y: np.ndarray, F: np.ndarray, step: np.ndarray, halvings: int = 60) -> np.ndarray:
    """``g`` with ``g = -l'(F + step g)``, entry by entry: bisection on a monotone function."""
    first = F - step * loss.gradient(Y, F)
    lo, hi = np.minimum(F, first), np.maximum(F, first)
    for _ in range(halvings):
        middle = 0.5 * (lo + hi)
        above = middle + step * loss.gradient(Y, middle) > F
        lo, hi = np.where(above, lo, middle), np.where(above, middle, hi)
    return -loss.gradient(Y, hi)


def splitting(
    fr: Frame,
    residual: Callable[[np.ndarray, np.ndarray], np.ndarray],
    price: float,
    rho: float,
    budget: bool,
    iterations: int,
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Alternating directions for the relaxed problem; yields ``(g, data)`` every few iterations.

    The relaxed problem is ``min E l(y, F) + price/2 sum (tr vv^T + tr uu^T)``, or, with a ``budget``,
    ``max <g, F>`` for that half sum at most 1, over moment matrices ``W = R X R^T`` of units with
    X positive semidefinite.  One step knows only X, the other only the entries of W: non-negative on
    (p, q), in cones for (u, v) against (p, q), and in the loss for p against u.  The multipliers of
    the second step satisfy every sign exactly.  ``residual(F, k)`` solves ``g = -l'(F + k g)``.
    """
    p, pq, v, u = fr.parts
    N, sides, (m, n) = len(fr.size), len(fr.signs), fr.R.shape
    free = opposite(N)
    step = np.array(fr.signs)[:, None, None] * fr.size[:, None] / N
    X, (near, dual) = np.zeros((sides, n, n)), np.zeros((2, sides, m, m))
    for j in range(1, iterations + 1):
        before = near - dual
        W = before.copy()
        W[:, pq, pq] = np.where(free, 0.0, np.maximum(before[:, pq, pq], 0.0))
        diagonal(W, fr, 0.0 if budget else price / rho, budget)
        if sides == 2:
            W[:, u, pq], W[:, v, pq] = into_cones(before[:, u, pq], before[:, v, pq])
        F = N * np.sum(step * before[:, p, u], axis=0)
        g = residual(F, N * np.sum(step**2, axis=0) / rho)
        W[:, p, u] += step * g / rho
        if j % CHECK == 0 or j == iterations:
            yield g, readout(fr, rho * (W - before), g)
        over = 1.6 * W - 0.6 * near + dual
        Z = fr.R.T @ over @ fr.R
        values, Q = np.linalg.eigh(0.5 * (Z + Z.swapaxes(1, 2)))
        new = (Q * np.maximum(values, 0.0)[:, None, :]) @ Q.swapaxes(1, 2)
        near = fr.R @ new @ fr.R.T
        dual = over - near
        if j in BALANCE:
            primal = np.linalg.norm(W - near) / (float(np.linalg.norm(new)) or 1.0)
            change = float(np.linalg.norm(new - X)) / (float(np.linalg.norm(dual)) or 1.0)
            factor = float(np.clip(np.sqrt(primal / max(change, 1e-300)), 0.2, 5.0))
            rho, dual = rho * factor, dual / factor
        X = new


def diagonal(W: np.ndarray, fr: Frame, price: float, budget: bool) -> None:
    """The squares of v and u in W: ``|v|^2 = |u|^2`` on each side, at a price or within the budget."""
    v = fr.parts[2]
    k, i = fr.V.shape[1], np.arange(v.start, W.shape[1])
    e = np.where(np.arange(len(i)) < k, 1.0, -1.0)
    z = W[:, i, i] - price / 2
    z = z - np.outer(z @ e, e) / len(i)
    if budget:
        f = 1.0 - e * e.sum() / len(i)
        z = z + f * (2.0 - np.sum(z @ f)) / (len(z) * (f @ f))
    W[:, i, i] = z


def into_cones(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest ``(a, b)`` with ``|b| <= a``, for ``a`` (s, 1, n) and ``b`` (s, k, n)."""
    norm = np.linalg.norm(b, axis=1, keepdims=True)
    top = np.where(norm <= a, a, np.maximum(0.5 * (a + norm), 0.0))
    return top, b * np.minimum(1.0, top / np.maximum(norm, 1e-300))


def readout(fr: Frame, force: np.ndarray, g: np.ndarray) -> dict[str, np.ndarray]:
    """The multipliers of the second step as a proof, in the units of :func:`relaxed_upper`."""
    _, pq, v, u = fr.parts
    weight, unit = weights(fr, g)
    force = force / (unit or 1.0)
    cones = np.concatenate([force[:, u, pq].sum(axis=1, keepdims=True), fr.V @ force[:, v, pq]], axis=1)
    products, cones = force[:, pq, pq].astype(np.float32), cones.swapaxes(1, 2).astype(np.float32)
    rows = [
        best_shift(fr, side_form(fr, sign * weight, products[s].astype(float), cones[s].astype(float))[0])
        for s, sign in enumerate(fr.signs)
    ]
    tau, shift = (np.array(x) for x in zip(*rows, strict=True))
    return {"products": products, "cones": cones, "tau": tau, "shift": shift}
