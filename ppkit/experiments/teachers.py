"""Teachers: networks of R random factors of cost one, whose predictions a student is to recover."""

import numpy as np

from ..errors import InputError
from ..factors import append, width

#: families with a dear polar whose random factors are often dead
EXPOSED = ("deep-relu",)
#: the array of a factor that says with which sign, or with which values, it enters (None: the last one)
OUTPUT = {"two-layer-relu": "u", "deep-relu": None, "multi-head-attention": "V"}


def draw_teacher(family, rng, n_factors):
    """``n_factors`` random factors with ``theta = 1`` each, extreme among the factors of cost one.

    A factor that is not (a dense vector measured in l1, a path of full-rank layers) predicts what
    cheaper ones predict.  Where the polar is cheap, and for deep ReLU paths, factors are the ones that
    attain it in random directions; a side measured in l1 gets one signed coordinate, distinct ones
    while there are enough.
    """
    norms = family.params()
    exposes = family.polar_is_cheap or family.name in EXPOSED
    if exposes and "l1" not in (norms.get("row"), norms.get("col")):
        return unit(family, exposed(family, rng, n_factors))
    factors = family.random_factors(rng, n_factors)
    for side, name in (("row", "u"), ("col", "v")):
        if norms.get(side) == "l1":
            factors[name] = signed_coordinates(rng, n_factors, family.shapes[name][0])
    return unit(family, factors)


def agreeing(family, factors):
    """The same factors with predictions that do not cancel: the teacher of the control experiment.

    ReLU networks and paths get output weights of one sign, attention heads a common value matrix up to
    its norm.  Every factor keeps its cost.
    """
    if family.name not in OUTPUT:
        raise InputError(f"{family.name}: no rule makes its factors agree; {', '.join(OUTPUT)} have one")
    name = list(family.shapes)[-1] if OUTPUT[family.name] is None else OUTPUT[family.name]
    out = factors[name]
    if family.name != "multi-head-attention":
        return {**factors, name: np.abs(out)}
    size = np.sqrt(np.sum(out**2, axis=(1, 2), keepdims=True))
    return {**factors, name: size * (out[:1] / size[:1])}


def near(family, rng, teacher, n_factors, spread=0.3):
    """A start of ``n_factors`` factors: the teacher's, moved by ``spread`` of the way to random ones."""
    away = unit(family, family.random_factors(rng, width(teacher)))
    start = {k: (1 - spread) * teacher[k] + spread * away[k] for k in teacher}
    return append(start, small(family, rng, max(0, n_factors - width(teacher))))


def small(family, rng, n_factors, cost=0.1):
    """``n_factors`` random factors of the given cost each."""
    factors = unit(family, family.random_factors(rng, n_factors))
    return family.scale(factors, np.full(n_factors, cost))


def unit(family, factors):
    """The factors balanced, and scaled to cost one each."""
    factors = family.balance(factors)
    return family.scale(factors, 1 / family.theta(factors))


def exposed(family, rng, n_factors):
    """The factors that attain the polar of Gaussian noise on Gaussian inputs, one noise for each."""
    X = family.random_inputs(rng, 4 * family.dim)
    noises = rng.standard_normal((n_factors, len(X), family.n_outputs))
    effort = "fast" if family.name in EXPOSED else "default"
    found = [family.polar(X, noise, effort=effort).factor for noise in noises]
    return {k: np.concatenate([factor[k] for factor in found]) for k in family.shapes}


def signed_coordinates(rng, k, n):
    """``k`` signed coordinate vectors of R^n, all of them used before one is used again, (k, n)."""
    chosen = np.concatenate([rng.permutation(n) for _ in range(-(-k // n))])[:k]
    out = np.zeros((k, n))
    out[np.arange(k), chosen] = rng.choice((-1.0, 1.0), k)
    return out
