"""Build the book into _build/html; do nothing when nothing it depends on has changed.

``make book`` runs this.  Warnings are errors.  Notebooks are executed again only when their own
code, the files of the repository they read last time (the modules of ppkit included) or the lock
file changed; book/_ext/pp_execution.py keeps that record.
"""

import argparse
import hashlib
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
STAMP = ROOT / "_build" / "book.sha256"
LOG = ROOT / "_build" / "book.log"
INPUTS = ("book", "ppkit", "results", "data", "_config.yml", "_toc.yml", "requirements.lock", "CITATION.cff")
JUPYTER_BOOK = (sys.executable, "-c", "from jupyter_book.cli.main import main; main()")
SKIP = {"__pycache__", ".ipynb_checkpoints"}


def input_files():
    for name in INPUTS:
        path = ROOT / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (p for p in inside if p.is_file() and not SKIP.intersection(p.parts))


def head():
    """The commit that the pages name, or nothing outside a git checkout."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def fingerprint():
    """A hash of everything that the built pages depend on."""
    digest = hashlib.sha256(head().encode())
    for path in input_files():
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def is_current():
    return (HTML / "index.html").exists() and STAMP.exists() and STAMP.read_text() == fingerprint()


def build():
    """Run Jupyter Book with warnings as errors; its exit status."""
    STAMP.parent.mkdir(exist_ok=True)
    STAMP.unlink(missing_ok=True)
    before = fingerprint()
    command = [*JUPYTER_BOOK, "build", ".", "-W", "-n", "--keep-going"]
    with LOG.open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in process.stdout:
            log.write(line)
            sys.stdout.write(line)
            sys.stdout.flush()
        status = process.wait()
    if status == 0:
        STAMP.write_text(before)
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    arguments = parser.parse_args()
    started = time.monotonic()
    if arguments.force or not is_current():
        status = build()
        if status:
            print(f"\nThe book did not build without warnings; the full log is {LOG.relative_to(ROOT)}.")
            return status
        print(f"\nBuilt in {time.monotonic() - started:.0f} s.")
    else:
        print("Nothing changed since the last build.")
    print(f"The book:  {HTML / 'index.html'}")
    print("To serve:  make serve     (then open http://localhost:8000/)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
