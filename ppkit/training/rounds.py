"""Grow until certified, round by round: one loop for cheap polars and one for expensive ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..certificates import Certificate, certify
from ..factors import Factors, width
from ..interrupts import noting
from ..polars.branch import progress_bars
from ..problem import Problem
from .descent import descend
from .grow import grow, tidy
from .ladder import Ladder

MAX_ROUNDS = 500
STALL = 4


@dataclass(eq=False)
class Rounds:
    """What a training run knows so far; whenever it is stopped, ``best`` is a valid answer.

    Attributes
    ----------
    problem : Problem
    gap : float
        The relative gap asked for.
    max_width : int or None
    seed : int
    progress : bool
        Whether searches show their intervals.
    shown : callable
        ``shown(row)`` after every round.
    history : list of dict
        One row a round.
    best, lowest : Certificate or None
        The certificate of the smallest gap, and of the smallest objective.
    """

    problem: Problem
    gap: float
    max_width: int | None
    seed: int
    progress: bool
    shown: Callable[[dict], None]
    history: list = field(default_factory=list)
    best: Any = None  # certificates; None before the first round
    lowest: Any = None
    clock: float = field(default_factory=time.perf_counter)

    @property
    def done(self) -> bool:
        """Whether the gap that was asked for is certified."""
        return self.best is not None and self.best.certified(self.gap)

    def certify(self, factors: Factors, effort: str, duals: tuple = ()) -> Certificate:
        """The certificate of the network that this round came to; it is taken note of.

        A polar that the keyboard stopped is valid and counts; then KeyboardInterrupt is raised.
        """
        round_ = len(self.history)
        with progress_bars(self.progress), noting() as stopped:
            cert = certify(self.problem, factors, effort, self.seed + round_, duals)
        self.history.append(
            {
                "round": round_,
                "width": width(factors),
                "objective": cert.objective,
                "lower_bound": cert.lower_bound,
                "gap": cert.relative_gap,
                "seconds": time.perf_counter() - self.clock,
            }
        )
        if self.lowest is None or cert.objective < self.lowest.objective:
            self.lowest = cert
        if self.best is None or cert.gap < self.best.gap:
            self.best = cert
        self.shown(self.history[-1])
        if stopped:
            raise KeyboardInterrupt
        return cert

    def grow(self, factors: Factors, cert: Certificate) -> Factors:
        """The network with what this round's polar found."""
        seed = self.seed + len(self.history) - 1
        return tidy(self.problem, grow(self.problem, factors, self.max_width, seed=seed, polar=cert.polar))


def with_cheap_polar(rounds: Rounds, factors: Factors, effort: str) -> None:
    """The polar is a closed form: exact in every round, and every dual point is tried again in the next.

    Stops when the gap is certified, or when descent converged four times without closing it further.
    """
    problem, stalled = rounds.problem, 0
    duals: tuple[Any, ...] = ()
    for _ in range(MAX_ROUNDS):
        factors, converged = descend(problem, factors, 100)
        factors = tidy(problem, factors)
        before = rounds.best
        cert = rounds.certify(factors, effort, duals)
        if rounds.done:
            return
        duals = (cert.dual,)
        progressed = before is None or cert.gap < 0.999 * before.gap
        stalled = 0 if progressed or not converged else stalled + 1
        if stalled >= STALL:
            return
        factors = rounds.grow(factors, cert)


def with_expensive_polar(rounds: Rounds, factors: Factors, effort: str) -> None:
    """The polar takes a search: no more effort than the objective still falls at, see :class:`Ladder`.

    Where the gap stays open at the effort asked for, the best dual point certifies the best network, and
    with "exact" the family's relaxed dual is tried.
    """
    problem, ladder = rounds.problem, Ladder(effort, 0.01 * rounds.gap)
    for _ in range(MAX_ROUNDS):
        few = ladder.level == "fast"  # an expensive polar is worth an exact residual
        factors = tidy(problem, descend(problem, factors, 100 if few else 1000)[0])
        cert = rounds.certify(factors, ladder.level)
        if rounds.done:
            return
        if not ladder.climb(cert.objective):
            factors = rounds.grow(factors, cert)
        elif ladder.done:
            break
    rounds.best = combined(problem, rounds.best, rounds.lowest)
    polish(rounds, effort)
    if effort == "exact" and not rounds.done:
        rounds.best = relaxed(problem, rounds.best)


def polish(rounds: Rounds, effort: str) -> None:
    """Bring the Euler residual of the best network to zero where that, not the polar, leaves the gap open.

    The objective is flat at its minimum: where it stands still to the last digit, the derivative along the
    action is known to half the digits only, and the certified gap is first order in that.
    """
    best, problem = rounds.best, rounds.problem
    if not rounds.done and abs(best.euler) > 0.5 * best.gap:
        rounds.certify(at_euler(problem, best.factors), effort)


def at_euler(problem: Problem, factors: Factors) -> Factors:
    """The multiple of the network, near one, at which its objective is stationary along the action."""
    from scipy.optimize import brentq

    F, cost = problem.predict(factors), problem.lam * problem.theta(factors)

    def slope(c: float) -> float:
        return cost + problem.inner(problem.loss.gradient(problem.Y, c * F), F)

    low, high = 0.9, 1.1
    if not slope(low) < 0 < slope(high):
        return factors
    c = brentq(slope, low, high, xtol=1e-15, rtol=1e-14)
    return problem.family.scale(factors, np.full(width(factors), c))


def combined(problem: Problem, best: Certificate, lowest: Certificate) -> Certificate:
    """The certificate of the ``lowest`` network by the dual point of ``best``, the one of least gap."""
    if not lowest.objective < best.objective or best.kind == "heuristic":
        return best
    return certify(problem, lowest.factors, "fast", duals=[(best.dual, best.proof)])


def relaxed(problem: Problem, best: Certificate) -> Certificate:
    """The certificate ``best`` or one of the same network with the family's relaxed dual point."""
    small, unit, _ = problem.at_ordinary_size()
    found = problem.family.relaxed_dual(small.X, small.Y, small.lam, small.loss, "exact")
    if found is None:
        return best
    cert = certify(problem, best.factors, "fast", duals=[(unit * found[0], found[1])])
    return replace(cert, polar_ratio=best.polar_ratio) if cert.gap < best.gap else best
