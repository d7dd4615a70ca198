"""Two-layer ReLU networks, scalar or vector outputs, with or without a penalized bias."""

import numpy as np

from ..checks.cones import (
    cone_bound,
    directional_values,
    face_boxes,
    hidden_gradient,
    magnitude,
    spectral_bound,
)
from ..checks.plane import line_sweep, plane_at_most, plane_sweep, sweep_margin
from ..checks.relaxation import relaxed_at_most, relaxed_upper
from ..errors import InputError
from ..factors import as_float, check_sizes, drop_dead, take, width
from ..polars.base import Polar, check_effort
from ..polars.branch import branch_and_bound
from ..polars.relaxation import relaxed_dual, relaxed_polar
from ..polars.relu import search
from ..programs.relu import master, outer, program, vector_program
from ..rigor.margins import rounding_margin
from ..rigor.scales import at_size_one, polar_times, row_norms, unit_rows, upper_times
from ..rigor.trees import replay
from . import models
from .base import Family
from .gaussian import arc_cosine, plane_discrepancy
from .outer_product import balance_pair, half_squares
from .patterns import merge_patterns, thin

MAX_NODES = {"fast": 2_000, "default": 50_000, "exact": 5_000_000}
ITERATIONS = {"fast": (300, 1e-3), "default": (800, 2e-4), "exact": (3_000, 5e-5)}
RESTARTS = {"fast": 64, "default": 512, "exact": 2_048}
LARGEST = 400  # samples that the semidefinite relaxation takes on
GAPS = {"fast": 1e-3, "default": 1e-7, "exact": 1e-9}


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

    def __init__(self, n_inputs, n_outputs=1, bias=False):
        check_sizes(self.name, n_inputs=n_inputs, n_outputs=n_outputs)
        self.n_inputs = int(n_inputs)
        self._n_outputs = int(n_outputs)
        self.bias = bool(bias)

    @property
    def polar_is_cheap(self):
        return self.n_inputs + self.bias <= 2

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

    # ---- polar ----------------------------------------------------------------------------------

    def polar(self, X, G, starts=(), effort="default", seed=0):
        check_effort(effort)
        A, G, power, lost = at_size_one(self.features(X), G, 1)  # homogeneous in A, whatever the bias
        return polar_times(self._polar_at_one(A, G, starts, effort, seed), power, lost)

    def polar_upper(self, X, G, proof):
        A, G, power, lost = at_size_one(self.features(X), G, 1)
        return upper_times(self._upper_at_one(A, G, proof), power, lost)

    def _polar_at_one(self, A, G, starts, effort, seed):
        if A.shape[1] <= 2:
            v, values = self._sweep(A, G)
            top = float(values.max())
            v = v[np.argsort(-values, kind="stable")[:64]]
            return self._polar(A, G, v, top + sweep_margin(A, G, top), "exact", {})
        v = search(A, G, starts, seed, RESTARTS[effort])
        relaxes = effort == "exact" and A.shape[1] > 6 and len(A) <= LARGEST
        result = branch_and_bound(
            cone_bound(A, G),
            *face_boxes(A.shape[1], G.shape[1]),
            lower=float(directional_values(A, G, v).max()),
            gap=GAPS[effort],
            max_nodes=MAX_NODES["default" if relaxes else effort],
        )
        if result.point is not None:
            v = np.concatenate([result.point[None], v])
        proof = {**result.tree, "cutoff": np.array(result.lower / (_size(G) or 1.0))}
        upper = min(result.upper, spectral_bound(A, G)) + _margin(A, G)
        if relaxes and result.upper > result.lower * (1 + GAPS["default"]) > 0:
            relaxed, multipliers = relaxed_polar(A, G, result.lower, *ITERATIONS[effort])
            if relaxed < upper:
                upper, proof = relaxed, multipliers
        return self._polar(A, G, v, upper, "bounded", proof)

    def _upper_at_one(self, A, G, proof):
        if A.shape[1] <= 2:
            top = float(self._sweep(A, G)[1].max())
            return top + sweep_margin(A, G, top)
        upper = spectral_bound(A, G) + _margin(A, G)
        if "products" in proof:
            upper = min(upper, relaxed_upper(A, G, proof))
        elif proof:
            cutoff = float(proof["cutoff"]) * _size(G)
            boxes = face_boxes(A.shape[1], G.shape[1])
            upper = min(upper, replay(cone_bound(A, G), *boxes, proof, cutoff) + _margin(A, G))
        return upper

    def relaxed_dual(self, X, Y, lam, loss, effort="default"):
        A = self.features(X)
        G = -loss.gradient(Y, np.zeros(Y.shape))
        if len(A) > LARGEST or not (A.any() and G.any()):
            return None
        v = search(A, G, (), 0, RESTARTS[effort])
        values = directional_values(A, G, v)
        best = v[np.argmax(values)]
        square = float(np.mean(np.maximum(A @ best, 0.0) ** 2)) * loss.smoothness
        mass = max(float(values.max()) - lam, lam) / square if square > 0 else 1.0
        return relaxed_dual(A, Y, lam, loss, mass, *ITERATIONS[effort])

    def prove_polar(self, X, G, bound, proof):
        A = self.features(X)
        if A.shape[1] <= 2:
            return plane_at_most(A, G, bound)
        return relaxed_at_most(A, G, bound, proof) if "products" in proof else None

    def _sweep(self, A, G):
        return line_sweep(A, G) if A.shape[1] == 1 else plane_sweep(A, G)

    def _polar(self, A, G, v, upper, kind, proof):
        """The :class:`Polar` with the best of the unit directions ``v`` (k, d) as candidates."""
        value = hidden_gradient(A, G, v)
        norm = row_norms(value)[:, 0]
        order = np.argsort(-norm, kind="stable")
        pattern = (A @ v[order].T > 0).T
        first = np.sort(np.unique(pattern, axis=0, return_index=True)[1])[:16]  # one for each pattern
        order = order[first]
        v, u, lower = v[order], unit_rows(value[order]), float(norm[order[0]])
        factor = {"u": u[:1], "v": v[:1]}
        return Polar(lower, max(upper, lower), factor, kind, {"u": u, "v": v}, proof)

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
        if width(factors) > 1:
            weight = thin(self.atoms(factors, X), self.theta(factors))
            factors = self.scale(take(factors, weight > 0), weight[weight > 0])
        return factors

    # ---- the finite convex program --------------------------------------------------------------

    def convex_program(self, X):
        A = self.features(X)
        return program(A) if self.n_outputs == 1 else vector_program(A, self.n_outputs)

    def omega(self, X, F):
        import cvxpy as cp

        from ..programs.solve import solve_program

        prediction, omega, constraints = self.convex_program(X)
        size = _size(F)
        if size == 0:
            return 0.0
        same = prediction == np.reshape(F, (len(F), self.n_outputs)) / size
        if self.n_outputs == 1:
            return size * solve_program(cp.Minimize(omega), [*constraints, same])
        tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-7)
        return size * solve_program(cp.Minimize(omega), [*constraints, same], "CLARABEL", **tolerances)

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


def _size(G):
    return float(np.max(np.abs(G), initial=0.0))


def _margin(A, G):
    """Rounding of :func:`cone_bound`: three sums over the sample, then those over the coordinates.

    A ratio of linear functions on a box magnifies the latter by at most d.
    """
    d = A.shape[1]
    return 4 * np.sqrt(d) * rounding_margin(max(len(A), d * d) + d, magnitude(A, G), 0.0, d)
