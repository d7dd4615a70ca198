"""Grow until certified: stationary point, polar, append the maximizer, repeat (T4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..certificates import Certificate
from ..errors import InputError
from ..factors import Array, width, zero_network
from ..interrupts import note
from ..polars.base import check_effort
from ..problem import Problem
from ..progress import bar, move
from .rounds import Rounds, with_cheap_polar, with_expensive_polar


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained network with its certificate.

    Attributes
    ----------
    factors : mapping name -> array (width, ...)
    certificate : Certificate
    history : list of dict
        One row a round: ``round, width, objective, lower_bound, gap, seconds``, those of the network
        that the round came to (``gap`` relative, ``seconds`` since the start).
    problem : Problem
    """

    factors: Mapping[str, np.ndarray]
    certificate: Certificate
    history: list
    problem: Problem

    @property
    def width(self) -> int:
        """Number of factors."""
        return width(self.factors)

    def predict(self, X: Array | None = None) -> Array:
        """Prediction on new inputs ``X`` (N, ...), shape (N,) or (N, n_y)."""
        family = self.problem.family
        if family.input_shape is not None:
            X = np.asarray(X, float)
            if X.shape[1:] != family.input_shape:
                raise InputError(f"X must have shape (N, {family.input_shape}), got {X.shape}")
        return family.present(family.predict(self.factors, X))


def fit(
    problem: Problem,
    gap: float = 1e-6,
    max_width: int | None = None,
    seed: int = 0,
    progress: bool = False,
    start: Any = None,
    effort: str = "default",
) -> Fit:
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
        small, a polar that is only bounded, or Ctrl-C can leave it open: a run that the keyboard stops
        returns the best certificate so far, once a round is done.
    """
    if not np.isfinite(gap) or gap <= 0:
        raise InputError(f"gap must be a positive number, got {gap!r}")
    if max_width is not None and (int(max_width) != max_width or max_width < 1):
        raise InputError(f"max_width must be a positive integer, got {max_width!r}")
    check_effort(effort)
    family = problem.family
    problem.at_ordinary_size()  # refuses what no scale mends
    factors = zero_network(family) if start is None else family.check_factors(start)
    decades = round(-np.log10(gap), 2)
    with bar(progress, total=decades, desc="certified decades", unit="dec") as shown:

        def show(row):
            closed = float(np.clip(-np.log10(max(row["gap"], 1e-300)), 0, decades))
            move(shown, closed, width=str(row["width"]), gap=f"{row['gap']:.1e}")

        rounds = Rounds(problem, gap, max_width, seed, progress, show)
        run = with_cheap_polar if family.polar_is_cheap else with_expensive_polar
        try:
            run(rounds, factors, effort)
        except KeyboardInterrupt:
            if rounds.best is None:
                raise
            note("fit")
    return Fit(rounds.best.factors, rounds.best, rounds.history, problem)
