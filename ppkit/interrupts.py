"""The keyboard stops a search, not the program: what stopped with a valid answer says so here.

A search that Ctrl-C reaches returns what it has proved so far.  Whoever started it must still learn of it:
training ends after the round it was in, and an experiment stores no row that depends on when a key was hit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

STOPPED: ContextVar[list[str] | None] = ContextVar("what the keyboard stopped", default=None)


def note(what: str) -> None:
    """Say that ``what`` was stopped by the keyboard and goes on to return a valid answer."""
    stopped = STOPPED.get()
    if stopped is not None:
        stopped.append(what)


@contextmanager
def noting() -> Iterator[list[str]]:
    """A list that fills with what the keyboard stopped within the block, however deep the call."""
    stopped: list[str] = []
    token = STOPPED.set(stopped)
    try:
        yield stopped
    finally:
        STOPPED.reset(token)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of a block in which something was stopped by the keyboard."""
    with noting() as stopped:
        yield
    if stopped:
        raise KeyboardInterrupt
