"""Teachers: networks of R random factors of cost one, whose predictions a student is to recover."""

import numpy as np

from ..families.base import append, width

#: families with a dear polar whose random factors are often dead
EXPOSED = ("deep-relu",)


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
