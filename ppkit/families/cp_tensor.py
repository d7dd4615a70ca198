"""Sums of rank-one tensors seen through linear measurements: CP decomposition with a certificate."""

from typing import Any, Self

import numpy as np

from ..checks.forms import other_sizes
from ..errors import InputError
from ..factors import Factors, Numbers, check_shape, sample_shape
from ..polars.tensor import contract, least_unfoldings
from ..programs.nuclear import Program, least_norm
from ..programs.tensor import relaxation_is_exact, relaxed_program
from . import models
from .gaussian import GaussianAtoms
from .outer_product import svd_split
from .rank_one import RankOne


class CPTensor(RankOne):
    r"""Linear measurements of a sum of rank-one tensors with K >= 2 modes.

    .. math::
        \min_{u} \; \frac1N \sum_i \ell\Bigl(y_i, \bigl\langle A_i,
        \textstyle\sum_j u_{1,j} \otimes \cdots \otimes u_{K,j}\bigr\rangle\Bigr)
        + \lambda \sum_j \|u_{1,j}\| \cdots \|u_{K,j}\|

    Omega is the tensor nuclear norm (the least one among the tensors with the same predictions); the
    polar is the tensor spectral norm of ``(1/N) sum_i g_i A_i``, hard in general:
    :class:`ppkit.polars.tensor.TensorNorm` says how it is enclosed and what each effort costs (8 x 8 x 8 by
    default: about a second).  With K = 2 this is matrix sensing.

    Parameters
    ----------
    shape : (n1, ..., nK)
        Size of each mode; ``X`` has shape (N, n1, ..., nK), ``Y`` (N,).
        Factors: ``u1`` (r, n1), ..., ``uK`` (r, nK).  A tensor seen in full is the identity as ``X``.
    """

    name = "cp-tensor"
    n_outputs = 1
    input_degree = 1

    def __init__(self, shape: Any):
        try:
            shape = tuple(shape)
        except TypeError:
            shape = ()
        if not 2 <= len(shape) <= 8:
            raise InputError(f"{self.name}: shape must list the sizes of 2 to 8 modes, got {shape}")
        self.shape = check_shape(self.name, shape, len(shape))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def polar_is_cheap(self) -> bool:
        """True: the forms of effort "default" take about a second at most, and every round is worth that."""
        return True

    def params(self) -> dict[str, Any]:
        return {"shape": list(self.shape)}

    @classmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        shape = sample_shape(cls.name, X, "N, n1, ..., nK", range(3, 10))
        return cls(**{"shape": shape, **options})

    # ---- the three maps ----------------------------------------------------------------------------

    def flat(self, X: Numbers) -> Numbers:
        """``X`` with each measurement tensor as a row, (N, n1 ... nK)."""
        return X.reshape(len(X), int(np.prod(self.shape)))

    def adjoint(self, X: Numbers, G: Numbers) -> Numbers:
        """The tensor with ``<G, Phi>_{mu_N} = <adjoint(G), tensor>``, shape (n1, ..., nK)."""
        return (G[:, 0] @ self.flat(X) / len(X)).reshape(*self.shape)

    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        return (self.outer(factors) @ self.flat(X).T)[:, :, None]

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        return (self.flat(X) @ self.outer(factors).sum(axis=0))[:, None]

    def rounding(self, A: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        return len(A), float(np.abs(G[:, 0]) @ np.linalg.norm(self.flat(A), axis=1)) / len(A)

    def others(self, mode: int) -> tuple[int, ...]:
        """Sizes of the modes other than ``mode``."""
        return other_sizes(self.shape, mode)

    # ---- training ----------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        M, vectors = self.adjoint(X, G), self.vectors(factors)
        return {k: contract(M, vectors, j) for j, k in enumerate(self.shapes)}

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """For two modes the singular value decomposition."""
        if len(self.shape) == 2:
            u, v = svd_split(self.tensor(factors))
            return {"u1": u, "u2": v}
        return super().merge(factors, X)

    # ---- reference programs --------------------------------------------------------------------------

    def relaxation(self, X: np.ndarray) -> Program:
        """``(prediction, value, constraints)``: the relaxed nuclear norm, at most Omega.

        It equals Omega whenever some tensor's certificate closes, and always if :attr:`is_tight`.
        """
        return relaxed_program(X, self.shape)

    @property
    def is_tight(self) -> bool:
        """Whether the relaxation is exact for every tensor: at most one of the lesser modes exceeds 2."""
        return relaxation_is_exact(self.shape)

    def convex_program(self, X: np.ndarray) -> Program:
        """The relaxation where it is a theorem that it is exact; see :attr:`is_tight`."""
        if not self.is_tight:
            raise InputError(f"{self.name}: no finite convex program is known to be exact for {self.shape}")
        return self.relaxation(X)

    def omega(self, X: np.ndarray, F: np.ndarray) -> float:
        """The least nuclear norm of a tensor with predictions ``F``, where the program is exact."""
        return least_norm(self.flat(X), F, lambda A: self.convex_program(A.reshape(len(A), *self.shape)))

    # ---- the population ----------------------------------------------------------------------------

    descends_plainly = True
    device_model = models.Tensor

    def unit_constants(self, a: float) -> tuple[float, float]:
        """Products of K vectors of norm at most one."""
        return a, len(self.shapes)

    def input_sizes(self, X: np.ndarray) -> np.ndarray:
        """The least spectral norm of an unfolding in one mode, at least the polar of the tensor."""
        return least_unfoldings(X)

    def gaussian_atoms(self) -> GaussianAtoms:
        return GaussianAtoms(int(np.prod(self.shape)), len(self.shape))

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.tensor(factors)
