"""Rechecking a certificate: every value recomputed from the data, no solver and no search."""

from .certificate import TINY, dual_value
from .errors import CertificateError
from .polar import EPS

ROUNDING = 1e-12


def verify(certificate):
    """Recompute the certificate in floating point; returns it, or raises CertificateError.

    Checked are, in this order: the polar bound of the dual point, its feasibility, and each printed
    value.  The candidate's own polar ratio is not part of the inequality, but is rechecked too when
    its polar needs no search (kind "exact").
    """
    problem = certificate.problem
    factors = problem.family.check_factors(certificate.factors)
    if certificate.dual.shape != problem.Y.shape:
        raise CertificateError("the dual point has the wrong shape")
    upper = problem.family.polar_upper(problem.X, certificate.dual, certificate.proof)
    close("polar_upper", certificate.polar_upper, upper, problem.lam)
    if not upper <= problem.lam * (1 + 8 * EPS):
        raise CertificateError(f"the dual point is not feasible: its polar {upper!r} exceeds lambda")
    objective = problem.objective(factors)
    scale = max(abs(objective), TINY)
    close("objective", certificate.objective, objective, scale)
    close("euler", certificate.euler, problem.euler(factors), scale)
    bound = min(dual_value(problem, certificate.dual), objective)
    if certificate.kind == "heuristic":
        bound = min(bound, dual_value(problem, 0 * certificate.dual))
    close("lower_bound", certificate.lower_bound, bound, scale)
    if certificate.kind == "exact":
        G = problem.family.project_dual(problem.X, problem.residual(factors))
        ratio = problem.family.polar_upper(problem.X, G, {}) / problem.lam
        close("polar_ratio", certificate.polar_ratio, ratio, max(ratio, 1.0))
    return certificate


def close(name, stored, value, scale):
    """Raise unless ``stored`` is ``value`` up to rounding on the given scale."""
    if not abs(stored - value) <= ROUNDING * max(abs(value), scale):
        raise CertificateError(f"{name} is {value!r}, but the certificate says {stored!r}")
