"""How a cell's student is trained: to a certificate, or by descent and search alone."""

from ..certificate import certify
from ..families.base import width
from ..fit import SmoothObjective, fit, grow, tidy
from ..fit import descend as fit_descend
from . import teachers

TRAINERS = ("certified", "random", "teacher")
ROUNDS = 4
ENOUGH = 1.02
#: families trained on their smooth surrogate although they have a convex program or a Newton method
PLAIN = ("two-layer-relu", "deep-relu", "cp-tensor")


def train(problem, cell, teacher, rng):
    """The :class:`ppkit.Certificate` of the trained student."""
    family = problem.family
    if cell.trainer == "certified":
        effort = "default" if family.polar_is_cheap else "fast"
        return fit(problem, cell.gap, cell.student, effort=effort).certificate
    near = cell.trainer == "teacher"
    size = min(cell.student, 2 * cell.teacher)
    start = teachers.near(family, rng, teacher, size) if near else teachers.small(family, rng, size)
    return search(problem, start, cell.student, cell.effort)


def search(problem, factors, max_width, effort="fast"):
    """Descend and grow by the polar's search until no factor found violates by more than 2%.

    The answer's certificate, with the polar at the given effort, is sound like any other, but it may
    be far from tight.
    """
    best = None
    for round_ in range(ROUNDS):
        factors = tidy(problem, descend(problem, factors))
        cert = certify(problem, factors, "fast", seed=round_)
        if best is None or cert.objective < best.objective:
            best = cert
        if polar_ends(problem, cert)[0] <= ENOUGH * problem.lam:
            break
        grown = grow(problem, factors, max_width, polar=cert.polar)
        if width(grown) == width(factors):
            break
        factors = grown
    return best if effort == "fast" else certify(problem, best.factors, effort)


def polar_ends(problem, cert):
    """The interval of the residual's polar: the certificate keeps that of a multiple of it."""
    upper = cert.polar_ratio * problem.lam
    return upper * cert.polar.lower / cert.polar.upper if cert.polar.upper > 0 else 0.0, upper


def descend(problem, factors, iterations=1000):
    """L-BFGS from ``factors``, on the smooth surrogate alone for the families in :data:`PLAIN`."""
    if problem.family.name not in PLAIN:
        return fit_descend(problem, factors)[0]
    from scipy.optimize import minimize

    smooth = SmoothObjective(problem, problem.family.balance(factors))
    options = {"maxiter": iterations, "maxfun": 3 * iterations, "maxcor": 20, "ftol": 1e-11, "gtol": 0.0}
    start = smooth.pack(smooth.template)
    return smooth.unpack(minimize(smooth, start, jac=True, method="L-BFGS-B", options=options).x)
