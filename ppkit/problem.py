r"""Problem: a family, data, a loss and :math:`\lambda`; objective, residual, Euler residual, polar."""

import numbers

import numpy as np

from .errors import InputError
from .families.base import Family, zero_network
from .losses import get_loss
from .polar import check_effort


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

    def __init__(self, family, X, Y, lam, loss="squared"):
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
    def n_samples(self):
        """N, the number of samples the empirical law averages over."""
        return self.Y.shape[0]

    def predict(self, factors):
        """Prediction of the network on the sample, shape (N, n_y)."""
        return self.family.predict(self.family.check_factors(factors), self.X)

    def theta(self, factors):
        """Theta, the summed cost of the factors."""
        return float(np.sum(self.family.theta(self.family.check_factors(factors))))

    def risk(self, F):
        """Mean loss of the prediction ``F`` (N, n_y)."""
        return float(np.mean(self.loss.value(self.Y, F)))

    def objective(self, factors):
        """``NC``: mean loss over the N samples plus ``lam * Theta``."""
        return self.risk(self.predict(factors)) + self.lam * self.theta(factors)

    def residual(self, factors):
        """``G_W``, minus the gradient of the loss at the prediction, shape (N, n_y)."""
        return -self.loss.gradient(self.Y, self.predict(factors))

    def inner(self, A, B):
        """The empirical inner product ``(1/N) sum_i <A_i, B_i>``."""
        return float(np.sum(A * B)) / self.n_samples

    def euler(self, factors):
        """The Euler residual ``lam * Theta - <G_W, Phi>``; zero at stationary points."""
        return self.lam * self.theta(factors) - self.inner(self.residual(factors), self.predict(factors))

    def polar(self, factors=None, effort="default", seed=0):
        """:class:`ppkit.Polar` of the residual at ``factors`` (at the zero network when None)."""
        factors = zero_network(self.family) if factors is None else self.family.check_factors(factors)
        return self.polar_of(self.residual(factors), (factors,), effort, seed)

    def polar_of(self, G, starts=(), effort="default", seed=0):
        """:class:`ppkit.Polar` of any ``G`` (N, n_y)."""
        check_effort(effort)
        return self.family.polar(self.X, G, starts=starts, effort=effort, seed=seed)

    def __repr__(self):
        return f"Problem({self.family!r}, N={self.n_samples}, lam={self.lam:g}, loss={self.loss.name!r})"
