r"""A semidefinite relaxation of two-layer ReLU units: bounds on their polar, and dual points.

For unit rows a_i write :math:`p = \max(Av, 0)`, :math:`q = \max(-Av, 0)`.  A unit with
:math:`|u| = |v| = 1` is a vector :math:`w = (p, q, v, u)` of a linear subspace (``p - q = Av``) with

.. math:: w_i w_j \ge 0 \text{ on } (p, q), \quad p_i q_i = 0, \quad |p_i v| \le p_i, \quad |q_i v| \le q_i .

With one output the units of each sign are kept apart and ``u`` stands for ``|u|``.  Any symmetric L
that is non-negative on such w, because its entries are non-negative on (p, q) or dominate on a cone,
proves :math:`\langle g, \phi(w)\rangle \le \tau_v + \tau_u` if
:math:`\tau_v |v|^2 + \tau_u |u|^2 - \langle g, \phi(w)\rangle - w^\top L w` is positive semidefinite on
the subspace.  One eigenvalue decides that; how L was found does not matter.
"""

from dataclasses import dataclass

import numpy as np

from ..polar import EPS

RANK = 1e-13  # singular values of the unit rows below this, relative, are rounding
CHECK = 50  # iterations between two looks at the bound
BALANCE = (10, 20, 40, 60, 80, 110, 140, 170, 200, 250, 300, 350, 400)  # where the step length adapts


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates of the subspace: ``w = R x`` with orthonormal columns.

    ``size`` (N,) are the row norms of A, ``V`` (d, k) a basis of its row space, ``R`` (2N + k + o, n).
    ``reach`` is at least ``|x|^2`` for a unit with ``|u| = |v| = 1``.
    """

    size: np.ndarray
    V: np.ndarray
    R: np.ndarray
    reach: float
    signs: tuple

    @property
    def parts(self):
        """Slices of p, of (p, q), of v and of u in w."""
        N, k = len(self.size), self.V.shape[1]
        return slice(0, N), slice(0, 2 * N), slice(2 * N, 2 * N + k), slice(2 * N + k, None)


def frame(A, n_outputs):
    """The :class:`Frame` of inputs ``A`` (N, d), not all zero."""
    size = np.linalg.norm(A, axis=1)
    U, S, Vt = np.linalg.svd(A / np.where(size > 0, size, 1.0)[:, None], full_matrices=False)
    k = int(np.count_nonzero(RANK * S.max() < S))
    U, S, Vt = U[:, :k], S[:k], Vt[:k]
    N, n = len(A), len(A) + k + n_outputs
    R = np.zeros((2 * N + k + n_outputs, n))
    stretch = np.sqrt(0.5 + 1 / S**2)
    R[:N, :N] = R[N : 2 * N, :N] = np.eye(N) * np.sqrt(0.5)
    R[:N, N : N + k] = U / (2 * stretch)
    R[N : 2 * N, N : N + k] = -U / (2 * stretch)
    R[2 * N : 2 * N + k, N : N + k] = np.diag(1 / (S * stretch))
    R[2 * N + k :, N + k :] = np.eye(n_outputs)
    return Frame(size, Vt.T, R, float(S[0] ** 2) * (1 + 1e-12) + 2, (1.0, -1.0) if n_outputs == 1 else (1.0,))


# ---- the bound of given multipliers -----------------------------------------------------------------


def relaxed_upper(A, G, proof):
    """An upper bound on ``max |(1/N) G^T max(Av, 0)|`` over unit v from ANY multipliers ``proof``.

    ``proof`` holds, for each sign of the output weight, ``products`` (2N, 2N), clipped here to be
    non-negative; for one output ``cones`` (2N, 1 + d), what multiplies ``p_i |u|`` and ``p_i v``;
    and the numbers ``tau`` and ``shift``; all relative to the largest entry of ``|a_i| |G_i|/N``.
    Costs one eigenvalue of a symmetric matrix of size N + d + n_y for each sign.
    """
    fr = frame(A, G.shape[1]) if A.any() else None
    weight, unit = (None, 0.0) if fr is None else weights(fr, G)
    if unit == 0.0:
        return 0.0
    products, cones, tau, shift = (np.array(proof[k], float) for k in ("products", "cones", "tau", "shift"))
    N, d, sides = *A.shape, len(fr.signs)
    shapes = (sides, 2 * N, 2 * N), (sides, 2 * N, 1 + d), (sides, 2), (sides,)
    if tuple(x.shape for x in (products, cones, tau, shift)) != shapes:
        raise ValueError("multipliers of another shape")
    if not all(np.all(np.isfinite(x)) for x in (products, cones, tau, shift)):
        raise ValueError("multipliers that are not finite numbers")
    tops = [
        side_upper(fr, side_form(fr, sign * weight, products[s], cones[s]), tau[s], shift[s])
        for s, sign in enumerate(fr.signs)
    ]
    if not np.all(np.isfinite(tops)):
        raise ValueError("multipliers that overflow")
    return max(0.0, unit * max(tops)) * (1 + 16 * EPS)


def weights(fr, G):
    """``|a_i| G_i / N`` divided by its largest entry, and that entry."""
    weight = fr.size[:, None] * G / len(G)
    unit = float(np.max(np.abs(weight)))
    return weight / (unit or 1.0), unit


def side_form(fr, weight, products, cones):
    """``(H, magnitude)``: ``x^T H x`` is at least ``<weight, p u^T>`` on every unit, however L was found."""
    p, pq, v, u = fr.parts
    N = len(fr.size)
    L = np.zeros((len(fr.R),) * 2)
    products = 0.5 * (products + products.T)
    L[pq, pq] = np.where(opposite(N), products, np.maximum(products, 0.0))
    if len(fr.signs) == 2:
        b = cones[:, 1:] @ fr.V
        a = np.maximum(cones[:, 0], np.linalg.norm(b, axis=1) * (1 + 64 * EPS))
        L[pq, u], L[u, pq] = 0.5 * a[:, None], 0.5 * a[None]
        L[pq, v], L[v, pq] = 0.5 * b, 0.5 * b.T
    L[p, u] += 0.5 * weight
    L[u, p] += 0.5 * weight.T
    H = fr.R.T @ L @ fr.R
    return 0.5 * (H + H.T), (1 + fr.V.shape[1]) * float(np.linalg.norm(L))


def opposite(N):
    """Where (p, q) (p, q)^T holds the products ``p_i q_i = 0``."""
    return np.eye(2 * N, k=N) + np.eye(2 * N, k=-N) > 0


def squares(fr):
    """The diagonals, in x, of ``|v|^2``, ``|u|^2`` and ``|p|^2 + |q|^2 - |Av|^2``, which is 0 on units."""
    _, _, v, _ = fr.parts
    N, k = len(fr.size), fr.V.shape[1]
    one, none = np.ones(N), np.zeros(fr.R.shape[1] - N - k)
    v, half = np.diag(fr.R[v, N : N + k]) ** 2, np.sum(fr.R[:N, N : N + k] ** 2, axis=0) * 2
    return (
        np.concatenate([0 * one, v, none]),
        np.concatenate([0 * one, 0 * v, none + 1]),
        np.concatenate([one, -half, none]),
    )


def side_upper(fr, form, tau, shift):
    """``tau_v + tau_u``, and more where the form that would prove it is not positive semidefinite."""
    H, magnitude = form
    square_v, square_u, zero = squares(fr)
    slack = np.diag(tau[0] * square_v + tau[1] * square_u + shift * zero) - H
    error = 64 * EPS * len(fr.R) * (magnitude + float(np.sum(np.abs(tau))) + abs(float(shift)))
    low = float(np.linalg.eigvalsh(slack)[0])
    return float(np.sum(tau)) + (2 * error if low >= -error else error - low) * fr.reach


def best_shift(fr, H):
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

    def needed(form, ratio):
        half = np.exp(np.where(np.arange(len(form)) < k, ratio, -ratio))
        top = max(float(np.linalg.eigvalsh(form * np.outer(half, half))[-1]), 0.0)
        return np.array([top * np.exp(-2 * ratio), top * np.exp(2 * ratio)])

    def split(log_excess):
        shift = max(float(values[-1]), 0.0) + size * np.exp(log_excess)
        form = rest - np.diag(shift * weight) + (B.T / (shift - values)) @ B
        ratio = minimize_scalar(lambda r: np.sum(needed(form, r)), bounds=(-4, 4), method="bounded").x
        return needed(form, ratio) * (1 + 1e-10), shift

    best = minimize_scalar(lambda e: np.sum(split(e)[0]), bounds=(-16, 3), method="bounded").x
    return split(best)


# ---- finding multipliers --------------------------------------------------------------------------


def relaxed_polar(A, G, value, iterations, change):
    """``(upper, proof)``: nearly the best multipliers for ``G``, whose polar is about ``value``."""
    fr = frame(A, G.shape[1])
    tries = splitting(fr, lambda F, step: G, value, value, True, iterations)
    bounds = ((relaxed_upper(A, G, proof), proof) for _, proof in tries)
    return min(until_flat(bounds, change), key=lambda pair: pair[0])


def relaxed_dual(A, Y, lam, loss, mass, iterations, change):
    """``(dual, proof)``: nearly the best dual point whose relaxed polar is at most ``lam``.

    ``mass`` is a rough size of Theta at the optimum; it sets the first step length only.
    """
    fr = frame(A, Y.shape[1])
    tries = splitting(fr, lambda F, step: proximal(loss, Y, F, step), lam, lam / mass, False, iterations)

    def bounds():
        for g, proof in tries:
            upper = relaxed_upper(A, g, proof)
            g = g * min(1.0, lam / upper) if upper > 0 else g
            yield float(np.mean(loss.conjugate(Y, -g))), g, proof

    return min(until_flat(bounds(), change), key=lambda triple: triple[0])[1:]


def until_flat(tries, change, patience=3):
    """The tries, each starting with a number to be minimized, until that falls by less than ``change``."""
    best, since = np.inf, 0
    for row in tries:
        yield row
        since = 0 if row[0] < best - change * abs(best) or best == np.inf else since + 1
        best = min(best, row[0])
        if since == patience:
            return


def proximal(loss, Y, F, step, halvings=60):
    """``g`` with ``g = -l'(F + step g)``, entry by entry: bisection on a monotone function."""
    first = F - step * loss.gradient(Y, F)
    lo, hi = np.minimum(F, first), np.maximum(F, first)
    for _ in range(halvings):
        middle = 0.5 * (lo + hi)
        above = middle + step * loss.gradient(Y, middle) > F
        lo, hi = np.where(above, lo, middle), np.where(above, middle, hi)
    return -loss.gradient(Y, hi)


def splitting(fr, residual, price, rho, budget, iterations):
    """Alternating directions for the relaxed problem; yields ``(g, proof)`` every few iterations.

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
            primal = np.linalg.norm(W - near) / (np.linalg.norm(new) or 1.0)
            change = np.linalg.norm(new - X) / (np.linalg.norm(dual) or 1.0)
            factor = float(np.clip(np.sqrt(primal / max(change, 1e-300)), 0.2, 5.0))
            rho, dual = rho * factor, dual / factor
        X = new


def diagonal(W, fr, price, budget):
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


def into_cones(a, b):
    """The nearest ``(a, b)`` with ``|b| <= a``, for ``a`` (s, 1, n) and ``b`` (s, k, n)."""
    norm = np.linalg.norm(b, axis=1, keepdims=True)
    top = np.where(norm <= a, a, np.maximum(0.5 * (a + norm), 0.0))
    return top, b * np.minimum(1.0, top / np.maximum(norm, 1e-300))


def readout(fr, force, g):
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
