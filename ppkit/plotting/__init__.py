"""Every figure and table of the book, one module per topic, one style.

``from ppkit import plotting as draw`` costs nothing: matplotlib is imported when a
submodule (``draw.sandwich``) or one of ``draw.figure`` and ``draw.table`` is first used.
"""

import importlib
import pkgutil

from ..optional import require

require("matplotlib")

_FROM_STYLE = {"figure", "table"}

__all__ = ["figure", "table"]


def _topics():
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def __getattr__(name):
    if name in _FROM_STYLE:
        return getattr(importlib.import_module(".style", __name__), name)
    if name in _topics():
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"ppkit.plotting has no '{name}'; its topics are {', '.join(_topics())}.")


def __dir__():
    return sorted([*globals(), *_FROM_STYLE, *_topics()])
