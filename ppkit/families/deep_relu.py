"""Parallel deep ReLU networks: a sum of paths with a ReLU after every layer but the last."""

from typing import Any, Self

import numpy as np

from ..errors import InputError
from ..factors import Factors, Numbers, drop_dead, take, width
from ..losses import Loss
from ..polars.base import Units
from ..polars.paths import PathNorm, signals, slopes
from ..programs.nuclear import Program
from ..programs.relu import master, omega_of, program
from . import models
from .draws import exposed
from .linear_maps import data_widths
from .paths import Paths
from .patterns import merge_patterns, thinned


class DeepReLU(Paths):
    r"""Deep ReLU paths side by side, with the product of Frobenius norms as the cost of a path.

    .. math::
        \min_{W} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j W_{L,j} \max(W_{L-1,j} \cdots
        \max(W_{1,j}\, x_i, 0) \cdots, 0)\bigr) + \lambda \sum_j \theta(W_j), \qquad
        \theta(W) = \textstyle\prod_l \|W_l\|_F

    or, with ``form="power"``, :math:`\theta(W) = \frac1L \sum_l \|W_l\|_F^L`.  The width of the last
    hidden layer does not matter, and behind a hidden layer of width one neither does depth; ``layers``
    counts the hidden layers that remain beyond one.  If there is none the polar is that of two-layer
    ReLU networks: ``"exact"`` for one or two inputs.  Otherwise it is ``"bounded"``: ascent below; above,
    each layer adds half a spectral bound, and with one output and at most two inputs a branch and bound
    over the signs of the last pre-activation (40 leaves for ``effort="default"``, 1,000 for ``"exact"``,
    fewer from 20 or 40 samples on, none for ``"fast"`` or beyond 500 samples) closes the interval for few
    samples and wide layers: a dozen samples take seconds, and each further one doubles them at worst.

    Parameters
    ----------
    sizes : (k0, k1, ..., kL)
        Layer sizes, L >= 2: ``X`` has shape (N, k0), ``Y`` (N, kL).
        Factors: ``W1`` (r, k1, k0), ..., ``WL`` (r, kL, k_{L-1}).
    form : {"product", "power"}
        The cost of a path: the product of the Frobenius norms, or the mean of their L-th powers.
    """

    name = "deep-relu"

    @property
    def layers(self) -> int:
        """Hidden layers before the first of width one, the last hidden layer not counted."""
        inner = self.sizes[1:-2]
        return inner.index(1) if 1 in inner else len(inner)

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        """Three layers with two hidden units each, unless ``sizes`` says otherwise."""
        n_inputs, n_outputs = data_widths(cls.name, X, Y)
        return cls(**{"sizes": (n_inputs, 2, 2, n_outputs), **options})

    # ---- the three maps -------------------------------------------------------------------------

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        return signals(factors, X)[-1]

    # ---- the polar ------------------------------------------------------------------------------

    @property
    def norm(self) -> PathNorm:
        return PathNorm(self.sizes, self.layers)

    def adjoint(self, A: Numbers, G: Numbers) -> Numbers:
        return A, G

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        return slopes(factors, X, G)

    def pairs(self, factors: Factors) -> dict[str, np.ndarray] | None:
        """``u`` and ``v`` of the two-layer units that paths consist of; None where layers remain."""
        if self.layers:
            return None
        v = factors["W1"].reshape(-1, self.sizes[0])
        if self.depth == 2:
            return {"u": np.swapaxes(factors["W2"], 1, 2).reshape(-1, self.n_outputs), "v": v}
        rest = {**factors, "W1": np.ones((len(v), 1, 1))}
        return {"u": self.atoms(rest, np.ones((1, 1)))[:, 0], "v": v}

    def corrective(
        self, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray] | None:
        units = self.pairs(factors) if self.n_outputs == 1 else None
        if units is None:
            return None
        better = master(X, Y, lam, loss, units) if np.any(X) else None
        if better is None:
            return None
        paths = self.from_pairs(better)
        return paths if width(paths) <= width(factors) else None

    def from_pairs(self, units: Units) -> dict[str, np.ndarray]:
        """Balanced chains with the predictions and costs of two-layer units."""
        size = np.linalg.norm(units["u"], axis=1) * np.linalg.norm(units["v"], axis=1)
        unit = {k: a[size > 0] / np.linalg.norm(a[size > 0], axis=1, keepdims=True) for k, a in units.items()}
        return self.scale(self.chains(unit["u"], unit["v"]), size[size > 0])

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Copies added up; no more paths than atoms can be independent; at best two-layer units."""
        merged = super().merge(factors, X)
        if X is None or width(merged) == 0:
            return merged
        units = self.pairs(merged) if self.n_outputs == 1 else None
        if units is not None:
            alive = np.any(units["u"] != 0, axis=1)
            chains = self.from_pairs(merge_patterns(X, take(units, alive)))
            if width(chains) <= width(merged):
                merged = drop_dead(self, chains)
        return thinned(self, merged, X)

    # ---- the finite convex program --------------------------------------------------------------

    def convex_program(self, X: np.ndarray) -> Program:
        if self.layers or self.n_outputs > 1:
            raise InputError(f"{self.name} has a finite convex program only where it is two layers deep")
        return program(X)

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        return omega_of(self.convex_program(X), F)

    # ---- the population ----------------------------------------------------------------------------

    descends_plainly = True
    device_model = models.Paths

    def extreme_factors(self, rng: np.random.Generator, n_factors: int) -> dict[str, np.ndarray]:
        """The polar is dear, but random paths are often dead."""
        return exposed(self, rng, n_factors, "fast")

    def agreeing(self, factors: Factors) -> dict[str, np.ndarray]:
        """Last layers without negative entries."""
        last = f"W{self.depth}"
        return {**factors, last: np.abs(factors[last])}
