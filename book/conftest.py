"""Every notebook that ``pytest --nbval book`` runs talks to its kernel over files: see ``_ext/pp_kernels.py``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import nbval.kernel
from pp_kernels import LocalKernelManager

nbval.kernel.KernelManager = LocalKernelManager
