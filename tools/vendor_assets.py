"""Refresh book/_static/mathjax and book/_static/fonts from their npm packages (npm and the network needed).

The copies are committed, so that neither building nor reading the book needs a network.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "book" / "_static"
PACKAGES = (
    "mathjax@3.2.2",
    "@fontsource-variable/newsreader@5",
    "@fontsource-variable/source-code-pro@5",
)
MATHJAX = ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2", "a11y/assistive-mml.js")
FONTS = {
    "newsreader": ("latin-opsz-normal", "latin-opsz-italic", "latin-ext-opsz-normal"),
    "source-code-pro": ("latin-wght-normal",),
}


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def main():
    for name in ("mathjax", "fonts"):
        shutil.rmtree(STATIC / name, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, *PACKAGES]
        subprocess.run(command, check=True)
        modules = Path(folder) / "node_modules"
        for item in MATHJAX:
            copy(modules / "mathjax" / "es5" / item, STATIC / "mathjax" / item)
        copy(modules / "mathjax" / "LICENSE", STATIC / "mathjax" / "LICENSE")
        for face, cuts in FONTS.items():
            package = modules / "@fontsource-variable" / face
            for cut in cuts:
                copy(package / "files" / f"{face}-{cut}.woff2", STATIC / "fonts" / f"{face}-{cut}.woff2")
            copy(package / "LICENSE", STATIC / "fonts" / f"{face}-LICENSE.txt")


if __name__ == "__main__":
    main()
