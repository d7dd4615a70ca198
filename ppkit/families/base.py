"""The abstract Family: a factor map, a regularizer and a polar.

Everything else in the package (objective, certificate, training, bounds) is written once, on top
of the methods below.  A new family is one file with one final subclass, and one registry line.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from ..checks import Proof
from ..errors import InputError
from ..factors import Factors, Numbers, as_float, drop_dead, take, width
from ..losses import Loss
from ..polars.base import Functional, Norm, Polar, Units
from ..programs.nuclear import Program
from ..rigor.scales import at_size_one
from .draws import exposed
from .gaussian import GaussianAtoms


class Family(ABC):
    r"""A parallel positively homogeneous model family.

    One *factor* W has prediction :math:`\phi(W)` and cost :math:`\theta(W) \ge 0`; a network of
    width r is the mapping ``name -> array (r, ...)`` of its factors, predicts
    :math:`\Phi_r = \sum_j \phi(W_j)` and costs :math:`\Theta_r = \sum_j \theta(W_j)`.

    Subclasses set ``name`` and define ``shapes``, ``input_shape``, ``n_outputs`` and the abstract
    methods.  Arrays: ``X`` is ``(N, *input_shape)`` (or None), ``G`` and predictions are
    ``(N, n_outputs)``.
    """

    name: str
    #: whether A2 holds.  Where it does not, the polar is infinite off the range of ``project_dual``
    bounded_atoms: bool = True
    #: the k with ``phi(W)(s x) = s^k phi(W)(x)`` for every ``s > 0``; None where there is none
    input_degree: int | None = None
    #: whether every factor has a mirror image: the opposite predictions at the same cost
    has_mirrors: bool = True
    #: whether a sweep descends on the surrogate alone, although the family has a better method
    descends_plainly: bool = False
    #: the family's PyTorch model, which trains many networks at once; None means not written
    device_model: "type | None" = None

    # ---- what the family is -------------------------------------------------------------------

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter array of ONE factor, in a fixed order."""

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...] | None:
        """Shape of one input; None when the family takes no input."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of outputs n_y."""

    @abstractmethod
    def params(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON-ready values: ``type(self)(**params())`` rebuilds."""

    @classmethod
    @abstractmethod
    def from_data(cls, X: Any, Y: Any, **options: Any) -> Self:
        """The member of the family that fits the shapes of ``X`` and ``Y``."""

    @property
    def polar_is_cheap(self) -> bool:
        """Whether ``effort`` does not matter to the polar: ``fit`` may then ask for it in every round."""
        return self.norm.is_closed

    @property
    def dim(self) -> int:
        """D, the number of parameters of one factor."""
        return int(sum(np.prod(s) for s in self.shapes.values()))

    # ---- the three maps -------------------------------------------------------------------------

    @abstractmethod
    def atoms(self, factors: Factors, X: Numbers) -> Numbers:
        """Prediction of each factor on each sample, shape (r, N, n_outputs)."""

    def predict(self, factors: Factors, X: Numbers) -> Numbers:
        """Prediction of the network, the sum of its atoms, shape (N, n_outputs)."""
        return self.atoms(factors, X).sum(axis=0)

    @abstractmethod
    def theta(self, factors: Factors) -> Numbers:
        """Cost of each factor, shape (r,)."""

    @abstractmethod
    def scale(self, factors: Factors, alpha: ArrayLike) -> dict[str, np.ndarray]:
        """The scaling action ``alpha . W`` for ``alpha`` (r,) >= 0: multiplies phi and theta by alpha."""

    # ---- the polar --------------------------------------------------------------------------------

    @property
    @abstractmethod
    def norm(self) -> Norm:
        """The norm of the functional ``<G, .>`` on predictions that is the polar: which one it is."""

    def features(self, X: Numbers) -> Numbers:
        """The inputs that the factors see: ``X`` itself, or with a column of ones beside it."""
        return X

    @property
    def features_degree(self) -> int | None:
        """The degree of the polar in :meth:`features`, by default that of the factors in the inputs."""
        return self.input_degree

    @abstractmethod
    def adjoint(self, A: Numbers, G: Numbers) -> Numbers:
        """The functional ``<G, .>_{mu_N}`` as the norm reads it, from features ``A``; Balls in, Balls out.

        The formula must round nowhere outside the balls: write ``S / len(A)``, never
        ``(1 / len(A)) * S``.
        """

    def rounding(self, A: Any, G: np.ndarray) -> tuple[int, float]:
        """``(n_terms, magnitude)`` of the sums in :meth:`adjoint`, as in ``rounding_margin``."""
        return 0, 0.0

    def unit_factors(self, units: Units) -> dict[str, np.ndarray]:
        """Factors of cost one from the units of the norm; the same arrays unless a family says otherwise."""
        return dict(units)

    def unit_starts(self, networks: Sequence[Factors]) -> list[Units]:
        """What a search of the norm starts from, for the given networks."""
        return list(networks)

    @final
    def functional(self, X: Any, G: np.ndarray) -> Functional:
        """The functional ``<G, .>_{mu_N}`` for the norm, computed from data of size one."""
        A, G, power, underflowed = at_size_one(self.features(X), G, self.features_degree)
        return Functional(self.adjoint(A, G), *self.rounding(A, G), power, underflowed)

    @final
    def polar(
        self,
        X: Any,
        G: np.ndarray,
        starts: Sequence[Factors] = (),
        effort: str = "default",
        seed: int = 0,
    ) -> Polar:
        """The polar of ``G`` as a :class:`ppkit.Polar`; ``starts`` are networks a search must try."""
        found = self.norm.polar(self.functional(X, G), self.unit_starts(starts), effort, seed)
        more = None if found.candidates is None else self.unit_factors(found.candidates)
        return replace(found, factor=self.unit_factors(found.factor), candidates=more)

    @final
    def polar_upper(self, X: Any, G: np.ndarray, proof: Proof) -> float:
        """Recompute the upper end of the polar of ``G`` from ``proof`` alone: no solver, no search."""
        return self.norm.bound(self.functional(X, G), proof)

    @final
    def prove_polar(self, X: Any, G: Numbers, bound: float, proof: Proof) -> None:
        """Return when ``Omega°(G) <= bound`` is PROVED in ball arithmetic; raise NoProof otherwise."""
        self.norm.prove(self.adjoint(self.features(X), G), bound, proof)

    def relaxed_dual(
        self, X: Any, Y: np.ndarray, lam: float, loss: Loss, effort: str = "default"
    ) -> tuple[np.ndarray, Proof] | None:
        """``(dual, proof)``: a dual point that is best under a bound on the polar, not the polar itself.

        Where the polar is hard but has an upper bound ``u`` that is convex, ``{u <= lam}`` is a convex
        inner approximation of the feasible set; ``dual`` maximizes the dual value over it, nearly, and
        ``polar_upper(X, dual, proof)`` is about lam or less.  None means not written.
        """
        return None

    # ---- training --------------------------------------------------------------------------------

    @abstractmethod
    def vjp(self, factors: Factors, X: Any, G: np.ndarray) -> dict[str, np.ndarray]:
        """Gradient in the factors of the empirical inner product ``<G, Phi(factors)>``."""

    @abstractmethod
    def surrogate(self, factors: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """A majorant of Theta that equals it at balanced factors, and its gradient.

        It must be smooth on the parameters that ``free`` and ``bounds`` let training reach.
        """

    def surrogate_near(self, factors: Factors, near: Factors) -> tuple[float, dict[str, np.ndarray]]:
        """The surrogate, continued smoothly past the ``bounds`` that belong to ``near``.

        Override it when the surrogate has a kink at those bounds: training differentiates there.
        """
        return self.surrogate(factors)

    @abstractmethod
    def balance(self, factors: Factors) -> dict[str, np.ndarray]:
        """Factors with the same atoms at which the surrogate equals Theta and is least."""

    def free(self, factors: Factors) -> dict[str, np.ndarray] | None:
        """Boolean masks of the parameters training may move; None means all of them."""
        return None

    def bounds(self, factors: Factors) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
        """Box ``name -> (lower, upper)`` that training keeps the parameters in; None means no box.

        For sign constraints, and for a cost that is smooth only on one orthant or inside a ball of
        the maximum norm.  ``factors`` are balanced and lie in the box.
        """
        return None

    def corrective(
        self, X: Any, Y: np.ndarray, lam: float, loss: Loss, factors: Factors
    ) -> dict[str, np.ndarray] | None:
        """A better network of no more factors than ``factors``, from a convex program of the family.

        For a family whose objective has kinks, where descent stalls.  None means: descend.
        """
        return None

    def merge(self, factors: Factors, X: Any = None) -> dict[str, np.ndarray]:
        """The same prediction from fewer factors where that is possible at no higher cost.

        The default drops dead factors and adds up factors that are copies of one another under
        the scaling action.
        """
        factors = drop_dead(self, self.balance(factors))
        r = width(factors)
        if r < 2:
            return factors
        cost = self.theta(factors)
        unit = self.scale(factors, 1 / cost)
        flat = np.concatenate([unit[k].reshape(r, -1) for k in self.shapes], axis=1)
        leader = np.arange(r)
        for j in range(1, r):
            same = np.linalg.norm(flat[:j] - flat[j], axis=1) <= 1e-9 * np.linalg.norm(flat[j])
            if same.any():
                leader[j] = leader[np.argmax(same)]
        keep = np.unique(leader)
        total = np.array([cost[leader == j].sum() for j in keep])
        return self.scale(take(unit, keep), total)

    # ---- closed forms and reference programs ------------------------------------------------------

    def omega(self, X: Any, F: np.ndarray) -> float:
        """Omega of the prediction ``F`` (N, n_outputs) on the sample, ``inf`` if not representable."""
        raise InputError(f"{self.name} has no closed form for Omega on a sample")

    def convex_program(self, X: Any) -> Program:
        """``(prediction, omega, constraints)``: CVXPY expressions of the finite convex program."""
        raise InputError(f"{self.name} has no finite convex program here")

    def project_dual(self, X: Numbers, G: Numbers, signed: bool = False) -> Numbers:
        """Project a dual point on the set where the polar is finite (all of it, under A2).

        With ``signed`` no entry may change its sign or grow: the loss's conjugate is infinite there.
        """
        return G

    def present(self, F: np.ndarray) -> np.ndarray:
        """A prediction (N, n_outputs) in the form readers expect ((N,) for one output)."""
        return F[:, 0] if F.shape[1] == 1 else F

    # ---- random draws -----------------------------------------------------------------------------

    def random_factors(self, rng: np.random.Generator, width: int) -> dict[str, np.ndarray]:
        """A network of the given width with standard Gaussian parameters."""
        return {k: rng.standard_normal((width, *s)) for k, s in self.shapes.items()}

    def random_inputs(self, rng: np.random.Generator, n_samples: int) -> Any:
        """``n_samples`` standard Gaussian inputs, ``(N, *input_shape)``; None if there are none."""
        return None if self.input_shape is None else rng.standard_normal((n_samples, *self.input_shape))

    # ---- the population -----------------------------------------------------------------------------

    def unit_constants(self, a: float) -> tuple[float, float]:
        """``(b, Lambda)`` of T6 on inputs of size at most ``a``, see :func:`ppkit.bounds.unit_constants`."""
        raise InputError(f"no constants for {self.name}: it does not say how large and steep factors are")

    def input_sizes(self, X: np.ndarray) -> np.ndarray:
        """The sizes (N,) of inputs that :meth:`unit_constants` speaks of, or upper bounds on them."""
        return np.linalg.norm(self.features(X).reshape(len(X), -1), axis=1)

    def gaussian_atoms(self) -> GaussianAtoms | None:
        """The constants of factors of cost one at Gaussian inputs; None where no tail is known."""
        return None

    def linear_map(self, factors: Factors) -> np.ndarray | None:
        """The M with prediction ``<M, x>``, (n_outputs, ...) for several outputs; None if not linear in x."""
        return None

    def population_error(self, factors: Factors, teacher: Factors) -> float | None:
        """The mean squared distance of two networks over ``random_inputs``; None without a closed form."""
        M = self.linear_map(factors)
        return None if M is None else float(np.sum((M - self.linear_map(teacher)) ** 2))

    def population_discrepancy(
        self, X: Any, G: np.ndarray, factors: Factors, teacher: Factors
    ) -> tuple[float, float] | None:
        """``(lower, upper)`` of Delta of T5 at a network with residual ``G`` on the sample, squared loss.

        The population is ``random_inputs`` with the teacher's targets.  None means no closed form; for
        linear predictions none is needed.
        """
        return None

    def extreme_factors(self, rng: np.random.Generator, n_factors: int) -> dict[str, np.ndarray]:
        """Random factors, of any cost, that cheaper ones do not replace: what teachers are made of."""
        return exposed(self, rng, n_factors) if self.polar_is_cheap else self.random_factors(rng, n_factors)

    def agreeing(self, factors: Factors) -> dict[str, np.ndarray]:
        """Factors of the same costs with predictions that do not cancel."""
        raise InputError(f"{self.name}: no rule makes its factors agree")

    # ---- validation ---------------------------------------------------------------------------------

    def check_data(self, X: Any, Y: Any) -> tuple[Any, np.ndarray]:
        """Validated float64 ``(X, Y)`` with Y of shape (N, n_outputs); raises :class:`InputError`."""
        X = as_float(X, "X")
        Y = as_float(Y, "Y")
        if X.shape[1:] != self.input_shape:
            shape = ", ".join(map(str, self.input_shape or ()))
            raise InputError(f"{self.name}: X must have shape (N, {shape}), got {X.shape}")
        if X.shape[0] == 0:
            raise InputError(f"{self.name}: the sample is empty (N = 0)")
        if 0 < np.max(np.abs(X), initial=0.0) < 1e-140:  # squares would underflow, and with them a polar
            raise InputError(f"{self.name}: all entries of X are below 1e-140; rescale X")
        if Y.ndim == 1:
            Y = Y[:, None]
        if Y.shape != (X.shape[0], self.n_outputs):
            raise InputError(
                f"{self.name}: Y must have shape ({X.shape[0]}, {self.n_outputs})"
                f"{' or (' + str(X.shape[0]) + ',)' if self.n_outputs == 1 else ''}, got {Y.shape}"
            )
        return X, Y

    def check_factors(self, factors: Any) -> dict[str, np.ndarray]:
        """Validated float64 factors (width 0 allowed); raises :class:`InputError`."""
        if not isinstance(factors, Mapping):
            raise InputError("factors must be a mapping name -> array (r, ...)")
        missing = [k for k in self.shapes if k not in factors]
        if missing:
            raise InputError(f"{self.name}: factors lack {', '.join(missing)}")
        out = {}
        for k, s in self.shapes.items():
            a = as_float(factors[k], f"factor {k}")
            if a.ndim != len(s) + 1 or a.shape[1:] != s:
                raise InputError(
                    f"{self.name}: factor {k} must have shape (r, {', '.join(map(str, s))}), got {a.shape}"
                )
            out[k] = a
        if len({a.shape[0] for a in out.values()}) > 1:
            widths = ", ".join(f"{k}: {a.shape[0]}" for k, a in out.items())
            raise InputError(f"{self.name}: factors disagree on the width ({widths})")
        return out

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.params().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and type(self) is type(other) and self.params() == other.params()

    def __hash__(self) -> int:
        return hash(repr(self))
