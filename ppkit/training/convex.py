"""Lower bounds from convex programs: the family's finite one, and its relaxation."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..certificates.dual import feasible_dual
from ..checks import Proof
from ..errors import InputError
from ..optional import optional
from ..problem import Problem
from ..programs.solve import run_solver

cp = optional("cvxpy")


@dataclass(frozen=True, eq=False)
class ConvexSolution:
    """The convex program's answer.

    Attributes
    ----------
    value : float
        A true lower bound on NC over all widths: the dual value of the rescaled residual at
        ``prediction``, whatever the solver said about itself.
    prediction : array (N, n_y)
        The solver's prediction on the sample (zeros when it returned none).
    omega : float
        The solver's value of Omega at ``prediction`` (nan when it returned none).
    primal : float
        Mean loss plus ``lam * omega`` at the solver's point: an upper value up to the solver's
        own accuracy, never used in a bound.
    status, solver : str
        What the solver said, and which one it was.
    """

    value: float
    prediction: np.ndarray
    omega: float
    primal: float
    status: str
    solver: str


def convex_lower_bound(problem: Problem, solver: str | None = None, **options: float) -> ConvexSolution:
    """Solve ``min_f E l(y, f) + lam Omega(f)`` and return a lower bound that is a theorem.

    Parameters
    ----------
    problem : Problem
    solver : str or None
        ``"CLARABEL"``, ``"SCS"``, ...; None tries Clarabel, then SCS.
    **options
        Passed to ``cvxpy.Problem.solve`` (tolerances, ``verbose``).

    Returns
    -------
    ConvexSolution

    Raises
    ------
    InputError
        The family has no finite convex program, or the solver is unknown.
    """
    small, unit, alpha = problem.at_ordinary_size()
    F, omega, constraints = problem.family.convex_program(small.X)
    cost = small.loss.cvxpy(small.Y, F) + small.lam * omega
    solve = run_solver(cp.Problem(cp.Minimize(cost), constraints), solver, **options)
    found = solve.usable and F.value is not None and np.all(np.isfinite(F.value))
    prediction = np.zeros(problem.Y.shape)
    if found:
        prediction = unit * np.asarray(F.value, float).reshape(problem.Y.shape)
    value = float(np.asarray(omega.value)) / alpha if found else float("nan")
    bound = feasible_dual(problem, -problem.loss.gradient(problem.Y, prediction))
    if bound.polar.kind == "heuristic":
        raise InputError(f"{problem.family.name}: no upper bound on the polar, so no lower bound")
    return ConvexSolution(
        value=bound.value,
        prediction=prediction,
        omega=value,
        primal=problem.risk(prediction) + problem.lam * value,
        status=solve.status,
        solver=solve.solver,
    )


@dataclass(frozen=True, eq=False)
class RelaxedBound:
    """A dual point that is best under an upper bound of the polar.

    Attributes
    ----------
    value : float
        A true lower bound on NC over all widths.
    dual : array (N, n_y)
    upper : float
        What ``proof`` proves about the polar of ``dual``: at most lam.
    proof : Proof
        For ``certify(problem, factors, duals=[(bound.dual, bound.proof)])``.
    """

    value: float
    dual: np.ndarray
    upper: float
    proof: Proof


def relaxed_lower_bound(problem: Problem, effort: str = "default") -> Any:
    """Maximize the dual over a convex inner approximation of ``{Omega° <= lam}``: no candidate is needed.

    The approximation is where the family's convex upper bound of the polar is at most lam, so the
    result is at least as good as any rescaled residual with the same upper bound, as far as the
    optimization has converged; it is a bound wherever that stopped.

    Parameters
    ----------
    problem : Problem
    effort : {"fast", "default", "exact"}
        How many iterations at most.

    Returns
    -------
    RelaxedBound

    Raises
    ------
    InputError
        The family has no such bound, or the sample is too large for it.
    """
    small, unit, _ = problem.at_ordinary_size()
    found = problem.family.relaxed_dual(small.X, small.Y, small.lam, small.loss, effort)
    if found is None:
        raise InputError(f"{problem.family.name}: no relaxation of the polar for this sample")
    dual, proof = unit * found[0], found[1]
    bound = feasible_dual(problem, dual, proof=proof)
    return RelaxedBound(bound.value, bound.dual, bound.upper, proof)
