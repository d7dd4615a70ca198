"""Parallel deep linear networks: a sum of products of L weight matrices."""

from typing import Any, Self

import numpy as np

from ..factors import Factors, Numbers, drop_dead, width
from ..polars.base import Units
from ..polars.spectral import SpectralNorm
from ..programs.nuclear import Program, regression_program
from . import models
from .linear_maps import data_widths, mean_adjoint, mean_rounding, span_nuclear
from .outer_product import svd_split
from .paths import Paths


class DeepLinear(Paths):
    r"""Deep linear paths side by side, each a product of L weight matrices.

    .. math::
        \min_{W} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j W_{L,j} \cdots W_{1,j}\, x_i\bigr)
        + \lambda \sum_j \theta(W_j), \qquad \theta(W) = \textstyle\prod_l \|W_l\|_F

    or, with ``form="power"``, :math:`\theta(W) = \frac1L \sum_l \|W_l\|_F^L`.  For either form, every
    L >= 2 and every choice of inner sizes, Omega is the nuclear norm of the end-to-end matrix on the
    span of the data and the polar is the spectral norm of ``G^T X / N``, attained by a *chain*: a path
    all of whose matrices have rank one.

    Parameters
    ----------
    sizes : (k0, k1, ..., kL)
        Layer sizes, L >= 2: ``X`` has shape (N, k0), ``Y`` (N, kL).
        Factors: ``W1`` (r, k1, k0), ..., ``WL`` (r, kL, k_{L-1}).
    form : {"product", "power"}
        The cost of a path: the product of the Frobenius norms, or the mean of their L-th powers.
    """

    name = "deep-linear"

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        """Three layers of inner size ``min(n_inputs, n_outputs)``, unless ``sizes`` says otherwise."""
        n_inputs, n_outputs = data_widths(cls.name, X, Y)
        inner = min(n_inputs, n_outputs)
        return cls(**{"sizes": (n_inputs, inner, inner, n_outputs), **options})

    # ---- the three maps ----------------------------------------------------------------------------

    def paths(self, factors: Factors) -> Numbers:
        """The end-to-end matrix of each path, shape (r, kL, k0)."""
        product = factors["W1"]
        for name in list(self.shapes)[1:]:
            product = factors[name] @ product
        return product

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        return X @ np.swapaxes(self.paths(factors), 1, 2)

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return X @ self.paths(factors).sum(axis=0).T

    # ---- the polar ---------------------------------------------------------------------------------

    @property
    def norm(self) -> SpectralNorm:
        return SpectralNorm()

    def adjoint(self, A: Numbers, G: Numbers) -> Numbers:
        return mean_adjoint(A, G)

    def rounding(self, A: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        return mean_rounding(A, G)

    def unit_factors(self, units: Units) -> dict[str, np.ndarray]:
        return self.chains(units["u"], units["v"])

    # ---- training -----------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        names = list(self.shapes)
        below: list[np.ndarray | None] = [None]  # below[l] = W_l ... W_1, None for the empty product
        for k in names[:-1]:
            under = below[-1]
            below.append(factors[k] if under is None else factors[k] @ under)
        back = mean_adjoint(X, G)  # (W_L ... W_{l+1})^T G^T X / N, going down
        out = {}
        for k, under in zip(reversed(names), reversed(below), strict=True):
            shape = factors[k].shape
            out[k] = np.broadcast_to(back, shape) if under is None else back @ np.swapaxes(under, 1, 2)
            back = np.swapaxes(factors[k], 1, 2) @ back
        return {k: out[k] for k in names}

    def free(self, factors: Factors) -> dict[str, np.ndarray]:
        """A chain stays a chain: only its entries in the first unit of each layer ever get a gradient."""
        support = {k: a != 0 for k, a in self.chains(*(np.ones((1, self.sizes[i])) for i in (-1, 0))).items()}
        is_chain = np.all([~np.any(factors[k] * ~support[k], axis=(1, 2)) for k in self.shapes], axis=0)
        return {k: np.where(is_chain[:, None, None], support[k], True) for k in self.shapes}

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The singular value decomposition of the end-to-end matrix as balanced chains.

        It never costs more.  Paths of higher rank stay as they are while there are fewer of them than
        the chains that would replace them: a merge does not add factors.
        """
        u, v = svd_split(self.paths(factors).sum(axis=0))
        if len(u) <= width(factors):
            return self.balance(self.chains(u, v))
        return drop_dead(self, self.balance(factors))

    # ---- closed forms ---------------------------------------------------------------------------------

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least nuclear norm of a matrix with predictions ``F`` on ``X``; ``inf`` if there is none."""
        return span_nuclear(X, np.asarray(F, float))

    def convex_program(self, X: np.ndarray) -> Program:
        return regression_program((self.sizes[-1], self.sizes[0]), X)

    # ---- the population ----------------------------------------------------------------------------

    device_model = models.Chains

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.paths(factors).sum(axis=0)
