r"""Families as PyTorch expressions of many networks at once, for :mod:`ppkit.experiments.batched`.

Arrays have a batch axis in front: inputs (B, N, ...), factors (B, r, ...).  PyTorch is imported where a
method runs, not with the module.
"""

from abc import ABC, abstractmethod

import numpy as np

from ..families.attention_polar import from_ball, to_ball
from ..families.spectral import svd_split


class Model(ABC):
    """A family's prediction in smooth coordinates; here these are the balanced factors themselves.

    Every coordinate array has the network's width as its first axis, and a factor whose coordinates
    are zero must predict zero and get no gradient.
    """

    def __init__(self, family):
        self.family = family

    def coordinates(self, factors):
        """The network ``factors`` in coordinates."""
        return self.family.balance(factors)

    def factors(self, z):
        """The network at the coordinates ``z``."""
        return z

    @abstractmethod
    def predict(self, z, X):
        """Predictions (B, N, n_outputs)."""

    def penalty(self, z):
        """A smooth majorant of Theta that equals it at its minimizer among equal predictions, (B,)."""
        return 0.5 * sum((a**2).flatten(1).sum(1) for a in z.values())


class Sensing(Model):
    """``<A, sum_j u_j v_j^T>``."""

    def predict(self, z, X):
        M = z["u"].mT @ z["v"]
        return X.flatten(2) @ M.flatten(1)[:, :, None]


class Linear(Model):
    """``sum_j u_j v_j^T x``."""

    def predict(self, z, X):
        return (X @ z["v"].mT) @ z["u"]


class Chains(Linear):
    """Deep linear paths as chains: their products are outer products, at the same cost."""

    def coordinates(self, factors):
        u, v = svd_split(self.family.paths(factors).sum(axis=0))
        return {"u": u, "v": v}

    def factors(self, z):
        return self.family.balance(self.family.chains(z["u"], z["v"]))


class Quadratic(Model):
    """``sum_j s_j (v_j^T x)^2`` with the signs s_j as they are."""

    def predict(self, z, X):
        return (X @ z["v"].mT) ** 2 @ z["u"].sign()

    def penalty(self, z):
        return (z["v"] ** 2).flatten(1).sum(1)


class ReLU(Model):
    """``sum_j u_j max(v_j^T x, 0)``, with a bias where the family has one."""

    def predict(self, z, X):
        v = z["v"][..., : self.family.n_inputs]
        bias = z["v"][..., self.family.n_inputs :].sum(2)  # an empty sum without a bias
        return (X @ v.mT + bias[:, None]).relu() @ z["u"]


class Tensor(Model):
    """``<A, sum_j u1_j o ... o uK_j>``."""

    def predict(self, z, X):
        first, *others = (z[k] for k in self.family.shapes)
        for u in others:
            first = (first[..., None] * u[:, :, None, :]).flatten(2)
        return X.flatten(2) @ first.sum(1)[:, :, None]

    def penalty(self, z):
        first, *others = ((z[k] ** 2).sum(2) for k in self.family.shapes)
        rest = others[0]
        for square in others[1:]:
            rest = rest * square
        return 0.5 * (first + rest).sum(1)


class Attention(Model):
    """Softmax heads: values as ``s U``, keys and queries mapped on their balls."""

    def coordinates(self, factors):
        cost = self.family.theta(factors)[:, None, None]
        root = np.sqrt(np.maximum(cost, 1e-12 * cost.max()))
        balls = {k: from_ball(factors[k], self.family.radius) for k in ("K", "Q")}
        return {"U": factors["V"] / root, "s": root, **balls}

    def factors(self, z):
        return {"V": z["s"] * z["U"], **{k: to_ball(z[k], self.family.radius) for k in ("K", "Q")}}

    def predict(self, z, X):
        import torch

        family = self.family
        K, Q = (self.ball(z[k]) for k in ("K", "Q"))
        head = K.mT @ Q / np.sqrt(family.d_k)
        asking = {"last": X[:, :, -1:], "mean": X.mean(2, keepdim=True), "all": X}[family.query]
        seen = torch.einsum("brde,bnqe->brnqd", head, asking)
        weights = torch.softmax(torch.einsum("bntd,brnqd->brnqt", X, seen), dim=-1)
        mean = torch.einsum("brnqt,bntd->brnqd", weights, X)
        return torch.einsum("brnqd,brcd->bnqc", mean, z["s"] * z["U"]).flatten(2)

    def penalty(self, z):
        return 0.5 * sum((z[k] ** 2).flatten(1).sum(1) for k in ("U", "s"))

    def ball(self, z):
        """:func:`to_ball` on the device."""
        size = ((z**2).sum((2, 3), keepdim=True) + 1e-300) ** 0.5
        return self.family.radius * (size / np.pi).sinc() * z


MODELS = {
    "matrix-sensing": Sensing,
    "two-layer-linear": Linear,
    "deep-linear": Chains,
    "two-layer-quadratic": Quadratic,
    "two-layer-relu": ReLU,
    "multi-head-attention": Attention,
    "cp-tensor": Tensor,
}
