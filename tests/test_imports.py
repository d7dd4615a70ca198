"""What ``import ppkit`` costs and pulls in, and which way imports run."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ppkit
from ppkit.losses import Loss

ROOT = Path(ppkit.__file__).parent
CONTRACTS = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_import_is_light():
    """Less than half a second of CPU, neither torch nor cvxpy; the best of three, on a busy machine too."""
    code = (
        "import time, sys, json; t = time.process_time(); import ppkit; t = time.process_time() - t;"
        "print(json.dumps([t, sorted(m for m in sys.modules if '.' not in m)]))"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    assert min(t for t, _ in runs) < 0.5
    heavy = {"torch", "cvxpy", "matplotlib", "pandas", "sklearn", "flint", "joblib", "tqdm", "hypothesis"}
    assert not heavy & set(runs[0][1])


def test_public_names():
    for name in ("Problem", "Certificate", "Polar", "certify", "fit", "convex_lower_bound", "families"):
        assert name in ppkit.__all__
    assert all(hasattr(ppkit, name) for name in ppkit.__all__)
    assert sorted(ppkit.__all__) == sorted(set(ppkit.__all__))


def imported(path):
    """Names of the package's modules that a file imports, at any depth of the code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield (node.module or "").split(".")[0], node.level


#: the files that may name a family or a loss, which names (all if empty), and why
NAMING = {
    "families/__init__.py": (set(), "the registry"),
    "losses.py": (set(), "the losses themselves"),
    "__init__.py": (set(), "readers import the losses from here"),
    "torch_bridge.py": (set(), "it is about particular modules and losses of PyTorch"),
    "experiments/grids.py": (set(), "the table of the stored experiments"),
    "experiments/values.py": ({"squared"}, "the loss of every stored row"),
    "problem.py": ({"squared"}, "the default loss"),
    "testing/samples.py": ({"squared", "logistic", "huber"}, "the losses that families are checked under"),
    "cli.py": ({"squared"}, "the default loss"),
}
#: the file that may look a family or a loss up by its name, which is all that a file can keep of it
LOOKING_UP = {"certificates/files.py"}
OWNERS = {
    word: f"families/{family.__module__.rsplit('.', 1)[1]}.py"
    for family in ppkit.families.registry.values()
    for word in (family.name, family.__name__, family.__module__.rsplit(".", 1)[1])
}
LOSSES = [loss for loss in Loss.__subclasses__() if loss.__module__ == "ppkit.losses"]
NAMES = set(OWNERS) | {word for loss in LOSSES for word in (loss.__name__, loss().name)}
SOURCES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.rglob("*.py"))}


