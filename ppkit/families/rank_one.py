"""Factors of K vectors, which stand for their outer product and cost the product of their lengths."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..factors import Factors, Numbers, width
from ..polars.tensor import TensorNorm, products_of
from .base import Family


class RankOne(Family):
    """Abstract: factors ``u1`` (r, n1), ..., ``uK`` (r, nK) with ``shape`` = (n1, ..., nK), K >= 2.

    They cost ``|u1| ... |uK|``.  Training uses ``(|u1|^2 + |u2|^2 ... |uK|^2)/2``, which majorizes the cost
    and has the curvature of ordinary weight decay at a factor that dies.
    """

    shape: tuple[int, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {f"u{k + 1}": (n,) for k, n in enumerate(self.shape)}

    def vectors(self, factors: Factors) -> list[Numbers]:
        """The factors' vectors mode by mode."""
        return [factors[k] for k in self.shapes]

    def named(self, vectors: Sequence[Numbers]) -> dict[str, Numbers]:
        """Factors from vectors mode by mode."""
        return dict(zip(self.shapes, vectors, strict=True))

    def outer(self, factors: Factors) -> Numbers:
        """The rank-one tensor of each factor, flattened in C order, shape (r, n1 ... nK)."""
        return products_of(self.vectors(factors))

    def tensor(self, factors: Factors) -> Numbers:
        """The tensor ``sum_j u1_j o ... o uK_j``, shape (n1, ..., nK)."""
        return self.outer(factors).sum(axis=0).reshape(*self.shape)

    def theta(self, factors: Factors) -> Numbers:
        first, *others = (np.sqrt(np.sum(v**2, axis=1)) for v in self.vectors(factors))
        for norm in others:
            first = first * norm
        return first

    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        """Half of ``alpha`` on each of the first two modes, in exponents; balanced factors stay so."""
        root = np.sqrt(np.asarray(alpha, float)).reshape(-1, 1)
        return self.named([(root if j < 2 else 1.0) * v for j, v in enumerate(self.vectors(factors))])

    @property
    def norm(self) -> TensorNorm:
        return TensorNorm()

    # ---- training ----------------------------------------------------------------------------------

    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """``(|u1|^2 + |u2|^2 ... |uK|^2)/2`` summed over the factors."""
        first, *others = self.vectors(factors)
        square, *rest = (np.sum(v**2, axis=1, keepdims=True) for v in (first, *others))
        slopes = [np.prod(rest[:j] + rest[j + 1 :], axis=0) * v for j, v in enumerate(others)]
        return 0.5 * float(np.sum(square + np.prod(rest, axis=0))), self.named([first.copy(), *slopes])

    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        """Modes 3 to K of length one, the other two of equal length."""
        norms = [np.sqrt(np.sum(v**2, axis=1, keepdims=True)) for v in self.vectors(factors)]
        cost = np.prod(norms, axis=0)
        out = []
        for j, (v, norm) in enumerate(zip(self.vectors(factors), norms, strict=True)):
            target = np.sqrt(cost) if j < 2 else (cost > 0).astype(float)
            out.append(v * np.where(norm > 0, target / np.where(norm > 0, norm, 1.0), 0.0))
        return self.named(out)

    def merge(self, factors: Factors, X: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Copies added up, whatever their signs, which the first mode takes."""
        vectors, signs = self.vectors(factors), np.ones((width(factors), 1))
        for j in range(1, len(vectors)):
            v = vectors[j]
            peak = np.take_along_axis(v, np.abs(v).argmax(axis=1, keepdims=True), axis=1)
            sign = np.where(peak < 0, -1.0, 1.0)
            vectors[j], signs = sign * v, signs * sign
        vectors[0] = signs * vectors[0]
        return super().merge(self.named(vectors), X)
