"""The library alone: with numpy, scipy and python-flint and nothing else it fits, certifies and verifies."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ppkit
from ppkit.optional import EXTRAS

ROOT = Path(ppkit.__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

SETTING = """
import numpy as np, ppkit
rng = np.random.default_rng(0)
"""
SENSING = """
X = rng.normal(size=(80, 6, 5))
Y = X[:, 0, 0] + X[:, 1, 2] + 0.3 * rng.normal(size=80)
problem = ppkit.Problem(ppkit.families.MatrixSensing(shape=(6, 5)), X, Y, lam=0.2)
"""
LINEAR = """
X = rng.normal(size=(50, 4))
problem = ppkit.Problem(ppkit.families.TwoLayerLinear(4, 3), X, X @ rng.normal(size=(4, 3)), lam=0.3)
"""
RELU = """
X = rng.normal(size=(20, 2))
Y = np.maximum(X @ [1.0, 0.5], 0) + 0.1 * rng.normal(size=20)
problem = ppkit.Problem(ppkit.families.TwoLayerReLU(2, 1), X, Y, lam=0.1)
"""
FIT = """
factors, gap = ppkit.fit(problem, gap=1e-8).factors, 1e-8
"""
GIVEN = """
factors, gap = {"u": np.ones((1, 1)), "v": np.array([[1.0, 0.5]])}, 1.0
"""
ROUND_TRIP = """
certificate = ppkit.certify(problem, factors)
assert certificate.certified(gap), certificate
certificate.save("cert.npz")
checked = ppkit.Certificate.load("cert.npz").verify(rigorous=True)
assert checked.rigorous and checked.relative_gap <= gap
print(checked)
"""
#: a ReLU fit solves a convex program in each round, which needs CVXPY; its certificate does not
CASES = {"sensing": SENSING + FIT, "linear": LINEAR + FIT, "relu in the plane": RELU + GIVEN}


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A folder that holds ppkit and what pyproject.toml says the library needs: all that Python may see."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "ppkit").symlink_to(ROOT / "ppkit")
    for line in PROJECT["dependencies"]:
        for path in files(Requirement(line).name):
            top, place = path.parts[0], path.locate()
            if top != ".." and not (folder / top).exists():
                (folder / top).symlink_to(
                    Path(place).parents[len(path.parts) - 2] if path.parts[1:] else place
                )
    return folder


def run(folder, code, cwd):
    """Run code with no package but those in a folder."""
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.dont_write_bytecode = True\n"
    command = [sys.executable, "-I", "-S", "-c", start + code]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("case", CASES)
def test_library_alone_fits_certifies_and_verifies(bare, tmp_path, case):
    done = run(bare, SETTING + CASES[case] + ROUND_TRIP, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("proved")


@pytest.mark.parametrize("name", EXTRAS)
def test_missing_package_is_one_line_that_names_its_extra(bare, tmp_path, name):
    called, extra = EXTRAS[name]
    code = f"from ppkit.optional import optional\noptional({name!r}).anything"
    done = run(bare, code, tmp_path)
    assert done.stderr.splitlines()[-1].endswith(f"this needs {called}: pip install 'ppkit[{extra}]'")
    own = {Requirement(line).name for line in PROJECT["optional-dependencies"][extra]}
    assert name in own


@pytest.mark.parametrize(
    ("code", "called"),
    [
        ("import ppkit.plotting", "matplotlib"),
        (SETTING + RELU + FIT, "CVXPY"),
        (SETTING + SENSING + "ppkit.convex_lower_bound(problem)", "CVXPY"),
        (SETTING + SENSING + "ppkit.fit(problem, gap=1e-6, progress=True)", "tqdm"),
    ],
    ids=["figures", "relu fit", "convex program", "progress bar"],
)
def test_what_needs_more_says_so(bare, tmp_path, code, called):
    done = run(bare, code, tmp_path)
    assert f"InputError: this needs {called}: pip install" in done.stderr.splitlines()[-1]


def test_command_line_works_alone(bare, tmp_path):
    done = run(bare, "import sys\nfrom ppkit.cli import main\nsys.exit(main(['families']))", tmp_path)
    assert done.returncode == 0, done.stderr
    report = "import sys\nfrom ppkit.cli import main\nsys.exit(main(['sweep', 'run', 'matrix-sensing']))"
    done = run(bare, report, tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"ppkit: this needs \w+: pip install 'ppkit\[experiments\]'\n", done.stderr)
