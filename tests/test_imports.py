"""What ``import ppkit`` costs and pulls in, and which way imports run."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import ppkit

ROOT = Path(ppkit.__file__).parent
LAYERS = [
    "errors",
    "polar",
    "losses",
    "exact",
    "ball",
    "proofs",
    "solvers",
    "files",
    "families",
    "problem",
    "certificate",
    "verify",
]


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


def test_no_core_file_names_a_family():
    names = set(ppkit.families.registry) | {f.__name__ for f in ppkit.families.registry.values()}
    for path in ROOT.glob("*.py"):
        if path.stem in ("torch_bridge", "problem", "bounds"):
            continue  # the bridge is about particular modules; an error text may give an example
        tree = ast.parse(path.read_text())
        found = {
            n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
        } & names
        found |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & names
        assert not found, f"{path.name} names {found}"


def test_no_family_imports_another():
    modules = {f.__module__.rsplit(".", 1)[1] for f in ppkit.families.registry.values()}
    for module in modules:
        for name, level in imported(ROOT / "families" / f"{module}.py"):
            assert not (level == 1 and name in modules), f"{module} imports {name}"


def test_imports_run_one_way():
    """The first layers never import a later one at module level."""
    for i, name in enumerate(LAYERS):
        files = [ROOT / f"{name}.py"] if (ROOT / f"{name}.py").exists() else list((ROOT / name).glob("*.py"))
        later = set(LAYERS[i + 1 :]) | {"fit", "convex", "cli", "torch_bridge", "plotting"}
        for path in files:
            up = 1 if path.parent == ROOT else 2
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ImportFrom) and node.level == up:
                    module = (node.module or "").split(".")[0]
                    assert module not in later, f"{path.name} imports {module}"
