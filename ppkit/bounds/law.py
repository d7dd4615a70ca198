r"""T9: the fast rate, an error in proportion to R D / N, where it is proved."""

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from .base import Bound, first_below, nonnegative, positive_integer, probability

STRUCTURES = ("rank", "rows")
CONE = 4.0  # the nuclear norm off the tangent space is at most CONE sqrt(R) times the Frobenius norm


def recovery(
    lam: float, noise_polar: float, rank: int, kappa: float, gap: float = 0.0, whole: bool = False
) -> Bound:
    r"""T9: a bound on ``|M - M*|_F^2`` for every network within ``gap`` of the optimum.

    .. math:: \|M - M^\star\|_F \le \max\Bigl\{ \frac{3\,\mathrm{gap}}{\lambda\sqrt R},\;
              \frac{(\lambda + \Omega^\circ(\varepsilon)) \sqrt R}{\kappa}
              + (1 + \sqrt2) \sqrt{\frac{\mathrm{gap}}{\kappa}} \Bigr\}

    Squared loss, predictions that are linear in a matrix M; the nuclear norm as Omega and a teacher of
    rank at most R, or the sum of the norms of the rows and at most R rows.  It is a theorem about one
    sample, without probability.

    Parameters
    ----------
    lam, noise_polar : float
        lambda and the polar of the noise; infinite result unless ``lam >= 2 noise_polar``
        (``lam >= noise_polar`` with ``whole``).
    rank : int
        R, at least the rank of the teacher.
    kappa : float
        ``|forward(H)|^2 >= kappa |H|_F^2`` in the mean over the sample, for every H in the cone of the
        teacher, or with ``whole`` for every H; the first entry of the maximum is then not needed.
    gap : float
        A certified gap.

    Returns
    -------
    Bound
        Terms ``statistical`` and ``optimization``, the latter zero for an exact optimum.
    """
    lam, polar = nonnegative("lam", lam), nonnegative("noise_polar", noise_polar)
    kappa, gap = nonnegative("kappa", kappa), nonnegative("gap", gap)
    positive_integer("rank", rank)
    facts = {"kappa": kappa, "lam": lam, "noise polar": polar}
    if kappa == 0 or lam < (1 if whole else 2) * polar:
        return Bound({"statistical": np.inf, "optimization": 0.0}, facts)
    clean = (lam + polar) * np.sqrt(rank) / kappa
    total = clean + (1 + np.sqrt(2)) * np.sqrt(gap / kappa)
    if not whole and gap > 0:
        total = max(total, 3 * gap / (lam * np.sqrt(rank)))
    return Bound({"statistical": float(clean**2), "optimization": float(total**2 - clean**2)}, facts)


