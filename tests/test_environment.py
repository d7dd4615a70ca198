"""pyproject.toml, requirements.lock, environment.yml and what is installed tell one story."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED_EXTRAS = ("book", "test", "bench")
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def lines_of(extras):
    """The requirements of the extras, those that they take from other extras of ppkit included."""
    for extra in extras:
        for line in PROJECT["optional-dependencies"][extra]:
            if (inner := Requirement(line)).name == PROJECT["name"]:
                yield from lines_of(inner.extras)
            else:
                yield line


def direct():
    lines = {*PROJECT["dependencies"], *lines_of(LOCKED_EXTRAS)}
    return [pytest.param(r, id=r.name) for r in map(Requirement, sorted(lines))]


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def conda():
    """Name to version range, the packages that conda leaves to pip included."""
    items = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(item["pip"] for item in items if isinstance(item, dict))
    lines = [item for item in items if isinstance(item, str)] + [p for p in pip if not p.startswith("--")]
    parts = (re.match(r"([A-Za-z0-9_-]+) *(.*)", line).groups() for line in lines)
    return {name: SpecifierSet(range_) for name, range_ in parts}


@pytest.mark.parametrize("requirement", direct())
def test_lock_satisfies_pyproject(requirement):
    assert lock()[canonical(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("requirement", direct())
def test_installed_version_is_the_locked_one(requirement):
    assert version(requirement.name).split("+")[0] == lock()[canonical(requirement.name)]


@pytest.mark.parametrize("requirement", direct())
def test_conda_environment_has_the_same_range(requirement):
    name = CONDA_NAMES.get(requirement.name, requirement.name)
    assert conda()[name] == requirement.specifier


def test_conda_environment_has_nothing_else():
    extra = set(conda()) - {CONDA_NAMES.get(p.values[0].name, p.values[0].name) for p in direct()}
    assert extra == {"python", "pip"}
    assert conda()["python"] == SpecifierSet(PROJECT["requires-python"])


def test_lock_is_exact_and_portable():
    text = (ROOT / "requirements.lock").read_text()
    body = [line for line in text.splitlines() if not line.startswith("#")]
    assert "make lock" in text.splitlines()[0]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.!]*", line) for line in body)
    assert body == sorted(body)
    assert not re.search(r"nvidia|triton|\+cpu|https?:", text)


def test_versions_agree():
    import ppkit

    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert ppkit.__version__ == PROJECT["version"] == str(cff["version"])
