"""The convex program: a lower bound whatever the solver says, dies of, or never reaches."""

import numpy as np
import pytest
from problems import sensing

import ppkit
from ppkit.programs.solve import run_solver, solve_program

cp = pytest.importorskip("cvxpy")
LOSSES = ("squared", "logistic", "huber")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("solver", [None, "CLARABEL", "SCS"])
def test_value_is_a_lower_bound_and_close(loss, solver):
    problem = sensing(0, loss=loss)
    optimum = ppkit.fit(problem, gap=1e-10).certificate
    solution = ppkit.convex_lower_bound(problem, solver)
    assert solution.value <= optimum.objective
    accuracy = 1e-4 if solver != "SCS" else 1e-2  # the bound is first order in the solver's error
    assert optimum.objective - solution.value <= accuracy * optimum.objective
    assert solution.prediction.shape == problem.Y.shape
    assert solution.omega >= 0 and solution.status.startswith("optimal")
    assert solution.solver == (solver or "CLARABEL")


@pytest.mark.parametrize("options", [{"max_iters": 1}, {"max_iters": 20}, {"eps": 1.0}])
def test_an_unfinished_solve_only_widens_the_gap(options):
    problem = sensing(1)
    optimum = ppkit.fit(problem, gap=1e-10).certificate
    solution = ppkit.convex_lower_bound(problem, "SCS", **options)
    assert 0 <= solution.value <= optimum.objective


def test_a_crash_widens_the_gap(monkeypatch):
    def crash(self, *args, **kwargs):
        raise cp.error.SolverError("out of memory")

    monkeypatch.setattr(cp.Problem, "solve", crash)
    problem = sensing(1)
    solution = ppkit.convex_lower_bound(problem)
    assert solution.status == "solver_error" and np.isnan(solution.omega) and np.isnan(solution.primal)
    assert 0 < solution.value < problem.objective({"u": np.zeros((0, 6)), "v": np.zeros((0, 5))})
    np.testing.assert_array_equal(solution.prediction, 0.0)


def test_a_solver_that_lies_cannot_break_the_inequality(monkeypatch):
    problem = sensing(2)
    optimum = ppkit.fit(problem, gap=1e-10).certificate
    rng = np.random.default_rng(0)

    def lie(self, *args, **kwargs):
        for variable in self.variables():
            variable.save_value(100 * rng.standard_normal(variable.shape))
        self._status, self._value = "optimal", -1e9
        return -1e9

    monkeypatch.setattr(cp.Problem, "solve", lie)
    for _ in range(20):
        assert ppkit.convex_lower_bound(problem).value <= optimum.objective


def test_unknown_solver_and_reference_programs():
    with pytest.raises(ppkit.InputError, match="solver"):
        ppkit.convex_lower_bound(sensing(0), solver="nobody")
    x = cp.Variable()
    assert solve_program(cp.Minimize(x), [x >= 1, x <= 0]) == np.inf
    assert solve_program(cp.Minimize(x), []) == -np.inf
    assert solve_program(cp.Minimize(x), [x >= 2]) == pytest.approx(2, abs=1e-6)
    assert run_solver(cp.Problem(cp.Minimize(x), [x >= 1, x <= 0])).status == "infeasible"
