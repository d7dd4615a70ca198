"""Sums of rank-one tensors seen through linear measurements: CP decomposition with a certificate."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ..checks.forms import other_sizes
from ..errors import InputError
from ..factors import Factors, Numbers, check_shape, sample_shape, width
from ..polars.tensor import TensorNorm, contract, products_of
from ..programs.nuclear import Program, least_norm
from ..programs.tensor import relaxed_program
from . import models
from .base import Family
from .gaussian import GaussianAtoms
from .outer_product import svd_split


class CPTensor(Family):
    r"""Linear measurements of a sum of rank-one tensors with K >= 2 modes.

    .. math::
        \min_{u} \; \frac1N \sum_i \ell\Bigl(y_i, \bigl\langle A_i,
        \textstyle\sum_j u_{1,j} \otimes \cdots \otimes u_{K,j}\bigr\rangle\Bigr)
        + \lambda \sum_j \|u_{1,j}\| \cdots \|u_{K,j}\|

    Omega is the tensor nuclear norm (the least one among the tensors with the same predictions); the
    polar is the tensor spectral norm of ``(1/N) sum_i g_i A_i``, hard in general.  It is enclosed by
    power iteration from below and the quadratic forms of :mod:`ppkit.checks.forms` from
    above; ``kind`` is ``"exact"`` when the two meet to rounding (relative width 1e-10), else ``"bounded"``.
    See :class:`ppkit.polars.tensor.TensorNorm` for what each effort costs (8 x 8 x 8 by default: about a
    second).  With K = 2 this is matrix sensing.

    Training uses ``(|u1|^2 + |u2|^2 ... |uK|^2)/2``, which majorizes the cost and has the curvature of
    ordinary weight decay at a factor that dies.

    Parameters
    ----------
    shape : (n1, ..., nK)
        Size of each mode; ``X`` has shape (N, n1, ..., nK), ``Y`` (N,).
        Factors: ``u1`` (r, n1), ..., ``uK`` (r, nK).  A tensor seen in full is the identity as ``X``.
    """

    name = "cp-tensor"
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
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"u{k + 1}": (n,) for k, n in enumerate(self.shape)}

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    @property
    def n_outputs(self) -> int:
        return 1

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

    def outer(self, factors: Factors) -> Numbers:
        """The rank-one tensor of each factor, flattened in C order, shape (r, n1 ... nK)."""
        return products_of([factors[k] for k in self.shapes])

    def tensor(self, factors: Factors) -> Numbers:
        """The tensor ``sum_j u1_j o ... o uK_j``, shape (n1, ..., nK)."""
        return self.outer(factors).sum(axis=0).reshape(*self.shape)

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

    def theta(self, factors: Factors) -> Numbers:
        first, *others = (np.sqrt(np.sum(factors[k] ** 2, axis=1)) for k in self.shapes)
        for norm in others:
            first = first * norm
        return first

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        """Half of ``alpha`` on each of the first two modes, in exponents; balanced factors stay so."""
        root = np.sqrt(np.asarray(alpha, float)).reshape(-1, 1)
        return {k: (root if j < 2 else 1.0) * factors[k] for j, k in enumerate(self.shapes)}

    @property
    def norm(self) -> TensorNorm:
        return TensorNorm()

    def rounding(self, A: np.ndarray, G: np.ndarray) -> tuple[int, float]:
        return len(A), float(np.abs(G[:, 0]) @ np.linalg.norm(self.flat(A), axis=1)) / len(A)

    def others(self, mode: int) -> tuple[int, ...]:
        """Sizes of the modes other than ``mode``."""
        return other_sizes(self.shape, mode)

    # ---- training ----------------------------------------------------------------------------------

    def vjp(self, factors: Factors, X: np.ndarray, G: np.ndarray) -> dict[str, np.ndarray]:
        M, vectors = self.adjoint(X, G), [factors[k] for k in self.shapes]
        return {k: contract(M, vectors, j) for j, k in enumerate(self.shapes)}

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """``(|u1|^2 + |u2|^2 ... |uK|^2)/2`` summed over the factors."""
        squares = [np.sum(factors[k] ** 2, axis=1, keepdims=True) for k in self.shapes]
        rest = np.prod(squares[1:], axis=0)
        grad = {"u1": factors["u1"].copy()}
        for j, k in enumerate(list(self.shapes)[1:], start=1):
            grad[k] = np.prod(squares[1:j] + squares[j + 1 :], axis=0) * factors[k]
        return 0.5 * float(np.sum(squares[0] + rest)), grad

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        """Modes 3 to K of length one, the other two of equal length."""
        norms = {k: np.sqrt(np.sum(factors[k] ** 2, axis=1, keepdims=True)) for k in self.shapes}
        cost = np.prod(list(norms.values()), axis=0)
        out = {}
        for j, k in enumerate(self.shapes):
            target = np.sqrt(cost) if j < 2 else (cost > 0).astype(float)
            out[k] = factors[k] * np.where(norms[k] > 0, target / np.where(norms[k] > 0, norms[k], 1.0), 0.0)
        return out

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Copies added up, whatever their signs; for two modes the singular value decomposition."""
        if len(self.shape) == 2:
            u, v = svd_split(self.tensor(factors))
            return {"u1": u, "u2": v}
        vectors, signs = [factors[k] for k in self.shapes], np.ones((width(factors), 1))
        for j in range(1, len(vectors)):
            v = vectors[j]
            peak = np.take_along_axis(v, np.abs(v).argmax(axis=1, keepdims=True), axis=1)
            sign = np.where(peak < 0, -1.0, 1.0)
            vectors[j], signs = sign * v, signs * sign
        vectors[0] = signs * vectors[0]
        return super().merge(dict(zip(self.shapes, vectors, strict=True)), X)

    # ---- reference programs --------------------------------------------------------------------------

    def relaxation(self, X: np.ndarray) -> Program:
        """``(prediction, value, constraints)``: the relaxed nuclear norm, at most Omega.

        It equals Omega whenever some tensor's certificate closes, and always if :attr:`is_tight`.
        """
        return relaxed_program(X, self.shape)

    @property
    def is_tight(self) -> bool:
        """Whether the relaxation is exact for every tensor: at most one of the lesser modes exceeds 2."""
        lesser = sorted(self.shape)[:-1]
        return len([n for n in lesser if n > 1]) <= 2 and len([n for n in lesser if n > 2]) <= 1

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
        unfolded = [np.moveaxis(X, k, 1).reshape(len(X), X.shape[k], -1) for k in range(1, X.ndim)]
        return np.min([np.linalg.norm(A, 2, axis=(1, 2)) for A in unfolded], axis=0)

    def gaussian_atoms(self) -> GaussianAtoms:
        return GaussianAtoms(int(np.prod(self.shape)), len(self.shape))

    def linear_map(self, factors: Factors) -> np.ndarray:
        return self.tensor(factors)
