"""Multi-head attention without the softmax: heads ``X A X^T X B``, convex through a nuclear norm."""

from functools import partial
from typing import Any

import numpy as np

from ..factors import Factors, Numbers
from ..programs.nuclear import least_norm, matrix_program
from . import models
from .gaussian import cubic_square
from .outer_product import OuterProductFamily, nuclear_norm
from .tokens import Tokens


class LinearAttention(Tokens, OuterProductFamily):
    r"""Multi-head attention with linear activation.

    .. math::
        \min_{A, B} \; \frac1N \sum_i \ell\Bigl(Y_i, \textstyle\sum_j Q_i A_j X_i^\top X_i B_j\Bigr)
        + \lambda \sum_j \tfrac12(\|A_j\|_F^2 + \|B_j\|_F^2)

    An input ``X_i`` holds T tokens of d features, one a row; ``A_j`` merges keys and queries, ``B_j``
    values and output.  The rows of ``Q_i`` are the tokens that ask: with ``query="mean"`` their mean
    (one answer of c numbers), with ``"last"`` the last token (one answer), with ``"all"`` all of them
    (the whole head ``X A X^T X B``, T answers).  Predictions are linear in the matrix
    ``M = sum_j vec(A_j) vec(B_j)^T`` of shape (d^2, d c); Omega is the least nuclear norm of a matrix
    with the same predictions, the polar the exact spectral norm of the mean of the residuals' matrices.

    Parameters
    ----------
    n_features, n_tokens, n_outputs : int
        d, T and c.  ``X`` has shape (N, T, d), ``Y`` (N, c), or for ``query="all"`` (N, T, c) or (N, T c).
        Factors: ``A`` (r, d, d) and ``B`` (r, d, c).
    query : {"mean", "last", "all"}
    """

    name = "linear-attention"
    input_degree = 3

    def __init__(self, n_features: int, n_tokens: int, n_outputs: int = 1, query: str = "mean"):
        super().__init__(n_features, n_tokens, n_outputs, query)
        self.shape = (self.n_features**2, self.n_features * self.n_values)  # of the matrix M

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        d = self.n_features
        return {"A": (d, d), "B": (d, self.n_values)}

    def moments(self, X: Numbers) -> Numbers:
        """``X_i^T X_i`` of each sample, (N, d, d)."""
        return X.transpose(0, 2, 1) @ X

    def attend(self, A: Numbers, X: Numbers) -> Numbers:
        """``q A_j X_i^T X_i`` for each asking token and head, as a matrix (N q, r d)."""
        r, d, q = len(A), self.n_features, self.n_queries
        asked = self.asking(X).reshape(-1, d) @ A.transpose(1, 0, 2).reshape(d, r * d)
        return (asked.reshape(len(X), q * r, d) @ self.moments(X)).reshape(len(X) * q, r * d)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        A, B = factors["A"], factors["B"]
        left = self.attend(A, X).reshape(len(X) * self.n_queries, len(A), self.n_features)
        return (left.transpose(1, 0, 2) @ B).reshape(len(A), len(X), self.n_outputs)

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        A, B = factors["A"], factors["B"]
        answers = self.attend(A, X) @ B.reshape(len(B) * self.n_features, self.n_values)
        return answers.reshape(len(X), self.n_outputs)

    def vjp(self, factors: Factors, X: Numbers, G: Numbers) -> dict[str, np.ndarray]:
        A, B = factors["A"], factors["B"]
        r, d, c, q = len(A), self.n_features, self.n_values, self.n_queries
        G = G.reshape(-1, c) / len(X)
        back = (G @ B.reshape(r * d, c).T).reshape(len(X), q * r, d) @ self.moments(X)
        slope = self.asking(X).reshape(-1, d).T @ back.reshape(len(X) * q, r * d)
        return {
            "A": slope.reshape(d, r, d).transpose(1, 0, 2),
            "B": (self.attend(A, X).T @ G).reshape(r, d, c),
        }

    def forward(self, M: Numbers, X: Numbers) -> Numbers:
        d, c = self.n_features, self.n_values
        asked = self.asking(X).reshape(-1, d) @ M.reshape(d, d * d * c)
        asked = asked.reshape(len(X), self.n_queries, d * d, c)
        second = self.moments(X).reshape(len(X), 1, 1, d * d)
        return (second @ asked).reshape(len(X), self.n_outputs)

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        N, d, c = len(X), self.n_features, self.n_values
        asked = self.asking(X).transpose(0, 2, 1) @ G.reshape(N, -1, c)
        mixed = asked.reshape(N, d * c).T @ self.moments(X).reshape(N, d * d)
        return mixed.reshape(d, c, d, d).transpose(0, 2, 3, 1).reshape(self.shape) / N

    def rounding(self, X: Numbers, G: Numbers) -> tuple[int, float]:
        N = len(X)
        size = np.linalg.norm(X.reshape(N, -1), axis=1) ** 3 * np.linalg.norm(G, axis=1)
        return N + 2 * self.n_tokens + self.n_queries, float(np.sum(size)) / N

    def design(self, X: np.ndarray) -> np.ndarray:
        """The matrix (N q, d^3) that maps ``M`` reshaped to (d^3, c) to the predictions."""
        product = self.asking(X)[:, :, :, None, None] * self.moments(X)[:, None, None]
        return product.reshape(-1, self.n_features**3)

    def omega(self, X: Numbers, F: Numbers) -> float:
        """The least nuclear norm of a matrix with predictions ``F``; ``inf`` when none has them.

        A convex program, unless ``d = 1``: the products ``q_a (X^T X)_{be}`` never see the part of M
        that is antisymmetric in b and e.
        """

        def closed_form(M: np.ndarray, rank: int) -> float | None:
            return nuclear_norm(M.reshape(self.shape)) if rank == len(M) else None

        c = self.n_values
        program = partial(matrix_program, self.shape, n_columns=c, n_outputs=c)
        return least_norm(self.design(X), np.reshape(F, (-1, c)), program, closed_form)

    def convex_program(self, X: Numbers) -> Any:
        return matrix_program(self.shape, self.design(X), self.n_values, self.n_outputs)

    def present(self, F: np.ndarray) -> np.ndarray:
        """Answers (N, n_outputs) as (N, c), or (N, T, c) when all tokens ask; without an axis for c = 1."""
        if self.query == "all":
            F = F.reshape(len(F), self.n_tokens, self.n_values)
        return F[..., 0] if self.n_values == 1 else F

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Products

    def unit_constants(self, a: float) -> tuple[float, float]:
        """``X^T X`` has norm at most ``T a^2``; ``sqrt(T)`` when all tokens ask."""
        return self.n_tokens * a**3 * np.sqrt(self.n_queries), 2.0

    def population_error(self, factors: Factors, teacher: Factors) -> float:
        r"""Gaussian moments of order six.

        A rotation of the tokens turns the mean token into ``z/sqrt(T)`` with z one of T independent
        tokens, so all kinds of query are one: the prediction is ``sum_a z_a <M_a, z z^T + S>`` with S an
        independent Wishart matrix of T - 1 degrees of freedom.
        """
        d, T = self.n_features, self.n_tokens
        M = (self.matrix(factors) - self.matrix(teacher)).reshape(d, d, d, self.n_values)
        return float(cubic_square(M, T - 1) * {"mean": 1 / T, "last": 1.0, "all": T}[self.query])
