"""T6: bounds on the discrepancy by counting parameters."""

import numpy as np

from ..errors import InputError
from .base import Bound, first_below, nonnegative, positive_integer, probability


def parameter_count(
    n_samples: int,
    width: int,
    dim: int,
    B: float,
    b: float,
    b_y: float,
    lipschitz: float,
    delta: float = 0.05,
    vacuous: float | None = None,
) -> Bound:
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


def parameter_count_subgaussian(
    n_samples: int,
    width: int,
    dim: int,
    B: float,
    b: float,
    b_y: float,
    lipschitz: float,
    envelope: float,
    delta: float = 0.05,
    vacuous: float | None = None,
) -> Bound:
    r"""T6 for light tails: Bernstein's inequality in place of Hoeffding's.

    .. math:: K \Bigl[\psi_N(u) + \frac{2 + \log(4/\delta)/N}N\Bigr], \qquad
              u = (R+1) D \log(1 + 8 \Lambda q N) + R \log(1 + 4 q N) + \log\tfrac4\delta

    with ``K = b (b_y + B b)``, ``psi_N(u) = 2 sqrt(u/N)`` for ``u <= N`` and ``1 + u/N`` beyond.  A size is
    now a sub-Gaussian one: ``E exp(Z^2 / b^2) <= 2`` for the norm Z of every single unit-cost factor, and
    with ``b_y`` for the norm of the target; see :func:`gaussian_size`.

    Parameters
    ----------
    n_samples, width, dim, B, b, b_y, delta, vacuous
        As in :func:`parameter_count`, b and b_y in the new meaning; nothing is bounded by 2 K any more,
        but ``Delta`` above 2 K still means that no digit of the prices is known.
    envelope : float
        The sub-Gaussian size of the largest unit-cost factor at an input, at least b.
    lipschitz : float
        ``Lambda``: the sub-Gaussian size of the Lipschitz constant, times r, over ``envelope``.

    Returns
    -------
    Bound
        As :func:`parameter_count`; fact ``q``, the ratio of ``K`` for the envelope and for b.
    """
    b, b_y, B = nonnegative("b", b), nonnegative("b_y", b_y), nonnegative("B", B)
    if nonnegative("envelope", envelope) < b:
        raise InputError(f"envelope must be at least b = {b}, got {envelope!r}")
    R, D, slope = nonnegative("width", width), nonnegative("dim", dim), nonnegative("lipschitz", lipschitz)
    K, log_failure = b * (b_y + B * b), np.log(4 / probability(delta))
    q = envelope * (b_y + B * envelope) / K if K > 0 else 1.0
    positive_integer("n_samples", n_samples)

    def terms(N):
        u = (R + 1) * D * np.log1p(8 * slope * q * N) + R * np.log1p(4 * q * N) + log_failure
        return {
            "net and confidence": float(K * bernstein(u, N)),
            "rounding to the net": K * (2 + log_failure / N) / N,
        }

    level = 2 * K if vacuous is None else nonnegative("vacuous", vacuous)
    return Bound(terms(n_samples), {"K": K, "q": q, "nonvacuous_from": first_below(terms, level)})


def bernstein(u: float, N: int) -> float:
    """``psi_N(u)``, beyond which a mean of N variables of size one strays with probability ``2 exp(-u)``."""
    return 2 * np.sqrt(u / N) if u <= N else 1 + u / N
