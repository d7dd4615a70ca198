r"""Exact population risks: what a sweep compares its certified networks with.

The population is the design that ``family.random_inputs`` draws (independent standard Gaussian
entries) with targets ``Phi_teacher(x)`` plus centered noise that is independent of the input.
"""

import numpy as np

from .. import bounds
from ..errors import InputError
from ..problem import Problem

QUANTILE = 1.959963984540054  # of the standard normal law: intervals of 95%
CHUNK = 2_000


def prediction_error(family, factors, teacher, n_test=20_000, seed=0):
    r"""``(value, half_width)`` of :math:`E_\mu \|\Phi_W(x) - \Phi_{\mathrm{teacher}}(x)\|^2`.

    A closed form where the family has one in :data:`EXACT`, with half width zero; otherwise the mean
    over ``n_test`` fresh inputs, the same for every call with one ``seed``, with the half width of its
    95% interval by the central limit theorem.

    For the linear families (sensing, two-layer and deep linear networks, CP tensors) the closed form
    needs uncorrelated entries of variance one only: it is the same for random signs.

    Parameters
    ----------
    family : Family
    factors, teacher : mapping
        Two networks of the family, of any widths.
    """
    factors, teacher = family.check_factors(factors), family.check_factors(teacher)
    if family.name in EXACT:
        value = EXACT[family.name](family, factors, teacher)
        if value is not None:
            return max(0.0, float(value)), 0.0
    return sampled_error(family, factors, teacher, n_test, seed)


def sampled_error(family, factors, teacher, n_test=20_000, seed=0):
    """:func:`prediction_error` from fresh inputs, for every family that takes inputs."""
    if family.input_shape is None:
        raise InputError(f"{family.name} has no inputs, hence none to draw")
    if n_test < 2:
        raise InputError(f"n_test must be at least 2, got {n_test!r}")
    rng, losses = np.random.default_rng(seed), []
    for start in range(0, n_test, CHUNK):
        X = family.random_inputs(rng, min(CHUNK, n_test - start))
        losses.append(np.sum((family.predict(factors, X) - family.predict(teacher, X)) ** 2, axis=1))
    losses = np.concatenate(losses)
    return float(losses.mean()), float(QUANTILE * losses.std(ddof=1) / np.sqrt(n_test))


def population_objective(family, factors, teacher, lam, noise, n_test=20_000, seed=0):
    r"""``(value, half_width)`` of :math:`\mathrm{NC}_\mu(W)` for the squared loss.

    ``noise`` is the standard deviation of each output's noise.
    """
    value, half = prediction_error(family, factors, teacher, n_test, seed)
    theta = float(np.sum(family.theta(family.check_factors(factors))))
    return 0.5 * (value + family.n_outputs * noise**2) + lam * theta, 0.5 * half


def discrepancy(problem, factors, teacher):
    r"""``(lower, upper)`` of :math:`\Delta(W)` of T5 for the squared loss, where the population is exact.

    .. math:: \Delta(W) = \sup_{\theta(V) \le 1}
              |\langle \Phi_{\mathrm{teacher}} - \Phi_W, \phi(V)\rangle_\mu
               - \langle y - \Phi_W, \phi(V)\rangle_{\mu_N}|

    Both ends agree to rounding where the polar is exact; for ReLU networks in the plane they are as
    near as a fine grid of directions makes them.

    Parameters
    ----------
    problem : Problem
        A sample of the population with that teacher and centered, independent noise.

    Raises
    ------
    InputError
        A family without an exact population here, or another loss.
    """
    family = problem.family
    if family.name not in PRICES or problem.loss.name != "squared":
        raise InputError(f"no exact discrepancy for {family.name} with the {problem.loss.name} loss")
    factors, teacher = family.check_factors(factors), family.check_factors(teacher)
    return PRICES[family.name](problem, factors, teacher)


# ---- closed forms -------------------------------------------------------------------------------------


def matrix_error(family, factors, teacher):
    """Linear predictions of a matrix or tensor: the squared distance of the two."""
    map_of = LINEAR[family.name]
    return np.sum((map_of(family, factors) - map_of(family, teacher)) ** 2)


def seen_error(family, factors, teacher):
    """Without inputs the two predictions are the whole population."""
    difference = family.predict(factors, None) - family.predict(teacher, None)
    return np.sum(difference**2) / len(difference)


def quadratic_error(family, factors, teacher):
    """``E (x^T B x)^2 = 2 |B|_F^2 + (tr B)^2`` for the symmetric difference B."""
    B = family.matrix(factors) - family.matrix(teacher)
    return 2 * np.sum(B**2) + np.trace(B) ** 2


def relu_error(family, factors, teacher):
    """The quadratic form of the arc-cosine kernel; None with a bias, which has no such form."""
    if family.bias:
        return None
    u = np.concatenate([factors["u"], -teacher["u"]])
    v = np.concatenate([factors["v"], teacher["v"]])
    return np.sum((u @ u.T) * arc_cosine(v, v))


