"""Two-layer ReLU networks, scalar or vector outputs, with or without a penalized bias."""

import numpy as np

from ..errors import InputError
from ..factors import as_float, check_sizes, drop_dead, width
from ..polars.relu import relaxed_point, relu_norm
from ..programs.relu import master, omega_of, outer, program, vector_program
from . import models
from .base import Family
from .gaussian import arc_cosine, plane_discrepancy
from .outer_product import balance_pair, half_squares
from .patterns import merge_patterns, thinned


class TwoLayerReLU(Family):
    r"""Two-layer ReLU network with weight decay on both layers.

    .. math::
        \min_{u, v} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j u_j \max(v_j^\top x_i, 0)\bigr)
        + \lambda \sum_j \tfrac12(\|u_j\|^2 + \|v_j\|^2)

    Factor map ``phi(u, v)(x) = u max(v^T x, 0)``.  The polar is
    ``sup_{|v| <= 1} |(1/N) G^T max(Xv, 0)|``.  With one or two inputs (the bias counts as one) it is
    ``"exact"``, by sorting angles.  With more it is ``"bounded"``: a branch and bound over directions
    that stops at a relative width of its interval or at a number of cones, whichever comes first:
    1e-3 or 2,000 (``effort="fast"``), 1e-7 or 50,000 (``"default"``), 1e-9 or 5,000,000 (``"exact"``);
    a million cones of 100 points take about five seconds of one core.  With more than six inputs, where
    cones rarely close the interval, ``"exact"`` means 50,000 of them and, if that leaves it open, the
    semidefinite relaxation of :mod:`ppkit.checks.relaxation`, for up to 400 samples: ten to
    twenty seconds of one core for 200 samples, growing with the cube of their number.

    Parameters
    ----------
    n_inputs, n_outputs : int
        ``X`` has shape (N, n_inputs), ``Y`` (N,) or (N, n_outputs).
    bias : bool
        Append a constant feature 1 to each input; its weight is penalized like the others, and ``v``
        has ``n_inputs + 1`` entries.
    """

    name = "two-layer-relu"
    features_degree = 1  # homogeneous in the features, whatever the bias

    def __init__(self, n_inputs, n_outputs=1, bias=False):
        check_sizes(self.name, n_inputs=n_inputs, n_outputs=n_outputs)
        self.n_inputs = int(n_inputs)
        self._n_outputs = int(n_outputs)
        self.bias = bool(bias)

    @property
    def input_degree(self):
        return None if self.bias else 1

    @property
    def n_outputs(self):
        return self._n_outputs

    @property
    def input_shape(self):
        return (self.n_inputs,)

    @property
    def shapes(self):
        return {"u": (self.n_outputs,), "v": (self.n_inputs + self.bias,)}

    def params(self):
        return {"n_inputs": self.n_inputs, "n_outputs": self.n_outputs, "bias": self.bias}

    @classmethod
    def from_data(cls, X, Y, **options):
        X, Y = as_float(X, "X"), as_float(Y, "Y")
        if X.ndim != 2:
            raise InputError(f"{cls.name}: X must have shape (N, n_x), got {X.shape}")
        n_outputs = 1 if Y.ndim < 2 else Y.shape[1]
        return cls(**{"n_inputs": X.shape[1], "n_outputs": n_outputs, **options})

    def features(self, X):
        """The inputs the first layer sees: ``X``, with a column of ones when there is a bias."""
        return np.concatenate([X, np.ones((len(X), 1))], axis=1) if self.bias else X

    def atoms(self, factors, X):
        hidden = np.maximum(self.features(X) @ factors["v"].T, 0.0)
        return hidden.T[:, :, None] * factors["u"][:, None, :]

    def predict(self, factors, X):
        return np.maximum(self.features(X) @ factors["v"].T, 0.0) @ factors["u"]

    def theta(self, factors):
        return 0.5 * (np.sum(factors["u"] ** 2, axis=1) + np.sum(factors["v"] ** 2, axis=1))

    def scale(self, factors, alpha):
        root = np.sqrt(np.asarray(alpha, float))[:, None]
        return {k: root * a for k, a in factors.items()}

    # ---- the polar ------------------------------------------------------------------------------

    @property
    def norm(self):
        return relu_norm(self.n_inputs + self.bias)

    def adjoint(self, A, G):
        return A, G

    def relaxed_dual(self, X, Y, lam, loss, effort="default"):
        return relaxed_point(self.features(X), Y, lam, loss, effort)

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors, X, G):
        A = self.features(X)
        hidden = A @ factors["v"].T
        back = (G @ factors["u"].T) * (hidden > 0)
        return {"u": np.maximum(hidden, 0.0).T @ G / len(X), "v": back.T @ A / len(X)}

    def surrogate(self, factors):
        return half_squares(factors)

    def balance(self, factors):
        u, v = balance_pair(factors["u"], factors["v"])
        return {"u": u, "v": v}

    def corrective(self, X, Y, lam, loss, factors):
        A = self.features(X)
        better = master(A, Y, lam, loss, factors)
        if better is None or self.n_outputs == 1:
            return better
        return outer(A, Y, lam, loss, better)

    def merge(self, factors, X=None):
        factors = super().merge(factors, X)
        if X is None or width(factors) == 0:
            return factors
        A = self.features(X)
        if self.n_outputs == 1:
            factors = drop_dead(self, merge_patterns(A, factors))
        return thinned(self, factors, X)

    # ---- the finite convex program --------------------------------------------------------------

    def convex_program(self, X):
        A = self.features(X)
        return program(A) if self.n_outputs == 1 else vector_program(A, self.n_outputs)

    def omega(self, X, F):
        return omega_of(self.convex_program(X), F)

    # ---- the population ----------------------------------------------------------------------------

    descends_plainly = True
    device_model = models.ReLU

    def unit_constants(self, a):
        return a, 2.0

    def population_error(self, factors, teacher):
        """The quadratic form of the arc-cosine kernel, which has none with a bias."""
        if self.bias:
            return None
        u = np.concatenate([factors["u"], -teacher["u"]])
        v = np.concatenate([factors["v"], teacher["v"]])
        return float(np.sum((u @ u.T) * arc_cosine(v, v)))

    def population_discrepancy(self, X, G, factors, teacher):
        if self.n_inputs != 2 or self.bias:
            raise InputError(f"an exact discrepancy of {self.name} needs two inputs and no bias")
        error = max(0.0, self.population_error(factors, teacher))
        return plane_discrepancy(X, G, factors, teacher, error)

    def agreeing(self, factors):
        """Output weights without negative entries."""
        return {**factors, "u": np.abs(factors["u"])}
