"""How a cell's student is trained: to a certificate, or by descent and search alone."""

from typing import Any, Protocol

import numpy as np

from ..certificates import Certificate, certify
from ..factors import Factors, width
from ..problem import Problem
from ..training import fit, grow, tidy
from ..training.descent import SmoothObjective
from ..training.descent import descend as full_descend
from . import teachers

TRAINERS = ("certified", "random", "teacher")
ROUNDS = 4
ENOUGH = 1.02


class Recipe(Protocol):
    """What a cell says of its student; see :class:`ppkit.experiments.cell.Cell`."""

    @property
    def teacher(self) -> int: ...
    @property
    def trainer(self) -> str: ...
    @property
    def student(self) -> int: ...
    @property
    def gap(self) -> float: ...
    @property
    def effort(self) -> str: ...


def train(problem: Problem, cell: Recipe, teacher: Factors, rng: np.random.Generator) -> Certificate:
    """The :class:`ppkit.Certificate` of the trained student."""
    family = problem.family
    if cell.trainer == "certified":
        effort = "default" if family.polar_is_cheap else "fast"
        return fit(problem, cell.gap, cell.student, effort=effort).certificate
    steps = search(problem, cell, teacher, rng)
    try:
        factors: Factors = next(steps)
        while True:
            factors = steps.send(descend(problem, factors))
    except StopIteration as end:
        return end.value


def search(problem: Problem, cell: Recipe, teacher: Factors, rng: np.random.Generator) -> Any:
    """Descend and grow by the polar's search until no factor found violates by more than 2%.

    A generator: it yields the networks to descend from, is sent what descent made of them, and returns
    the certificate, which is sound like any other, but may be far from tight.
    """
    family, near = problem.family, cell.trainer == "teacher"
    size = min(cell.student, 2 * cell.teacher)
    factors: Factors
    factors = teachers.near(family, rng, teacher, size) if near else teachers.small(family, rng, size)
    best: Any = None
    for round_ in range(ROUNDS):
        factors = tidy(problem, (yield factors))
        cert = certify(problem, factors, "fast", seed=round_)
        if best is None or cert.objective < best.objective:
            best = cert
        if polar_ends(problem, cert)[0] <= ENOUGH * problem.lam:
            break
        grown = grow(problem, factors, cell.student, polar=cert.polar)
        if width(grown) == width(factors):
            break
        factors = grown
    return best if cell.effort == "fast" else certify(problem, best.factors, cell.effort)


def polar_ends(problem: Problem, cert: Any) -> tuple[float, float]:
    """The interval of the residual's polar: the certificate keeps that of a multiple of it."""
    upper = cert.polar_ratio * problem.lam
    return upper * cert.polar.lower / cert.polar.upper if cert.polar.upper > 0 else 0.0, upper


def descend(problem: Problem, factors: Factors, iterations: int = 1000) -> Any:
    """L-BFGS from ``factors``, on the smooth surrogate alone where the family ``descends_plainly``."""
    if not problem.family.descends_plainly:
        return full_descend(problem, factors)[0]
    from scipy.optimize import minimize

    smooth = SmoothObjective(problem, problem.family.balance(factors))
    options = {"maxiter": iterations, "maxfun": 3 * iterations, "maxcor": 20, "ftol": 1e-11, "gtol": 0.0}
    start = smooth.pack(smooth.template)
    return smooth.unpack(minimize(smooth, start, jac=True, method="L-BFGS-B", options=options).x)
