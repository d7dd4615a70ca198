r"""What the bounds by counting need to know of a family: D, b and Lambda."""

from typing import TypedDict

import numpy as np

from ..errors import InputError
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


class GaussianConstants(UnitConstants):
    """The same in sub-Gaussian sizes, and the size of the largest factor of cost one at an input."""

    envelope: float


def gaussian_constants(family: Family) -> GaussianConstants:
    r"""``{"dim", "b", "envelope", "lipschitz"}`` of a family whose inputs are standard Gaussians.

    What the forms of T6 and T7 for light tails ask for: ``b^2 = 8/3`` whatever the dimension, which
    enters through ``envelope`` alone.

    Raises
    ------
    InputError
        A family whose factors are not known to have sub-Gaussian tails.
    """
    atoms = family.gaussian_atoms()
    if atoms is None:
        raise InputError(f"no Gaussian constants for {family.name}: no tail of its factors is known")
    return {
        "dim": family.dim,
        "b": gaussian_size(),
        "lipschitz": float(atoms.lipschitz),
        "envelope": gaussian_size(atoms.entries),
    }


def gaussian_size(dim: int = 1) -> float:
    r"""The least b with ``E exp(|x|^2 / b^2) <= 2`` for standard Gaussian x in R^dim.

    ``sqrt(8/3)`` in one dimension, about ``sqrt(dim / log 2)`` in many.
    """
    positive_integer("dim", dim)
    return float(np.sqrt(-2 / np.expm1(-np.log(4) / dim)))
