r"""Multistart ascent: the lower end of a polar, and the factors that attain it.

A search is never a certificate: what it returns is attained, and nothing says that it is the largest.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..factors import Array, Factors

LEAST_STRIDE = 1e-6


def multistart(
    step: Callable[..., Any],
    starts: Factors,
    steps: int = 60,
    tol: float = 1e-12,
    mix: Callable[..., Any] | None = None,
) -> tuple[dict[str, np.ndarray], Array]:
    r"""Monotone ascent from many starting points at once, by steps that may be shortened.

    For a convex positively homogeneous function on a ball, or one that is so in each block of
    variables, the map from a point to the maximizer of the function's linearization (a conditional
    gradient step of full length, the power iteration of a matrix) never lowers the value.  Whatever
    the map, a point moves only when its value rises.

    Parameters
    ----------
    step : callable
        ``step(points) -> (values (k,), ends)`` for a batch of points, each a mapping
        ``name -> array (k, ...)``; ``values`` belong to ``points``, and both must be feasible.
    starts : mapping name -> array (s, ...)
        Feasible points; see :func:`gather` for the network's own factors among them.
    steps : int
        Each start costs at most ``steps + 1`` evaluations of ``step``; points that stopped cost none.
    tol : float
        A step is taken when the value rises by more than this, relatively.
    mix : callable or None
        ``mix(points, ends, t (k,))``, feasible points the part t of the way; a step that does not raise
        the value is then halved.  Without it the steps are full, and one that fails ends the ascent.

    Returns
    -------
    points, values
        One row for every start, best first; no value is below that of its start.
    """
    points = {k: np.array(a) for k, a in starts.items()}
    values, ends = step(points)
    values, ends = np.array(values, float), {k: np.array(a) for k, a in ends.items()}
    moving, stride = np.arange(len(values)), np.ones(len(values))
    for _ in range(steps):
        if not len(moving):
            break
        trial = ends if mix is None else mix({k: a[moving] for k, a in points.items()}, ends, stride[moving])
        found, after = step(trial)
        rises = found > values[moving] + tol * np.abs(values[moving])
        up = moving[rises]
        values[up] = found[rises]
        for k in points:
            points[k][up] = trial[k][rises]
            ends[k][rises] = after[k][rises]
        longer, shorter = np.minimum(1.5 * stride[moving], 1.0), 0.0 if mix is None else 0.5 * stride[moving]
        stride[moving] = np.where(rises, longer, shorter)
        still = stride[moving] > LEAST_STRIDE
        moving, ends = moving[still], {k: a[still] for k, a in ends.items()}
    order = np.argsort(-values, kind="stable")
    return {k: a[order] for k, a in points.items()}, values[order]


def gather(networks: Sequence[Factors], more: Factors) -> dict[str, np.ndarray]:
    """The factors of all ``networks`` that ``more`` (name -> array (s, ...)) names, then ``more``."""
    return {k: np.concatenate([*(W[k] for W in networks), a]) for k, a in more.items()}
