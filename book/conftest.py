"""Every notebook that ``pytest --nbval book`` runs talks to its kernel over files, see ``pp_kernels``."""

import nbval.kernel
from pp_kernels import LocalKernelManager

nbval.kernel.KernelManager = LocalKernelManager
