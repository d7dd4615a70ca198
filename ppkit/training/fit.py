"""Grow until certified: stationary point, polar, append the maximizer, repeat (T4)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..certificates.certify import certify
from ..certificates.record import Certificate
from ..errors import InputError
from ..factors import append, take, width, zero_network
from ..polars.base import EFFORTS
from ..polars.branch import progress_bars
from ..problem import Problem
from .descent import descend
from ..optional import optional

tqdm = optional("tqdm.auto")

MAX_ROUNDS = 500
STALL = 4


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained network with its certificate.

    Attributes
    ----------
    factors : mapping name -> array (width, ...)
    certificate : Certificate
    history : list of dict
        One row a round: ``round, width, objective, lower_bound, gap, seconds`` (``lower_bound`` is
        the best one so far, ``gap`` relative, ``seconds`` since the start).
    problem : Problem
    """

    factors: Mapping[str, np.ndarray]
    certificate: Certificate
    history: list
    problem: Problem

    @property
    def width(self):
        """Number of factors."""
        return width(self.factors)

    def predict(self, X=None):
        """Prediction on new inputs ``X`` (N, ...), shape (N,) or (N, n_y)."""
        family = self.problem.family
        if family.input_shape is not None:
            X = np.asarray(X, float)
            if X.shape[1:] != family.input_shape:
                raise InputError(f"X must have shape (N, {family.input_shape}), got {X.shape}")
        return family.present(family.predict(self.factors, X))


def fit(problem, gap=1e-6, max_width=None, seed=0, progress=False, start=None, effort="default"):
    """Train a network until its relative gap to the global optimum is certified.

    Each round brings the factors to a stationary point, merges what can be merged, certifies, and
    appends the factors that the polar found, by the step of T4.  This is a fully corrective
    conditional gradient method on the convex counterpart.

    Parameters
    ----------
    problem : Problem
    gap : float
        The relative gap asked for, > 0.
    max_width : int or None
        Never use more factors than this.
    seed : int
        Seed of the polar's random starts.
    progress : bool
        Show a progress bar of the closing gap, and one of the polar's interval where it takes a search.
    start : factors or None
        A network to start from; the zero network by default.
    effort : str
        Passed to the polar; with "exact" a gap that stays open is narrowed by the family's relaxed dual.

    Returns
    -------
    Fit
        ``fit.certificate.certified(gap)`` says whether the gap was reached; a width limit that is too
        small, or a polar that is only bounded, can leave it open.
    """
    if not np.isfinite(gap) or gap <= 0:
        raise InputError(f"gap must be a positive number, got {gap!r}")
    if max_width is not None and (int(max_width) != max_width or max_width < 1):
        raise InputError(f"max_width must be a positive integer, got {max_width!r}")
    family = problem.family
    problem.at_ordinary_size()  # refuses what no scale mends
    factors = zero_network(family) if start is None else family.check_factors(start)
    history, best, lowest, duals = [], None, None, ()
    ladder = None if family.polar_is_cheap else Ladder(effort, 0.01 * gap)
    clock, stalled, bar = time.perf_counter(), 0, GapBar(gap, progress)
    for round_ in range(MAX_ROUNDS):
        few = ladder is None or ladder.level == "fast"  # an expensive polar is worth an exact residual
        factors, converged = descend(problem, factors, 100 if few else 1000)
        factors = tidy(problem, factors)
        with progress_bars(progress):
            cert = certify(problem, factors, ladder.level if ladder else effort, seed + round_, duals)
        duals = (cert.dual,) if ladder is None else ()
        history.append(
            {
                "round": round_,
                "width": width(factors),
                "objective": cert.objective,
                "lower_bound": cert.lower_bound,
                "gap": cert.relative_gap,
                "seconds": time.perf_counter() - clock,
            }
        )
        bar.update(history[-1])
        progressed = best is None or cert.gap < 0.999 * best.gap
        if lowest is None or cert.objective < lowest.objective:
            lowest = cert
        if best is None or cert.gap < best.gap:
            best = cert
        if best.certified(gap):
            break
        if ladder is None:
            stalled = 0 if progressed or not converged else stalled + 1
            if stalled >= STALL:
                break
        elif ladder.climb(cert.objective):
            if ladder.done:
                break
            continue
        factors = tidy(problem, grow(problem, factors, max_width, seed=seed + round_, polar=cert.polar))
    if ladder is not None and not best.certified(gap):
        best = combined(problem, best, lowest)
        best = relaxed(problem, best) if effort == "exact" else best
    bar.close()
    return Fit(best.factors, best, history, problem)


