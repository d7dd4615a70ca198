r"""What the bounds by counting need to know of a family: D, b and Lambda."""

from typing import TypedDict

import numpy as np

from ..families.base import Family
from .base import nonnegative, positive_integer


class UnitConstants(TypedDict):
    """Parameters of one factor, a bound on factors of cost one, and how steep they are over that bound."""

    dim: int
    b: float
    lipschitz: float


def unit_constants(family: Family, a: float) -> UnitConstants:
    r"""``{"dim", "b", "lipschitz"}`` of a family on inputs of size at most ``a``.

    ``b`` bounds the factors of cost one, ``lipschitz`` is ``Lambda = L_phi r / b``.  The size of an
    input is: the polar of the measurement, ``sup <A, atom>`` over atoms of cost one, for sensing and
    tensors; the norm of the longest token for attention; the Euclidean norm otherwise (with the
    constant feature, where there is a bias).

    Raises
    ------
    InputError
        A family that does not define them.
    """
    a = nonnegative("a", a)
    b, slope = family.unit_constants(a)
    return {"dim": family.dim, "b": float(b), "lipschitz": float(slope)}


def gaussian_size(dim: int = 1) -> float:
    r"""The least b with ``E exp(|x|^2 / b^2) <= 2`` for standard Gaussian x in R^dim.

    ``sqrt(8/3)`` in one dimension, about ``sqrt(dim / log 2)`` in many.
    """
    positive_integer("dim", dim)
    return float(np.sqrt(-2 / np.expm1(-np.log(4) / dim)))
