"""What a check says when a promise is broken: the quantity and the numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

#: one class of exceptions, or several
Errors = type[Exception] | tuple[type[Exception], ...]


@contextmanager
def about(where: str) -> Iterator[None]:
    """Put ``where`` before what an AssertionError inside the block says."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from None


def claim(holds: Any, what: str) -> None:
    """Raise AssertionError saying ``what`` unless it ``holds``."""
    if not holds:
        raise AssertionError(what)


def at_most(value: Any, bound: Any, what: str) -> None:
    """Raise AssertionError unless ``value <= bound``; NaN is not."""
    if not value <= bound:
        raise AssertionError(f"{what}: {shown(value)} is above {shown(bound)}")


def near(value: Any, other: Any, within: float, what: str) -> None:
    """Raise AssertionError unless all entries of ``value`` are within ``within`` of those of ``other``."""
    off = float(np.max(np.abs(np.asarray(value, float) - np.asarray(other, float)), initial=0.0))
    claim(
        off <= within, f"{what}: off by {off!r}, more than {within!r}, at {shown(value)} and {shown(other)}"
    )


def refused(errors: Errors, what: str, call: Callable, *args: Any, **options: Any) -> None:
    """Raise AssertionError unless ``call(*args, **options)`` raises one of ``errors``."""
    try:
        call(*args, **options)
    except errors:
        return
    raise AssertionError(f"{what} is not refused")


def shown(value: Any) -> str:
    """A number in full, an array by its shape; a fraction beyond the range of floats is ``inf``."""
    if np.ndim(value) > 0:
        return f"an array of shape {np.shape(value)}"
    try:
        return repr(float(value))
    except OverflowError:
        return "inf"