def combined(problem, best, lowest):
    """The certificate of the ``lowest`` network by the dual point of ``best``, the one of least gap."""
    if not lowest.objective < best.objective or best.kind == "heuristic":
        return best
    return certify(problem, lowest.factors, "fast", duals=[(best.dual, best.proof)])


def relaxed(problem, best):
    """The certificate ``best`` or one of the same network with the family's relaxed dual point."""
    small, unit, _ = problem.at_ordinary_size()
    found = problem.family.relaxed_dual(small.X, small.Y, small.lam, small.loss, "exact")
    if found is None:
        return best
    cert = certify(problem, best.factors, "fast", duals=[(unit * found[0], found[1])])
    return replace(cert, polar_ratio=best.polar_ratio) if cert.gap < best.gap else best


class Ladder:
    """The effort of each round when the polar is expensive: low while the objective falls at that.

    When it stands still the next round asks more of the polar; a fall leads back to the lowest effort.
    ``done`` when it stands still at the effort that was asked for.
    """

    def __init__(self, effort, tolerance):
        self.levels = EFFORTS[: EFFORTS.index(effort) + 1]
        self.tolerance = tolerance
        self.at, self.done = 0, False
        self.last = [np.inf] * len(self.levels)

    @property
    def level(self):
        """The effort of the next round."""
        return self.levels[self.at]

    def climb(self, objective):
        """Take note of a round's objective; True when the next round should ask more of the polar."""
        falls = self._falls(objective)
        self.last[self.at] = objective
        if falls:
            self.at = 0
            return False
        while self.at < len(self.levels) and not self._falls(objective):
            self.at += 1
        self.done = self.at == len(self.levels)
        return True

    def _falls(self, objective):
        return objective < (1 - self.tolerance) * self.last[self.at]


def grow(problem, factors, max_width=None, effort="default", seed=0, polar=None):
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


def tidy(problem, factors):
    """Balance, merge and prune; kept only if the objective does not rise."""
    if width(factors) == 0:
        return factors
    balanced = problem.family.balance(factors)
    merged = problem.family.merge(balanced, problem.X)
    reference = problem.objective(balanced)
    if problem.objective(merged) <= reference + 1e-14 * abs(reference):
        return merged
    return balanced


def stationary(problem, factors, rounds=200):
    """A stationary point near ``factors``, to machine precision where the objective is smooth."""
    for _ in range(rounds):
        factors, converged = descend(problem, factors)
        reached = problem.objective(factors)
        factors = tidy(problem, factors)
        if converged and problem.objective(factors) >= reached - 1e-13 * abs(reached):
            break
    return factors


class GapBar:
    """A progress bar of the decades of relative gap closed, silent unless asked for."""

    def __init__(self, target, show):
        self.bar = None
        if show:
            self.bar = tqdm.tqdm(total=round(-np.log10(target), 2), desc="certified decades", unit="dec")

    def update(self, row):
        """Show one row of the history."""
        if self.bar is not None:
            self.bar.n = float(np.clip(-np.log10(max(row["gap"], 1e-300)), 0, self.bar.total))
            self.bar.set_postfix(width=row["width"], gap=f"{row['gap']:.1e}")

    def close(self):
        """Finish the bar."""
        if self.bar is not None:
            self.bar.close()
