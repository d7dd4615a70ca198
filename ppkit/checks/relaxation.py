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
from typing import Any

import numpy as np

from ..rigor.balls import Balls, arbs, to_arb
from ..rigor.margins import EPS
from ..rigor.matrices import positive_definite
from .base import Checker, require
from .cones import Data, Sample, with_spectral

Form = tuple[np.ndarray, float]  # a symmetric matrix, and the size that its rounding is a multiple of


def relaxed_at_most(A: Balls, G: Balls, bound: float, proof: Data) -> bool:
    """Whether ``|(1/N) G^T max(Av, 0)| <= bound |v|`` for all v is PROVED for Balls ``A`` (N, d), ``G``.

    ``proof`` is the relaxation's.  Inputs that vanish are left out; the others are divided by their
    rounded norms, as any positive numbers would do.
    """
    near, n_samples = _floats(A), len(A)
    keep = np.any(near != 0, axis=1)
    size = np.linalg.norm(near[keep], axis=1)
    weight = arbs(G)[keep] / n_samples
    unit = float(np.max(size[:, None] * np.abs(_floats(G)[keep]), initial=0.0)) / n_samples
    if unit == 0.0:
        return all(x == 0 for x in weight.flat)
    both = np.tile(keep, 2)
    products = np.array(proof["products"], float)[:, both][:, :, both]
    cones = np.array(proof["cones"], float)[:, both]
    rows = arbs(A)[keep] / arbs(size)[:, None]
    signs = (1, -1) if G.shape[1] == 1 else (1,)
    return all(
        positive_definite(
            _slack(rows, sign * weight * arbs(size)[:, None], unit, bound, M, b, tau, float(shift))
        )
        for sign, M, b, tau, shift in zip(signs, products, cones, proof["tau"], proof["shift"], strict=True)
    )


def _floats(x: Balls) -> np.ndarray:
    return np.array([[float(entry.mid()) for entry in row] for row in arbs(x)]).reshape(x.shape)


def _slack(
    rows: np.ndarray,
    weight: np.ndarray,
    unit: float,
    bound: float,
    products: np.ndarray,
    cones: np.ndarray,
    tau: np.ndarray,
    shift: float,
) -> np.ndarray:
    """The form that must be positive semidefinite, an array of balls in ``(p, v, u)``.

    ``rows`` (N, d) are the scaled inputs, and ``weight`` (N, n_y) multiplies ``p u^T``; what is left
    between ``bound`` and the stored ``tau`` is shared by ``|v|^2`` and ``|u|^2``.
    """
    (N, d), n_outputs = rows.shape, weight.shape[1]
    products = 0.5 * (products + products.T)
    products = np.where(opposite(N), products, np.maximum(products, 0.0))
    M = arbs(unit * products)
    pq, qq = M[:N, N:], M[N:, N:]
    p, v, u = slice(0, N), slice(N, N + d), slice(N + d, N + d + n_outputs)
    H = np.full((N + d + n_outputs,) * 2, to_arb(0.0))
    H[p, p] = M[:N, :N] + pq + pq.T + qq
    H[p, v] = -((pq + qq) @ rows)
    H[v, v] = rows.T @ qq @ rows
    H[p, u] = weight / 2
    if n_outputs == 1:
        b = arbs(unit * cones[:, 1:])
        norm = np.linalg.norm(unit * cones[:, 1:], axis=1) * (1 + (64 + 2 * d) * EPS)
        a = arbs(np.maximum(unit * cones[:, :1], norm[:, None]))
        H[p, u] += (a[:N] + a[N:]) / 2
        H[v, u] = -(rows.T @ a[N:]) / 2
        H[p, v] += (b[:N] + b[N:]) / 2
        H[v, v] -= (rows.T @ b[N:] + b[N:].T @ rows) / 2
    slack = -H
    moved, (tau_v, tau_u) = to_arb(unit * shift), (to_arb(float(unit * t)) for t in tau)
    slack[np.arange(N), np.arange(N)] += 2 * moved
    slack[p, v] -= moved * rows
    spare = (to_arb(bound) - tau_v - tau_u) / 2
    for part, t in ((v, tau_v), (u, tau_u)):
        i = np.arange(part.start, part.stop)
        slack[i, i] += t + spare
    for one, other in ((p, v), (p, u), (v, u)):
        slack[other, one] = slack[one, other].T
    return slack


