"""Packages that come with an extra: imported when they are first used, missed in one clear line."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .errors import InputError

#: package -> what a reader calls it, and the extra of ppkit that it comes with
EXTRAS = {
    "cvxpy": ("CVXPY", "programs"),
    "distributed": ("Dask", "dask"),
    "filelock": ("filelock", "experiments"),
    "joblib": ("joblib", "experiments"),
    "matplotlib": ("matplotlib", "plot"),
    "pandas": ("pandas", "experiments"),
    "threadpoolctl": ("threadpoolctl", "experiments"),
    "torch": ("PyTorch", "torch"),
    "tqdm": ("tqdm", "progress"),
}


def installed(name: str) -> bool:
    """Whether the package ``name`` can be imported; it is not imported."""
    return find_spec(name) is not None


def require(name: str) -> None:
    """Raise :class:`InputError` that says how to get the package ``name``, unless it is installed."""
    if not installed(name):
        called, extra = EXTRAS[name]
        raise InputError(f"this needs {called}: pip install 'ppkit[{extra}]'")


class Optional(ModuleType):
    """A module that is imported when the first of its names is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # asked by whoever inspects this module's globals
            raise AttributeError(attribute)
        require(self.__name__.partition(".")[0])
        value = getattr(import_module(self.__name__), attribute)
        setattr(self, attribute, value)
        return value


def optional(name: str) -> Any:
    """The package or submodule ``name`` of :data:`EXTRAS`, imported when it is first used."""
    return Optional(name)
