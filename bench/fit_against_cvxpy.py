"""Training to a certificate against CVXPY on the same problems, CPU seconds of one run side by side.

Columns: CPU seconds of ``ppkit.fit`` (with its certificate) and of the solver behind CVXPY (with
CVXPY's own compilation), their ratio, and how far each answer is from the optimum at most, relative:
the certified gap for ``fit``; for CVXPY its objective against the certified lower bound.  A negative
distance would mean an infeasible point, since nothing is below the bound.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np

import ppkit
from ppkit.families import DeepLinear, MatrixFactorization, MatrixSensing, TwoLayerLinear, TwoLayerQuadratic

GAP = 1e-8


def sensing(size, loss="squared", noise=0.5, seed=0):
    """Rank two, N = 5 r (m + n), lambda = sigma sqrt((m + n)/N)."""
    rng, n_samples = np.random.default_rng(seed), 20 * size
    X = rng.standard_normal((n_samples, size, size))
    M = rng.standard_normal((size, 2)) @ rng.standard_normal((2, size))
    Y = X.reshape(n_samples, -1) @ M.ravel() + noise * rng.standard_normal(n_samples)
    Y = np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y
    return ppkit.Problem(MatrixSensing((size, size)), X, Y, noise * np.sqrt(2 * size / n_samples), loss)


def regression(family, n_inputs, n_outputs, n_samples, noise=0.5, seed=0):
    """A linear teacher of rank two."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_inputs))
    M = rng.standard_normal((n_outputs, 2)) @ rng.standard_normal((2, n_inputs)) / np.sqrt(n_inputs)
    Y = X @ M.T + noise * rng.standard_normal((n_samples, n_outputs))
    return ppkit.Problem(family, X, Y, noise * np.sqrt((n_inputs + n_outputs) / n_samples))


def factorization(shape, seed=0):
    """Noise with a share of its largest singular value as lambda."""
    Y = np.random.default_rng(seed).standard_normal(shape)
    return ppkit.Problem(MatrixFactorization(shape), None, Y, 0.5 * np.linalg.norm(Y, 2))


def phase(n_inputs, n_samples, seed=0):
    """Two planted quadratic units."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_inputs))
    Y = (X @ rng.standard_normal((n_inputs, 2)) / np.sqrt(n_inputs)) ** 2 @ np.array([1.0, -1.0])
    Y = Y + 0.1 * rng.standard_normal(n_samples)
    return ppkit.Problem(TwoLayerQuadratic(n_inputs), X, Y, 0.1)


PROBLEMS = [
    ("matrix sensing 12 x 12", sensing(12), "CLARABEL"),
    ("matrix sensing 24 x 24", sensing(24), "CLARABEL"),
    ("matrix sensing 24 x 24", sensing(24), "SCS"),
    ("matrix sensing 12 x 12, logistic", sensing(12, "logistic"), "CLARABEL"),
    ("matrix sensing 12 x 12, Huber", sensing(12, "huber"), "CLARABEL"),
    ("matrix factorization 20 x 15", factorization((20, 15)), "CLARABEL"),
    ("two-layer linear 20 -> 10", regression(TwoLayerLinear(20, 10), 20, 10, 300), "CLARABEL"),
    ("deep linear 20 -> 8 -> 8 -> 10", regression(DeepLinear((20, 8, 8, 10)), 20, 10, 300), "CLARABEL"),
    ("two-layer quadratic, 12 inputs", phase(12, 200), "CLARABEL"),
]


def cpu(function):
    """``(result, CPU seconds)``."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def main():
    """Print the table."""
    ppkit.fit(sensing(4))
    ppkit.convex_lower_bound(sensing(4))  # both have their imports behind them
    print(f"{'problem':<34}{'fit [s]':>9}{'peer [s]':>10}{'ratio':>8}{'gap fit':>10}{'gap peer':>10}  solver")
    for name, problem, solver in PROBLEMS:
        fit, ours = cpu(lambda p=problem: ppkit.fit(p, gap=GAP))
        peer, theirs = cpu(lambda p=problem, s=solver: ppkit.convex_lower_bound(p, solver=s))
        cert = fit.certificate
        distance = (peer.primal - cert.lower_bound) / cert.objective
        mark = "" if cert.certified(GAP) else "  NOT certified"
        print(
            f"{name:<34}{ours:>9.3f}{theirs:>10.3f}{theirs / ours:>8.1f}"
            f"{cert.relative_gap:>10.1e}{distance:>10.1e}  {solver} ({peer.status}){mark}"
        )


if __name__ == "__main__":
    main()
