"""ReLU networks of one real input whose biases are free: splines, and the lasso of their kinks."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ..factors import Factors, Numbers, append, sample_shape, take, width
from ..losses import Loss
from ..polars.base import Units
from ..polars.knots import KnotsNorm
from ..programs.nuclear import Program
from ..programs.splines import hinge_lasso, spline_program
from . import splines
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

    Omega of a function is ``max(int |f''|, |f'(-inf) + f'(inf)|)``, on a sample that of its values.

    ``X`` has shape (N, 1), ``Y`` (N,); factors ``u``, ``w``, ``b`` (r, 1).  The infimum over the bias of
    a constant is not attained; :func:`ppkit.families.splines.constant` says how constants are written.
    """

    name = "relu-1d"
    input_shape = (1,)
    n_outputs = 1
    bounded_atoms = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"u": (1,), "w": (1,), "b": (1,)}

    def params(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        sample_shape(cls.name, X, "N, 1")
        return cls(**options)

    # ---- the three maps -------------------------------------------------------------------------

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        hidden = np.maximum(X @ factors["w"].T + factors["b"].T, 0.0)
        return hidden.T[:, :, None] * factors["u"][:, None, :]

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return np.maximum(X @ factors["w"].T + factors["b"].T, 0.0) @ factors["u"]

    def theta(self, factors: Factors) -> Numbers:
        return 0.5 * (np.sum(factors["u"] ** 2, axis=1) + np.sum(factors["w"] ** 2, axis=1))

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        root = np.sqrt(np.asarray(alpha, float))[:, None]
        return {k: root * a for k, a in factors.items()}

    # ---- the polar ------------------------------------------------------------------------------

    def project_dual(self, X: Numbers, G: Numbers, signed: bool = False) -> Numbers:
        """A dual point with ``<g, 1> = 0``: ``G`` without its mean.

        Where the conjugate asks for the signs that ``G`` has, the heavier sign is scaled down instead.
        """
        if signed:
            plus, minus = np.maximum(G, 0.0), np.maximum(-G, 0.0)
            a, b = plus.sum(), minus.sum()
            return plus * (b / a) - minus if a > b else plus - minus * (a / b) if b > a else G
        G = G - G.mean()
        return G - G.mean()  # the first mean carries the rounding of G, often larger than what is left

    @property
    def norm(self) -> KnotsNorm:
        return KnotsNorm()

    def adjoint(self, A: Numbers, G: Numbers) -> Numbers:
        return A, G

    def unit_factors(self, units: Units) -> dict[str, np.ndarray]:
        """Hinges, and constants for the units of side 0.

        Constants cost nothing, so they come right after the best unit, whatever the residual's mean.
        """
        flat = units["side"] == 0
        order = np.argsort(np.where(flat, 1, np.minimum(2 * np.arange(len(flat)), 2)), kind="stable")
        return take(splines.hinges_or_levels(**units), order)

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        hidden = X @ factors["w"].T + factors["b"].T
        back = (G @ factors["u"].T) * (hidden > 0) / len(X)
        return {
            "u": np.maximum(hidden, 0.0).T @ G / len(X),
            "w": back.T @ X,
            "b": back.sum(axis=0)[:, None],
        }

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        cost = 0.5 * float(np.sum(factors["u"] ** 2) + np.sum(factors["w"] ** 2))
        return cost, {"u": factors["u"], "w": factors["w"], "b": np.zeros_like(factors["b"])}

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        """Units with ``|u| = |w|``; constants in the form that the class describes."""
        return splines.balanced(*(factors[k] for k in self.shapes))

    def corrective(
        self, X: np.ndarray, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray] | None:
        factors = self.balance(factors)
        u, w, b = (factors[k][:, 0] for k in self.shapes)
        on = w != 0
        found = hinge_lasso(X, Y, lam, loss, np.sign(w[on]), -b[on] / w[on], bool(np.any(u[~on] != 0)))
        return None if found is None else splines.hinges_and_level(*found)

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The cheapest network with the same prediction on ``X``, unless it has more units.

        All constants become one; copies are added up.
        """
        factors = self.balance(factors)
        flat = factors["w"][:, 0] == 0
        level = float(np.sum(factors["u"][flat] * factors["b"][flat]))
        merged = super().merge(take(factors, ~flat))
        if level != 0:
            merged = append(merged, splines.constant([level]))
        if X is None or width(merged) == 0:
            return merged
        best = splines.best_split(*splines.spline_of(np.unique(X), factors))
        return best if width(best) <= width(merged) else merged

    # ---- closed forms ---------------------------------------------------------------------------

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        return splines.spline_cost(X[:, 0], np.reshape(np.asarray(F, float), len(X)))

    def convex_program(self, X: np.ndarray) -> Program:
        return spline_program(X[:, 0])