def arc_cosine(V, W):
    r"""``E relu(v.x) relu(w.x)`` for all rows of V (r, d) and W (s, d) and Gaussian x, shape (r, s).

    .. math:: \tfrac{1}{2\pi} |v| |w| \bigl(\sin t + (\pi - t) \cos t\bigr), \qquad t = \angle(v, w)
    """
    a, b = np.linalg.norm(V, axis=1), np.linalg.norm(W, axis=1)
    size = a[:, None] * b[None, :]
    cosine = np.clip((V @ W.T) / np.where(size > 0, size, 1.0), -1.0, 1.0)
    t = np.arccos(cosine)
    return size * (np.sin(t) + (np.pi - t) * cosine) / (2 * np.pi)


def linear_attention_error(family, factors, teacher):
    r"""Gaussian moments of order six, in closed form.

    A rotation of the tokens turns the mean token into ``z/sqrt(T)`` with z one of T independent tokens,
    so all kinds of query are one: the prediction is ``sum_a z_a <N_a, z z^T + S>`` with symmetric
    ``N_a`` and S an independent Wishart matrix of T - 1 degrees of freedom.
    """
    d, c, n = family.n_features, family.n_values, family.n_tokens - 1
    M = (family.matrix(factors) - family.matrix(teacher)).reshape(d, d, d, c)
    N = (M + M.transpose(0, 2, 1, 3)) / 2
    C = (N + N.transpose(1, 0, 2, 3) + N.transpose(1, 2, 0, 3)) / 3  # symmetric in all three
    cubic, linear = np.einsum("aaek->ek", C), np.einsum("abbk->ak", N)
    value = 6 * np.sum(C**2) + np.sum((3 * cubic + n * linear) ** 2) + 2 * n * np.sum(N**2)
    return value * {"mean": 1 / family.n_tokens, "last": 1.0, "all": family.n_tokens}[family.query]


LINEAR = {
    "matrix-sensing": lambda family, factors: family.matrix(factors),
    "structured-sensing": lambda family, factors: family.matrix(factors),
    "two-layer-linear": lambda family, factors: family.matrix(factors),
    "deep-linear": lambda family, factors: family.paths(factors).sum(axis=0),
    "cp-tensor": lambda family, factors: family.tensor(factors),
}

#: closed forms by family name: ``function(family, factors, teacher)``, None where a member has none
EXACT = {
    **dict.fromkeys(LINEAR, matrix_error),
    "matrix-factorization": seen_error,
    "two-layer-quadratic": quadratic_error,
    "two-layer-relu": relu_error,
    "linear-attention": linear_attention_error,
}


# ---- the discrepancy ----------------------------------------------------------------------------------


def linear_discrepancy(problem, factors, teacher):
    """A finite population with the same inner products of predictions: scaled coordinate inputs."""
    family = problem.family
    n = int(np.prod(family.input_shape))
    X = np.sqrt(n) * np.eye(n).reshape(n, *family.input_shape)
    population = Problem(family, X, family.predict(teacher, X), problem.lam, problem.loss)
    return bounds.discrepancy(problem, population, factors)


def quadratic_discrepancy(problem, factors, teacher):
    """``E (x^T B x) x x^T = 2 B + tr(B) I``; the difference of prices is the polar of its eigenvectors."""
    family = problem.family
    B = family.matrix(teacher) - family.matrix(factors)
    E = 2 * B + np.trace(B) * np.eye(len(B)) - family.adjoint(problem.X, problem.residual(factors))
    w, V = np.linalg.eigh(E)
    polar = family.polar(V.T, len(w) * w[:, None])
    return polar.lower, polar.upper


def plane_discrepancy(problem, factors, teacher, n_angles=20_000):
    """Prices on a grid of directions, and a Lipschitz constant in the angle."""
    family, X, G = problem.family, problem.X, problem.residual(factors)
    if family.n_inputs != 2 or family.bias:
        raise InputError(f"an exact discrepancy of {family.name} needs two inputs and no bias")
    t = 2 * np.pi * np.arange(n_angles) / n_angles
    v = np.stack([np.cos(t), np.sin(t)], axis=1)
    prices = arc_cosine(v, teacher["v"]) @ teacher["u"] - arc_cosine(v, factors["v"]) @ factors["u"]
    slope = np.sqrt(2 * prediction_error(family, factors, teacher)[0])
    slope += np.mean(np.linalg.norm(G, axis=1) * np.linalg.norm(X, axis=1))
    lower = float(np.max(np.linalg.norm(prices - np.maximum(v @ X.T, 0) @ G / len(X), axis=1)))
    return lower, lower + float(slope * np.pi / n_angles)


#: discrepancies by family name: ``function(problem, factors, teacher)``
PRICES = {
    **dict.fromkeys(LINEAR, linear_discrepancy),
    "two-layer-quadratic": quadratic_discrepancy,
    "two-layer-relu": plane_discrepancy,
}
