"""T5: the population objective of a network, and the discrepancy in it."""

import numpy as np

from ..errors import InputError
from ..factors import Factors
from ..problem import Problem
from .base import Bound, nonnegative


def master(
    problem: Problem, factors: Factors, omega_f: float, Delta: float, effort: str = "default", seed: int = 0
) -> Bound:
    r"""T5: how much worse than a competitor f the network can be on the population.

    .. math:: \mathrm{NC}_\mu(W) - \mathrm{C}_\mu(f) \le \mathrm{euler}(W)
              + \lambda \Omega_\mu(f) (\rho(W) - 1) + (\Omega_\mu(f) + \Theta_r(W)) \Delta(W)

    Parameters
    ----------
    problem : Problem
        The sample.
    factors : mapping
        Any network, stationary or not.
    omega_f : float
        ``Omega_mu`` of the competitor, or an upper bound on it for a polar ratio of at least one.
    Delta : float
        ``Delta(W)``, or an upper bound on it; ``delta`` is a probability everywhere else.
    effort, seed
        Passed on to the polar, whose upper end is used.

    Returns
    -------
    Bound
        Terms ``euler``, ``polar`` (infinite if the polar is) and ``statistical`` (infinite if ``Delta`` is).
    """
    omega_f, Delta = nonnegative("omega_f", omega_f), nonnegative("Delta", Delta)
    if not np.isfinite(omega_f):
        raise InputError("omega_f must be finite")
    theta = problem.theta(factors)
    rho = problem.polar(factors, effort=effort, seed=seed).upper / problem.lam
    terms = {
        "euler": problem.euler(factors),
        "polar": problem.lam * omega_f * (rho - 1) if np.isfinite(rho) else np.inf,
        "statistical": (omega_f + theta) * Delta if np.isfinite(Delta) else np.inf,
    }
    return Bound(terms, {"rho": rho, "theta": theta, "omega_f": omega_f, "Delta": Delta})


def discrepancy(
    problem: Problem, population: Problem, factors: Factors, effort: str = "default", seed: int = 0
) -> tuple[float, float]:
    r"""``(lower, upper)`` of :math:`\Delta(W)` when the population is itself a finite data set.

    .. math:: \Delta(W) = \sup_{\theta(V) \le 1}
              |\langle G_W, \phi(V)\rangle_\mu - \langle G_W, \phi(V)\rangle_{\mu_N}|

    The difference of two laws is a signed law on the union of the two samples, so Delta is the
    larger of two polars there, one for each sign; the family's own polar computes it.

    Parameters
    ----------
    problem, population : Problem
        The sample and the population: one family, one loss.
    factors : mapping
        The network W.
    """
    if problem.family != population.family or problem.loss != population.loss:
        raise InputError("sample and population must have the same family and the same loss")
    if problem.X is None:
        raise InputError(f"{problem.family.name} has no inputs, hence no second law")
    n, m = problem.n_samples, population.n_samples
    X = np.concatenate([population.X, problem.X])
    G = np.concatenate([(n + m) / m * population.residual(factors), -(n + m) / n * problem.residual(factors)])
    starts = (problem.family.check_factors(factors),)
    ends = [problem.family.polar(X, s * G, starts=starts, effort=effort, seed=seed) for s in (1, -1)]
    return max(p.lower for p in ends), max(p.upper for p in ends)
