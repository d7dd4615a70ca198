"""T8: Rademacher complexity as a mean of polars."""

import math
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from ..factors import Array, as_float
from ..families.base import Family
from ..losses import get_loss
from ..problem import Problem
from .base import Bound, nonnegative, positive_integer, probability


def rademacher(
    family: Family,
    X: Array,
    B: float,
    draws: int = 100,
    delta: float = 0.05,
    lipschitz: float | None = None,
    loss_range: float | None = None,
    vacuous: float | None = None,
    envelope: Array | None = None,
    seed: int = 0,
    effort: str = "default",
) -> Bound:
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
    N, a = len(X), check_envelope(family, X, envelope)
    rng = np.random.default_rng(seed)
    patterns = [rng.choice((-1.0, 1.0), (N, family.n_outputs)) for _ in range(draws)]
    ends, margin = mean_polar(family, X, patterns, a, share, effort, seed)
    low, high = B * ends
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


def mean_polar(
    family: Family,
    X: Array,
    patterns: Sequence[Array],
    reach: Array,
    share: float,
    effort: str = "default",
    seed: int = 0,
) -> tuple[Array, float]:
    r"""``((low, high), margin)``: the mean polar over random ``patterns``, for an expectation over signs.

    ``low`` and ``high`` are the means of the two ends of the polars.  If flipping the sign j changes
    ``N <pattern, phi(V)>`` by at most ``2 reach_j`` for every V of cost one, the expectation is at most
    ``high + margin``, and at least ``low - margin``, each except with probability ``share``.
    """
    polars = [family.polar(X, G, effort=effort, seed=seed) for G in patterns]
    size = math.hypot(*np.ravel(reach))  # its squares may overflow or vanish where it does neither
    margin = size * np.sqrt(2 * np.log(1 / share) / len(patterns)) / len(X)
    return np.mean([(p.lower, p.upper) for p in polars], axis=0), float(margin)


def check_envelope(family: Family, X: Array, envelope: Array | None) -> Array:
    """``envelope`` as an array (N, n_y), computed where it is None."""
    a = unit_envelope(family, X) if envelope is None else as_float(envelope, "envelope")
    if a.shape != (len(X), family.n_outputs) or not np.all(a >= 0):
        raise InputError(
            f"envelope must be an array of shape {(len(X), family.n_outputs)}, entries at least 0"
        )
    return a


def unit_envelope(family: Family, X: Array) -> Array:
    """Upper bounds on ``sup {|phi(V)(x_i)_k| : theta(V) <= 1}``, shape (N, n_y), by single-sample polars."""
    out = np.zeros((len(X), family.n_outputs))
    for i, k in np.ndindex(out.shape):
        for sign in (1.0, -1.0):
            G = np.zeros((1, family.n_outputs))
            G[0, k] = sign
            out[i, k] = max(float(out[i, k]), family.polar(X[i : i + 1], G).upper)
    return out


def loss_constants(loss: str, b: float, b_y: float, B: float, n_outputs: int = 1) -> tuple[float, float]:
    r"""``(L, M)``: Lipschitz constant and largest value of a loss on predictions of norm at most ``B b``.

    ``b`` bounds the norm of every unit-cost factor's prediction, ``b_y`` that of the target.
    """
    return get_loss(loss).constants(b, b_y, B, n_outputs)
