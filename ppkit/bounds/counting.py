"""T6 and T7: bounds on the discrepancy by counting parameters."""

import numpy as np

from .base import Bound, first_below, nonnegative, positive_integer, probability


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
