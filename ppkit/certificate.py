r"""Certificates: how far any candidate network can be from the global optimum over all widths.

The bound is T3(c), weak duality.  For every ``g`` with :math:`\Omega^\circ(g) \le \lambda`,

.. math:: \inf_{r, W} \mathrm{NC}_{\mu_N}(W) = \inf_f \mathcal C_{\mu_N}(f)
          \;\ge\; -\frac1N\sum_i \ell^*(y_i, -g_i).

``g`` is a multiple of the candidate's own residual (or of a dual point somebody hands in), made
feasible with the UPPER end of the polar, so the inequality never rests on a solver or a search.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import CertificateError, InputError
from .families.base import zero_network
from .polar import EPS, Polar, check_effort, power_of_two
from .problem import Problem

TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class Certificate:
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
    proof: Mapping[str, np.ndarray]
    polar: Polar | None = None

    @property
    def gap(self):
        return self.objective - self.lower_bound

    @property
    def relative_gap(self):
        return self.gap / max(abs(self.objective), TINY)

    @property
    def reason(self):
        return explain(self)

    def certified(self, gap):
        """Whether the relative gap is proved to be at most ``gap``."""
        return self.kind != "heuristic" and self.relative_gap <= gap

    def save(self, path):
        """Write the certificate with its data, candidate, dual point and witness to an ``.npz``."""
        from .certificate_io import save

        save(self, path)

    @staticmethod
    def load(path):
        """Read a saved certificate; raises on a broken or a forged file."""
        from .certificate_io import load

        return load(path)

    def verify(self, rigorous=None):
        """Recompute every value with no solver and no search; returns a ``Verification``.

        With python-flint the inequality is proved in ball arithmetic, rounding included, wherever the
        family has such a proof; ``rigorous=True`` insists on it, ``rigorous=False`` leaves it out.
        Raises :class:`CertificateError` naming the first value that does not hold.
        """
        from .verify import verify

        return verify(self, rigorous)

    def __str__(self):
        return (
            f"objective    {self.objective:.12g}\n"
            f"lower bound  {self.lower_bound:.12g}\n"
            f"gap          {self.gap:.3g} ({self.relative_gap:.3g} relative)\n"
            f"polar ratio  {self.polar_ratio:.12g} ({self.kind})\n"
            f"{self.reason}"
        )


def certify(problem, factors, effort="default", seed=0, duals=()):
    """Certify ANY candidate network: a pure function of the problem and the factors.

    Parameters
    ----------
    problem : Problem
    factors : mapping name -> array (r, ...)
        The candidate, trained by anybody in any way; width 0 is allowed.
    effort : {"fast", "default", "exact"}
        How hard to work on a polar that has no closed form.
    seed : int
        Seed of a polar search's random starts.
    duals : sequence of arrays (N, n_y) or pairs (array, proof)
        Further dual points to try, feasible or not (each is rescaled by its own polar).  With a proof
        the upper end is what ``family.polar_upper`` makes of that, and no polar is searched for.

    Returns
    -------
    Certificate
        The best bound found; always sound for an "exact" or "bounded" polar.

    Raises
    ------
    InputError
        Factors with wrong names, shapes or entries.
    CertificateError
        A polar is wrong: the bound exceeds the objective by more than rounding, or the network's own
        factors attain more than the polar allows (``<G, Phi> <= Omega°(G) Theta``).
    """
    check_effort(effort)
    factors = problem.family.check_factors(factors)
    with np.errstate(over="ignore", invalid="ignore"):
        F, theta = problem.predict(factors), problem.theta(factors)
        objective = problem.risk(F) + problem.lam * theta
    if not np.isfinite(objective):
        raise InputError("the objective overflows: rescale the data or the factors")
    G = -problem.loss.gradient(problem.Y, F)
    own = feasible_dual(problem, G, (factors,), effort, seed)
    pairs = [d if isinstance(d, tuple) else (d, None) for d in duals]
    bounds = [own] + [feasible_dual(problem, g, (factors,), effort, seed, proof) for g, proof in pairs]
    best = max(bounds, key=lambda b: b.value)
    attained, allowed = problem.inner(dual_direction(problem, G), F), own.whole * theta
    if attained > allowed and attained > allowed + rounding_slack(problem, factors, G, attained):
        raise CertificateError(
            f"the network's own factors attain {attained!r}, the polar allows {allowed!r}: "
            "the upper end of the polar is wrong"
        )
    if best.value > objective and best.value > objective + rounding_slack(problem, factors, G, objective):
        raise CertificateError(
            f"lower bound {best.value!r} exceeds the objective {objective!r}: "
            "the upper end of the polar is wrong"
        )
    return Certificate(
        objective=objective,
        lower_bound=lower_end(problem, factors, objective, best.value),
        polar_ratio=own.ratio,
        euler=problem.lam * theta - problem.inner(G, F),
        kind=best.polar.kind,
        problem=problem,
        factors=factors,
        dual=best.dual,
        polar_upper=best.upper,
        proof=dict(best.polar.proof),
        polar=own.polar,
    )


def lower_end(problem, factors, objective, value):
    """The bound ``value``, at most the objective, and below it where the objective may have underflowed."""
    if objective > 1e16 * TINY:
        return float(min(value, objective))
    at_rest = not any(a.any() for a in factors.values()) and not problem.residual(factors).any()
    return float(min(value, objective)) - (0.0 if at_rest else TINY)


def rounding_slack(problem, factors, G, value):
    """How far rounding can move a computed ``value`` that is made of predictions.

    Atoms that cancel lose digits of the prediction, to first order ``<|G|, sum_j |phi_j|>`` units.
    """
    atoms = problem.family.atoms(factors, problem.X)
    moved = np.abs(G) * np.sum(np.abs(atoms), axis=0)
    return 1e-12 * abs(value) + 64 * EPS * float(np.sum(moved)) / problem.n_samples + TINY


@dataclass(frozen=True, eq=False)
class DualBound:
    """A feasible dual point: its ``value``, itself, its polar's upper end, the polar it came from.

    ``whole`` is the upper end of the polar of the point handed in, ``ratio`` that over lam.
    """

    value: float
    dual: np.ndarray
    upper: float
    polar: Polar
    whole: float
    ratio: float


def feasible_dual(problem, G, starts=(), effort="default", seed=0, proof=None):
    """The best feasible non-negative multiple of ``G`` (N, n_y) as a :class:`DualBound`, T3(c).

    ``G`` is first moved into the domain of the conjugate and, where A2 fails, into the subspace on
    which the polar is finite.  The polar is positively homogeneous, so one evaluation serves every
    multiple; it is taken at a multiple of size about one, where nothing over- or underflows.
    With a ``proof`` only the upper end is computed, from it.
    """
    G = dual_direction(problem, G)
    size = power_of_two(G)
    G = G / size
    if proof is None:
        polar = problem.polar_of(G, starts, effort, seed)
    else:
        upper = problem.family.polar_upper(problem.X, G, proof)
        polar = Polar(0.0, upper, zero_network(problem.family), "bounded", proof=proof)
    if not polar.upper >= polar.lower * (1 - 1e-9) >= 0:
        raise CertificateError(f"the polar's interval [{polar.lower!r}, {polar.upper!r}] is wrong")
    s = best_scale(problem, G, polar.upper, size)
    value, zero = dual_value(problem, s * G), dual_value(problem, 0.0 * G)
    if not value > zero:
        s, value = 0.0, zero
    return DualBound(
        value=value,
        dual=s * G,
        upper=float(s * polar.upper) if s > 0 else 0.0,
        polar=polar,
        whole=float(size * polar.upper),
        ratio=float(size / problem.lam * polar.upper),
    )


def dual_direction(problem, G):
    """``G`` (N, n_y) moved to where the conjugate and the polar are finite; checks shape and entries.

    What is too large for the conjugate's domain is scaled down, not cut off: the direction counts.
    """
    G = np.ascontiguousarray(G, float)
    if G.shape != problem.Y.shape:
        raise InputError(f"a dual point must have shape {problem.Y.shape}, got {G.shape}")
    if not np.all(np.isfinite(G)):
        raise InputError("a dual point holds NaN or infinite entries")
    G = min(1.0, problem.loss.reach(G)) * G
    return problem.family.project_dual(problem.X, problem.loss.into_domain(problem.Y, G))


def dual_value(problem, g):
    """``-(1/N) sum_i l*(y_i, -g_i)``, rounded down."""
    with np.errstate(over="ignore", invalid="ignore"):
        terms = problem.loss.conjugate(problem.Y, -np.ascontiguousarray(g))
        size = np.sum(np.abs(terms)) + np.sum(np.abs(g * problem.Y)) + np.sum(g**2)
        if not problem.family.bounded_atoms:  # the rounding of a projection moves all samples
            size += 2 * np.mean(np.abs(g)) * np.sum(np.abs(problem.Y))
    if not np.isfinite(size):
        return -np.inf
    return float(-(float(np.sum(terms)) + 64 * EPS * float(size)) / problem.n_samples) + 0.0


def best_scale(problem, G, upper, size=1.0):
    """The ``s`` in ``[0, lam/upper]`` at which the dual value of ``s G`` is largest.

    ``size`` is the multiple that gives back the residual, where the best one often is.
    """
    square = problem.inner(G, G)
    if not np.isfinite(upper) or square == 0:
        return 0.0
    limit = problem.lam / upper * (1 - 4 * EPS) if upper > problem.lam * TINY else np.inf
    limit = min(limit, problem.loss.reach(G) * (1 - 4 * EPS))
    if problem.loss.name == "squared":
        return float(np.clip(problem.inner(problem.Y, G) / square, 0.0, limit))
    if not np.isfinite(limit):
        return size
    from scipy.optimize import minimize_scalar  # here: it would double the package's import time

    inside = minimize_scalar(
        lambda s: -dual_value(problem, s * G),
        bounds=(0.0, limit),
        method="bounded",
        options={"xatol": 1e-9 * limit},
    ).x
    return max((float(inside), min(size, limit), limit), key=lambda s: dual_value(problem, s * G))


def explain(cert):
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
