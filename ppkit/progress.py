"""One progress bar, whoever shows it: silent unless asked for, and tqdm is imported only then."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .optional import optional

tqdm = optional("tqdm.auto")


@contextmanager
def bar(show: bool, **options: Any) -> Iterator[Any]:
    """A tqdm bar with ``options``, closed however the block ends; None unless ``show``."""
    shown = tqdm.tqdm(**options) if show else None
    try:
        yield shown
    finally:
        if shown is not None:
            shown.close()


def move(shown: Any, to: float, **facts: str) -> None:
    """Bring a bar to the position ``to`` and show ``facts`` beside it; nothing happens without a bar."""
    if shown is not None:
        shown.n = to
        shown.set_postfix(facts)


def counted(results: Iterable, total: int, done: int, show: bool) -> Iterable:
    """``results`` with a bar around them that counts cells, ``done`` of them at the start."""
    if not show:
        return results
    return tqdm.tqdm(results, total=total, initial=done, desc="cells", unit="cell", smoothing=0.1)
