"""Descent of softmax heads in smooth coordinates, where no penalty and no ball has an edge."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..factors import Array, Factors
from ..losses import Loss
from ..polars.ball_maps import from_ball, pull_back, to_ball

OPTIONS = {"maxiter": 300, "maxfun": 900, "maxcor": 30, "ftol": 1e-12, "gtol": 0.0}


def descend_heads(
    family: Any, X: Array, Y: Array, lam: float, loss: Loss, factors: Factors
) -> dict[str, Array]:
    """L-BFGS in smooth coordinates: keys and queries on their balls, values as ``s U``.

    ``min (s^2 + |U|^2)/2`` over ``s U = V`` is the cost ``|V|``, so the penalty has no kink.
    """
    from scipy.optimize import minimize

    cost = family.theta(factors)[:, None, None]
    root = np.sqrt(np.maximum(cost, 1e-12 * cost.max()))
    start = {k: from_ball(factors[k], family.radius) for k in ("K", "Q")}
    start |= {"U": factors["V"] / root, "s": root}
    shapes = {k: a.shape for k, a in start.items()}

    def heads(z):
        return {"V": z["s"] * z["U"], **{k: to_ball(z[k], family.radius) for k in ("K", "Q")}}

    def function(flat):
        z = unpack(flat, shapes)
        W = heads(z)
        F = family.predict(W, X)
        slope = family.vjp(W, X, loss.gradient(Y, F))
        grad = {k: pull_back(z[k], family.radius, slope[k]) for k in ("K", "Q")}
        grad["U"] = z["s"] * slope["V"] + lam * z["U"]
        grad["s"] = np.sum(z["U"] * slope["V"], axis=(1, 2), keepdims=True) + lam * z["s"]
        penalty = 0.5 * lam * (np.sum(z["U"] ** 2) + np.sum(z["s"] ** 2))
        return float(np.mean(loss.value(Y, F))) + penalty, pack(grad, shapes)

    result = minimize(function, pack(start, shapes), jac=True, method="L-BFGS-B", options=OPTIONS)
    return heads(unpack(result.x, shapes))


def pack(arrays: Factors, shapes: Mapping[str, tuple[int, ...]]) -> Array:
    """The arrays that ``shapes`` names as one vector."""
    return np.concatenate([arrays[k].ravel() for k in shapes])


def unpack(flat: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """The arrays ``name -> array`` of a vector."""
    ends = np.cumsum([int(np.prod(s)) for s in shapes.values()])
    return {k: a.reshape(s) for (k, s), a in zip(shapes.items(), np.split(flat, ends[:-1]), strict=True)}
