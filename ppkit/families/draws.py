"""Random factors that are extreme among those of cost one: what teachers are made of."""

from typing import Any

import numpy as np


def exposed(
    family: Any, rng: np.random.Generator, n_factors: int, effort: str = "default"
) -> dict[str, np.ndarray]:
    """The factors that attain the polar of Gaussian noise on Gaussian inputs, one noise for each."""
    X = family.random_inputs(rng, 4 * family.dim)
    n_samples = 1 if X is None else len(X)
    noises = rng.standard_normal((n_factors, n_samples, family.n_outputs))
    found = [family.polar(X, noise, effort=effort).factor for noise in noises]
    return {k: np.concatenate([factor[k] for factor in found]) for k in family.shapes}


def signed_coordinates(rng: np.random.Generator, k: int, n: int) -> np.ndarray:
    """``k`` signed coordinate vectors of R^n, all of them used before one is used again, (k, n)."""
    chosen = np.concatenate([rng.permutation(n) for _ in range(-(-k // n))])[:k]
    out = np.zeros((k, n))
    out[np.arange(k), chosen] = rng.choice((-1.0, 1.0), k)
    return out
