"""ReLU networks of one real input whose biases are free: splines, and the lasso of their kinks."""

import numpy as np

from ..checks.knots import is_centered, knot_margin, knot_polar, knots_at_most
from ..errors import InputError
from ..factors import append, as_float, take, width
from ..polars.base import Polar, check_effort
from ..polars.knots import knot_peaks
from ..polars.splines import TINY_WEIGHT, best_split, constant, spline_cost, spline_of
from ..programs.splines import hinge_master, spline_program
from ..rigor.scales import any_scale, any_scale_upper
from .base import Family


class ReLU1D(Family):
    r"""ReLU networks of one real input with free biases.

    .. math::
        \min_{u, w, b} \; \frac1N \sum_i \ell\bigl(y_i, \textstyle\sum_j u_j \max(w_j x_i + b_j, 0)\bigr)
        + \lambda \sum_j \tfrac12(u_j^2 + w_j^2)

    Factor map ``phi(u, w, b)(x) = u max(w x + b, 0)``.  The biases cost nothing, so A2 fails: constants
    are limits of units with ``w = 0`` and ``u -> 0``, Omega vanishes on them, and the polar is infinite
    at every residual whose mean is not zero.  On the centered ones it is ``"exact"``: the largest of
    ``|(1/N) sum_i g_i max(+-(x_i - t), 0)|`` over knots t at the data.  A residual whose mean is zero up
    to rounding counts as centered, and the polar is that of its projection; ``certify`` projects first.

    Omega of a function is ``max(int |f''|, |f'(-inf) + f'(inf)|)``; on a sample with divided differences
    d it is ``max(V, (V + S)/2)``, ``V = sum |d_{k+1} - d_k|``, ``S = |d_first + d_last|``.

    ``X`` has shape (N, 1), ``Y`` (N,); factors ``u``, ``w``, ``b`` (r, 1).  The infimum over the bias of
    a constant is not attained: a constant c is written as ``u = e sqrt|c|``, ``b = sqrt|c|/e`` with
    ``e = 2^-40``, at a cost of ``2^-81 |c|``.
    """

    name = "relu-1d"
    bounded_atoms = False

    @property
    def shapes(self):
        return {"u": (1,), "w": (1,), "b": (1,)}

    @property
    def input_shape(self):
        return (1,)

    @property
    def n_outputs(self):
        return 1

    def params(self):
        return {}

    @classmethod
    def from_data(cls, X, Y, **options):
        if as_float(X, "X").ndim != 2:
            raise InputError(f"{cls.name}: X must have shape (N, 1), got {np.shape(X)}")
        return cls(**options)

    # ---- the three maps -------------------------------------------------------------------------

    def atoms(self, factors, X):
        hidden = np.maximum(X @ factors["w"].T + factors["b"].T, 0.0)
        return hidden.T[:, :, None] * factors["u"][:, None, :]

    def predict(self, factors, X):
        return np.maximum(X @ factors["w"].T + factors["b"].T, 0.0) @ factors["u"]

    def theta(self, factors):
        return 0.5 * (np.sum(factors["u"] ** 2, axis=1) + np.sum(factors["w"] ** 2, axis=1))

    def scale(self, factors, alpha):
        root = np.sqrt(np.asarray(alpha, float))[:, None]
        return {k: root * a for k, a in factors.items()}

    # ---- polar ----------------------------------------------------------------------------------

    def project_dual(self, X, G):
        """``G`` without its mean: the dual points with ``<g, 1> = 0``."""
        G = G - G.mean()
        return G - G.mean()  # the first mean carries the rounding of G, often larger than what is left

    @any_scale
    def polar(self, X, G, starts=(), effort="default", seed=0):
        check_effort(effort)
        hinge = knot_peaks(X, G)
        flat = constant([1 / TINY_WEIGHT, -1 / TINY_WEIGHT])
        candidates = append(append(take(hinge, slice(0, 1)), flat), take(hinge, slice(1, None)))
        value = self.atoms(take(candidates, slice(0, 3)), X)[:, :, 0] @ G[:, 0] / len(G)
        if not is_centered(G) and np.argmax(value) > 0:
            order = np.argsort(-value, kind="stable")
            candidates = take(candidates, [*order, *range(3, width(candidates))])
        best = take(candidates, slice(0, 1))
        lower = max(float(np.sum(G * self.atoms(best, X)[0])) / len(G), 0.0)
        upper = max(self.polar_upper(X, G, {}), lower)
        return Polar(lower, upper, best, "exact", candidates)

    @any_scale_upper
    def polar_upper(self, X, G, proof):
        if not is_centered(G):
            return np.inf
        return knot_polar(X, G) + knot_margin(X, G)

    def prove_polar(self, X, G, bound, proof):
        """Needs a projected ``G``: its balls must leave a zero mean open."""
        return knots_at_most(X, G, bound)

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors, X, G):
        hidden = X @ factors["w"].T + factors["b"].T
        back = (G @ factors["u"].T) * (hidden > 0) / len(X)
        return {
            "u": np.maximum(hidden, 0.0).T @ G / len(X),
            "w": back.T @ X,
            "b": back.sum(axis=0)[:, None],
        }

    def surrogate(self, factors):
        cost = 0.5 * float(np.sum(factors["u"] ** 2) + np.sum(factors["w"] ** 2))
        return cost, {"u": factors["u"], "w": factors["w"], "b": np.zeros_like(factors["b"])}

    def balance(self, factors):
        """Units with ``|u| = |w|``; constants in the form that the class describes."""
        u, w, b = (factors[k] for k in self.shapes)
        root = np.sqrt(np.abs(u)) * np.sqrt(np.abs(w))
        with np.errstate(divide="ignore", invalid="ignore"):
            unit = {"u": np.sign(u) * root, "w": np.sign(w) * root, "b": b * (root / np.abs(w))}
        flat = constant((u * np.maximum(b, 0.0))[:, 0])
        return {k: np.where(root > 0, unit[k], np.where(w == 0, flat[k], 0.0)) for k in self.shapes}

    def corrective(self, X, Y, lam, loss, factors):
        return hinge_master(X, Y, lam, loss, self.balance(factors))

    def merge(self, factors, X=None):
        """The cheapest network with the same prediction on ``X``, unless it has more units.

        All constants become one; copies are added up.
        """
        factors = self.balance(factors)
        flat = factors["w"][:, 0] == 0
        level = float(np.sum(factors["u"][flat] * factors["b"][flat]))
        merged = super().merge(take(factors, ~flat))
        if level != 0:
            merged = append(merged, constant([level]))
        if X is None or width(merged) == 0:
            return merged
        best = best_split(*spline_of(np.unique(X), factors))
        return best if width(best) <= width(merged) else merged

    # ---- closed forms ---------------------------------------------------------------------------

    def omega(self, X, F):
        return spline_cost(X[:, 0], np.reshape(np.asarray(F, float), len(X)))

    def convex_program(self, X):
        return spline_program(X[:, 0])
