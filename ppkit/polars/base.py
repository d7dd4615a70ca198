r"""The polar :math:`\Omega^\circ(g) = \sup\{\langle g, \phi(V)\rangle_{\mu_N} : \theta(V) \le 1\}`.

A family says which :class:`Norm` its polar is and hands it the :class:`Functional`
:math:`\langle g, \cdot\rangle_{\mu_N}`; what comes back is a :class:`Polar`: an interval that holds the
value, the factor that attains its lower end, and a proof of the upper one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from ..checks import CHECKERS, SEARCH, Checker, Proof
from ..errors import InputError
from ..factors import append, take
from ..rigor.margins import round_down, round_up, rounding_margin
from ..rigor.scales import times_power

KINDS = ("exact", "bounded", "heuristic")
EFFORTS = ("fast", "default", "exact")
MOST_UNITS = 16  # units that a search hands on
CLOSED = 1e-9  # relative width of an interval that no further bound is tried on

Units = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Polar:
    """An interval for the polar of one residual.

    Attributes
    ----------
    lower, upper : float
        ``lower <= Omega°(g) <= upper``.  ``lower`` is attained by ``factor``; ``upper`` is a theorem
        when ``kind`` is ``"exact"`` or ``"bounded"`` and ``inf`` when it is ``"heuristic"``.
        An exact polar has the two ends equal up to the rounding margin in ``upper``.
    factor : mapping
        One factor (leading axis of length 1) with ``theta <= 1`` and ``<g, phi(factor)> = lower``.
    kind : {"exact", "bounded", "heuristic"}
        Why to believe ``upper``: a closed form or exhaustive proof, a relaxation or a branch and
        bound, or nothing.
    candidates : mapping or None
        Unit factors (leading axis k) worth appending to a network, best first; the first is ``factor``.
    proof : Proof or None
        What ``family.polar_upper`` needs to recompute ``upper`` with no solver and no search.
    """

    lower: float
    upper: float
    factor: Units
    kind: str
    candidates: Units | None = None
    proof: Proof | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
        if self.kind == "heuristic" and np.isfinite(self.upper):
            raise ValueError("a heuristic polar has upper = inf: a search is never a certificate")
        object.__setattr__(self, "lower", round_down(self.lower))
        object.__setattr__(self, "upper", round_up(self.upper))

    @property
    def gap(self) -> float:
        """``upper - lower``."""
        return self.upper - self.lower


@dataclass(frozen=True, eq=False)
class Functional:
    r"""The functional :math:`f \mapsto \langle g, f\rangle_{\mu_N}` as a norm reads it, at size one.

    Attributes
    ----------
    M : array or tuple of arrays
        For example the matrix ``(1/N) sum_i g_i A_i``, or the inputs and the residual themselves.
    n_terms, magnitude :
        How the sums in ``M`` were computed, as :func:`ppkit.rigor.margins.rounding_margin` wants it.
    power : int
        The functional is ``2^power`` times that of ``M``.
    underflowed : float
        At least what underflow took from the norm while the data were brought to size one.
    """

    M: Any
    n_terms: int = 0
    magnitude: float = 0.0
    power: int = 0
    underflowed: float = 0.0


@dataclass(frozen=True, eq=False)
class Found:
    """What a search comes back with: units and the values they attain, and a proof.

    ``upper`` is what :meth:`Norm.upper` makes of the proof, where the search went through the very numbers
    that it recomputes; it is left out where the proof is yet to be evaluated.
    """

    units: Units
    values: np.ndarray
    proof: Proof
    upper: float | None = None


class Norm(ABC):
    """The polar as a function of the functional ``M``: searched for below, proved above.

    A subclass writes :meth:`find`, and names in ``kinds`` the kinds of proof that its ``find`` returns,
    or overrides :meth:`upper` and :meth:`prove`.  The methods that others call, :meth:`polar` and
    :meth:`bound`, are written here once: they check the effort, order the units, add the margin and
    scale back.
    """

    #: kinds of proof in :data:`ppkit.checks.CHECKERS` that can be about this norm
    kinds: tuple[str, ...] = ()
    #: whether the norm is a closed form, to which the effort does not matter
    is_closed: bool = True

    @abstractmethod
    def find(self, M: Any, starts: Sequence[Units], effort: str, seed: int) -> Found:
        """Units with large values at ``M``, and a proof; ``starts`` are networks a search must try."""

    def upper(self, M: Any, proof: Proof) -> float:
        """At least the norm of ``M``, from the proof alone, but for the margin of the sums in ``M``."""
        return self.checker(proof).upper(self, M, proof.data)

    def prove(self, M: Any, bound: float, proof: Proof) -> None:
        """Return when the norm of Balls ``M`` is PROVED to be at most ``bound``; raise NoProof otherwise."""
        self.checker(proof).prove(self, M, bound, proof.data)

    def checker(self, proof: Proof) -> Checker:
        """The checker of the proof; ValueError if such a proof says nothing about this norm."""
        if proof.kind not in (*self.kinds, SEARCH):
            raise ValueError(f"a proof of kind {proof.kind!r} says nothing about {type(self).__name__}")
        return CHECKERS[proof.kind]

    def margin(self, M: Any, value: float, n_terms: int, magnitude: float) -> float:
        """Rounding of :meth:`upper`, and of the sums in ``M``."""
        return rounding_margin(n_terms, magnitude, value, sum(M.shape))

    def rounded(
        self, M: Any, proof: Proof, n_terms: int, magnitude: float, value: float | None = None
    ) -> float:
        """What ``proof`` gives, with the margin; ``value`` is :meth:`upper` if it is known.

        Override it where the rounding of ``M`` goes into a formula, and :meth:`margin` otherwise.
        """
        value = self.upper(M, proof) if value is None else value
        return value + self.margin(M, value, n_terms, magnitude)

    def joined(self, before: Found, after: Found) -> Found:
        """What two searches in a :class:`Least` found, of which this norm's came ``after``: all units."""
        return both(before, after)

    def why(self, proof: Proof, lower: float, upper: float) -> str:
        """The ``kind`` of a polar: "exact" for closed forms, "heuristic" without an upper end."""
        return "heuristic" if proof.kind == SEARCH else "exact" if self.is_closed else "bounded"

    @final
    def bound(self, functional: Functional, proof: Proof, value: float | None = None) -> float:
        """The upper end of the polar that ``proof`` gives, rounded outward; ``value`` if it is known."""
        value = self.rounded(functional.M, proof, functional.n_terms, functional.magnitude, value)
        return times_power(value + functional.underflowed, functional.power, np.inf)

    @final
    def polar(
        self, functional: Functional, starts: Sequence[Units] = (), effort: str = "default", seed: int = 0
    ) -> Polar:
        """The :class:`Polar` of a functional; its factors are this norm's units."""
        check_effort(effort)
        found = self.find(functional.M, tuple(starts), effort, seed)
        units, best = best_first(found.units, np.asarray(found.values, float))
        lower = max(times_power(best, functional.power, -np.inf), 0.0)
        upper = max(self.bound(functional, found.proof, found.upper), lower)
        kind = self.why(found.proof, lower, upper)
        return Polar(lower, upper, take(units, slice(0, 1)), kind, units, found.proof)


