r"""Multistart ascent: the lower end of a polar, and the factors that attain it.

A search is never a certificate: what it returns is attained, and nothing says that it is the largest.
"""

import numpy as np


def multistart(step, starts, steps=60, tol=1e-12):
    r"""Monotone fixed-point ascent from many starting points at once.

    For a convex positively homogeneous function on a ball, or one that is so in each block of
    variables, the map from a point to the maximizer of the function's linearization (a conditional
    gradient step of full length, the power iteration of a matrix) never lowers the value.  Whatever
    the map, a point moves only when its value rises, and stops when it does not.

    Parameters
    ----------
    step : callable
        ``step(points) -> (values (k,), next points)`` for a batch of points, each a mapping
        ``name -> array (k, ...)``; ``values`` belong to ``points``, and both must be feasible.
    starts : mapping name -> array (s, ...)
        Feasible points; see :func:`gather` for the network's own factors among them.
    steps : int
        Each start costs at most ``steps + 1`` evaluations of ``step``; points that stopped cost none.
    tol : float
        A point stops when its value rises by no more than this, relatively.

    Returns
    -------
    points, values
        One row for every start, best first; no value is below that of its start.
    """
    points = {k: np.array(a) for k, a in starts.items()}
    values, new = step(points)
    values, moving = np.array(values, float), np.arange(len(values))
    for _ in range(steps):
        if not len(moving):
            break
        found, after = step(new)
        rises = found > values[moving] + tol * np.abs(values[moving])
        moving = moving[rises]
        values[moving] = found[rises]
        for k in points:
            points[k][moving] = new[k][rises]
        new = {k: a[rises] for k, a in after.items()}
    order = np.argsort(-values, kind="stable")
    return {k: a[order] for k, a in points.items()}, values[order]


def gather(networks, more):
    """The factors of all ``networks`` that ``more`` (name -> array (s, ...)) names, then ``more``."""
    return {k: np.concatenate([*(W[k] for W in networks), a]) for k, a in more.items()}