def words(tree):
    """Whole strings, identifiers and names of modules: how code can name a family or a loss."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(word)) | ast.Name(id=word) | ast.Attribute(attr=word):
                yield word
            case ast.ImportFrom(module=str(module)):
                yield from module.split(".")
            case ast.alias(name=name):
                yield from name.split(".")


def named(file, source):
    """Families and losses that the file names though they are not its business."""
    allowed, _ = NAMING.get(file, (None, ""))
    if allowed == set():
        return set()
    found = {word for word in words(ast.parse(source)) if word in NAMES and OWNERS.get(word) != file}
    return found - (allowed or set())


def decided_by_name(file, source):
    """Names of families and losses that are compared or looked up in a table."""
    if file in LOOKING_UP:
        return []
    asked = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, comparators=others):
                asked += [left, *others]
            case ast.Subscript(slice=key):
                asked.append(key)
            case ast.Call(func=ast.Attribute(attr="get"), args=arguments):
                asked += arguments
            case ast.Match(subject=subject):
                asked.append(subject)
    inside = (ast.unparse(inner) for part in asked for inner in ast.walk(part))
    return [text for text in inside if re.fullmatch(r"(.*\W)?(family|loss|self|cls)\.name", text)]


def test_no_file_knows_a_family_or_a_loss_by_name():
    """What differs between families, or between losses, is a method with a default."""
    assert not {file: found for file, source in SOURCES.items() if (found := named(file, source))}
    assert not {file: found for file, source in SOURCES.items() if (found := decided_by_name(file, source))}


def test_no_exception_is_idle():
    """Under another path, where no exception holds, each of these files would be found out."""
    for file, (allowed, _) in NAMING.items():
        found = named(f"elsewhere/{file}", SOURCES[file])
        assert found and allowed in (set(), found)
    assert all(decided_by_name(f"elsewhere/{file}", SOURCES[file]) for file in LOOKING_UP)


@pytest.mark.parametrize(
    ("file", "mutant"),
    [
        ("bounds/constants.py", 'TABLE = {"deep-relu": 3}'),
        ("experiments/training.py", "from ..families import CPTensor"),
        ("experiments/training.py", "from ..families.cp_tensor import unfold"),
        ("families/deep_linear.py", 'PEER = "deep-relu"'),
        ("polars/base.py", "def f(x): return isinstance(x, ppkit.families.DeepReLU)"),
        ("certificates/dual.py", 'def f(loss): return loss.name == "squared"'),
        ("certificates/files.py", "from ..losses import HuberLoss"),
        ("problem.py", 'def f(loss="huber"): pass'),
        ("bounds/complexity.py", "def f(loss): return loss.name in TABLE"),
        ("bounds/complexity.py", "def f(family): return TABLE[family.name]"),
        ("bounds/complexity.py", "def f(family): return TABLE.get(family.name, 0)"),
    ],
)
def test_the_search_for_names_finds_them(file, mutant):
    source = f"{SOURCES[file]}\n{mutant}\n"
    assert named(file, source) or decided_by_name(file, source)


def test_no_family_imports_another():
    modules = {f.__module__.rsplit(".", 1)[1] for f in ppkit.families.registry.values()}
    for module in modules:
        for name, level in imported(ROOT / "families" / f"{module}.py"):
            assert not (level == 1 and name in modules), f"{module} imports {name}"


def lint(folder):
    """What import-linter says of a copy of the package: ``contract -> whether it is kept``."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    command += ["--no-cache", "--config", str(ROOT.parent / "pyproject.toml")]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(folder)}
    )
    found = dict(re.findall(r"^(.*) (KEPT|BROKEN)", done.stdout, re.M))
    assert found.keys() == {contract["name"] for contract in CONTRACTS}, done.stdout + done.stderr
    assert done.returncode == ("BROKEN" in found.values())
    return {name: word == "KEPT" for name, word in found.items()}


def test_contracts_are_kept():
    assert all(lint(ROOT.parent).values())


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("rigor/margins.py", "from ..checks import CHECKERS", "Imports run one way"),
        ("families/base.py", "from ..problem import Problem", "Imports run one way"),
        ("checks/forms.py", "from ..optional import optional", "What checks never imports what searches"),
        ("checks/forms.py", "from scipy.optimize import minimize", "What checks never imports what searches"),
        ("rigor/balls.py", "from ..polars import search", "What checks never imports what searches"),
        ("certificates/verify.py", "from ..training import fit", "A certificate is checked without training"),
        ("certificates/verify.py", "from ..polars import search", "A certificate calls no search by itself"),
        ("plotting/relu.py", "from ..families import registry", "Plotting draws what it is given"),
        ("errors.py", "from .files import read_npz", "Nothing imports in a circle"),
        ("bounds/base.py", "import ppkit", "Inside, nothing asks the package as a whole"),
    ],
)
def test_contracts_see_an_import_inside_a_function(tmp_path, path, line, contract):
    shutil.copytree(ROOT, tmp_path / "ppkit", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "ppkit" / path).open("a") as stream:
        stream.write(f"\n\ndef late():\n    {line}\n")
    assert not lint(tmp_path)[contract]
