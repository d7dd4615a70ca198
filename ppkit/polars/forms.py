r"""The weights of quadratic forms that vanish on rank one, for which a tensor's upper end is least.

For :math:`T \in \mathbb R^{n_1 \times \dots \times n_K}` and unit vectors,
:math:`T(u_1, \dots, u_K) \le \|T_{(1)} z\|` with :math:`z = u_2 \otimes \dots \otimes u_K`.  A symmetric
matrix N with :math:`z^\top N z = 0` on every such z gives

.. math:: \|T\|_\sigma^2 \le \lambda_{\max}(T_{(1)}^\top T_{(1)} + N).

The N are spanned by the binomials :math:`z_a z_b - z_c z_d`, where (c, d) is (a, b) with the
coordinates of some modes exchanged; for two modes these are the 2 x 2 minors.  Any N gives a valid
bound, so nothing here rests on an optimizer.
"""

from collections.abc import Iterator

import numpy as np

from ..checks.forms import combine


def gather(M: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """``<A_k, M>`` for every binomial's matrix A_k and a symmetric ``M``, shape (m,)."""
    return M[rows[:, 0], rows[:, 1]] - M[rows[:, 2], rows[:, 3]]


def products(X: np.ndarray, Y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The matrix ``tr(A_k X A_l Y)``, (m, m), for symmetric ``X`` and ``Y``."""
    out = np.zeros((len(rows), len(rows)))
    for s, p, q in ((1, 0, 1), (-1, 2, 3)):
        for t, c, d in ((1, 0, 1), (-1, 2, 3)):
            p_, q_, c_, d_ = rows[:, p], rows[:, q], rows[:, c], rows[:, d]
            out += 0.25 * s * t * X[q_[:, None], c_] * Y[p_[:, None], d_]
            out += 0.25 * s * t * X[p_[:, None], c_] * Y[q_[:, None], d_]
            out += 0.25 * s * t * X[q_[:, None], d_] * Y[p_[:, None], c_]
            out += 0.25 * s * t * X[p_[:, None], d_] * Y[q_[:, None], c_]
    return out


def interior_points(
    Q: np.ndarray, rows: np.ndarray, gap: float = 1e-10, iterations: int = 40
) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    r"""Yield ``(relative gap, weights, Z)`` while minimizing :math:`\lambda_{\max}(Q + N)` over N.

    A primal-dual interior-point method with Mehrotra's corrector on
    ``min t : t I - Q - N >= 0`` and its dual ``max <Q, Z> : Z >= 0, tr Z = 1, <A_k, Z> = 0``.
    The start ``N = 0``, ``Z = I/n`` satisfies both; iterates stay feasible.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, solve_triangular

    n, m = len(Q), len(rows)
    top = float(np.linalg.eigvalsh(Q)[-1])
    t, c, Z = 1.5 * top + 1e-12, np.zeros(m), np.eye(n) / n

    def slack(t: float, c: np.ndarray) -> np.ndarray:
        return t * np.eye(n) - Q - combine(c, rows, n)

    def longest(M: np.ndarray, D: np.ndarray) -> float:
        """The step to the boundary of the positive definite matrices along D, at most 1."""
        L = cholesky(M, lower=True)
        H = solve_triangular(L, solve_triangular(L, D, lower=True).T, lower=True)
        low = float(np.linalg.eigvalsh((H + H.T) / 2)[0])
        return min(1.0, -0.98 / low) if low < 0 else 1.0

    def apply(M: np.ndarray) -> np.ndarray:
        """The constraint maps (tr, -<A_k, .>) of a symmetric matrix."""
        return np.concatenate([[np.trace(M)], -gather(M, rows)])

    for _ in range(iterations):
        S = slack(t, c)
        mu = float(np.sum(Z * S)) / n
        try:
            inverse = cho_solve(cho_factor(S, lower=True), np.eye(n))
            inverse = (inverse + inverse.T) / 2
            ZY = Z @ inverse
            H = np.empty((m + 1, m + 1))
            H[0, 0] = np.trace(ZY)
            H[1:, 0] = H[0, 1:] = -gather((ZY + ZY.T) / 2, rows)
            H[1:, 1:] = products(Z, inverse, rows)
            H[np.diag_indices(m + 1)] *= 1 + 1e-14
            factor = cho_factor(H, lower=True)
            target = np.zeros(m + 1)
            target[0] = 1.0
            center = np.zeros((n, n))
            for stage in ("predict", "correct"):
                dy = cho_solve(factor, apply(center) - target)
                dS = slack(dy[0], dy[1:]) + Q
                W = Z @ dS @ inverse
                dZ = center - Z - (W + W.T) / 2
                a, b = longest(Z, dZ), longest(S, dS)
                if stage == "predict":
                    after = float(np.sum((Z + a * dZ) * (S + b * dS))) / n
                    second = dZ @ dS @ inverse
                    center = min(1.0, max(after / mu, 1e-8)) ** 2 * mu * inverse - (second + second.T) / 2
        except (LinAlgError, np.linalg.LinAlgError, ValueError):
            return
        t, c, Z = t + b * dy[0], c + b * dy[1:], Z + a * dZ
        Z = (Z + Z.T) / 2
        Z = Z / np.trace(Z)
        left = float(np.sum(Z * slack(t, c))) / max(t, 1e-300)
        yield left, c, Z
        if left < gap:
            return


def polish(
    Q: np.ndarray, rows: np.ndarray, weights: np.ndarray, Z: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Weights nearest to ``weights`` at which each row z of ``Z`` is an eigenvector: ``(Q + N) z = value z``.

    At the best N every maximizer of the form is such an eigenvector; near the solution this linear
    system wins the digits that an interior-point method leaves.
    """
    n, blocks, rhs = len(Q), [], []
    N = combine(weights, rows, n)
    k = np.arange(len(rows))
    for z, value in zip(Z, values, strict=True):
        A = np.zeros((n, len(rows)))
        for s, p, q in ((0.5, 0, 1), (-0.5, 2, 3)):
            np.add.at(A, (rows[:, p], k), s * z[rows[:, q]])
            np.add.at(A, (rows[:, q], k), s * z[rows[:, p]])
        blocks.append(A)
        rhs.append(value * z - Q @ z - N @ z)
    A, b = np.vstack(blocks), np.concatenate(rhs)
    return weights + np.linalg.lstsq(A, b, rcond=1e-10)[0]
