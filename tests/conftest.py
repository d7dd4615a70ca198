"""Shared by every test: one thread per numerical library, and Hypothesis without a wall-clock deadline."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("ppkit", deadline=None, derandomize=True)
settings.load_profile("ppkit")
