"""Write requirements.lock: one exact version for everything the book, the tests and the timings need.

Run it as ``make lock``.  uv resolves the ranges of pyproject.toml without installing anything, and keeps
the versions that are locked where they still fit (``python tools/lock.py --upgrade`` takes the newest).
Name and version are all that is written: no index, no build variant (``2.13.0``, not ``2.13.0+cpu``) and
no GPU library, so that one file serves every machine.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
EXTRAS = ("book", "test", "bench")
GPU_ONLY = re.compile(r"^(nvidia-|cuda-|triton==|pytorch-triton)")
HEADER = """\
# Generated from pyproject.toml by `make lock`; do not edit. Extras: {extras}.
# Install with `pip install -r requirements.lock`, which is what `make book` does.
"""


def resolve(*options):
    """Lines ``name==version`` of everything that ppkit, its extras and its build need."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "-", "--output-file", LOCK]
    command += ["--quiet", "--no-header", "--no-annotate", "--no-emit-package", "ppkit", *options]
    extras = [part for extra in EXTRAS for part in ("--extra", extra)]
    subprocess.run([*command, *extras], cwd=ROOT, input="\n".join(build), text=True, check=True)
    return LOCK.read_text().split()


def main():
    lines = {line.split("+")[0] for line in resolve(*sys.argv[1:]) if not GPU_ONLY.match(line)}
    LOCK.write_text(HEADER.format(extras=", ".join(EXTRAS)) + "\n".join(sorted(lines)) + "\n")
    print(f"{LOCK.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
