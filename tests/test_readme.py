"""What the README promises runs as printed."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_certify_your_own_network(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    exec(code, {})
    yours, ours = (float(line) for line in capsys.readouterr().out.split())
    assert 0 < yours <= 1
    assert 0 <= ours <= 1e-8


def test_commands_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"make ([a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"book", "test"} <= named <= targets
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_files_that_are_named_exist():
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text()):
        for name in re.findall(
            r"`((?:tools|ppkit|book|tests)?/?[\w/.-]+\.(?:py|md|yml|cff|lock|toml))`", text
        ):
            assert (ROOT / name).exists() or name.split("/")[-1].startswith("NAME"), name
