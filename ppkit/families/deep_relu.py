"""Parallel deep ReLU networks: a sum of paths with a ReLU after every layer but the last."""

import numpy as np

from ..checks.cones import hidden_gradient
from ..checks.plane import plane_at_most
from ..checks.signs import deeper, signs_upper, two_layer_upper
from ..errors import InputError
from ..factors import append, drop_dead, take, width
from ..polars.base import Polar, check_effort
from ..polars.paths import leaves_for, sign_search, two_layers
from ..polars.search import multistart
from ..programs.relu import master, program
from ..rigor.balls import arbs
from ..rigor.margins import power_of_two
from ..rigor.scales import any_scale, any_scale_upper, unit_rows
from . import models
from .base import Family
from .draws import exposed
from .linear_maps import data_widths
from .paths import balance_path, check_path, layer_norms, path_cost, power_mean, scale_layers
from .patterns import merge_patterns, thin

ASCENT = {"fast": (24, 60), "default": (64, 200), "exact": (256, 600)}


class DeepReLU(Family):
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
    input_degree = 1

    def __init__(self, sizes, form="product"):
        self.sizes = check_path(self.name, sizes, form)
        self.form = form

    @property
    def polar_is_cheap(self):
        return self.layers == 0 and self.sizes[0] <= 2

    @property
    def depth(self):
        """L, the number of weight matrices of a path."""
        return len(self.sizes) - 1

    @property
    def layers(self):
        """Hidden layers before the first of width one, the last hidden layer not counted."""
        inner = self.sizes[1:-2]
        return inner.index(1) if 1 in inner else len(inner)

    @property
    def shapes(self):
        return {f"W{l}": (self.sizes[l], self.sizes[l - 1]) for l in range(1, self.depth + 1)}

    @property
    def input_shape(self):
        return (self.sizes[0],)

    @property
    def n_outputs(self):
        return self.sizes[-1]

    def params(self):
        return {"sizes": list(self.sizes), "form": self.form}

    @classmethod
    def from_data(cls, X, Y, **options):
        """Three layers with two hidden units each, unless ``sizes`` says otherwise."""
        n_inputs, n_outputs = data_widths(cls.name, X, Y)
        return cls(**{"sizes": (n_inputs, 2, 2, n_outputs), **options})

    # ---- the three maps -------------------------------------------------------------------------

    def hidden(self, factors, X):
        """Pre-activations of every layer of every path, a list of (r, N, k_l)."""
        out, below = [], X[None]
        for name in self.shapes:
            out.append(below @ np.swapaxes(factors[name], 1, 2))
            below = np.maximum(out[-1], 0.0)
        return out

    def atoms(self, factors, X):
        return self.hidden(factors, X)[-1]

    def theta(self, factors):
        return path_cost(layer_norms(factors), self.form)

    def scale(self, factors, alpha):
        root = np.asarray(alpha, float) ** (1 / self.depth)
        return scale_layers(factors, np.broadcast_to(root, (self.depth, len(root))))

    # ---- polar ----------------------------------------------------------------------------------

    @any_scale
    def polar(self, X, G, starts=(), effort="default", seed=0):
        check_effort(effort)
        own = [{"v": s["W1"].reshape(-1, self.sizes[0])} for s in starts]
        v, proof = two_layers(X, G, own, effort, seed)
        paths = self.chains(unit_rows(hidden_gradient(X, G, v)), v)
        if self.layers and not one_signed(G):
            paths = self.climb(X, G, append_all([paths, *map(self.unit, starts)]), effort, seed)
            lower = float(np.max(self.values(paths, X, G)))
            if G.shape[1] == 1 and X.shape[1] <= 2 and leaves_for(effort, len(X)) and np.any(X):
                leaves, units = sign_search(X, G[:, 0], lower, self.layers, v, effort)
                proof |= leaves
                paths = append(paths, self.fans(*units))
        values = self.values(paths, X, G)
        order = np.argsort(-values, kind="stable")
        distinct = np.unique(np.round(values[order] / (values.max() or 1.0), 9), return_index=True)[1]
        best = take(paths, order[np.sort(distinct)[:16]])
        first = take(best, slice(0, 1))
        lower = max(float(np.sum(G * self.atoms(first, X)[0])) / len(G), 0.0)
        upper = max(self.polar_upper(X, G, proof), lower)
        exact = self.layers == 0 and X.shape[1] <= 2
        return Polar(lower, upper, first, "exact" if exact else "bounded", best, proof)

    @any_scale_upper
    def polar_upper(self, X, G, proof):
        size = power_of_two(G)
        G = G / size
        upper = two_layer_upper(X, G, proof)
        if one_signed(G):
            return size * upper
        upper = deeper(X, G, upper, self.layers)
        if self.layers and "signs" in proof and G.shape[1] == 1:
            upper = min(upper, signs_upper(X, G[:, 0], proof, self.layers))
        return size * upper

    def prove_polar(self, X, G, bound, proof):
        alone = self.layers == 0 or one_signed(arbs(G))
        return plane_at_most(X, G, bound) if alone and self.sizes[0] <= 2 else None

    def values(self, factors, X, G):
        """``<G, phi>`` of each path."""
        return np.einsum("rno,no->r", self.atoms(factors, X), G) / len(G)

    def unit(self, factors):
        """The paths that are not dead, every matrix with norm one."""
        norms = layer_norms(factors)
        alive = np.all(norms > 0, axis=0)
        return scale_layers(take(factors, alive), 1 / norms[:, alive])

    def chains(self, u, v):
        """Paths ``u max(v^T x, 0)`` for unit rows of ``u`` (r, kL) and ``v`` (r, k0), in the first units."""
        out = {k: np.zeros((len(u), *s)) for k, s in self.shapes.items()}
        for a in out.values():
            a[:, 0, 0] = 1.0
        out["W1"][:, 0, :] = v
        out[f"W{self.depth}"][:, :, 0] = u
        return out

    def fans(self, side, weight, v):
        """The path with last pre-activation ``sum_k weight_k max(v_k^T x, 0)``, its largest terms at least.

        ``side`` is the sign of the output weight, ``weight`` (m,), ``v`` (m, k0) unit rows.
        """
        order = np.argsort(-np.abs(weight), kind="stable")[: self.sizes[1]]
        weight, v = weight[order], v[order]
        root = np.sqrt(np.abs(weight) / np.sum(np.abs(weight)))
        out = self.chains(np.array([[side]]), np.zeros((1, self.sizes[0])))
        out["W1"][0, : len(v)] = root[:, None] * v
        out["W2"][0, 0, : len(v)] = np.sign(weight) * root
        return out

    def climb(self, X, G, paths, effort, seed):
        """Gradient ascent on products of spheres from ``paths`` and from random ones, each monotone."""
        restarts, steps = ASCENT[effort]
        paths = append(paths, self.unit(self.random_factors(np.random.default_rng(seed), restarts)))

        def step(points):
            slope = self.vjp(points, X, G)
            norms = layer_norms(slope)
            return self.values(points, X, G), scale_layers(slope, 1 / np.where(norms > 0, norms, 1.0))

        def mix(points, slopes, t):
            new = {k: points[k] + t[:, None, None] * slopes[k] for k in points}
            return scale_layers(new, 1 / np.maximum(layer_norms(new), 1e-300))

        return multistart(step, paths, steps, mix=mix)[0]

    # ---- training -------------------------------------------------------------------------------

    def vjp(self, factors, X, G):
        hidden, back, out = self.hidden(factors, X), G[None] / len(X), {}
        for l in range(self.depth, 0, -1):
            below = X[None] if l == 1 else np.maximum(hidden[l - 2], 0.0)
            shape = factors[f"W{l}"].shape
            out[f"W{l}"] = np.broadcast_to(np.swapaxes(back, 1, 2) @ below, shape)
            if l > 1:
                back = (back @ factors[f"W{l}"]) * (hidden[l - 2] > 0)
        return {k: out[k] for k in self.shapes}

    def surrogate(self, factors):
        return power_mean(factors)

    def balance(self, factors):
        return balance_path(factors)

    def pairs(self, factors):
        """``u`` and ``v`` of the two-layer units that paths consist of; None where layers remain."""
        if self.layers:
            return None
        v = factors["W1"].reshape(-1, self.sizes[0])
        if self.depth == 2:
            return {"u": np.swapaxes(factors["W2"], 1, 2).reshape(-1, self.n_outputs), "v": v}
        rest = {**factors, "W1": np.ones((len(v), 1, 1))}
        return {"u": self.atoms(rest, np.ones((1, 1)))[:, 0], "v": v}

    def corrective(self, X, Y, lam, loss, factors):
        units = self.pairs(factors) if self.n_outputs == 1 else None
        if units is None:
            return None
        better = master(X, Y, lam, loss, units) if np.any(X) else None
        if better is None:
            return None
        paths = self.from_pairs(better)
        return paths if width(paths) <= width(factors) else None

    def from_pairs(self, units):
        """Balanced chains with the predictions and costs of two-layer units."""
        size = np.linalg.norm(units["u"], axis=1) * np.linalg.norm(units["v"], axis=1)
        unit = {k: a[size > 0] / np.linalg.norm(a[size > 0], axis=1, keepdims=True) for k, a in units.items()}
        return self.scale(self.chains(unit["u"], unit["v"]), size[size > 0])

    def merge(self, factors, X=None):
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
        if width(merged) > 1:
            weight = thin(self.atoms(merged, X), self.theta(merged))
            merged = self.scale(take(merged, weight > 0), weight[weight > 0])
        return merged

    # ---- the finite convex program --------------------------------------------------------------

    def convex_program(self, X):
        if self.layers or self.n_outputs > 1:
            raise InputError(f"{self.name} has a finite convex program only where it is two layers deep")
        return program(X)

    def omega(self, X, F):
        import cvxpy as cp

        from ..programs.solve import solve_program

        prediction, omega, constraints = self.convex_program(X)
        size = float(np.max(np.abs(F), initial=0.0))
        if size == 0:
            return 0.0
        same = prediction == np.reshape(F, (len(F), 1)) / size
        return size * solve_program(cp.Minimize(omega), [*constraints, same])

    # ---- the population ----------------------------------------------------------------------------

    descends_plainly = True
    device_model = models.Paths

    def unit_constants(self, a):
        """Products of L matrices of Frobenius norm at most one."""
        return a, len(self.shapes)

    def extreme_factors(self, rng, n_factors):
        """The polar is dear, but random paths are often dead."""
        return exposed(self, rng, n_factors, "fast")

    def agreeing(self, factors):
        """Last layers without negative entries."""
        last = f"W{self.depth}"
        return {**factors, last: np.abs(factors[last])}


def one_signed(G):
    """Whether a residual with one output has one sign: then no depth beats two layers."""
    return G.shape[1] == 1 and (all(x >= 0 for x in G.flat) or all(x <= 0 for x in G.flat))


def append_all(networks):
    """Several networks side by side."""
    first, *rest = networks
    for network in rest:
        first = append(first, network)
    return first
