"""Running the checks: each by itself, or all of them."""

import warnings
from collections.abc import Callable
from functools import partial

from ..families.base import Family
from . import certificates, maps, polars, sizes
from .samples import Sample, draw

#: name of a promise -> the function that checks it on a :class:`Sample`
CHECKS: dict[str, Callable[[Sample], None]] = {
    check.__name__: check for check in (*maps.CHECKS, *polars.CHECKS, *sizes.CHECKS, *certificates.CHECKS)
}


def family_checks(
    member: Family, n_samples: int | None = None, seed: int = 0, gap: float | None = 1e-6
) -> list[tuple[str, Callable[[], None]]]:
    """``(name, check)`` for each promise of a family; a check takes nothing and raises AssertionError.

    Parameters
    ----------
    member : Family
        A small one: 2 to 30 parameters.
    n_samples : int or None
        N of the drawn problem: by default 20, or 1 for a family without inputs.
    seed : int
    gap : float or None
        The relative gap that training has to certify; None where the polar's interval may stay open.
    """
    if n_samples is None:
        n_samples = 1 if member.input_shape is None else 20
    sample = draw(member, n_samples, seed, gap)
    return [(name, partial(run_check, name, sample)) for name in CHECKS]


def check_family(
    member: Family, n_samples: int | None = None, seed: int = 0, gap: float | None = 1e-6
) -> None:
    """Check every promise of a family; the arguments are those of :func:`family_checks`.

    Raises
    ------
    AssertionError
        At the first promise that is broken: which one, for which member, with which numbers.
    """
    for _, check in family_checks(member, n_samples, seed, gap):
        check()


def run_check(name: str, sample: Sample) -> None:
    """Run one check; whatever goes wrong is an AssertionError that names the promise and the member."""
    check = CHECKS[name]
    where = f"{sample.family!r}, N = {len(sample.G)}, seed {sample.seed}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # an overflow that nobody meant
            check(sample)
    except AssertionError as error:
        found = str(error)
    except Exception as error:
        raise AssertionError(f"{says(name)}\n{where}\n{type(error).__name__}: {error}") from error
    else:
        return
    raise AssertionError(f"{says(name)}\n{where}\n{found}")


def says(name: str) -> str:
    """The promise in words: its name and the first line of its docstring."""
    return f"{name}: {CHECKS[name].__doc__}"
