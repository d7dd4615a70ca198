"""Problems that several core tests share, and families that lie on purpose."""

import numpy as np

import ppkit
from ppkit.families import MatrixSensing
from ppkit.polars.base import Polar


def sensing(seed=0, shape=(6, 5), n_samples=60, rank=2, noise=0.5, lam=None, loss="squared"):
    """Gaussian matrix sensing with a teacher of the given rank and the lambda of the first milestone."""
    rng = np.random.default_rng(seed)
    m, n = shape
    X = rng.standard_normal((n_samples, m, n))
    M = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    Y = X.reshape(n_samples, -1) @ M.ravel() + noise * rng.standard_normal(n_samples)
    lam = noise * np.sqrt((m + n) / n_samples) if lam is None else lam
    if ppkit.losses.get_loss(loss).name == "logistic":
        Y = np.where(Y > 0, 1.0, -1.0)
    return ppkit.Problem(MatrixSensing(shape), X, Y, lam, loss)


def random_network(problem, rng, width, spread=2.0):
    """Random factors, each multiplied by a log-normal scale."""
    W = problem.family.random_factors(rng, width)
    return problem.family.scale(W, np.exp(spread * rng.standard_normal(width)))


class TooSmallPolar(MatrixSensing):
    """Lies: says that its polar is at most 0.9 of what it is."""

    def polar(self, X, G, starts=(), effort="default", seed=0):
        true = super().polar(X, G)
        return Polar(0.9 * true.lower, 0.9 * true.upper, true.factor, "exact", true.candidates)

    def polar_upper(self, X, G, proof):
        return 0.9 * super().polar_upper(X, G, proof)


class SearchedPolar(MatrixSensing):
    """Has only a search: no upper end."""

    def polar(self, X, G, starts=(), effort="default", seed=0):
        true = super().polar(X, G)
        return Polar(true.lower, np.inf, true.factor, "heuristic", true.candidates)

    def polar_upper(self, X, G, proof):
        return np.inf


class BoundedPolar(MatrixSensing):
    """Has an upper end that is twice the polar, as a relaxation might, with a proof to pass on."""

    def polar(self, X, G, starts=(), effort="default", seed=0):
        true = super().polar(X, G)
        proof = {"factor": np.array(2.0)}
        return Polar(true.lower, self.polar_upper(X, G, proof), true.factor, "bounded", proof=proof)

    def polar_upper(self, X, G, proof):
        return max(1.0, float(proof["factor"])) * super().polar_upper(X, G, {})


def with_family(problem, cls):
    """The same problem for another class of the same shape."""
    family = cls(**problem.family.params())
    return ppkit.Problem(family, problem.X, problem.Y, problem.lam, problem.loss)
