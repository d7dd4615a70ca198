"""Annotations: every public function, every public method, and every method of the abstract classes."""

import importlib
import inspect
import pkgutil
from abc import ABC

import pytest

import ppkit


def modules():
    """Every module of the package but the one that runs the command line."""
    found = pkgutil.walk_packages(ppkit.__path__, "ppkit.")
    return [importlib.import_module(module.name) for module in found if not module.name.endswith("__main__")]


def is_abstract(owner):
    return ABC in owner.__mro__ and inspect.isabstract(owner)


def functions(module):
    """``name -> function`` of what a module defines: public ones, and all methods of abstract classes."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value) and not name.startswith("_"):
            yield name, inspect.unwrap(value)
        if inspect.isclass(value) and not name.startswith("_"):
            for method, member in vars(value).items():
                member = getattr(member, "fget", None) or getattr(member, "func", None) or member
                member = getattr(member, "__func__", member)
                own = inspect.isfunction(member) and member.__module__ == module.__name__
                if own and (not method.startswith("_") or is_abstract(value)):
                    yield f"{name}.{method}", member


def bare(function):
    """The parameters of a function without an annotation, and "return"."""
    signature = inspect.signature(function)
    for name, parameter in signature.parameters.items():
        if parameter.annotation is inspect.Parameter.empty and name not in ("self", "cls"):
            yield name
    if signature.return_annotation is inspect.Signature.empty and function.__name__ != "__init__":
        yield "return"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_what_is_public_is_annotated(module):
    missing = [f"{name}({what})" for name, function in functions(module) for what in bare(function)]
    assert not missing


def test_a_missing_annotation_is_found():
    def half(one: int, two) -> int:
        return one

    assert list(bare(half)) == ["two"]
    assert list(bare(lambda: 0)) == ["return"]
    names = dict(functions(ppkit.losses))
    assert {"get_loss", "Loss.value", "HuberLoss.lipschitz", "SquaredLoss.cvxpy"} <= set(names)
