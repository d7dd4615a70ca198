"""Data to check a family on: a drawn problem, degenerate samples, factors of cost one and a search."""

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..certificates import Certificate, certify
from ..errors import InputError
from ..factors import Factors, append, take, width, zero_network
from ..families.base import Family
from ..losses import Loss, get_loss
from ..polars.base import Polar
from ..problem import Problem
from ..rigor.balls import Balls
from ..training import fit

EPS = float(np.finfo(float).eps)
#: the losses that every family is checked under, the one of most checks first
LOSSES = ("squared", "logistic", "huber")

#: ways in which inputs or a residual can be degenerate
DEGENERATE = (
    "generic",
    "duplicates",
    "zero rows",
    "zero inputs",
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


@dataclass(frozen=True, eq=False)
class Sample:
    """A drawn problem: the member, its data, a random network and a random residual.

    ``gap`` is the relative gap that training has to certify, None where the polar's interval may stay
    open.  Polars and fits are computed once for all checks.
    """

    family: Family
    X: Any
    Y: np.ndarray
    factors: dict[str, np.ndarray]
    G: np.ndarray
    seed: int = 0
    gap: float | None = 1e-6
    known: dict = field(default_factory=dict)

    def rng(self, *key: Any) -> np.random.Generator:
        """A generator of its own for each use, the same in every run."""
        return np.random.default_rng([self.seed, zlib.crc32(repr(key).encode())])

    def problem(self, lam: float | None = None, loss: str = LOSSES[0]) -> Problem:
        """The problem at ``lam``, by default a fifth of the least at which no factor but free ones helps."""
        Y = self.Y
        if not get_loss(loss).has_unit:  # both labels occur where constants are free
            Y = np.where(self.family.project_dual(self.X, Y) > 0, 1.0, -1.0)
        first = Problem(self.family, self.X, Y, 1.0, loss)
        if lam is None:
            lam = 0.2 * certify(first, zero_network(self.family)).polar_ratio
        return first if lam == 1.0 else Problem(self.family, self.X, Y, lam, loss)

    def best(self, loss: str = LOSSES[0]) -> Certificate:
        """The certificate of the trained network."""
        if loss not in self.known:
            how = {"effort": "fast"} if self.gap is None else {"gap": self.gap}
            self.known[loss] = fit(self.problem(loss=loss), **how).certificate
        return self.known[loss]

    def polar(self, kind: str) -> tuple[np.ndarray | None, np.ndarray, Polar]:
        """``(X, G, polar)`` of a degenerate sample, at the lowest effort."""
        if kind not in self.known:
            X, G = degenerate(self.family, len(self.G), kind, self.rng(kind))
            self.known[kind] = X, G, self.family.polar(X, G, effort="fast")
        return self.known[kind]


def draw(
    member: Family,
    n_samples: int,
    seed: int = 0,
    gap: float | None = 1e-6,
    width: int = 3,
    noise: float = 0.3,
) -> Sample:
    """A :class:`Sample` with targets from a teacher of two factors and Gaussian noise."""
    rng = np.random.default_rng(seed)
    X = member.random_inputs(rng, n_samples)
    teacher = member.predict(member.random_factors(rng, 2), X)
    Y = teacher + noise * np.std(teacher) * rng.standard_normal(teacher.shape)
    G = member.project_dual(X, rng.standard_normal(teacher.shape))
    Y = member.present(Y) if X is None else Y
    return Sample(member, X, Y, member.random_factors(rng, width), G, seed, gap)


def again(
    problem: Problem, X: Any = None, Y: Any = None, lam: float | None = None, loss: str | Loss | None = None
) -> Problem:
    """The problem with other inputs, targets (N, n_outputs), lambda or loss."""
    Y = problem.Y if Y is None else Y
    return Problem(
        problem.family,
        problem.X if X is None else X,
        Y if problem.X is not None else problem.family.present(Y),
        problem.lam if lam is None else lam,
        problem.loss if loss is None else loss,
    )


def in_balls(factors: Factors) -> dict[str, Any]:
    """The network in ball arithmetic, without rounding."""
    return {k: Balls(a) for k, a in factors.items()}


def random_network(
    family: Family, rng: np.random.Generator, width: int, power: float = 0.0, spread: float = 1.0
) -> dict[str, np.ndarray]:
    """Random factors of sizes about ``10^power``, ``spread`` decades around it."""
    return family.scale(
        family.random_factors(rng, width), 10.0 ** (power + spread * rng.standard_normal(width))
    )


# ---- degenerate data --------------------------------------------------------------------------------


def degenerate(
    member: Family, n_samples: int, kind: str, rng: np.random.Generator
) -> tuple[np.ndarray | None, np.ndarray]:
    """``(X, G)``: inputs of the family (or None) and a residual (N, n_y), degenerate as ``kind`` says."""
    if kind == "one sample":
        n_samples = 1
    if kind == "fewer samples than outputs":
        n_samples = max(1, member.n_outputs - 1)
    X = member.random_inputs(rng, n_samples)
    if X is not None:
        X = degenerate_inputs(X, kind, rng)
    G = rng.standard_normal(member.predict(member.random_factors(rng, 1), X).shape)
    return X, member.project_dual(X, degenerate_residual(G, kind, rng, member, X))


def degenerate_inputs(X: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """The Gaussian inputs ``X`` (N, ...) made degenerate."""
    n = len(X)
    column = (n, *[1] * (X.ndim - 1))
    if kind == "duplicates":
        return X[rng.integers(0, max(1, n // 3), n)]
    if kind == "zero rows":
        return X * (rng.random(n) < 0.5).reshape(column)
    if kind == "zero inputs":
        return 0.0 * X
    if kind == "rank one":
        return X[:1] * rng.standard_normal(n).reshape(column)
    if kind == "opposite points":
        return np.concatenate([X[: (n + 1) // 2], -X[: n // 2]])
    if kind == "integers":
        return np.clip(np.round(X), -1, 1)
    if kind == "huge and tiny rows":
        return X * 10.0 ** rng.uniform(-9, 9, n).reshape(column)
    return X


def degenerate_residual(
    G: np.ndarray, kind: str, rng: np.random.Generator, member: Family, X: Any
) -> np.ndarray:
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


# ---- an independent search --------------------------------------------------------------------------


def values(member: Family, factors: Factors, X: Any, G: np.ndarray) -> np.ndarray:
    """``<G, phi>`` for each factor, shape (k,)."""
    atoms = member.atoms(factors, X)
    atoms = atoms.reshape(len(atoms), G.size)
    if member.bounded_atoms:
        return atoms @ G.ravel() / len(G)
    # a projected residual sees the unbounded part of an atom through rounding only: leave that out
    return (atoms @ G.ravel() - 64 * EPS * np.abs(atoms) @ np.abs(G.ravel())) / len(G)


def at_cost_one(member: Family, factors: Factors) -> dict[str, np.ndarray]:
    """The factors balanced and scaled to cost one; those that cost nothing are left out."""
    factors = member.balance(factors)
    cost = member.theta(factors)
    alive = np.isfinite(cost) & (cost > 0)
    return member.scale(take(factors, alive), 1 / cost[alive])


def atoms_of_cost_one(
    member: Family, rng: np.random.Generator, count: int, around: Factors | None = None
) -> dict[str, np.ndarray]:
    """Factors of cost one: random, with sparse or stretched entries, and close to those ``around``."""
    part = count // 4
    W = member.random_factors(rng, count)
    for a in W.values():
        a[:part] *= rng.random(a[:part].shape) < 0.4
    if around is not None:
        own = take(around, rng.integers(0, width(around), part))
        t = 10.0 ** rng.uniform(-9, 0, part)
        for k, a in W.items():
            share = t.reshape(part, *[1] * (a.ndim - 1))
            a[-part:] = (1 - share) * own[k] + share * a[-part:]
    return at_cost_one(member, W)


def climb(member: Family, factors: Factors, X: Any, G: np.ndarray, steps: int = 30) -> dict[str, np.ndarray]:
    """Factors of cost one after ascent along the gradient, each with a step size of its own.

    A step that leaves the box of ``bounds`` is clipped, one to factors that the family refuses is not made.
    """
    W, step = dict(factors), np.full(width(factors), 0.3)
    for _ in range(steps):
        slope, box = member.vjp(W, X, G), member.bounds(W)
        size = np.sqrt(sum(np.sum(np.reshape(a, (len(a), -1)) ** 2, axis=1) for a in slope.values()))
        by = np.where(size > 0, step / np.where(size > 0, size, 1.0), 0.0)
        moved = {k: a + along(by, a) * slope[k] for k, a in W.items()}
        if box is not None:
            moved = {k: np.clip(a, *box[k]) for k, a in moved.items()}
        moved = member.balance(moved)
        cost = member.theta(moved)
        usable = np.isfinite(cost) & (cost > 0) & allowed(member, moved)
        moved = member.scale(moved, np.where(usable, 1 / np.where(usable, cost, 1.0), 0.0))
        better = usable & (values(member, moved, X, G) > values(member, W, X, G))
        W = {k: np.where(along(better, a), moved[k], a) for k, a in W.items()}
        step = np.where(better, 1.5 * step, 0.3 * step)
    return W


def along(numbers: np.ndarray, a: np.ndarray) -> np.ndarray:
    """One number a factor (r,), in the shape that multiplies ``a`` (r, ...)."""
    return numbers.reshape(-1, *[1] * (a.ndim - 1))


def allowed(member: Family, factors: Factors) -> np.ndarray:
    """Which factors the family takes, shape (r,): signs or balls may be part of the model."""
    try:
        member.check_factors(factors)
    except InputError:
        r = width(factors)
        return np.array([r > 1 and allowed(member, take(factors, [j]))[0] for j in range(r)])
    return np.ones(width(factors), bool)


def searched(
    member: Family, X: Any, G: np.ndarray, polar: Polar, rng: np.random.Generator, count: int = 2000
) -> float:
    """The largest ``<G, phi>`` of many factors of cost one, the best of them improved by ascent."""
    around = polar.factor if polar.candidates is None else append(polar.factor, polar.candidates)
    W = atoms_of_cost_one(member, rng, count, around)
    found = values(member, W, X, G)
    if not len(found) or not member.bounded_atoms:
        return float(np.max(found, initial=0.0))
    best = climb(member, take(W, np.argsort(-found)[:12]), X, G)
    return float(max(np.max(found), np.max(values(member, best, X, G)), 0.0))