RANK = 1e-13  # singular values of the unit rows below this, relative, are rounding


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
    signs: tuple[float, ...]

    @property
    def parts(self) -> tuple[slice, slice, slice, slice]:
        """Slices of p, of (p, q), of v and of u in w."""
        N, k = len(self.size), self.V.shape[1]
        return slice(0, N), slice(0, 2 * N), slice(2 * N, 2 * N + k), slice(2 * N + k, None)


def frame(A: np.ndarray, n_outputs: int) -> Frame:
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


def relaxed_upper(A: np.ndarray, G: np.ndarray, proof: Data) -> float:
    """An upper bound on ``max |(1/N) G^T max(Av, 0)|`` over unit v from ANY multipliers ``proof``.

    ``proof`` holds, for each sign of the output weight, ``products`` (2N, 2N), clipped here to be
    non-negative; for one output ``cones`` (2N, 1 + d), what multiplies ``p_i |u|`` and ``p_i v``;
    and the numbers ``tau`` and ``shift``; all relative to the largest entry of ``|a_i| |G_i|/N``.
    Costs one eigenvalue of a symmetric matrix of size N + d + n_y for each sign.
    """
    if not A.any():
        return 0.0
    fr = frame(A, G.shape[1])
    weight, unit = weights(fr, G)
    if unit == 0.0:
        return 0.0
    products, cones, tau, shift = (np.array(proof[k], float) for k in ("products", "cones", "tau", "shift"))
    (N, d), sides = A.shape, len(fr.signs)
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


def weights(fr: Frame, G: np.ndarray) -> tuple[np.ndarray, float]:
    """``|a_i| G_i / N`` divided by its largest entry, and that entry."""
    weight = fr.size[:, None] * G / len(G)
    unit = float(np.max(np.abs(weight)))
    return weight / (unit or 1.0), unit


def side_form(fr: Frame, weight: np.ndarray, products: np.ndarray, cones: np.ndarray) -> Form:
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


def opposite(N: int) -> np.ndarray:
    """Where (p, q) (p, q)^T holds the products ``p_i q_i = 0``."""
    return np.eye(2 * N, k=N) + np.eye(2 * N, k=-N) > 0


def squares(fr: Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The diagonals, in x, of ``|v|^2``, ``|u|^2`` and ``|p|^2 + |q|^2 - |Av|^2``, which is 0 on units."""
    N, k = len(fr.size), fr.V.shape[1]
    one, none = np.ones(N), np.zeros(fr.R.shape[1] - N - k)
    v, half = np.diag(fr.R[fr.parts[2], N : N + k]) ** 2, np.sum(fr.R[:N, N : N + k] ** 2, axis=0) * 2
    return (
        np.concatenate([0 * one, v, none]),
        np.concatenate([0 * one, 0 * v, none + 1]),
        np.concatenate([one, -half, none]),
    )


def side_upper(fr: Frame, form: Form, tau: np.ndarray, shift: float) -> float:
    """``tau_v + tau_u``, and more where the form that would prove it is not positive semidefinite."""
    H, magnitude = form
    square_v, square_u, zero = squares(fr)
    slack = np.diag(tau[0] * square_v + tau[1] * square_u + shift * zero) - H
    error = 64 * EPS * len(fr.R) * (magnitude + float(np.sum(np.abs(tau))) + abs(float(shift)))
    low = float(np.linalg.eigvalsh(slack)[0])
    return float(np.sum(tau)) + (2 * error if low >= -error else error - low) * fr.reach


def relaxation_upper(norm: Any, M: Sample, data: Data) -> float:
    """The smaller of :func:`relaxed_upper` and the spectral bound, for ``M = (A, G)``."""
    A, G = M
    return min(with_spectral(A, G), relaxed_upper(A, G, data))


def prove_relaxation(norm: Any, M: tuple[Balls, Balls], bound: float, data: Data) -> None:
    """The polar is at most ``bound``, for Balls ``M = (A, G)`` and the relaxation's multipliers."""
    A, G = M
    require(relaxed_at_most(A, G, bound, data))


RELAXATION = Checker(relaxation_upper, prove_relaxation)
