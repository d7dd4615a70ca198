"""Rerun the stored experiments: ``make sweep``.  Says so when the package has none."""

import subprocess
import sys
from importlib.util import find_spec


def main():
    if find_spec("ppkit.experiments") is None:
        print("No sweep is stored: ppkit has no experiments yet, and results/ is empty.")
        return 0
    return subprocess.run([sys.executable, "-m", "ppkit.cli", "sweep", "run"]).returncode


if __name__ == "__main__":
    sys.exit(main())
