"""What is proved about one candidate network, as a plain record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..checks import Proof
from ..polars.base import Polar
from ..problem import Problem
from ..rigor.margins import TINY


@dataclass(frozen=True, eq=False)
class Record:
    """What is proved about one candidate network.

    Attributes
    ----------
    objective : float
        NC at the candidate.
    lower_bound : float
        A lower bound on NC over every network of every width.
    gap, relative_gap : float
        ``objective - lower_bound``, and that divided by ``|objective|``.
    polar_ratio : float
        ``rho``, the upper end of the polar of the residual over lam; above 1 some factor would help.
        Where A2 fails it is that of the projected residual.
    euler : float
        The Euler residual ``lam Theta - <G, Phi>``.
    kind : {"exact", "bounded", "heuristic"}
        Why to believe the polar; for "heuristic" the lower bound is the trivial one.
    reason : str
        One sentence in plain words.
    problem, factors, dual, polar_upper, proof :
        What ``verify`` rechecks: the data, the candidate, the feasible dual point, and the bound on
        its polar with what is needed to recompute it.
    polar : Polar or None
        The polar of the candidate's residual, up to a positive multiple; not saved.

    All numbers are in float64 with outward margins; ``verify`` proves the inequality with rounding.
    """

    objective: float
    lower_bound: float
    polar_ratio: float
    euler: float
    kind: str
    problem: Problem
    factors: Mapping[str, np.ndarray]
    dual: np.ndarray
    polar_upper: float
    proof: Proof
    polar: Polar | None = None

    @property
    def gap(self) -> float:
        return self.objective - self.lower_bound

    @property
    def relative_gap(self) -> float:
        return self.gap / max(abs(self.objective), TINY)

    @property
    def reason(self) -> str:
        return explain(self)

    def certified(self, gap: float) -> bool:
        """Whether the relative gap is proved to be at most ``gap``."""
        return self.kind != "heuristic" and self.relative_gap <= gap

    def __str__(self) -> str:
        return (
            f"objective    {self.objective:.12g}\n"
            f"lower bound  {self.lower_bound:.12g}\n"
            f"gap          {self.gap:.3g} ({self.relative_gap:.3g} relative)\n"
            f"polar ratio  {self.polar_ratio:.12g} ({self.kind})\n"
            f"{self.reason}"
        )


def explain(cert: Record) -> str:
    """One sentence that says what the certificate proves and why the gap is what it is."""
    if cert.kind == "heuristic":
        return "not certified: the polar is only a search here, so the lower bound is the trivial one"
    why = "closed form" if cert.kind == "exact" else "proved upper bound"
    text = f"no network of any width is better by more than {cert.gap:.3g} (polar: {why})"
    if cert.polar_ratio > 1 + 1e-6:
        text += f"; rho = {cert.polar_ratio:.6g} > 1, so appending a factor may lower the objective"
    if abs(cert.euler) > 1e-6 * max(abs(cert.objective), TINY):
        text += f"; Euler residual {cert.euler:.3g}, so the candidate is not stationary"
    return text
