"""What a proof of an upper end is, and what it takes to check one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..rigor.balls import NoProof

#: refuses in ball arithmetic whatever it is asked: for kinds that are recomputed in floating point only
Prover = Callable[[Any, Any, float, Mapping[str, np.ndarray]], None]


@dataclass(frozen=True, eq=False)
class Proof:
    """What recomputes the upper end of a polar with no solver and no search.

    Attributes
    ----------
    kind : str
        Which checker reads it: a name in :data:`ppkit.checks.CHECKERS`, or one of a norm's own.
    data : mapping name -> array
        What that checker needs beside the data of the problem; empty for a closed form.
    """

    kind: str
    data: Mapping[str, np.ndarray] = field(default_factory=dict)


def no_balls(norm: Any, M: Any, bound: float, data: Mapping[str, np.ndarray]) -> None:
    """The prover of a kind that has none."""
    raise NoProof("this kind of proof is rechecked in floating point only")


@dataclass(frozen=True)
class Checker:
    """How one kind of proof is checked; ``norm`` hands in its parameters, ``M`` is what it measures.

    Attributes
    ----------
    upper : callable
        ``upper(norm, M, data) -> float``: at least the norm of ``M``, but for the rounding of the sums
        that ``M`` was computed by.  Raises ValueError or KeyError for data that are no such proof.
    prove : callable
        ``prove(norm, M, bound, data)`` for Balls ``M``: returns when the norm is PROVED to be at most
        ``bound``, raises :class:`ppkit.rigor.NoProof` otherwise.
    """

    upper: Callable[[Any, Any, Mapping[str, np.ndarray]], float]
    prove: Prover = no_balls


def require(proved: bool, what: str = "the bound") -> None:
    """Raise :class:`ppkit.rigor.NoProof` unless ``proved``."""
    if not proved:
        raise NoProof(f"{what} comes too close to be proved in balls")


#: the kind of a polar that was only searched for, which proves nothing
SEARCH = "search"
SEARCHED = Checker(lambda norm, M, data: np.inf)
