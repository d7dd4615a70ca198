r"""T7: bounds on the discrepancy that hold for networks of every width and every cost at once.

All rest on ``Delta(W) <= Delta_y + Theta_r(W) Delta_2``: the residual is affine in the network, and a
network is a combination of single factors, so targets and pairs of factors are all there is to bound.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Array
from ..polars.base import check_effort
from ..problem import Problem
from .base import Bound, first_below, nonnegative, positive_integer, probability
from .complexity import check_envelope, mean_polar
from .counting import bernstein


def width_free(
    n_samples: int,
    dim: int,
    theta: float,
    b: float,
    b_y: float,
    lipschitz: float,
    delta: float = 0.05,
    vacuous: float | None = None,
) -> Bound:
    r"""T7: a bound on ``Delta(W)`` for all networks of every width and every cost at once.

    .. math:: \Delta_y = b b_y \bigl(\sqrt{\tfrac2N [D \log(1 + 2 \Lambda N) + \log\tfrac4\delta]}
              + \tfrac2N\bigr), \quad
              \Delta_2 = b^2 \bigl(\sqrt{\tfrac2N [2 D \log(1 + 4 \Lambda N) + \log\tfrac4\delta]}
              + \tfrac2N\bigr)

    with one failure probability for all; ``theta`` is the cost of the network at hand and may be read
    off it.  Assumptions and parameters as in :func:`parameter_count`.

    Returns
    -------
    Bound
        Terms ``target`` (``Delta_y``) and ``pairs`` (``Theta Delta_2``); facts ``Delta_y``, ``Delta_2``
        and ``nonvacuous_from``.
    """
    b, b_y, theta = nonnegative("b", b), nonnegative("b_y", b_y), cost(theta)
    D, slope = nonnegative("dim", dim), nonnegative("lipschitz", lipschitz)
    log_failure = np.log(4 / probability(delta))

    def parts(N):
        y = np.sqrt(2 / N * (D * np.log1p(2 * slope * N) + log_failure)) + 2 / N
        pairs = np.sqrt(2 / N * (2 * D * np.log1p(4 * slope * N) + log_failure)) + 2 / N
        return b * b_y * y, b**2 * pairs

    return affine(parts, n_samples, theta, 2 * b * (b_y + theta * b) if vacuous is None else vacuous)


def width_free_subgaussian(
    n_samples: int,
    dim: int,
    theta: float,
    b: float,
    b_y: float,
    lipschitz: float,
    envelope: float,
    delta: float = 0.05,
    vacuous: float | None = None,
) -> Bound:
    r"""T7 for light tails: sizes are sub-Gaussian ones, as in :func:`parameter_count_subgaussian`.

    .. math:: \Delta_y = b b_y [\psi_N(D \log(1 + 2 \Lambda q N) + \log\tfrac8\delta) + e_N], \quad
              \Delta_2 = b^2 [\psi_N(2 D \log(1 + 4 \Lambda q^2 N) + \log\tfrac8\delta) + e_N]

    with ``q = envelope / b`` and ``e_N = (2 + log(4/delta)/N)/N``.

    Returns
    -------
    Bound
        As :func:`width_free`, with fact ``q``.
    """
    b, b_y, theta = nonnegative("b", b), nonnegative("b_y", b_y), cost(theta)
    if nonnegative("envelope", envelope) < b:
        raise InputError(f"envelope must be at least b = {b}, got {envelope!r}")
    D, slope = nonnegative("dim", dim), nonnegative("lipschitz", lipschitz)
    q = envelope / b if b > 0 else 1.0
    delta = probability(delta)

    def parts(N):
        rounding = (2 + np.log(4 / delta) / N) / N
        y = bernstein(D * np.log1p(2 * slope * q * N) + np.log(8 / delta), N)
        pairs = bernstein(2 * D * np.log1p(4 * slope * q**2 * N) + np.log(8 / delta), N)
        return b * b_y * (y + rounding), b**2 * (pairs + rounding)

    level = 2 * b * (b_y + theta * b) if vacuous is None else vacuous
    return affine(parts, n_samples, theta, level, q=q)


def width_free_sensing(
    n_samples: int,
    shape: tuple[int, int],
    theta: float,
    tau: float,
    delta: float = 0.05,
    vacuous: float | None = None,
) -> Bound:
    r"""T7 for Gaussian matrix sensing: no logarithm of N.

    .. math:: 2 \tau \psi\bigl((m+n) \log 9 + \log\tfrac8\delta\bigr)
              + 2 \Theta \psi\bigl(2 (m+n) \log 17 + \log\tfrac8\delta\bigr),
              \qquad \psi(t) = 2 \sqrt{t/N} + 2 t/N

    Parameters
    ----------
    n_samples : int
    shape : (int, int)
        m and n.
    theta : float
        The cost of the network at hand, a nuclear norm.
    tau : float
        The root of ``E y^2``: of the squared Frobenius norm of the true matrix plus the variance of
        the noise.
    delta
        Probability of failure.
    vacuous : float, optional
        As in :func:`width_free`, by default ``2 (tau + theta)``, although nothing is bounded by it.
    """
    theta, tau = cost(theta), nonnegative("tau", tau)
    log_failure = np.log(8 / probability(delta))
    try:
        m, n = shape
    except (TypeError, ValueError):
        raise InputError(f"shape must be (m, n), got {shape!r}") from None
    for name, size in (("m", m), ("n", n)):
        positive_integer(name, size)
    D = int(m) + int(n)

    def parts(N):
        y, pairs = (chi_square(t, N) for t in (D * np.log(9) + log_failure, 2 * D * np.log(17) + log_failure))
        return 2 * tau * y, 2 * pairs

    return affine(parts, n_samples, theta, 2 * (tau + theta) if vacuous is None else vacuous)


def width_free_rademacher(
    problem: Problem,
    theta: float,
    b: float,
    b_y: float,
    draws: int = 100,
    delta: float = 0.05,
    vacuous: float | None = None,
    envelope: Array | None = None,
    seed: int = 0,
    effort: str = "default",
) -> Bound:
    r"""T7 from the sample: polars at random signs in place of a count of parameters.

    .. math:: 2\, \mathbb E_\epsilon \Omega^\circ_{\mu_N}(\epsilon y) + 6 b b_y s
              + \Theta \bigl(8 b\, \mathbb E_\sigma \Omega^\circ_{\mu_N}(\sigma) + 6 b^2 s\bigr),
              \qquad s = \sqrt{\log(4/\delta) / (2N)}

    Means over signs as in :func:`rademacher`: Monte Carlo means of upper ends, plus a margin.  A tenth of
    ``delta`` goes to the two margins.  Squared loss, factors with mirror images.

    Parameters
    ----------
    problem : Problem
        The sample, of independent pairs.
    theta : float
        The cost of the network at hand; it may be read off after training.
    b, b_y : float
        Bounds, over the population, on the norms of unit-cost factors and of the target; a ``b_y`` that
        a target of the sample exceeds is refused.
    draws, delta, envelope, seed, effort
        As in :func:`rademacher`.

    Returns
    -------
    Bound
        Terms ``target`` and ``pairs``; facts ``Delta_y``, ``Delta_2``, the two mean polars, what Monte
        Carlo and confidence contribute to both terms together, and ``nonvacuous_from``, the N at which
        the bound would reach the level if it went on falling like the root of N.
    """
    if not isinstance(problem, Problem):
        raise InputError(f"problem must be a Problem, got {problem!r}")
    check_effort(effort)
    if not problem.loss.is_quadratic:
        raise InputError("T7 is a statement about the squared loss")
    b, b_y, theta = nonnegative("b", b), nonnegative("b_y", b_y), cost(theta)
    if problem.X is None:
        raise InputError(f"{problem.family.name} has no inputs, hence no sample to measure complexity on")
    if not problem.family.has_mirrors:
        raise InputError("this form of T7 needs factors with mirror images, nonnegative ones have none")
    positive_integer("draws", draws)
    family, X, Y, delta = problem.family, problem.X, problem.Y, probability(delta)
    N, rng, sizes = len(X), np.random.default_rng(seed), np.linalg.norm(Y, axis=1)
    if b_y < np.max(sizes) * (1 - 1e-12):
        raise InputError(f"b_y = {b_y} is not a bound: a target of the sample has norm {np.max(sizes)}")
    flipped = [rng.choice((-1.0, 1.0), (N, 1)) * Y for _ in range(draws)]
    patterns = [rng.choice((-1.0, 1.0), Y.shape) for _ in range(draws)]
    a, share = check_envelope(family, X, envelope), delta / 20
    (_, targets), first = mean_polar(family, X, flipped, b * sizes, share, effort, seed)
    (_, outputs), second = mean_polar(family, X, patterns, a, share, effort, seed)
    spread = float(np.sqrt(np.log(4 / (0.9 * delta)) / (2 * N)))
    Delta_y = 2 * (float(targets) + first) + 6 * b * b_y * spread
    Delta_2 = 8 * b * (float(outputs) + second) + 6 * b**2 * spread
    level = 2 * b * (b_y + theta * b) if vacuous is None else nonnegative("vacuous", vacuous)
    reached = N * ((Delta_y + theta * Delta_2) / level) ** 2 if level > 0 else np.inf
    return Bound(
        {"target": Delta_y, "pairs": theta * Delta_2},
        {
            "Delta_y": Delta_y,
            "Delta_2": Delta_2,
            "polar at the target": float(targets),
            "polar at signs": float(outputs),
            "Monte Carlo": 2 * first + 8 * theta * b * second,
            "confidence": 6 * b * (b_y + theta * b) * spread,
            "nonvacuous_from": float(np.ceil(reached)),
        },
    )


def objective_gap(bound: Bound, square: float, theta: float) -> Bound:
    r"""T7 for the objective: how far population and sample can differ at any network of cost ``theta``.

    .. math:: |\mathrm{NC}_\mu(W) - \mathrm{NC}_{\mu_N}(W)|
              \le \tfrac12 |(\mathbb E_\mu - \mathbb E_N)\|y\|^2|
              + \Theta\, \Delta_y + \tfrac12 \Theta^2 \Delta_2

    Parameters
    ----------
    bound : Bound
        From one of the four forms of T7; its facts ``Delta_y`` and ``Delta_2`` are used.
    square : float
        ``|(E_mu - E_N) |y|^2|`` or an upper bound on it.
    theta : float
        ``Theta_r(W)``.
    """
    square, theta = nonnegative("square", square), cost(theta)
    if not isinstance(bound, Bound) or not {"Delta_y", "Delta_2"} <= set(bound.facts):
        raise InputError("objective_gap needs a bound of T7, with the facts Delta_y and Delta_2")
    terms = {
        "size of the target": 0.5 * square,
        "target": theta * bound.facts["Delta_y"],
        "pairs": 0.5 * theta**2 * bound.facts["Delta_2"],
    }
    return Bound(terms, {"theta": theta})


def square_gap(n_samples: int, b_y: float, delta: float = 0.05, tails: str = "bounded") -> float:
    r"""A bound on ``|(E_mu - E_N) |y|^2|``, the ``square`` of :func:`objective_gap`.

    .. math:: b_y^2 \sqrt{\log(2/\delta) / (2N)}, \qquad b_y^2\, \psi_N(\log\tfrac2\delta), \qquad
              b_y^2 \bigl(2 \sqrt{\log(2/\delta) / N} + 2 \log(2/\delta) / N\bigr)

    Parameters
    ----------
    n_samples : int
    b_y : float
        A bound on the norm of the target ("bounded"), its sub-Gaussian size ("light"), or the standard
        deviation of a single centered Gaussian target ("gaussian").
    delta : float
        Probability of failure.
    tails : {"bounded", "light", "gaussian"}
    """
    positive_integer("n_samples", n_samples)
    square, u = nonnegative("b_y", b_y) ** 2, float(np.log(2 / probability(delta)))
    if tails == "bounded":
        return square * float(np.sqrt(u / (2 * n_samples)))
    if tails == "light":
        return square * float(bernstein(u, n_samples))
    if tails == "gaussian":
        return square * float(chi_square(u, n_samples))
    raise InputError(f"tails must be bounded, light or gaussian, got {tails!r}")


def chi_square(t: float, N: int) -> float:
    """``psi(t)``, beyond which a mean of N squares of Gaussians strays with probability ``2 exp(-t)``."""
    return 2 * np.sqrt(t / N) + 2 * t / N


def cost(theta: float) -> float:
    """``theta`` as a float, or :class:`InputError`: the cost of a network is a finite number."""
    if not np.isfinite(nonnegative("theta", theta)):
        raise InputError(f"theta must be finite, got {theta!r}")
    return float(theta)


def affine(parts: Callable[..., Any], n_samples: int, theta: float, level: float, **facts: float) -> Bound:
    """The bound ``Delta_y + theta Delta_2`` with ``(Delta_y, Delta_2) = parts(N)``, decreasing in N."""
    positive_integer("n_samples", n_samples)

    def terms(N):
        y, pairs = parts(N)
        return {"target": float(y), "pairs": float(theta * pairs)}

    y, pairs = (float(part) for part in parts(n_samples))
    least = first_below(terms, nonnegative("vacuous", level))
    return Bound(terms(n_samples), {**facts, "Delta_y": y, "Delta_2": pairs, "nonvacuous_from": least})
