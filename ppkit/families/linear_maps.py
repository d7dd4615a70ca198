"""Shared by the families that predict ``F = X M^T`` with one matrix M of shape (n_y, n_x)."""

import numpy as np

from ..factors import output_width, sample_shape
from ..programs.nuclear import least_norm
from .outer_product import nuclear_norm


def data_widths(name, X, Y):
    """``(n_inputs, n_outputs)`` of the data, or :class:`InputError`."""
    return sample_shape(name, X, "N, n_inputs")[0], output_width(name, Y)


def mean_adjoint(X, G):
    """The matrix ``G^T X / N`` (n_y, n_x): ``<G, X M^T>_{mu_N} = <G^T X / N, M>`` for every M."""
    return G.T @ X / len(X)


def mean_rounding(X, G):
    """``(n_terms, magnitude)`` of the sums in :func:`mean_adjoint`, as ``rounding_margin`` wants them."""
    return len(X), float(np.linalg.norm(X) * np.linalg.norm(G)) / len(X)


def span_nuclear(X, F):
    """The least nuclear norm of a matrix M with ``X M^T = F``; ``inf`` when there is none.

    It is attained by the one such M that vanishes on the orthogonal complement of the rows of X.
    """
    return least_norm(X, F, closed_form=lambda Mt, rank: nuclear_norm(Mt))
