"""Between two descents: appending what the polar found (T4), merging, a stationary point."""

import numpy as np

from ..factors import Factors, append, take, width
from ..polars.base import Polar
from ..problem import Problem
from .descent import descend


def grow(
    problem: Problem,
    factors: Factors,
    max_width: int | None = None,
    effort: str = "default",
    seed: int = 0,
    polar: Polar | None = None,
) -> Factors:
    """The network with the polar's unit factors appended, or as it is if none helps.

    The weights of the candidates descend on the quadratic upper model of an L-smooth loss, one
    coordinate at a time.  The first coordinate step is T4's, for the best factor, and the others only
    lower the model further, so the objective falls by at least T4's amount.  ``polar`` is the
    residual's, up to a positive multiple, if it is known already.
    """
    G = problem.residual(factors)
    if polar is None:
        polar = problem.polar_of(G, (factors,), effort, seed)
    unit = polar.factor if polar.candidates is None else polar.candidates
    atoms = problem.family.atoms(unit, problem.X)
    value = np.array([problem.inner(G, a) for a in atoms])
    excess = value - problem.lam * problem.family.theta(unit)
    room = len(excess) if max_width is None else max(0, max_width - width(factors))
    helps = np.flatnonzero(excess > 0)[:room]
    if not len(helps):
        return factors
    unit, atoms, excess = take(unit, helps), atoms[helps], excess[helps]
    flat = atoms.reshape(len(atoms), -1)
    curvature = problem.loss.smoothness * (flat @ flat.T) / problem.n_samples
    weight = np.zeros(len(flat))
    for _ in range(20):
        for j in range(len(flat)):
            slope = excess[j] - curvature[j] @ weight
            weight[j] = max(0.0, weight[j] + slope / curvature[j, j])
    used = weight > 0
    return append(factors, problem.family.scale(take(unit, used), weight[used]))


def tidy(problem: Problem, factors: Factors) -> Factors:
    """Balance, merge and prune; kept only if the objective does not rise."""
    if width(factors) == 0:
        return factors
    balanced = problem.family.balance(factors)
    merged = problem.family.merge(balanced, problem.X)
    reference = problem.objective(balanced)
    if problem.objective(merged) <= reference + 1e-14 * abs(reference):
        return merged
    return balanced


def stationary(problem: Problem, factors: Factors, rounds: int = 200) -> Factors:
    """A stationary point near ``factors``, to machine precision where the objective is smooth."""
    for _ in range(rounds):
        factors, converged = descend(problem, factors)
        reached = problem.objective(factors)
        factors = tidy(problem, factors)
        if converged and problem.objective(factors) >= reached - 1e-13 * abs(reached):
            break
    return factors
