r"""Problem: a family, data, a loss and :math:`\lambda`; objective, residual, Euler residual, polar."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import InputError
from .factors import Array, Factors, zero_network
from .families.base import Family
from .losses import Loss, get_loss
from .polars.base import Polar, check_effort
from .rigor.scales import excess, exponent

#: binary exponents of targets and inputs with which training works as they are
TARGETS, INPUTS = (-5, 12), (-13, 13)
#: and of predictions, beyond which squares of either leave the range of floats
MOST_POWER = 500


class Problem:
    r"""Regularized empirical risk over networks of every width.

    .. math:: \mathrm{NC}_{\mu_N}(W) = \frac1N \sum_{i=1}^N \ell\bigl(y_i, \Phi_r(W)(x_i)\bigr)
              + \lambda\, \Theta_r(W)

    Parameters
    ----------
    family : Family
        For example ``ppkit.families.MatrixSensing(shape=(24, 24))``.
    X, Y : arrays
        Inputs ``(N, *family.input_shape)`` (None for a family without inputs) and targets ``(N,)`` or
        ``(N, n_y)``; used as float64.
    lam : float
        The regularization weight, ``lam > 0``.
    loss : str or Loss
        ``"squared"`` (half the squared error), ``"logistic"`` (labels -1/+1) or ``"huber"``.

    Raises
    ------
    InputError
        A wrong shape, NaN, an empty sample, an X below 1e-140 throughout, ``lam <= 0``, an unknown
        loss, labels a loss cannot use.
    """

    family: Family
    X: Any
    Y: Array
    lam: float
    loss: Loss

    def __init__(
        self, family: Family, X: ArrayLike | None, Y: ArrayLike, lam: float, loss: str | Loss = "squared"
    ) -> None:
        if not isinstance(family, Family):
            raise InputError(
                "family must be an instance such as ppkit.families.MatrixSensing(shape=(24, 24)), "
                f"got {family!r}"
            )
        if not isinstance(lam, numbers.Real) or not np.isfinite(lam) or lam <= 0:
            raise InputError(f"lam must be a positive number, got {lam!r}")
        self.family = family
        self.loss = get_loss(loss)
        self.X, self.Y = family.check_data(X, Y)
        self.loss.check_targets(self.Y)
        self.lam = float(lam)

    @property
    def n_samples(self) -> int:
        """N, the number of samples the empirical law averages over."""
        return self.Y.shape[0]

    def predict(self, factors: Factors) -> Array:
        """Prediction of the network on the sample, shape (N, n_y)."""
        return self.family.predict(self.family.check_factors(factors), self.X)

    def theta(self, factors: Factors) -> float:
        """Theta, the summed cost of the factors."""
        return float(np.sum(self.family.theta(self.family.check_factors(factors))))

    def risk(self, F: Array) -> float:
        """Mean loss of the prediction ``F`` (N, n_y)."""
        return float(np.mean(self.loss.value(self.Y, F)))

    def objective(self, factors: Factors) -> float:
        """``NC``: mean loss over the N samples plus ``lam * Theta``."""
        return self.risk(self.predict(factors)) + self.lam * self.theta(factors)

    def residual(self, factors: Factors) -> Array:
        """``G_W``, minus the gradient of the loss at the prediction, shape (N, n_y)."""
        return -self.loss.gradient(self.Y, self.predict(factors))

    def inner(self, A: Array, B: Array) -> float:
        """The empirical inner product ``(1/N) sum_i <A_i, B_i>``."""
        return float(np.sum(A * B)) / self.n_samples

    def euler(self, factors: Factors) -> float:
        """The Euler residual ``lam * Theta - <G_W, Phi>``; zero at stationary points."""
        return self.lam * self.theta(factors) - self.inner(self.residual(factors), self.predict(factors))

    def polar(self, factors: Factors | None = None, effort: str = "default", seed: int = 0) -> Polar:
        """:class:`ppkit.Polar` of the residual at ``factors`` (at the zero network when None)."""
        factors = zero_network(self.family) if factors is None else self.family.check_factors(factors)
        return self.polar_of(self.residual(factors), (factors,), effort, seed)

    def polar_of(
        self, G: Array, starts: Sequence[Factors] = (), effort: str = "default", seed: int = 0
    ) -> Polar:
        """:class:`ppkit.Polar` of any ``G`` (N, n_y)."""
        check_effort(effort)
        return self.family.polar(self.X, G, starts=starts, effort=effort, seed=seed)

    def at_ordinary_size(self) -> tuple[Problem, float, float]:
        """``(problem, unit, alpha)``: the same problem with extreme targets and inputs brought to size one.

        Its predictions are this one's over ``unit``, its networks this one's under ``scale`` by ``alpha``,
        and its objective this one's over ``unit^2``.  Solvers and differences know absolute sizes: at
        1e-8 or 1e8 they stop early or divide by nothing.  What is ordinary stays as it is, to the bit.
        """
        family, degree = self.family, self.family.input_degree
        by = 0 if degree is None else excess(exponent(self.X), INPUTS)
        down = 0
        if self.loss.has_unit:
            down = excess(exponent(self.loss.gradient(self.Y, np.zeros(self.Y.shape))), TARGETS)
        if by == down == 0:
            return self, 1.0, 1.0
        power, lam = (degree or 0) * by - down, float(np.ldexp(self.lam, -(degree or 0) * by - down))
        if max(abs(power + down), abs(down)) > MOST_POWER or not 0 < lam < np.inf:
            raise InputError("X, Y and lam are too far apart in size: rescale the data")
        unit = 2.0**down
        X = self.X if self.X is None else np.ldexp(self.X, -by)
        small = Problem(family, X, self.Y / unit, lam, self.loss.in_units(unit))
        return small, unit, 2.0**power

    def __repr__(self) -> str:
        return f"Problem({self.family!r}, N={self.n_samples}, lam={self.lam:g}, loss={self.loss.name!r})"
