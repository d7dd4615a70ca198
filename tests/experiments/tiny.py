"""A grid of cells that take milliseconds, and a program that sweeps it."""

import sys

from ppkit.experiments.cell import Cell
from ppkit.experiments.sweep import sweep


def cells(n_seeds):
    """Two widths of a two-layer linear network, three sample sizes."""
    options = {"n_inputs": 3, "n_outputs": 2}
    sizes = [(R, N) for R in (1, 2) for N in (8, 16, 32)]
    return [Cell("two-layer-linear", options, R, N, 0.5, seed) for R, N in sizes for seed in range(n_seeds)]


if __name__ == "__main__":
    sweep(cells(int(sys.argv[2])), sys.argv[1], jobs=int(sys.argv[3]))
