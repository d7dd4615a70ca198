"""Paths of L weight matrices: what deep linear and deep ReLU networks share."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..factors import Factors, Numbers, check_sizes
from ..polars.paths import chains, layer_norms, scale_layers
from .base import Family
from .gaussian import GaussianAtoms

FORMS = ("product", "power")


class Paths(Family):
    """Abstract: parallel paths of L weight matrices, with a product of Frobenius norms as their cost.

    Factors ``W1`` (r, k1, k0), ..., ``WL`` (r, kL, k_{L-1}).  A subclass gives the predictions.

    Parameters
    ----------
    sizes : (k0, k1, ..., kL)
        Layer sizes, L >= 2.
    form : {"product", "power"}
        The cost of a path: the product of the Frobenius norms, or the mean of their L-th powers.
    """

    input_degree = 1

    def __init__(self, sizes: Any, form: str = "product"):
        self.sizes = check_path(self.name, sizes, form)
        self.form = form

    @property
    def depth(self) -> int:
        """L, the number of weight matrices of a path."""
        return len(self.sizes) - 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"W{l}": (self.sizes[l], self.sizes[l - 1]) for l in range(1, self.depth + 1)}

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.sizes[0],)

    @property
    def n_outputs(self) -> int:
        return self.sizes[-1]

    def params(self) -> dict[str, Any]:
        return {"sizes": list(self.sizes), "form": self.form}

    def norms(self, factors: Factors) -> np.ndarray:
        """Frobenius norm of each matrix of each path, shape (L, r)."""
        return layer_norms(factors)

    def theta(self, factors: Factors) -> Numbers:
        norms = layer_norms(factors)
        return np.prod(norms, axis=0) if self.form == "product" else np.mean(norms ** len(norms), axis=0)

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        root = np.asarray(alpha, float) ** (1 / self.depth)
        return scale_layers(factors, np.broadcast_to(root, (self.depth, len(root))))

    def chains(self, u: np.ndarray, v: np.ndarray) -> dict[str, np.ndarray]:
        """Paths through the first unit of each layer: ``u`` (r, kL) times the signal of ``v`` (r, k0)."""
        return chains(self.sizes, u, v)

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """``(1/L) sum |W_l|_F^L``, twice differentiable or better for every L >= 2."""
        norms = layer_norms(factors)
        L = len(norms)
        return float(np.sum(norms**L)) / L, scale_layers(factors, norms ** (L - 2))

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        """All matrices of a path with the geometric mean of their norms; zero if one of them is."""
        norms = layer_norms(factors)
        mean = np.exp(np.mean(np.log(np.where(norms > 0, norms, 1.0)), axis=0))
        alive = np.all(norms > 0, axis=0)
        return scale_layers(factors, np.where(alive, mean / np.where(norms > 0, norms, 1.0), 0.0))

    def unit_constants(self, a: float) -> tuple[float, float]:
        """Products of L matrices of Frobenius norm at most one."""
        return a, len(self.shapes)

    def gaussian_atoms(self) -> GaussianAtoms:
        return GaussianAtoms(self.sizes[0], self.depth)


def check_path(name: str, sizes: Any, form: str) -> tuple[int, ...]:
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
