"""CVXPY in one place: the solver is named and every way a solve can end is handled."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..optional import optional

cp = optional("cvxpy")

SOLVERS = ("CLARABEL", "SCS", "OSQP", "HIGHS")
#: Ten times Clarabel's own regularization, which iterative refinement takes out again.  Where semidefinite
#: variables vanish at the optimum its factorization breaks down without it.
FIRM = {"static_regularization_constant": 1e-7}
ENDS = ("optimal", "infeasible", "unbounded")


@dataclass(frozen=True)
class Solve:
    """How a solve ended: ``value`` (nan when there is none), ``status`` and the ``solver`` used."""

    value: float
    status: str
    solver: str

    @property
    def usable(self) -> bool:
        """Whether the variables hold a point (accurate or not)."""
        return self.status in ("optimal", "optimal_inaccurate", "user_limit")


def run_solver(program: Any, solver: str | None = None, **options: Any) -> Solve:
    """Solve a CVXPY program with a named solver; never raises for a solver's own failure.

    The first of Clarabel and SCS that returns a point is taken when ``solver`` is None.  A crash is
    reported as status ``"solver_error"``.
    """
    if solver is not None and str(solver).upper() not in SOLVERS:
        raise InputError(f"unknown solver {solver!r}; choose one of {', '.join(SOLVERS)}")
    names = ("CLARABEL", "SCS") if solver is None else (str(solver).upper(),)
    result = Solve(float("nan"), "solver_error", names[0])
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                program.solve(solver=name, **options)
            except (cp.error.SolverError, cp.error.DCPError, ValueError, ArithmeticError, MemoryError):
                continue
        value = float("nan") if program.value is None else float(program.value)
        result = Solve(value, str(program.status), name)
        if result.usable:
            break
    return result


def solve_program(
    objective: Any, constraints: Sequence[Any], solver: str | None = None, **options: Any
) -> float:
    """Optimal value of ``objective`` under ``constraints``; ``inf``/``-inf`` when there is none.

    Where Clarabel stops short of an accurate value it is run once more, more firmly regularized.  Raises
    :class:`InputError` when no solver returned an accurate value.
    """
    program = cp.Problem(objective, constraints)
    result = run_solver(program, solver, **options)
    if result.status not in ENDS and solver in (None, "CLARABEL"):
        result = run_solver(program, "CLARABEL", **options, **FIRM)
    if result.status in ("infeasible", "unbounded"):
        return result.value
    if result.status != "optimal":
        raise InputError(f"the reference program ended as {result.status} ({result.solver})")
    return result.value
