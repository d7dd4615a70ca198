"""Kernels that talk over sockets in a folder of their own.

The usual kernel asks the system for free TCP ports, lets go of them, and binds them a second later;
kernels that start side by side take each other's ports now and then, and a build fails for no reason
of its own.  Files have no such race.
"""

import os
import shutil
import tempfile
import weakref

from jupyter_client.manager import AsyncKernelManager, KernelManager
from traitlets import default


class _OverFiles:
    """The two defaults that move a kernel manager from TCP to files."""

    @default("transport")
    def _transport_of_its_own(self):
        return "ipc"

    @default("ip")
    def _folder_of_its_own(self):
        folder = tempfile.mkdtemp(prefix="kernel-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return os.path.join(folder, "k")


class LocalKernelManager(_OverFiles, KernelManager):
    """For callers that wait."""


class AsyncLocalKernelManager(_OverFiles, AsyncKernelManager):
    """For nbclient."""
