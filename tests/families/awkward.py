"""Degenerate samples and residuals for any family, and many factors of cost one, some near a maximizer."""

import numpy as np

from ppkit.factors import append, take, width
from ppkit.families import CPTensor, DeepReLU, MultiHeadAttention, StructuredSensing, TwoLayerReLU

# members beyond those of ``instances``, at sizes where the interval of the polar stays open
HARDER = [
    (TwoLayerReLU(4), 15),
    (TwoLayerReLU(3, 5), 4),
    (TwoLayerReLU(2, 2, bias=True), 12),
    (TwoLayerReLU(8), 20),
    (DeepReLU((3, 4, 1)), 12),
    (DeepReLU((3, 3, 2, 2)), 8),
    (CPTensor((4, 4, 4)), 40),
    (CPTensor((2, 2, 2, 2)), 12),
    (StructuredSensing((14, 13), row="linf", col="linf"), 40),
    (StructuredSensing((13, 6), row="linf", col="l2"), 40),
    (StructuredSensing((6, 6), row="l2", col="l2", nonnegative=True), 40),
    (StructuredSensing((6, 6), row=("l1+l2", 0.5), col="l2"), 40),
    (MultiHeadAttention(3, 3, 2), 8),
    (MultiHeadAttention(3, 2, 1, 2, radius=3.0, query="all"), 5),
]

KINDS = (
    "generic",
    "duplicates",
    "zero rows",
    "rank one",
    "opposite points",
    "integers",
    "one sample",
    "fewer samples than outputs",
    "huge and tiny rows",
    "constant residual",
    "zero residual",
    "one residual",
    "aligned residual",
)


def instance(member, n_samples, kind, rng):
    """``(X, G)``: inputs of the family (or None) and a residual (N, n_y), degenerate as ``kind`` says."""
    if kind == "one sample":
        n_samples = 1
    if kind == "fewer samples than outputs":
        n_samples = max(1, member.n_outputs - 1)
    X = member.random_inputs(rng, n_samples)
    if X is not None:
        X = sample(X, kind, rng)
    G = rng.standard_normal(member.predict(member.random_factors(rng, 1), X).shape)
    return X, member.project_dual(X, residual(G, kind, rng, member, X))


def sample(X, kind, rng):
    """The Gaussian inputs ``X`` (N, ...) made degenerate."""
    n = len(X)
    column = (n, *[1] * (X.ndim - 1))
    if kind == "duplicates":
        return X[rng.integers(0, max(1, n // 3), n)]
    if kind == "zero rows":
        return X * (rng.random(n) < 0.5).reshape(column)
    if kind == "rank one":
        return X[:1] * rng.standard_normal(n).reshape(column)
    if kind == "opposite points":
        return np.concatenate([X[: (n + 1) // 2], -X[: n // 2]])
    if kind == "integers":
        return np.clip(np.round(X), -1, 1)
    if kind == "huge and tiny rows":
        return X * 10.0 ** rng.uniform(-9, 9, n).reshape(column)
    return X


def residual(G, kind, rng, member, X):
    """The Gaussian residual ``G`` (N, n_y) made degenerate."""
    if kind == "constant residual":
        return np.ones_like(G)
    if kind == "zero residual":
        return np.zeros_like(G)
    if kind == "one residual":
        return np.where(np.arange(G.size).reshape(G.shape) == rng.integers(G.size), G, 0.0)
    if kind == "aligned residual":
        return member.predict(member.random_factors(rng, 1), X)
    return G


def atoms_of_cost_one(member, rng, count, near=None):
    """Factors of cost one: random, with sparse or stretched entries, and close to those of ``near``."""
    part = count // 4
    W = member.random_factors(rng, count)
    for a in W.values():
        a[:part] *= rng.random(a[:part].shape) < 0.4
    if near is not None:
        own = take(near, rng.integers(0, width(near), part))
        t = 10.0 ** rng.uniform(-9, 0, part)
        for k, a in W.items():
            share = t.reshape(part, *[1] * (a.ndim - 1))
            a[-part:] = (1 - share) * own[k] + share * a[-part:]
    W = member.balance(W)
    cost = member.theta(W)
    alive = np.isfinite(cost) & (cost > 0)
    return member.scale(take(W, alive), 1 / cost[alive])


def values(member, factors, X, G):
    """``<G, phi>`` for each factor, shape (k,)."""
    atoms = member.atoms(factors, X)
    atoms = atoms.reshape(len(atoms), G.size)
    if member.bounded_atoms:
        return atoms @ G.ravel() / len(G)
    # a projected residual sees the unbounded part of an atom through rounding only: leave that out
    return (atoms @ G.ravel() - 64 * np.finfo(float).eps * np.abs(atoms) @ np.abs(G.ravel())) / len(G)


def polar_is_sound(member, X, G, polar, rng, count=10_000):
    """``(largest value of random atoms, problems found)`` for the polar of ``G``."""
    near = polar.factor if polar.candidates is None else append(polar.factor, polar.candidates)
    found = values(member, atoms_of_cost_one(member, rng, count, near), X, G)
    top = float(np.max(found, initial=0.0))
    atom = member.atoms(polar.factor, X)[0]
    own, size = float(np.sum(G * atom)) / len(G), float(np.sum(np.abs(G * atom))) / len(G)
    problems = []
    if not top <= polar.upper:
        problems.append(f"an atom of cost one reaches {top!r}, above {polar.upper!r}")
    if not abs(own - polar.lower) <= 1e-12 * size + 1e-300:
        problems.append(f"the factor attains {own!r}, not {polar.lower!r}")
    if not member.theta(polar.factor)[0] <= 1 + 8 * np.finfo(float).eps:
        problems.append(f"the factor costs {member.theta(polar.factor)[0]!r}")
    if not polar.lower <= polar.upper:
        problems.append("the ends are in the wrong order")
    return top, problems
