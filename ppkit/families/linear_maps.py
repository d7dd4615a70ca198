"""Shared by the families that predict ``F = X M^T`` with one matrix M of shape (n_y, n_x)."""

from typing import Any

import numpy as np

from ..factors import Numbers, output_width, sample_shape
from ..programs.nuclear import least_norm
from .outer_product import nuclear_norm


def data_widths(name: str, X: Any, Y: Any) -> tuple[int, int]:
    """``(n_inputs, n_outputs)`` of the data, or :class:`InputError`."""
    return sample_shape(name, X, "N, n_inputs")[0], output_width(name, Y)


def mean_adjoint(X: Numbers, G: Numbers) -> Numbers:
    """The matrix ``G^T X / N`` (n_y, n_x): ``<G, X M^T>_{mu_N} = <G^T X / N, M>`` for every M."""
    return G.T @ X / len(X)


def mean_rounding(X: np.ndarray, G: np.ndarray) -> tuple[int, float]:
    """``(n_terms, magnitude)`` of the sums in :func:`mean_adjoint`, as ``rounding_margin`` wants them."""
    return len(X), float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)


def span_nuclear(X: np.ndarray, F: np.ndarray) -> float:
    """The least nuclear norm of a matrix M with ``X M^T = F``; ``inf`` when there is none.

    It is attained by the one such M that vanishes on the orthogonal complement of the rows of X.
    """
    return least_norm(X, F, closed_form=lambda Mt, rank: nuclear_norm(Mt))