def fast_rate(
    n_samples: int,
    shape: tuple[int, ...],
    rank: int,
    noise: float,
    lam: float | None = None,
    gap: float = 0.0,
    delta: float = 0.05,
    vacuous: float | None = None,
    structure: str = "rank",
) -> Bound:
    r"""T9 for Gaussian measurements: ``|M - M*|_F^2`` is of the order ``noise^2 R (m + n) / N``.

    The hypotheses of :func:`recovery` hold with probability at least ``1 - delta`` for the ``kappa``
    and ``noise polar`` among the facts, and ``lam``, by default twice the latter.

    Parameters
    ----------
    n_samples, rank : int
        N and R.
    shape : (m, n)
        Shape of the matrix.
    noise : float
        Standard deviation of the Gaussian noise.
    vacuous : float, optional
        The level from which on the bound says nothing, such as ``|M*|_F^2`` (default: infinity).
    structure : {"rank", "rows"}
        The nuclear norm and a teacher of rank R, or the sum of the norms of the rows and a teacher
        with R rows, where ``n + 2 log m`` takes the place of ``m + n``.

    Returns
    -------
    Bound
        As :func:`recovery`; facts ``constant``, the bound times ``N / (noise^2 R (m + n))``, and
        ``nonvacuous_from``, for exact optima at the default ``lam``.
    """
    m, n = shape
    noise, log_failure = nonnegative("noise", noise), np.log(3 / probability(delta))
    for name, value in (("n_samples", n_samples), ("rank", rank), ("shape[0]", m), ("shape[1]", n)):
        positive_integer(name, value)
    if structure not in STRUCTURES:
        raise InputError(f"structure must be one of {', '.join(STRUCTURES)}, got {structure!r}")
    if rank > (min(shape) if structure == "rank" else m):
        raise InputError(f"rank {rank} exceeds the smaller side of {m} x {n} (or, for rows, their number)")
    t, size = float(np.sqrt(2 * log_failure)), noise_size(m, n, structure)

    def bound(N, lam=None, gap=0.0):
        polar = noise * (1 + t / np.sqrt(N)) * (size + t) / np.sqrt(N)
        kappa = gaussian_kappa(N, shape, rank, t, structure)
        return recovery(2 * polar if lam is None else lam, polar, rank, kappa, gap)

    result = bound(n_samples, lam, gap)
    level = np.inf if vacuous is None else nonnegative("vacuous", vacuous)
    scale = noise**2 * rank * (m + n if structure == "rank" else n + 2 * np.log(m)) / n_samples
    facts = {
        **result.facts,
        "constant": result.value / scale if scale > 0 else np.inf,
        "nonvacuous_from": first_below(lambda N: bound(N).terms, level),
    }
    return Bound(result.terms, facts)


def noise_size(m: int, n: int, structure: str = "rank") -> float:
    """At least the mean polar of a standard Gaussian m x n matrix: spectral norm, or longest row."""
    return float(np.sqrt(n) + (np.sqrt(m) if structure == "rank" else np.sqrt(2 * np.log(max(m, 1)))))


def gaussian_kappa(
    n_samples: int, shape: tuple[int, ...], rank: int, t: float, structure: str = "rank"
) -> float:
    r"""``kappa`` on the cone of a teacher, by Gordon's inequality; fails with probability ``exp(-t^2/2)``."""
    m, n = shape
    if structure == "rank":
        tangent, normal = np.sqrt(rank * (m + n - rank)), noise_size(m - rank, n - rank)
    else:
        tangent, normal = np.sqrt(rank * n), noise_size(m - rank, n, "rows") if m > rank else 0.0
    size = min(tangent + CONE * np.sqrt(rank) * normal, np.sqrt(m * n))
    root = np.sqrt(n_samples / (n_samples + 1)) - (size + t) / np.sqrt(n_samples)
    return float(max(0.0, root) ** 2)


def regression_rate(
    X: ArrayLike,
    n_outputs: int,
    rank: int,
    noise: float,
    lam: float | None = None,
    gap: float = 0.0,
    delta: float = 0.05,
) -> Bound:
    r"""T9 for two-layer linear networks on given inputs: everything is computed from ``X``.

    ``kappa`` is the least eigenvalue of the second moments of the inputs, exact and for all
    directions; the Gaussian noise alone is random.

    Parameters
    ----------
    X : array (N, n_x)
    n_outputs, rank : int
    noise : float
        Standard deviation of the noise of each output.
    lam : float, optional
        By default the bound on the noise's polar, which is among the facts.

    Returns
    -------
    Bound
        A bound on ``|M - M*|_F^2``, as :func:`recovery`.
    """
    X = np.asarray(X, float)
    if X.ndim != 2 or X.size == 0 or not np.all(np.isfinite(X)):
        raise InputError(f"X must be a finite array (N, n_x), got shape {X.shape}")
    positive_integer("n_outputs", n_outputs)
    noise, t = nonnegative("noise", noise), np.sqrt(2 * np.log(1 / probability(delta)))
    eigenvalues = np.maximum(np.linalg.eigvalsh(X.T @ X / len(X)), 0.0)
    size = np.sqrt(n_outputs) + np.sqrt(X.shape[1]) + t
    polar = float(noise * np.sqrt(eigenvalues[-1] / len(X)) * size)
    return recovery(polar if lam is None else lam, polar, rank, float(eigenvalues[0]), gap, whole=True)
