"""Feasible dual points, T3(c): a residual rescaled by the upper end of its polar."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CertificateError, InputError
from ..factors import Array, Factors, zero_network
from ..polars.base import Polar
from ..problem import Problem
from ..rigor.margins import EPS, TINY, power_of_two


def lower_end(problem: Problem, factors: Factors, objective: float, value: float) -> float:
    """The bound ``value``, at most the objective, and below it where the objective may have underflowed."""
    if objective > 1e16 * TINY:
        return float(min(value, objective))
    at_rest = not any(a.any() for a in factors.values()) and not problem.residual(factors).any()
    return float(min(value, objective)) - (0.0 if at_rest else TINY)


def rounding_slack(problem: Problem, factors: Factors, G: Array, value: float) -> float:
    """How far rounding can move a computed ``value`` that is made of predictions.

    Atoms that cancel lose digits of the prediction, to first order ``<|G|, sum_j |phi_j|>`` units.
    """
    atoms = problem.family.atoms(factors, problem.X)
    moved = np.abs(G) * np.sum(np.abs(atoms), axis=0)
    return 1e-12 * abs(value) + 64 * EPS * float(np.sum(moved)) / problem.n_samples + TINY


@dataclass(frozen=True, eq=False)
class DualBound:
    """A feasible dual point: its ``value``, itself, its polar's upper end, the polar it came from.

    ``whole`` is the upper end of the polar of the point handed in, ``ratio`` that over lam.
    """

    value: float
    dual: np.ndarray
    upper: float
    polar: Polar
    whole: float
    ratio: float


def feasible_dual(
    problem: Problem,
    G: Array,
    starts: tuple[Factors, ...] = (),
    effort: str = "default",
    seed: int = 0,
    proof: Any = None,
) -> DualBound:
    """The best feasible non-negative multiple of ``G`` (N, n_y) as a :class:`DualBound`, T3(c).

    ``G`` is first moved into the domain of the conjugate and, where A2 fails, into the subspace on
    which the polar is finite.  The polar is positively homogeneous, so one evaluation serves every
    multiple; it is taken at a multiple of size about one, where nothing over- or underflows.
    With a ``proof`` only the upper end is computed, from it.
    """
    G = dual_direction(problem, G)
    size = power_of_two(G)
    G = G / size
    if proof is None:
        polar = problem.polar_of(G, starts, effort, seed)
    else:
        upper = problem.family.polar_upper(problem.X, G, proof)
        polar = Polar(0.0, upper, zero_network(problem.family), "bounded", proof=proof)
    if not polar.upper >= polar.lower * (1 - 1e-9) >= 0:
        raise CertificateError(f"the polar's interval [{polar.lower!r}, {polar.upper!r}] is wrong")
    s = best_scale(problem, G, polar.upper, size)
    value, zero = dual_value(problem, s * G), dual_value(problem, 0.0 * G)
    if not value > zero:
        s, value = 0.0, zero
    return DualBound(
        value=value,
        dual=s * G,
        upper=float(s * polar.upper) if s > 0 else 0.0,
        polar=polar,
        whole=float(size * polar.upper),
        ratio=float(size / problem.lam * polar.upper),
    )


def dual_direction(problem: Problem, G: Array) -> Array:
    """``G`` (N, n_y) moved to where the conjugate and the polar are finite; checks shape and entries.

    What is too large for the conjugate's domain is scaled down, not cut off: the direction counts.
    """
    G = np.ascontiguousarray(G, float)
    if G.shape != problem.Y.shape:
        raise InputError(f"a dual point must have shape {problem.Y.shape}, got {G.shape}")
    if not np.all(np.isfinite(G)):
        raise InputError("a dual point holds NaN or infinite entries")
    G = min(1.0, problem.loss.reach(G)) * G
    G = problem.loss.into_domain(problem.Y, G)
    return problem.family.project_dual(problem.X, G, problem.loss.is_signed)


def dual_value(problem: Problem, g: Array) -> float:
    """``-(1/N) sum_i l*(y_i, -g_i)``, rounded down."""
    with np.errstate(over="ignore", invalid="ignore"):
        terms = problem.loss.conjugate(problem.Y, -np.ascontiguousarray(g))
        size = np.sum(np.abs(terms)) + np.sum(np.abs(g * problem.Y)) + np.sum(g**2)
        if not problem.family.bounded_atoms:  # the rounding of a projection moves all samples
            size += 2 * np.mean(np.abs(g)) * np.sum(np.abs(problem.Y))
    if not np.isfinite(size):
        return -np.inf
    return float(-(float(np.sum(terms)) + 64 * EPS * float(size)) / problem.n_samples) + 0.0


def best_scale(problem: Problem, G: Array, upper: float, size: float = 1.0) -> float:
    """The ``s`` in ``[0, lam/upper]`` at which the dual value of ``s G`` is largest.

    ``size`` is the multiple that gives back the residual, where the best one often is.
    """
    square = problem.inner(G, G)
    if not np.isfinite(upper) or square == 0:
        return 0.0
    limit = problem.lam / upper * (1 - 4 * EPS) if upper > problem.lam * TINY else np.inf
    limit = min(limit, problem.loss.reach(G) * (1 - 4 * EPS))
    best = problem.loss.best_multiple(problem.Y, G)
    if best is not None:
        return float(np.clip(best, 0.0, limit))
    if not np.isfinite(limit):
        return size
    from scipy.optimize import minimize_scalar  # here: it would double the package's import time

    inside = minimize_scalar(
        lambda s: -dual_value(problem, s * G),
        bounds=(0.0, limit),
        method="bounded",
        options={"xatol": 1e-9 * limit},
    ).x
    return max((float(inside), min(size, limit), limit), key=lambda s: dual_value(problem, s * G))
