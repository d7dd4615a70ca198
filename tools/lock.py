"""Write requirements.lock: one exact version for everything the book, the tests and the timings need.

Run it as ``make lock``.  It asks pip to resolve the ranges of pyproject.toml without
installing anything, and keeps name and version only: no index, no build variant
(``2.13.0``, not ``2.13.0+cpu``) and no GPU library, so that one file serves every machine.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
EXTRAS = ("book", "test", "bench")
GPU_ONLY = re.compile(r"^(nvidia-|cuda-|triton$|pytorch-triton)")
HEADER = """\
# Generated from pyproject.toml by `make lock`; do not edit. Extras: {extras}.
# Install with `pip install -r requirements.lock`, which is what `make book` does.
"""


def requirements():
    """ppkit with the extras, and what builds it."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    return [f"{ROOT}[{','.join(EXTRAS)}]", *build["requires"]]


def resolve(wanted):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run([*command, "--report", str(report), *wanted], check=True)
        return [item["metadata"] for item in json.loads(report.read_text())["install"]]


def main():
    lines = set()
    for package in resolve(requirements()):
        name = re.sub(r"[-_.]+", "-", package["name"]).lower()
        if name != "ppkit" and not GPU_ONLY.match(name):
            lines.add(f"{name}=={package['version'].split('+')[0]}")
    LOCK.write_text(HEADER.format(extras=", ".join(EXTRAS)) + "\n".join(sorted(lines)) + "\n")
    print(f"{LOCK.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
