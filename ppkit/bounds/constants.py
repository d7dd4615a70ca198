r"""What the bounds by counting need to know of a family: D, b and Lambda."""

import numpy as np

from ..errors import InputError
from .base import nonnegative, positive_integer


def unit_constants(family, a):
    r"""``{"dim", "b", "lipschitz"}`` of a family on inputs of size at most ``a``.

    ``b`` bounds the factors of cost one, ``lipschitz`` is ``Lambda = L_phi r / b``.  The size of an
    input is: the polar of the measurement, ``sup <A, atom>`` over atoms of cost one, for sensing and
    tensors; the norm of the longest token for attention; the Euclidean norm otherwise (with the
    constant feature, where there is a bias).

    Raises
    ------
    InputError
        A family that is not in the table.
    """
    a = nonnegative("a", a)
    if family.name not in CONSTANTS:
        raise InputError(f"no constants for {family.name}; they are known for {', '.join(CONSTANTS)}")
    b, slope = CONSTANTS[family.name](family, a)
    return {"dim": family.dim, "b": float(b), "lipschitz": float(slope)}


def gaussian_size(dim=1):
    r"""The least b with ``E exp(|x|^2 / b^2) <= 2`` for standard Gaussian x in R^dim.

    ``sqrt(8/3)`` in one dimension, about ``sqrt(dim / log 2)`` in many.
    """
    positive_integer("dim", dim)
    return float(np.sqrt(-2 / np.expm1(-np.log(4) / dim)))


def layers(family, a):
    """Products of L matrices of Frobenius norm at most one."""
    return a, len(family.shapes)


def linear_attention(family, a):
    """``X^T X`` has norm at most ``T a^2``; ``sqrt(T)`` when all tokens ask."""
    return family.n_tokens * a**3 * np.sqrt(family.n_queries), 2.0


def softmax_attention(family, a):
    """Scores are at most ``reach a^2``, and tokens are averaged: sharp attention is steep."""
    slope = np.sqrt(3 + 6 * (family.reach * a**2) ** 2)
    return a * np.sqrt(family.n_queries), slope


CONSTANTS = {
    **dict.fromkeys(
        ("matrix-sensing", "structured-sensing", "two-layer-linear", "two-layer-relu"),
        lambda family, a: (a, 2.0),
    ),
    "two-layer-quadratic": lambda family, a: (a**2, np.sqrt(10)),
    "deep-linear": layers,
    "deep-relu": layers,
    "cp-tensor": layers,
    "linear-attention": linear_attention,
    "multi-head-attention": softmax_attention,
}