def best_first(units: Units, values: np.ndarray) -> tuple[Units, float]:
    """The units with values of zero or more in falling order (at least one), and the best value."""
    order = np.argsort(-values, kind="stable")
    order = order[: max(1, np.count_nonzero(values >= 0))]
    sorted_already = np.array_equal(order, np.arange(len(values)))  # then no copy in another layout
    return units if sorted_already else take(units, order), float(values[order[0]])


def check_effort(effort: str) -> None:
    """Raise :class:`InputError` unless ``effort`` is "fast", "default" or "exact"."""
    if effort not in EFFORTS:
        raise InputError(f"unknown effort {effort!r}; choose one of {', '.join(EFFORTS)}")


class DataNorm(Norm):
    """Abstract: a norm whose ``M`` is the data themselves, a tuple of arrays; its checkers round outward."""

    def margin(self, M: Any, value: float, n_terms: int, magnitude: float) -> float:
        """Nothing: there are no sums in ``M``, and :meth:`upper` is rounded outward."""
        return 0.0


class Least(Norm):
    """The least of several upper ends of one norm, each with its own kind of proof.

    Members are tried in the order given until the interval closes to the relative width ``closed``; each
    one starts from the best units of those before it.
    """

    is_closed = False

    def __init__(self, *norms: Norm, closed: float = CLOSED):
        self.norms, self.closed = norms, closed
        self.kinds = tuple(kind for norm in norms for kind in norm.kinds)

    def find(self, M: Any, starts: Sequence[Units], effort: str, seed: int) -> Found:
        best: Found | None = None  # of the members so far
        for norm in self.norms:
            found = norm.find(M, starts, effort, seed)
            upper = norm.upper(M, found.proof) if found.upper is None else found.upper
            found = replace(found, upper=upper)
            best = found if best is None else norm.joined(best, found)
            if known(best) <= np.max(best.values) * (1 + self.closed):
                break
            starts = (*starts, best.units)
        assert best is not None, "the least of no norms"
        return best

    def upper(self, M: Any, proof: Proof) -> float:
        return self.member(proof).upper(M, proof)

    def prove(self, M: Any, bound: float, proof: Proof) -> None:
        self.member(proof).prove(M, bound, proof)

    def margin(self, M: Any, value: float, n_terms: int, magnitude: float) -> float:
        return max(norm.margin(M, value, n_terms, magnitude) for norm in self.norms)

    def why(self, proof: Proof, lower: float, upper: float) -> str:
        return self.member(proof).why(proof, lower, upper)

    def member(self, proof: Proof) -> Norm:
        """The first member that such a proof can be about."""
        for norm in self.norms:
            if proof.kind in norm.kinds:
                return norm
        raise ValueError(f"a proof of kind {proof.kind!r} says nothing about {type(self).__name__}")


def known(found: Found) -> float:
    """The upper end of what was found: whoever compares proofs evaluated them before."""
    assert found.upper is not None, "a proof that is yet to be evaluated"
    return found.upper


def both(one: Found, other: Found) -> Found:
    """The units of two searches, and the proof of the smaller upper end."""
    better = other if known(other) < known(one) else one
    units = append(one.units, other.units)
    return Found(units, np.concatenate([one.values, other.values]), better.proof, better.upper)
