r"""Convex losses :math:`\ell(y, f)`: value, gradient, conjugate, smoothness.

Targets ``Y`` and predictions ``F`` have shape ``(N, n_y)``.  A loss is a sum over the ``n_y``
outputs; means over the N samples are taken by :class:`ppkit.Problem`.  The conjugate is the one
with respect to the prediction,

.. math:: \ell^*(y, a) = \sup_f \; \langle a, f\rangle - \ell(y, f),

which is ``+inf`` outside its domain.  All three losses are non-negative and
``smoothness``-smooth in ``f``; ``lipschitz`` is a global Lipschitz constant per output coordinate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, xlog1py, xlogy

from .errors import InputError
from .optional import optional

if TYPE_CHECKING:
    from .factors import Array, Numbers

cp = optional("cvxpy")


class Loss(ABC):
    """A convex, differentiable, non-negative loss with conjugate."""

    name: str
    smoothness: float
    lipschitz: float
    #: whether targets are numbers with a unit, which labels are not
    has_unit = False
    #: whether the conjugate's domain fixes the sign of each entry of a dual point
    is_signed = False
    #: whether it is half the squared error, which the laws of populations (T5 to T9) are about
    is_quadratic = False

    def params(self) -> dict[str, float]:
        """The parameters by name, ``{}`` if there are none: ``type(self)(**params())`` rebuilds."""
        return {}

    @abstractmethod
    def value(self, Y: Numbers, F: Numbers) -> Numbers:
        """Loss of each sample, shape (N,)."""

    @abstractmethod
    def gradient(self, Y: Numbers, F: Numbers) -> Numbers:
        """Gradient in the prediction, shape (N, n_y)."""

    @abstractmethod
    def conjugate(self, Y: Numbers, A: Numbers) -> Numbers:
        """Conjugate in the prediction at ``A`` (N, n_y), shape (N,); ``inf`` outside the domain."""

    @abstractmethod
    def into_domain(self, Y: Numbers, G: Numbers) -> Numbers:
        """The nearest ``g`` to ``G`` (N, n_y) with ``conjugate(Y, -g)`` finite."""

    def reach(self, G: Array) -> float:
        """The largest ``s`` with ``conjugate(Y, -s g)`` finite, for ``g`` in the domain."""
        return np.inf

    def best_multiple(self, Y: np.ndarray, G: np.ndarray) -> float | None:
        """The s at which the dual value of ``s G`` (N, n_y) is largest, where it has a closed form."""
        return None

    def constants(self, b: float, b_y: float, B: float, n_outputs: int = 1) -> tuple[float, float]:
        """``(L, M)`` of T8, see :func:`ppkit.bounds.loss_constants`."""
        raise InputError(f"no constants for the {self.name} loss")

    def in_units(self, unit: float) -> Loss:
        """The loss l' with ``l(y, f) = unit^2 l'(y/unit, f/unit)``, where targets have a unit."""
        return self

    def check_targets(self, Y: Array) -> None:
        """Raise :class:`InputError` when ``Y`` is not a valid target array for this loss."""
        if not np.all(np.isfinite(Y)):
            raise InputError("Y holds NaN or infinite entries")

    @abstractmethod
    def cvxpy(self, Y: Array, F: Any) -> Any:
        """The mean loss as a CVXPY expression of the affine prediction ``F`` (N, n_y)."""


@dataclass(frozen=True)
class SquaredLoss(Loss):
    r"""Half squared error, :math:`\ell(y, f) = \tfrac12\|y - f\|^2`."""

    name: str = "squared"
    smoothness: float = 1.0
    lipschitz: float = np.inf
    has_unit = True
    is_quadratic = True

    def value(self, Y: Numbers, F: Numbers) -> Numbers:
        return 0.5 * np.sum((Y - F) ** 2, axis=1)

    def gradient(self, Y: Numbers, F: Numbers) -> Numbers:
        return F - Y

    def conjugate(self, Y: Numbers, A: Numbers) -> Numbers:
        return np.sum(A * Y + 0.5 * A**2, axis=1)

    def into_domain(self, Y: Numbers, G: Numbers) -> Numbers:
        return G

    def best_multiple(self, Y: np.ndarray, G: np.ndarray) -> float | None:
        return (float(np.sum(Y * G)) / len(Y)) / (float(np.sum(G * G)) / len(Y))

    def constants(self, b: float, b_y: float, B: float, n_outputs: int = 1) -> tuple[float, float]:
        s = b_y + B * b
        return s, 0.5 * s**2

    def cvxpy(self, Y: Array, F: Any) -> Any:
        return cp.sum_squares(Y - F) / (2 * Y.shape[0])


@dataclass(frozen=True)
class LogisticLoss(Loss):
    r"""Logistic loss for labels :math:`y \in \{-1, +1\}`, :math:`\log(1 + e^{-yf})` per output."""

    name: str = "logistic"
    smoothness: float = 0.25
    lipschitz: float = 1.0
    is_signed = True

    def value(self, Y: Numbers, F: Numbers) -> Numbers:
        return np.sum(np.logaddexp(0.0, -Y * F), axis=1)

    def gradient(self, Y: Numbers, F: Numbers) -> Numbers:
        return -Y * expit(-Y * F)

    def conjugate(self, Y: Numbers, A: Numbers) -> Numbers:
        t = -A * Y
        inside = (t >= 0) & (t <= 1)
        t = np.clip(t, 0.0, 1.0)
        entropy = xlogy(t, t) + xlog1py(1 - t, -t)
        return np.sum(np.where(inside, entropy, np.inf), axis=1)

    def into_domain(self, Y: Numbers, G: Numbers) -> Numbers:
        return Y * np.clip(Y * G, 0.0, 1.0)

    def reach(self, G: Array) -> float:
        top = np.max(np.abs(G), initial=0.0)
        return 1 / top if top > 1e-300 else np.inf

    def constants(self, b: float, b_y: float, B: float, n_outputs: int = 1) -> tuple[float, float]:
        return float(np.sqrt(n_outputs)), n_outputs * float(np.logaddexp(0.0, B * b))

    def check_targets(self, Y: Array) -> None:
        if not np.all(np.abs(Y) == 1):
            raise InputError("the logistic loss needs labels -1 and +1 in Y")

    def cvxpy(self, Y: Array, F: Any) -> Any:
        return cp.sum(cp.logistic(-cp.multiply(Y, F))) / Y.shape[0]


@dataclass(frozen=True)
class HuberLoss(Loss):
    r"""Huber loss, quadratic up to ``delta`` and linear beyond.

    Per output, with :math:`e = y - f`: :math:`\tfrac12 e^2` if :math:`|e| \le \delta` and
    :math:`\delta|e| - \tfrac12\delta^2` otherwise.
    """

    delta: float = 1.0
    name: str = "huber"
    smoothness: float = 1.0
    has_unit = True

    def __post_init__(self) -> None:
        if not (np.isfinite(self.delta) and self.delta > 0):
            raise InputError(f"the Huber loss needs delta > 0, got {self.delta}")

    def params(self) -> dict[str, float]:
        return {"delta": self.delta}

    @property
    def lipschitz(self) -> float:  # type: ignore[override]  # a constant in the other losses
        return self.delta

    def value(self, Y: Numbers, F: Numbers) -> Numbers:
        e = np.abs(Y - F)
        inner = np.minimum(e, self.delta)
        return np.sum(inner * (e - 0.5 * inner), axis=1)

    def gradient(self, Y: Numbers, F: Numbers) -> Numbers:
        return np.clip(F - Y, -self.delta, self.delta)

    def conjugate(self, Y: Numbers, A: Numbers) -> Numbers:
        inside = np.abs(A) <= self.delta
        return np.sum(np.where(inside, A * Y + 0.5 * A**2, np.inf), axis=1)

    def into_domain(self, Y: Numbers, G: Numbers) -> Numbers:
        return np.clip(G, -self.delta, self.delta)

    def reach(self, G: Array) -> float:
        top = np.max(np.abs(G), initial=0.0)
        return self.delta / top if top > 1e-300 * max(1.0, self.delta) else np.inf

    def constants(self, b: float, b_y: float, B: float, n_outputs: int = 1) -> tuple[float, float]:
        s, slope = b_y + B * b, self.delta * float(np.sqrt(n_outputs))
        return min(s, slope), min(0.5 * s**2, slope * s)

    def in_units(self, unit: float) -> Loss:
        return replace(self, delta=self.delta / unit)

    def cvxpy(self, Y: Array, F: Any) -> Any:
        return cp.sum(cp.huber(Y - F, self.delta)) / (2 * Y.shape[0])


def get_loss(loss: str | Loss) -> Loss:
    """The loss named ``"squared"``, ``"logistic"`` or ``"huber"``, or a :class:`Loss` as it is."""
    if isinstance(loss, Loss):
        return loss
    table = {"squared": SquaredLoss, "logistic": LogisticLoss, "huber": HuberLoss}
    if not isinstance(loss, str) or loss not in table:
        raise InputError(f"unknown loss {loss!r}; choose one of {', '.join(table)}")
    return table[loss]()
