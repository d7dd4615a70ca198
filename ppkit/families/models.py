r"""Families as PyTorch expressions of many networks at once, for :mod:`ppkit.experiments.batched`.

Arrays have a batch axis in front: inputs (B, N, ...), factors (B, r, ...).  PyTorch is imported where a
method runs, not with the module.

One formula for NumPy and PyTorch would not be shorter: predictions are 41 of 220 lines here, and NumPy's
run unchanged, under ``torch.func.vmap``, in place of 12 of them, up to 1.9 times slower.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Factors
from ..optional import optional
from ..polars.ball_maps import from_ball, to_ball
from .outer_product import svd_split

torch = optional("torch")

#: the norms of the two sides of structured sensing that have a smooth majorant here
SMOOTH = (["l1", "l2"], ["l2", "l2"])

Batch = Any  # a PyTorch tensor with a batch axis in front
Coordinates = Mapping[str, Batch]


class Model(ABC):
    """A family's prediction in smooth coordinates; here these are the balanced factors themselves.

    Every coordinate array has the network's width as its first axis, and a factor whose coordinates
    are zero must predict zero and get no gradient.
    """

    #: numbers that the gradient keeps of each factor on each sample, about
    kept = 0

    def __init__(self, family: Any):
        self.family = family

    def numbers(self, r: int) -> int:
        """Numbers on the device for each sample while ``r`` factors descend, about."""
        inputs = self.inputs(np.zeros((1, *self.family.input_shape)))
        return inputs.size + self.family.n_outputs + r * self.kept

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """What ``predict`` is given of the inputs ``X`` (N, ...), with the same first axis."""
        return X

    def coordinates(self, factors: Factors) -> dict[str, np.ndarray]:
        """The network ``factors`` in coordinates."""
        return self.family.balance(factors)

    def factors(self, z: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The network at the coordinates ``z``."""
        return z

    @abstractmethod
    def predict(self, z: Coordinates, X: Batch) -> Batch:
        """Predictions (B, N, n_outputs)."""

    def penalty(self, z: Coordinates) -> Batch:
        """A smooth majorant of Theta that equals it at its minimizer among equal predictions, (B,)."""
        return 0.5 * sum((a**2).flatten(1).sum(1) for a in z.values())


class Sensing(Model):
    """``<A, sum_j u_j v_j^T>``."""

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        M = z["u"].mT @ z["v"]
        return X.flatten(2) @ M.flatten(1)[:, :, None]


class Structured(Sensing):
    """Sensing where l1 measures one side: merged factors have one entry there, which alone moves."""

    def __init__(self, family: Any):
        super().__init__(family)
        norms = family.params()
        if norms["nonnegative"] or sorted(map(str, (norms["row"], norms["col"]))) not in SMOOTH:
            raise InputError(
                f"{family} is not trained on a device: its norms have to be l1 and l2, or both l2"
            )
        self.sparse = [k for k, norm in (("u", norms["row"]), ("v", norms["col"])) if norm == "l1"]

    def coordinates(self, factors: Factors) -> dict[str, np.ndarray]:
        return self.family.balance(self.family.merge(factors))

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        return super().predict({k: a * (a != 0) if k in self.sparse else a for k, a in z.items()}, X)

    def penalty(self, z: Coordinates) -> Batch:
        """Smooth with one entry a factor, Theta's own majorant with more."""
        squares = (a.abs().sum(2) ** 2 if k in self.sparse else (a**2).sum(2) for k, a in z.items())
        return 0.5 * sum(square.sum(1) for square in squares)


class Linear(Model):
    """``sum_j u_j v_j^T x``."""

    kept = 1

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        return (X @ z["v"].mT) @ z["u"]


