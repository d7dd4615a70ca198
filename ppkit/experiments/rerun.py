"""A live re-run: stored rows once more, or a few cells with seeds of their own against the stored ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..optional import optional
from .cell import Cell, run_cell
from .grids import get_grid
from .law import base, frame
from .local import cell_of

pd, threadpoolctl = optional("pandas"), optional("threadpoolctl")

FIRST_FRESH_SEED = 1000


def fresh_cells(
    name: str, seeds: int = 6, widths: Sequence[int] = (1, 2), first: int = FIRST_FRESH_SEED
) -> list[Cell]:
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

    table: Any
    low: float
    ratio: float
    high: float

    @property
    def agrees(self) -> bool:
        """Whether the interval holds one."""
        return self.low <= 1.0 <= self.high


def agreement(name: str, stored: Sequence[Mapping[str, Any]], fresh: Any) -> Agreement:
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


def rerun(name: str, stored: Sequence[Mapping[str, Any]], **options: Any) -> Agreement:
    """Run :func:`fresh_cells` here and now; their :class:`Agreement` with the rows ``stored``."""
    return agreement(name, stored, [run_cell(cell) for cell in fresh_cells(name, **options)])


def pick(rows: Sequence[Mapping[str, Any]], **wanted: Any) -> list[Mapping[str, Any]]:
    """The ``rows`` whose entries equal ``wanted`` (those that are None do not count).

    Raises :class:`InputError` if nothing is wanted or no row is left.
    """
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if not wanted:
        raise InputError("say which rows: by their key, or by teacher, n_samples or seed")
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    if not found:
        asked = ", ".join(f"{name} {value}" for name, value in wanted.items())
        raise InputError(f"no stored row has {asked}")
    return found


def differences(row: Mapping[str, Any], fresh: Any) -> dict[str, float]:
    """``name -> relative difference`` of the entries of ``fresh`` that are not those of ``row``.

    Numbers compare relative to the larger of the two; anything else that differs counts as infinite.
    """
    out = {}
    for name, value in fresh.items():
        old: Any = row.get(name)
        if value == old:
            continue
        both = all(isinstance(v, int | float) and np.isfinite(v) for v in (value, old))
        out[name] = abs(value - old) / max(abs(value), abs(old)) if both else np.inf
    return out


def once_more(row: Mapping[str, Any]) -> tuple[Any, Any, dict[str, float]]:
    """``(row, fresh row, differences)`` of a stored row whose cell is run here and now."""
    with threadpoolctl.threadpool_limits(1):
        fresh = run_cell(cell_of(row))
    return row, fresh, differences(row, fresh)
