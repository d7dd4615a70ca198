r"""Standard Gaussian inputs: moments of predictions, and prices of ReLU units in the plane."""

from typing import NamedTuple

import numpy as np

from ..factors import Factors


class GaussianAtoms(NamedTuple):
    """What factors of cost one are at standard Gaussian inputs, whose tails are then sub-Gaussian.

    The norm of such a factor is at most that of ``<x, a>`` with ``|a| <= 1``, and of all of them at one
    input at most the norm of the input.
    """

    #: how many Gaussian numbers an input has
    entries: int
    #: Lambda of T6 and T7
    lipschitz: float
    #: (m, n), if the factors are ``<x, u v^T>`` with a matrix x and ``|u| |v| <= 1``
    shape: tuple[int, int] | None = None


def arc_cosine(V: np.ndarray, W: np.ndarray) -> np.ndarray:
    r"""``E relu(v.x) relu(w.x)`` for all rows of V (r, d) and W (s, d) and Gaussian x, shape (r, s).

    .. math:: \tfrac{1}{2\pi} |v| |w| \bigl(\sin t + (\pi - t) \cos t\bigr), \qquad t = \angle(v, w)
    """
    a, b = np.linalg.norm(V, axis=1), np.linalg.norm(W, axis=1)
    size = a[:, None] * b[None, :]
    cosine = np.clip((V @ W.T) / np.where(size > 0, size, 1.0), -1.0, 1.0)
    t = np.arccos(cosine)
    return size * (np.sin(t) + (np.pi - t) * cosine) / (2 * np.pi)


def relu_square(factors: Factors, teacher: Factors) -> float:
    """``E |Phi(x) - Phi*(x)|^2`` of two ReLU networks ``u`` (r, n_y), ``v`` (r, d)."""
    u = np.concatenate([factors["u"], -teacher["u"]])
    v = np.concatenate([factors["v"], teacher["v"]])
    return float(np.sum((u @ u.T) * arc_cosine(v, v)))


def plane_discrepancy(
    X: np.ndarray, G: np.ndarray, factors: Factors, teacher: Factors, n_angles: int = 20_000
) -> tuple[float, float]:
    """``(lower, upper)`` of Delta for ReLU units of two inputs: prices on a grid of directions.

    Between the directions there is a Lipschitz constant in the angle, from the mean squared distance of
    the two networks ``u`` (r, n_y), ``v`` (r, 2).
    """
    t = 2 * np.pi * np.arange(n_angles) / n_angles
    v = np.stack([np.cos(t), np.sin(t)], axis=1)
    prices = arc_cosine(v, teacher["v"]) @ teacher["u"] - arc_cosine(v, factors["v"]) @ factors["u"]
    slope = np.sqrt(2 * max(0.0, relu_square(factors, teacher)))
    slope += np.mean(np.linalg.norm(G, axis=1) * np.linalg.norm(X, axis=1))
    lower = float(np.max(np.linalg.norm(prices - np.maximum(v @ X.T, 0) @ G / len(X), axis=1)))
    return lower, lower + float(slope * np.pi / n_angles)


def quadratic_square(B: np.ndarray) -> float:
    """``E (x^T B x)^2 = 2 |B|_F^2 + (tr B)^2`` for a symmetric matrix B."""
    return 2 * np.sum(B**2) + np.trace(B) ** 2


def quadratic_adjoint(B: np.ndarray) -> np.ndarray:
    """``E (x^T B x) x x^T = 2 B + tr(B) I`` for a symmetric matrix B."""
    return 2 * B + np.trace(B) * np.eye(len(B))


def cubic_square(M: np.ndarray, n: int) -> float:
    r"""``E |sum_a z_a <M_a, z z^T + S>|^2`` for M (d, d, d, c), z Gaussian and S Wishart with n degrees.

    Moments of order six: with the M_a made symmetric, and then all three indices.
    """
    N = (M + M.transpose(0, 2, 1, 3)) / 2
    C = (N + N.transpose(1, 0, 2, 3) + N.transpose(1, 2, 0, 3)) / 3  # symmetric in all three
    cubic, linear = np.einsum("aaek->ek", C), np.einsum("abbk->ak", N)
    return 6 * np.sum(C**2) + np.sum((3 * cubic + n * linear) ** 2) + 2 * n * np.sum(N**2)
