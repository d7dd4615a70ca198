"""Descent at a fixed width: L-BFGS in scaled coordinates, then Newton steps on the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..factors import Array, Factors, width
from ..problem import Problem


def descend(problem: Problem, factors: Factors, iterations: int = 100) -> tuple[Factors, bool]:
    """``(factors, converged)`` after at most so many L-BFGS iterations in scaled coordinates.

    When L-BFGS stops by itself, at the rounding of the objective, Newton steps follow.  A family with
    a corrective program of its own is served by that instead.  Data of extreme size are rescaled.
    """
    if width(factors) == 0:
        return factors, True
    family = problem.family
    problem, _, alpha = problem.at_ordinary_size()
    if alpha == 1.0:
        return descend_at_one(problem, factors, iterations)
    r = np.full(width(factors), alpha)
    factors, converged = descend_at_one(problem, family.scale(factors, r), iterations)
    return family.scale(factors, np.full(width(factors), 1 / alpha)), converged


def descend_at_one(problem: Problem, factors: Factors, iterations: int) -> tuple[Factors, bool]:
    """:func:`descend` for data of ordinary size."""
    from scipy.optimize import Bounds, minimize

    factors = problem.family.balance(factors)
    better = problem.family.corrective(problem.X, problem.Y, problem.lam, problem.loss, factors)
    if better is not None:
        lower = problem.objective(better) <= problem.objective(factors)
        return (better if lower else factors), True
    smooth = SmoothObjective(problem, factors)
    scaled = smooth.rescaled(smooth.pack(factors))
    box = smooth.box()
    if box is not None:
        box = Bounds(*(end * scaled.scale for end in box))
    result = minimize(
        scaled,
        smooth.pack(factors) * scaled.scale,
        jac=True,
        method="L-BFGS-B",
        bounds=box,
        options={
            "maxiter": iterations,
            "maxfun": 4 * iterations,
            "maxcor": 30,
            "ftol": 1e-15,
            "gtol": 0.0,
        },
    )
    converged = result.get("nit", 0) < iterations  # no count where the box leaves nothing to move
    z = newton(scaled, result.x, box) if converged else result.x
    return smooth.unpack(z / scaled.scale), converged


class SmoothObjective:
    """The objective with the smooth surrogate of Theta, as a function of the free parameters."""

    def __init__(self, problem: Problem, factors: Factors) -> None:
        self.problem = problem
        self.template = {k: np.array(a, float) for k, a in factors.items()}
        mask = problem.family.free(factors)
        full = {k: np.ones(a.shape, bool) for k, a in self.template.items()}
        self.mask = full if mask is None else mask

    def pack(self, arrays: Factors) -> Array:
        """The free entries of ``arrays`` as one vector."""
        return np.concatenate([arrays[k][m] for k, m in self.mask.items()])

    def unpack(self, z: Array) -> dict[str, np.ndarray]:
        """Factors with the free entries ``z``."""
        out, i = {}, 0
        for k, m in self.mask.items():
            out[k] = self.template[k].copy()
            n = int(np.count_nonzero(m))
            out[k][m] = z[i : i + n]
            i += n
        return out

    def box(self) -> tuple[Array, Array] | None:
        """``(lower, upper)`` vectors of the free entries' bounds, or None."""
        bounds = self.problem.family.bounds(self.template)
        if bounds is None:
            return None
        low, high = (self.pack({k: ends[i] for k, ends in bounds.items()}) for i in (0, 1))
        return low, high

    def rescaled(self, z: Array, probes: int = 4) -> Scaled:
        """This function in coordinates where the Hessian's diagonal is about one.

        The diagonal is estimated by Hutchinson's random signs and averaged over each array of each
        factor: a factor's curvature grows with its size, and factors of a solution differ by orders
        of magnitude.
        """
        rng = np.random.default_rng(0)
        total = np.zeros_like(z)
        for _ in range(probes):
            signs = rng.choice([-1.0, 1.0], z.size)
            total += signs * hessian_product(self, z, signs)
        arrays = self.unpack(total / probes)
        scale = {}
        for k, m in self.mask.items():
            axes = tuple(range(1, m.ndim))
            count = np.maximum(m.sum(axis=axes, keepdims=True), 1)
            mean = np.sum(np.where(m, arrays[k], 0.0), axis=axes, keepdims=True) / count
            scale[k] = np.broadcast_to(np.sqrt(np.maximum(np.abs(mean), self.problem.lam)), m.shape)
        return Scaled(self, self.pack(scale))

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Value and gradient at ``z``."""
        problem, factors = self.problem, self.unpack(z)
        F = problem.family.predict(factors, problem.X)
        cost, slope = problem.family.surrogate_near(factors, self.template)
        grad = problem.family.vjp(factors, problem.X, problem.loss.gradient(problem.Y, F))
        value = problem.risk(F) + problem.lam * cost
        return value, self.pack({k: grad[k] + problem.lam * slope[k] for k in self.mask})


class Scaled:
    """A function of ``w = scale * z``: the diagonal change of variables as preconditioner."""

    def __init__(self, function: SmoothObjective, scale: Array) -> None:
        self.function = function
        self.scale = scale

    def __call__(self, w: Array) -> tuple[float, Array]:
        value, grad = self.function(w / self.scale)
        return value, grad / self.scale


def hessian_product(function: Scaled | SmoothObjective, z: Array, d: np.ndarray) -> np.ndarray:
    """Hessian of ``function`` at ``z`` times ``d``, a central difference of the exact gradient."""
    size = np.linalg.norm(d)
    if size == 0:
        return np.zeros_like(d)
    h = 1e-5 * max(1.0, float(np.linalg.norm(z))) / size
    return (function(z + h * d)[1] - function(z - h * d)[1]) / (2 * h)


def newton(function: Scaled, z: Array, box: Any = None, steps: int = 8) -> Array:
    """Newton-MINRES steps on the gradient, each kept only if the gradient norm falls.

    L-BFGS stops when differences of the OBJECTIVE drown in rounding, at a gradient of about the
    square root of machine precision; the certified gap is first order in the gradient, so its last
    digits are won here.  Inside a box the parameters at a bound that blocks them stay there.
    """
    from scipy.sparse.linalg import LinearOperator, minres

    lower, upper = (-np.inf, np.inf) if box is None else (box.lb, box.ub)

    def evaluate(z):
        value, g = function(z)
        blocked = ((z <= lower) & (g > 0)) | ((z >= upper) & (g < 0))
        return value, np.where(blocked, 0.0, g), ~blocked

    value, g, moves = evaluate(z)
    for _ in range(steps):
        H = LinearOperator((z.size,) * 2, lambda d, z=z, on=moves: on * hessian_product(function, z, on * d))
        step, _ = minres(H, -g, rtol=1e-4, maxiter=min(60, 2 * z.size))
        new_z = np.clip(z + step, lower, upper)
        new_value, new_g, new_moves = evaluate(new_z)
        falls = np.linalg.norm(new_g) < 0.5 * np.linalg.norm(g)
        if not falls or new_value > value + 1e-12 * abs(value):
            break
        z, value, g, moves = new_z, new_value, new_g, new_moves
    return z
