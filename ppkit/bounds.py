r"""Generalization bounds with every constant explicit: a number, and the terms it is the sum of.

A bound is on what a sample cannot show: on the population objective of a network, or on the
difference between the population's and the sample's.
"""

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .errors import InputError
from .losses import get_loss
from .problem import Problem


@dataclass(frozen=True)
class Bound:
    """An upper bound as the sum of named terms.

    Attributes
    ----------
    terms : mapping name -> float
        What is added up.
    facts : mapping name -> float
        Constants and intermediate values that the terms were made of.
    """

    terms: Mapping[str, float]
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self):
        """The bound: the sum of its terms."""
        return float(sum(self.terms.values()))

    def __float__(self):
        return self.value

    def __str__(self):
        rows = [*self.terms.items(), ("bound", self.value)]
        return "\n".join(f"{name:<24} {value:.6g}" for name, value in rows)


def master(problem, factors, omega_f, delta, effort="default", seed=0):
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
    delta : float
        ``Delta(W)``, or an upper bound on it.
    effort, seed
        Passed on to the polar, whose upper end is used.

    Returns
    -------
    Bound
        Terms ``euler``, ``polar`` (infinite if the polar is) and ``statistical`` (infinite if ``delta`` is).
    """
    omega_f, delta = nonnegative("omega_f", omega_f), nonnegative("delta", delta)
    if not np.isfinite(omega_f):
        raise InputError("omega_f must be finite")
    theta = problem.theta(factors)
    rho = problem.polar(factors, effort=effort, seed=seed).upper / problem.lam
    terms = {
        "euler": problem.euler(factors),
        "polar": problem.lam * omega_f * (rho - 1) if np.isfinite(rho) else np.inf,
        "statistical": (omega_f + theta) * delta if np.isfinite(delta) else np.inf,
    }
    return Bound(terms, {"rho": rho, "theta": theta, "omega_f": omega_f, "delta": delta})


def discrepancy(problem, population, factors, effort="default", seed=0):
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


def rademacher(
    family,
    X,
    B,
    draws=100,
    delta=0.05,
    lipschitz=None,
    loss_range=None,
    vacuous=None,
    envelope=None,
    seed=0,
    effort="default",
):
    r"""T8: the empirical Rademacher complexity of the networks with ``Theta <= B``, or the bound it gives.

    .. math:: \widehat{\mathcal R} = B\, \mathbb E_\sigma \Omega^\circ_{\mu_N}(\sigma), \qquad
              \sup_{\Theta \le B} (\mathbb E_\mu - \mathbb E_N)\ell
              \le 2 \kappa L \widehat{\mathcal R} + 3 M \sqrt{\log(2/\delta) / (2N)}

    The mean over signs is a Monte Carlo mean of the upper ends of the polars, plus a margin from the
    bounded differences inequality, which holds for every number of draws: flipping the sign (i, k)
    changes the polar by at most ``2 a_ik / N``.

    Parameters
    ----------
    family : Family or Problem
    X : array (N, ...)
        The inputs of the sample (None for a Problem: its own).
    B : float
        The budget, fixed before the sample is seen.
    draws : int
        Number of random sign patterns.
    delta : float
        Probability that the result is not an upper bound.  Without ``lipschitz`` it is that of the
        Monte Carlo margin; with it a tenth goes to the margin and the rest to the sample.
    lipschitz, loss_range : float, optional
        L and M: the loss is L-Lipschitz in the prediction and its values lie in one interval of length
        M, for all pairs and every prediction of a network with ``Theta <= B``.  See :func:`loss_constants`.
    vacuous : float, optional
        The level from which on the bound says nothing (default: ``loss_range``).
    envelope : array (N, n_y), optional
        Upper bounds on ``a_ik``, the largest ``|phi(V)(x_i)_k|`` with ``theta(V) <= 1``; by default
        computed by 2 N n_y polars on single samples.

    Returns
    -------
    Bound
        The complexity, or with ``lipschitz`` and ``loss_range`` the bound on the generalization gap.
        Facts: the two-sided interval ``lower``, ``upper`` of the complexity, each end with probability
        one minus that of the margin, and ``nonvacuous_from``, the N at which the bound would reach
        the level if it went on falling like the root of N.
    """
    if isinstance(family, Problem):
        family, X = family.family, family.X
    B, delta = nonnegative("B", B), probability(delta)
    if X is None:
        raise InputError(f"{family.name} has no inputs, hence no sample to measure complexity on")
    positive_integer("draws", draws)
    if (lipschitz is None) != (loss_range is None):
        raise InputError("give both lipschitz and loss_range, or neither")
    whole = lipschitz is None
    share = delta if whole else delta / 10
    N, a = len(X), unit_envelope(family, X) if envelope is None else np.asarray(envelope, float)
    if a.shape != (N, family.n_outputs) or not np.all(a >= 0):
        raise InputError(f"envelope must be an array of shape {(N, family.n_outputs)}, entries at least 0")
    rng = np.random.default_rng(seed)
    ends = np.array(
        [
            (p.lower, p.upper)
            for p in (
                family.polar(X, rng.choice((-1.0, 1.0), (N, family.n_outputs)), effort=effort, seed=seed)
                for _ in range(draws)
            )
        ]
    )
    margin = np.sqrt(2 * np.sum(a**2) * np.log(1 / share) / draws) / N
    low, high = B * np.mean(ends, axis=0)
    facts = {"lower": max(0.0, float(low - B * margin)), "upper": float(high + B * margin), "draws": draws}
    if whole:
        return Bound({"mean over signs": float(high), "Monte Carlo": float(B * margin)}, facts)
    L, M = nonnegative("lipschitz", lipschitz), nonnegative("loss_range", loss_range)
    kappa = 1.0 if family.n_outputs == 1 else float(np.sqrt(2))
    terms = {
        "complexity": 2 * kappa * L * float(high),
        "Monte Carlo": 2 * kappa * L * float(B * margin),
        "confidence": 3 * M * float(np.sqrt(np.log(2 / (delta - share)) / (2 * N))),
    }
    level = M if vacuous is None else nonnegative("vacuous", vacuous)
    reached = N * (sum(terms.values()) / level) ** 2 if level > 0 else np.inf
    return Bound(terms, {**facts, "contraction": kappa, "nonvacuous_from": float(np.ceil(reached))})


def unit_envelope(family, X):
    """Upper bounds on ``sup {|phi(V)(x_i)_k| : theta(V) <= 1}``, shape (N, n_y), by single-sample polars."""
    out = np.zeros((len(X), family.n_outputs))
    for i, k in np.ndindex(out.shape):
        for sign in (1.0, -1.0):
            G = np.zeros((1, family.n_outputs))
            G[0, k] = sign
            out[i, k] = max(out[i, k], family.polar(X[i : i + 1], G).upper)
    return out


def parameter_count(n_samples, width, dim, B, b, b_y, lipschitz, delta=0.05, vacuous=None):
    r"""T6: a bound on ``Delta(W)`` over all networks of at most ``width`` factors and ``Theta <= B``.

    .. math:: K \sqrt{\tfrac2N \bigl[(R+1) D \log(1 + 8 \Lambda N) + R \log(1 + 4N)
              + \log\tfrac2\delta\bigr]} + \frac{2K}N, \qquad K = b\,(b_y + B b)

    Squared loss, independent samples.  The factors of cost at most one have representatives in a ball
    of radius ``r`` of R^D, on which phi is ``L_phi``-Lipschitz and bounded by b, uniformly in x.

    Parameters
    ----------
    n_samples, width, dim : int
        N, R and D.
    B, b, b_y : float
        Budget, bound on unit-cost factors, bound on the target's norm.
    lipschitz : float
        ``Lambda = L_phi r / b``, which has no units; 2 for matrix sensing and two-layer networks.
    delta : float
        Probability of failure.
    vacuous : float, optional
        The level from which on the bound says nothing (default 2 K, which Delta never exceeds).

    Returns
    -------
    Bound
        Terms ``net and confidence`` and ``rounding to the net``; facts ``K`` and ``nonvacuous_from``.
    """
    K = nonnegative("b", b) * (nonnegative("b_y", b_y) + nonnegative("B", B) * b)
    R, D, slope = nonnegative("width", width), nonnegative("dim", dim), nonnegative("lipschitz", lipschitz)
    log_failure = np.log(2 / probability(delta))
    positive_integer("n_samples", n_samples)

    def terms(N):
        entropy = (R + 1) * D * np.log1p(8 * slope * N) + R * np.log1p(4 * N)
        spread = float(K * np.sqrt(2 / N * (entropy + log_failure)))
        return {"net and confidence": spread, "rounding to the net": 2 * K / N}

    level = 2 * K if vacuous is None else nonnegative("vacuous", vacuous)
    return Bound(terms(n_samples), {"K": K, "nonvacuous_from": first_below(terms, level)})


def width_free(n_samples, dim, theta, b, b_y, lipschitz, delta=0.05, vacuous=None):
    r"""T7: a bound on ``Delta(W)`` for all networks of every width and every cost at once.

    .. math:: \Delta(W) \le \Delta_y + \Theta_r(W)\, \Delta_2

    with one failure probability for all; ``theta`` is the cost of the network at hand and may be read
    off it.  Assumptions and parameters as in :func:`parameter_count`.

    Returns
    -------
    Bound
        Terms ``target`` (``Delta_y``) and ``pairs`` (``Theta Delta_2``); fact ``nonvacuous_from``.
    """
    b, b_y, theta = nonnegative("b", b), nonnegative("b_y", b_y), nonnegative("theta", theta)
    D, slope = nonnegative("dim", dim), nonnegative("lipschitz", lipschitz)
    log_failure = np.log(4 / probability(delta))
    positive_integer("n_samples", n_samples)

    def terms(N):
        y = np.sqrt(2 / N * (D * np.log1p(2 * slope * N) + log_failure)) + 2 / N
        pairs = np.sqrt(2 / N * (2 * D * np.log1p(4 * slope * N) + log_failure)) + 2 / N
        return {"target": float(b * b_y * y), "pairs": float(theta * b**2 * pairs)}

    level = 2 * b * (b_y + theta * b) if vacuous is None else nonnegative("vacuous", vacuous)
    return Bound(terms(n_samples), {"nonvacuous_from": first_below(terms, level)})


def first_below(terms, level):
    """The least N from which on the sum of ``terms(N)``, decreasing in N, is below ``level``; inf if none."""
    if not level > 0:
        return np.inf
    low, high = 0, 1
    while sum(terms(high).values()) >= level:
        low, high = high, 2 * high
        if high > 2**200:
            return np.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(terms(middle).values()) >= level else (low, middle)
    return float(high)


def loss_constants(loss, b, b_y, B, n_outputs=1):
    r"""``(L, M)``: Lipschitz constant and largest value of a loss on predictions of norm at most ``B b``.

    ``b`` bounds the norm of every unit-cost factor's prediction, ``b_y`` that of the target.
    """
    loss, s = get_loss(loss), b_y + B * b
    if loss.name == "squared":
        return s, 0.5 * s**2
    if loss.name == "logistic":
        return float(np.sqrt(n_outputs)), n_outputs * float(np.logaddexp(0.0, B * b))
    slope = loss.delta * float(np.sqrt(n_outputs))
    return min(s, slope), min(0.5 * s**2, slope * s)


def probability(value):
    """``value`` as a float, or :class:`InputError` when it is not strictly between 0 and 1."""
    if not isinstance(value, numbers.Real) or not 0 < value < 1:
        raise InputError(f"delta must lie strictly between 0 and 1, got {value!r}")
    return float(value)


def nonnegative(name, value):
    """``value`` as a float, or :class:`InputError` when it is not a number of at least zero."""
    if not isinstance(value, numbers.Real) or not value >= 0:
        raise InputError(f"{name} must be a number of at least 0, got {value!r}")
    return float(value)


def positive_integer(name, value):
    """Raise :class:`InputError` unless ``value`` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be a positive integer, got {value!r}")
