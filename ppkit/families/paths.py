"""Paths of L weight matrices: what deep linear and deep ReLU families share."""

import numpy as np

from ..errors import InputError
from ..factors import check_sizes

FORMS = ("product", "power")


def check_path(name, sizes, form):
    """``sizes`` as a tuple of at least three positive integers; raises for it or an unknown ``form``."""
    try:
        sizes = tuple(sizes)
    except TypeError:
        raise InputError(f"{name}: sizes must list the layer sizes k0, ..., kL") from None
    if len(sizes) < 3:
        raise InputError(f"{name}: sizes needs at least three entries (two layers), got {sizes}")
    check_sizes(name, **{f"sizes[{i}]": k for i, k in enumerate(sizes)})
    if form not in FORMS:
        raise InputError(f"{name}: form must be one of {', '.join(FORMS)}, got {form!r}")
    return tuple(int(k) for k in sizes)


def layer_norms(factors):
    """Frobenius norm of each matrix of each path, shape (L, r)."""
    return np.stack([np.sqrt(np.sum(a**2, axis=(1, 2))) for a in factors.values()])


def path_cost(norms, form):
    """The product of the norms of each path, or the mean of their L-th powers, shape (r,)."""
    return np.prod(norms, axis=0) if form == "product" else np.mean(norms ** len(norms), axis=0)


def scale_layers(factors, ratios):
    """Each matrix of each path times its ratio; ``ratios`` (L, r)."""
    return {k: s[:, None, None] * a for (k, a), s in zip(factors.items(), ratios, strict=True)}


def power_mean(factors):
    """``(1/L) sum |W_l|_F^L`` and its gradient, twice differentiable or better for every L >= 2."""
    norms = layer_norms(factors)
    L = len(norms)
    return float(np.sum(norms**L)) / L, scale_layers(factors, norms ** (L - 2))


def balance_path(factors):
    """All matrices of a path with the geometric mean of their norms; zero if one of them is."""
    norms = layer_norms(factors)
    mean = np.exp(np.mean(np.log(np.where(norms > 0, norms, 1.0)), axis=0))
    alive = np.all(norms > 0, axis=0)
    return scale_layers(factors, np.where(alive, mean / np.where(norms > 0, norms, 1.0), 0.0))