class Chains(Linear):
    """Deep linear paths as chains: their products are outer products, at the same cost."""

    def coordinates(self, factors: Factors) -> dict[str, np.ndarray]:
        u, v = svd_split(self.family.paths(factors).sum(axis=0))
        return {"u": u, "v": v}

    def factors(self, z: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.family.balance(self.family.chains(z["u"], z["v"]))


class Quadratic(Model):
    """``sum_j s_j (v_j^T x)^2`` with the signs s_j as they are."""

    kept = 2

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        return (X @ z["v"].mT) ** 2 @ z["u"].sign()

    def penalty(self, z: Coordinates) -> Batch:
        return (z["v"] ** 2).flatten(1).sum(1)


class ReLU(Model):
    """``sum_j u_j max(v_j^T x, 0)``, with a bias where the family has one."""

    kept = 3

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        v = z["v"][..., : self.family.n_inputs]
        bias = z["v"][..., self.family.n_inputs :].sum(2)  # an empty sum without a bias
        return (X @ v.mT + bias[:, None]).relu() @ z["u"]


class Tensor(Model):
    """``<A, sum_j u1_j o ... o uK_j>``."""

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        first, *others = (z[k] for k in self.family.shapes)
        for u in others:
            first = (first[..., None] * u[:, :, None, :]).flatten(2)
        return X.flatten(2) @ first.sum(1)[:, :, None]

    def penalty(self, z: Coordinates) -> Batch:
        first, *others = ((z[k] ** 2).sum(2) for k in self.family.shapes)
        rest = others[0]
        for square in others[1:]:
            rest = rest * square
        return 0.5 * (first + rest).sum(1)


class Attention(Model):
    """Softmax heads: values as ``s U``, keys and queries mapped on their balls."""

    def __init__(self, family: Any):
        super().__init__(family)
        tokens, features = family.input_shape
        asking = tokens if family.query == "all" else 1
        self.kept = 2 * asking * (tokens + features)

    def coordinates(self, factors: Factors) -> dict[str, np.ndarray]:
        cost = self.family.theta(factors)[:, None, None]
        root = np.sqrt(np.maximum(cost, 1e-12 * cost.max()))
        balls = {k: from_ball(factors[k], self.family.radius) for k in ("K", "Q")}
        return {"U": factors["V"] / root, "s": root, **balls}

    def factors(self, z: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"V": z["s"] * z["U"], **{k: to_ball(z[k], self.family.radius) for k in ("K", "Q")}}

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        family = self.family
        K, Q = (self.ball(z[k]) for k in ("K", "Q"))
        head = K.mT @ Q / np.sqrt(family.d_k)
        asking = {"last": X[:, :, -1:], "mean": X.mean(2, keepdim=True), "all": X}[family.query]
        seen = torch.einsum("brde,bnqe->brnqd", head, asking)
        weights = torch.softmax(torch.einsum("bntd,brnqd->brnqt", X, seen), dim=-1)
        mean = torch.einsum("brnqt,bntd->brnqd", weights, X)
        return torch.einsum("brnqd,brcd->bnqc", mean, z["s"] * z["U"]).flatten(2)

    def penalty(self, z: Coordinates) -> Batch:
        return 0.5 * sum((z[k] ** 2).flatten(1).sum(1) for k in ("U", "s"))

    def ball(self, z: Batch) -> Batch:
        """:func:`to_ball` on the device."""
        size = ((z**2).sum((2, 3), keepdim=True) + 1e-300) ** 0.5
        return self.family.radius * (size / np.pi).sinc() * z


class Products(Model):
    """Linear attention: ``q A_j X^T X B_j`` is linear in ``sum_j vec(A_j) vec(B_j)^T``."""

    def inputs(self, X: np.ndarray) -> np.ndarray:
        return self.family.design(X).reshape(len(X), self.family.n_queries, -1)

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        M = z["A"].flatten(2).mT @ z["B"].flatten(2)
        answers = X.flatten(1, 2) @ M.reshape(len(M), X.shape[-1], self.family.n_values)
        return answers.reshape(*X.shape[:2], self.family.n_outputs)


class Paths(Model):
    """``sum_j W_Lj max(... max(W_1j x, 0) ..., 0)``, the first and the last layer of all paths at once."""

    def __init__(self, family: Any):
        super().__init__(family)
        self.kept = 2 * sum(family.sizes[1:-1])

    def predict(self, z: Coordinates, X: Batch) -> Batch:
        first, *inner, last = (z[k] for k in self.family.shapes)
        hidden = (first.flatten(1, 2) @ X.mT).unflatten(1, first.shape[1:3]).relu()
        for W in inner:
            hidden = (W @ hidden).relu()
        return (last.transpose(1, 2).flatten(2) @ hidden.flatten(1, 2)).mT

    def penalty(self, z: Coordinates) -> Batch:
        """The mean of the norms' L-th powers."""
        return sum(((a**2).sum((2, 3)) ** (len(z) / 2)).sum(1) for a in z.values()) / len(z)
