"""The command line: exit codes, one clear line for bad input, and nothing written then."""

import json
import subprocess
import sys

import numpy as np
import pytest
from problems import sensing
from test_files import broken_files

import ppkit
from ppkit.cli import main

GOOD = ["--family", "matrix-sensing", "--lam", "0.2"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with usable data, and with every kind of unusable file; the working directory."""
    problem = sensing(0, shape=(4, 3), n_samples=20)
    X, Y = problem.X, problem.Y[:, 0]
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    fit = ppkit.fit(ppkit.Problem(problem.family, X, Y, 0.2), gap=1e-8)
    np.savez(tmp_path / "fit.npz", **fit.factors)
    fit.certificate.save(tmp_path / "cert.npz")
    variants = {
        "no-y": {"X": X},
        "shape": {"X": X[:, :, 0], "Y": Y},
        "length": {"X": X[:-1], "Y": Y},
        "empty": {"X": X[:0], "Y": Y[:0]},
        "nan-x": {"X": X * np.nan, "Y": Y},
        "nan-y": {"X": X, "Y": Y + np.inf},
        "text": {"X": X.astype(str), "Y": Y},
        "complex": {"X": X + 1j, "Y": Y},
        "wide": {"X": X, "Y": np.ones((20, 2))},
        "scalar": {"X": X, "Y": np.array(1.0)},
        "huge": {"X": X, "Y": 1e200 * Y},
        "no-x": {"Y": Y},
        "fit-shape": {"u": np.ones((2, 3)), "v": np.ones((2, 3))},
        "fit-nan": {"u": np.full((1, 4), np.nan), "v": np.ones((1, 3))},
        "fit-missing": {"u": np.ones((1, 4))},
        "fit-width": {"u": np.ones((2, 4)), "v": np.ones((1, 3))},
    }
    for name, arrays in variants.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)
    for name, content in broken_files(None).items():
        (tmp_path / f"broken-{name}.npz").write_bytes(content)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def state(folder):
    return {p.relative_to(folder): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


FIT = ["fit", "data.npz", *GOOD, "--out", "out.npz", "--cert", "out-cert.npz"]
CERTIFY = ["certify", "data.npz", "fit.npz", *GOOD, "--cert", "out-cert.npz"]


def swap(command, **changes):
    """A command with positional or option values replaced."""
    out = list(command)
    for old, new in changes.items():
        old = {"data": "data.npz", "fit": "fit.npz"}.get(old, "--" + old.replace("_", "-"))
        if old.startswith("--") and old in out:
            out[out.index(old) + 1] = new
        elif old.startswith("--"):
            out += [old, new]
        else:
            out[out.index(old)] = new
    return out


BAD_DATA = [
    "no-y",
    "shape",
    "length",
    "empty",
    "nan-x",
    "nan-y",
    "text",
    "complex",
    "wide",
    "scalar",
    "huge",
    "no-x",
    "none",
    "folder",
    *(f"broken-{name}" for name in broken_files(None)),
]
BAD = [swap(FIT, data=f"{name}.npz" if name != "folder" else name) for name in BAD_DATA]
BAD += [swap(CERTIFY, data=f"{name}.npz" if name != "folder" else name) for name in BAD_DATA]
BAD += [
    swap(FIT, **change)
    for change in (
        {"lam": "0"},
        {"lam": "-1"},
        {"lam": "nan"},
        {"lam": "inf"},
        {"lam": "much"},
        {"family": "none"},
        {"family": ""},
        {"loss": "hinge"},
        {"loss": "logistic"},
        {"gap": "0"},
        {"gap": "-1e-3"},
        {"gap": "nan"},
        {"max_width": "0"},
        {"max_width": "x"},
        {"seed": "-1"},
        {"seed": "x"},
        {"effort": "most"},
        {"out": "folder"},
        {"out": "no/out.npz"},
        {"cert": "folder"},
        {"cert": "no/c.npz"},
        {"out": "data.npz"},
        {"cert": "data.npz"},
        {"cert": "out.npz"},
        {"option": "shape"},
        {"option": "shape=3"},
        {"option": "shape=[4]"},
        {"option": "shape=[4, -3]"},
        {"option": "other=1"},
        {"option": "shape=[3, 4]"},
        {"family": "two-layer-linear"},
        {"family": "matrix-factorization"},
    )
]
BAD += [
    swap(CERTIFY, **change)
    for change in (
        {"fit": "fit-shape.npz"},
        {"fit": "fit-nan.npz"},
        {"fit": "fit-missing.npz"},
        {"fit": "fit-width.npz"},
        {"fit": "none.npz"},
        {"fit": "broken-half.npz"},
        {"fit": "broken-pickled.npz"},
        {"fit": "folder"},
        {"gap": "0"},
        {"gap": "nan"},
        {"lam": "0"},
        {"cert": "fit.npz"},
        {"cert": "data.npz"},
        {"effort": ""},
    )
]
BAD += [
    ["verify", f]
    for f in ("none.npz", "data.npz", "fit.npz", "folder", "broken-half.npz", "broken-pickled.npz")
]
BAD += [
    ["verify", "cert.npz", "--data", f]
    for f in ("none.npz", "no-y.npz", "length.npz", "huge.npz", "broken-npy.npz")
]
BAD += [
    [],
    ["train"],
    ["fit"],
    ["fit", "data.npz"],
    ["verify"],
    ["certify", "data.npz", *GOOD],
    ["families", "x"],
]
BAD += [["fit", "data.npz", *GOOD], [*FIT, "--unknown"], ["verify", "cert.npz", "--rigorous", "--no"]]


@pytest.mark.parametrize("command", BAD, ids=" ".join)
def test_bad_input(command, folder, capsys):
    """Exit code 2, exactly one line on stderr, nothing on stdout, nothing written."""
    before = state(folder)
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("ppkit: ") and err.count("\n") == 1 and err.endswith("\n")
    assert "Traceback" not in err and len(err) > 20
    assert state(folder) == before


@pytest.mark.parametrize(
    "command", [BAD[0], swap(FIT, lam="0"), swap(FIT, data="huge.npz"), ["verify", "fit.npz"]], ids=" ".join
)
def test_bad_input_in_a_process_of_its_own(command, folder):
    """The same through the interpreter, where warnings would show as further lines."""
    done = subprocess.run(
        [sys.executable, "-m", "ppkit", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ppkit: ") and done.stderr.count("\n") == 1


def test_fit_certify_verify(folder, capsys):
    assert main([*FIT, "--gap", "1e-8", "--json"]) == 0
    fitted = json.loads(capsys.readouterr().out)
    assert fitted["relative_gap"] <= 1e-8 and fitted["kind"] == "exact" and fitted["width"] >= 1
    assert main(["certify", "data.npz", "out.npz", *GOOD, "--gap", "1e-8", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["objective"] == fitted["objective"] and again["relative_gap"] <= 1e-8
    assert main(["verify", "out-cert.npz", "--data", "data.npz", "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["verified"] and checked["lower_bound"] == fitted["lower_bound"]
    assert checked["lower_bound"] <= checked["objective_upper"]
    assert main(["verify", "out-cert.npz"]) == 0
    out = capsys.readouterr().out
    assert (
        ("proved" if ppkit.rigor.balls.available() else "rechecked") in out
        and "inf NC" in out
        and "lam=0.2" in out
    )
    assert main(["verify", "out-cert.npz", "--no-rigorous"]) == 0
    assert "rechecked" in capsys.readouterr().out
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


def test_exit_code_one_when_not_certified(folder, capsys):
    assert main(swap(FIT, max_width="1", gap="1e-9")) == 1
    assert "rho" in capsys.readouterr().out
    assert (folder / "out.npz").exists() and (folder / "out-cert.npz").exists()
    np.savez(folder / "zero.npz", u=np.zeros((0, 4)), v=np.zeros((0, 3)))
    assert main(swap(CERTIFY, fit="zero.npz")) == 1


def test_options_losses_and_seeds(folder, capsys):
    assert main(swap(FIT, option="shape=[4, 3]", loss="huber", gap="1e-6", seed="7")) == 0
    assert main(["verify", "out-cert.npz"]) == 0
    with np.load("data.npz") as data:
        np.savez("labels.npz", X=data["X"], Y=np.where(data["Y"] > 0, 1, -1))
    assert main(swap(FIT, data="labels.npz", loss="logistic")) == 0
    capsys.readouterr()


def test_families_lists_the_registry(capsys):
    assert main(["families"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(ppkit.families.registry)
    assert all(len(line.split()) > 2 for line in lines)


def test_help_and_version(capsys):
    for flag in ("--help", "--version"):
        with pytest.raises(SystemExit) as ended:
            main([flag])
        assert ended.value.code == 0
    assert ppkit.__version__ in capsys.readouterr().out


def test_a_forged_certificate_on_the_command_line(folder, capsys):
    with np.load("cert.npz") as data:
        arrays = {k: data[k] for k in data.files}
    arrays["value/lower_bound"] = arrays["value/lower_bound"] * (1 + 1e-12)
    np.savez("forged.npz", **arrays)
    before = state(folder)
    assert main(["verify", "forged.npz"]) == 2
    err = capsys.readouterr().err
    assert "changed" in err and err.count("\n") == 1 and state(folder) == before
