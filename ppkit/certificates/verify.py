"""Rechecking a certificate: every value recomputed from the data, no solver and no search."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CertificateError, InputError
from ..polars.base import KINDS
from ..rigor.balls import BITS, Balls, NoProof, arbs, available, lower, precision, upper
from ..rigor.margins import EPS, TINY, power_of_two
from .dual import dual_direction, dual_value, lower_end
from .record import Record

ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Verification:
    """What was rechecked.

    Attributes
    ----------
    certificate : Record
    rigorous : bool
        Whether ``lower_bound <= inf NC <= objective_upper`` is proved in ball arithmetic, all
        rounding included; otherwise it was recomputed in floating point.
    lower_bound : float
        The certificate's.
    objective_upper : float
        NC at the candidate, rounded up (the certificate's own value when not rigorous).
    gap, relative_gap : float
        Of these two, rounded up.
    reason : str
        How it was proved, or why only floating point was used.
    """

    certificate: Record
    rigorous: bool
    objective_upper: float
    relative_gap: float
    reason: str

    @property
    def lower_bound(self) -> float:
        return self.certificate.lower_bound

    @property
    def gap(self) -> float:
        if not self.rigorous:
            return self.certificate.gap
        return float(np.nextafter(self.objective_upper - self.lower_bound, np.inf))

    def __str__(self) -> str:
        word = "proved" if self.rigorous else "rechecked"
        return (
            f"{word:<12} {self.lower_bound!r} <= inf NC <= {self.objective_upper!r}\n{'':<12} ({self.reason})"
        )


def verify(certificate: Record, rigorous: bool | None = None) -> Verification:
    """Recompute the certificate; returns a :class:`Verification` or raises CertificateError.

    Checked in floating point are, in this order: the polar bound of the dual point, its feasibility,
    and each printed value.  The candidate's own polar ratio is not part of the inequality, but is
    rechecked too when its polar is a closed form (no proof to replay).  Then, unless ``rigorous`` is False,
    the inequality is proved in ball arithmetic where that is possible.
    """
    if rigorous and not available():
        raise InputError("a proof in ball arithmetic needs python-flint (pip install python-flint)")
    check_values(certificate)
    reason = "floating point with outward margins"
    if rigorous is not False and not available():
        reason += "; install python-flint for a proof in ball arithmetic"
    elif rigorous is not False:
        try:
            top, relative = prove(certificate)
            how = f"ball arithmetic with {BITS} bits, all rounding included"
            return Verification(certificate, True, top, relative, how)
        except NoProof as error:
            reason += f"; no proof in ball arithmetic: {error}"
            if rigorous:
                raise CertificateError(f"not proved in ball arithmetic: {error}") from None
    return Verification(certificate, False, certificate.objective, certificate.relative_gap, reason)


def check_values(certificate: Record) -> None:
    """Recompute every stored value in floating point; raises CertificateError at the first that is off."""
    problem, dual = certificate.problem, certificate.dual
    factors = problem.family.check_factors(certificate.factors)
    if certificate.kind not in KINDS:
        raise CertificateError(f"unknown kind {certificate.kind!r}")
    if dual.shape != problem.Y.shape or dual.dtype != float or not np.all(np.isfinite(dual)):
        raise CertificateError("the dual point must be a finite array of the shape of Y")
    upper = recomputed_upper(certificate) if dual.any() else 0.0
    close("polar_upper", certificate.polar_upper, upper, problem.lam)
    if not upper <= problem.lam * (1 + ROUNDING):
        raise CertificateError(f"the dual point is not feasible: its polar {upper!r} exceeds lambda")
    objective = problem.objective(factors)
    scale = max(abs(objective), TINY)
    close("objective", certificate.objective, objective, scale)
    close("euler", certificate.euler, problem.euler(factors), scale)
    shrink = min(1.0, problem.lam / upper * (1 - 4 * EPS)) if upper > problem.lam else 1.0
    bound = dual_value(problem, shrink * dual)
    if certificate.kind == "heuristic":
        bound = min(bound, dual_value(problem, 0 * dual))
    bound = lower_end(problem, factors, objective, bound)
    close("lower_bound", certificate.lower_bound, bound, scale)
    if certificate.kind == "exact" and not certificate.proof.data:
        G = dual_direction(problem, problem.residual(factors))
        ratio = problem.family.polar_upper(problem.X, G, certificate.proof) / problem.lam
        close("polar_ratio", certificate.polar_ratio, ratio, max(ratio, 1.0))


def recomputed_upper(certificate: Record) -> float:
    """The upper end of the dual point's polar from the stored proof, which may be anybody's."""
    family, X = certificate.problem.family, certificate.problem.X
    try:
        size = power_of_two(certificate.dual)  # at size one, as in certify: nothing underflows
        return size * float(family.polar_upper(X, certificate.dual / size, certificate.proof))
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise CertificateError(f"the proof of the polar cannot be used ({type(error).__name__})") from None


def close(name: str, stored: float, value: float, scale: float) -> None:
    """Raise unless ``stored`` is ``value`` up to rounding on the given scale."""
    if not abs(stored - value) <= ROUNDING * max(abs(value), scale):
        raise CertificateError(f"{name} is {value!r}, but the certificate says {stored!r}")


def prove(certificate: Record, bits: int = BITS) -> tuple[float, float]:
    """Prove ``lower_bound <= inf NC <= NC(candidate)`` in balls: ``(NC rounded up, relative gap)``.

    Weak duality, T3(c): the dual point's polar is proved to be at most lam, its dual value at least
    the stored lower bound; NC at the candidate is enclosed.  Raises NoProof where the balls leave it
    open and CertificateError where they refute it.
    """
    problem, family, loss = certificate.problem, certificate.problem.family, certificate.problem.loss
    X = None if problem.X is None else Balls(problem.X)
    Y = Balls(problem.Y)
    g: Any = Balls(certificate.dual)
    factors: Any = {k: Balls(a) for k, a in certificate.factors.items()}
    with precision(bits):
        g = family.project_dual(X, g, loss.is_signed)
        if certificate.dual.any():
            family.prove_polar(X, g, problem.lam, certificate.proof)
        bound = -loss.conjugate(Y, -g).sum() / problem.n_samples
        claim = bound - certificate.lower_bound
        if upper(claim) < 0:
            raise CertificateError("the dual value is below the printed lower bound")
        if not all(x >= 0 for x in arbs(claim).flat):
            raise NoProof("the dual value comes too close to the printed lower bound")
        risk = loss.value(Y, family.predict(factors, X)).sum() / problem.n_samples
        objective = risk + problem.lam * family.theta(factors).sum()
        relative = (objective - certificate.lower_bound) / max(lower(objective), TINY)
        return upper(objective), upper(relative)
