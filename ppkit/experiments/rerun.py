"""A live re-run of a few cells with seeds of their own, against the stored rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .cell import run_cell
from .grids import get_grid
from .law import base, frame

FIRST_FRESH_SEED = 1000


def fresh_cells(name, seeds=6, widths=(1, 2), first=FIRST_FRESH_SEED):
    """Cells of the base grid, two sample sizes for each width, with seeds that are not stored."""
    grid = get_grid(name)
    sizes = [(R, R * n) for R in widths for n in grid.samples[1:3]]
    return [grid.cell(grid.options[0], R, N, first + k) for R, N in sizes for k in range(seeds)]


@dataclass(frozen=True)
class Agreement:
    """Fresh errors against the stored ones.

    Attributes
    ----------
    table : pandas.DataFrame
        One line for each (R, N): means of ``error N/(R D sigma^2)``, stored and fresh, and the number
        of fresh cells.
    low, ratio, high : float
        Geometric mean of fresh over stored errors, with its 99% interval by Student's t: both samples
        vary, and the variance is pooled over the cells of the grid.
    """

    table: pd.DataFrame
    low: float
    ratio: float
    high: float

    @property
    def agrees(self):
        """Whether the interval holds one."""
        return self.low <= 1.0 <= self.high


def agreement(name, stored, fresh):
    """:class:`Agreement` of rows ``fresh`` with the rows ``stored`` of the experiment ``name``."""
    from scipy.stats import t

    old, new = (base(frame(rows), get_grid(name)) for rows in (stored, fresh))
    lines, shift, weight, squares, freedom = [], 0.0, 0.0, 0.0, 0
    for (R, N), group in new.groupby(["teacher", "n_samples"]):
        same = old[(old["teacher"] == R) & (old["n_samples"] == N)]
        a, b = np.log(same["error"].to_numpy()), np.log(group["error"].to_numpy())
        share = 1 / (1 / len(a) + 1 / len(b))
        shift, weight = shift + share * (b.mean() - a.mean()), weight + share
        squares += np.sum((a - a.mean()) ** 2) + np.sum((b - b.mean()) ** 2)
        freedom += len(a) + len(b) - 2
        lines.append((R, N, same["collapse"].mean(), group["collapse"].mean(), len(b)))
    half = t.ppf(0.995, freedom) * np.sqrt(squares / freedom / weight)
    table = pd.DataFrame(lines, columns=["R", "N", "stored", "fresh", "cells"])
    low, ratio, high = np.exp(shift / weight + half * np.array([-1, 0, 1]))
    return Agreement(table, float(low), float(ratio), float(high))


def rerun(name, stored, **options):
    """Run :func:`fresh_cells` here and now; their :class:`Agreement` with the rows ``stored``."""
    return agreement(name, stored, [run_cell(cell) for cell in fresh_cells(name, **options)])
