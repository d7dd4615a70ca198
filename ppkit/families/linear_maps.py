"""Shared by the families that predict ``F = X M^T`` with one matrix M of shape (n_y, n_x)."""

import numpy as np

from ..errors import InputError
from ..factors import as_float
from .outer_product import nuclear_norm


def data_widths(name, X, Y):
    """``(n_inputs, n_outputs)`` of the data, or :class:`InputError`."""
    X, Y = as_float(X, "X"), as_float(Y, "Y")
    if X.ndim != 2:
        raise InputError(f"{name}: X must have shape (N, n_inputs), got {X.shape}")
    if Y.ndim not in (1, 2):
        raise InputError(f"{name}: Y must have shape (N,) or (N, n_outputs), got {Y.shape}")
    return X.shape[1], 1 if Y.ndim == 1 else Y.shape[1]


def mean_adjoint(X, G):
    """The matrix ``G^T X / N`` (n_y, n_x): ``<G, X M^T>_{mu_N} = <G^T X / N, M>`` for every M."""
    return G.T @ X / len(X)


def mean_rounding(X, G):
    """``(n_terms, magnitude)`` of the sums in :func:`mean_adjoint`, as ``rounding_margin`` wants them."""
    return len(X), float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)


def span_nuclear(X, F, tol=1e-9):
    """The least nuclear norm of a matrix M with ``X M^T = F``; ``inf`` when there is none.

    It is attained by the one such M that vanishes on the orthogonal complement of the rows of X.
    """
    Mt = np.linalg.lstsq(X, F, rcond=None)[0]
    if np.linalg.norm(X @ Mt - F) > tol * np.linalg.norm(F):
        return np.inf
    return nuclear_norm(Mt)


def nuclear_program(X, shape):
    """``(prediction, omega, constraints)`` in CVXPY: one matrix variable and its nuclear norm."""
    import cvxpy as cp

    M = cp.Variable(shape)
    return X @ M.T, cp.normNuc(M), []
