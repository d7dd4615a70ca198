"""Every notebook that pytest runs talks to its kernel over files: see ``book/_ext/pp_kernels.py``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "book" / "_ext"))

import nbval.kernel
from pp_kernels import LocalKernelManager

nbval.kernel.KernelManager = LocalKernelManager
