"""Problems that several core tests share, families that lie on purpose, and a key that is hit."""

import itertools
from dataclasses import replace

import numpy as np

import ppkit
from ppkit.checks import SEARCH, Proof
from ppkit.families import MatrixSensing
from ppkit.polars.spectral import SpectralNorm
from ppkit.rigor import NoProof


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


class TooSmallNorm(SpectralNorm):
    """Lies: says that it is at most 0.9 of what it is."""

    def find(self, M, starts, effort, seed):
        true = super().find(M, starts, effort, seed)
        return replace(true, values=0.9 * true.values, upper=0.9 * true.upper)

    def upper(self, M, proof):
        return 0.9 * super().upper(M, proof)


class SearchedNorm(SpectralNorm):
    """Has only a search: no upper end."""

    def find(self, M, starts, effort, seed):
        return replace(super().find(M, starts, effort, seed), proof=Proof(SEARCH), upper=None)


class BoundedNorm(SpectralNorm):
    """Has an upper end that is twice the norm, as a relaxation might, with a proof to pass on."""

    def find(self, M, starts, effort, seed):
        return replace(super().find(M, starts, effort, seed), proof=DOUBLE, upper=None)

    def upper(self, M, proof):
        return max(1.0, float(proof.data["factor"])) * super().upper(M, Proof("spectral"))

    def prove(self, M, bound, proof):
        raise NoProof("a doubled norm has no proof of its polar in balls")

    def why(self, proof, lower, upper):
        return "bounded"


DOUBLE = Proof("double", {"factor": np.array(2.0)})


class TooSmallPolar(MatrixSensing):
    """The family of :class:`TooSmallNorm`."""

    norm = TooSmallNorm()


class SearchedPolar(MatrixSensing):
    """The family of :class:`SearchedNorm`."""

    norm = SearchedNorm()


class BoundedPolar(MatrixSensing):
    """The family of :class:`BoundedNorm`."""

    norm = BoundedNorm()


def with_family(problem, cls):
    """The same problem for another class of the same shape."""
    family = cls(**problem.family.params())
    return ppkit.Problem(family, problem.X, problem.Y, problem.lam, problem.loss)


def press_ctrl_c(monkeypatch, call, module, name):
    """Ctrl-C in the given call (from zero) of what ``module`` calls ``name``."""
    true, number = getattr(module, name), itertools.count()

    def pressed(*args, **options):
        if next(number) == call:
            raise KeyboardInterrupt
        return true(*args, **options)

    monkeypatch.setattr(module, name, pressed)
