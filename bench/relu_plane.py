"""The exact polar in the plane against a brute-force search over 200,000 angles, N up to 100,000.

Columns: CPU seconds of the polar and of the search; how far the best angle stays below the upper end,
relative; and how far it may, since the value is Lipschitz in the angle.  The first of these two must be
non-negative and at most the second.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time

import numpy as np

from ppkit.checks.cones import directional_values
from ppkit.families import TwoLayerReLU

ANGLES, AT_ONCE = 200_000, 2 * 10**7


def best_angle(X, G):
    """The largest value over equally spaced directions."""
    t = 2 * np.pi * np.arange(ANGLES) / ANGLES
    V = np.column_stack([np.cos(t), np.sin(t)])
    parts = np.array_split(V, max(1, ANGLES * len(X) // AT_ONCE))
    return max(float(directional_values(X, G, part).max()) for part in parts)


def main():
    """Print the table; exit code 1 if the search ever exceeds the polar."""
    print(f"{'N':>8}{'polar [s]':>11}{'search [s]':>12}{'below':>10}{'may be':>10}")
    wrong = 0
    for n in (100, 1000, 10_000, 100_000):
        rng = np.random.default_rng(n)
        X, G = rng.standard_normal((n, 2)), rng.standard_normal((n, 1))
        clock = time.process_time()
        polar = TwoLayerReLU(2).polar(X, G)
        middle = time.process_time()
        best = best_angle(X, G)
        search, seconds = time.process_time() - middle, middle - clock
        below = 1 - best / polar.upper
        allowed = np.sum(np.abs(G[:, 0]) * np.linalg.norm(X, axis=1)) / n * np.pi / ANGLES / polar.lower
        wrong += not (0 <= below <= allowed + 1e-12)
        print(f"{n:>8}{seconds:>11.3f}{search:>12.1f}{below:>10.1e}{allowed:>10.1e}", flush=True)
    return wrong


if __name__ == "__main__":
    sys.exit(main() > 0)
