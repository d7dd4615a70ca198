r"""The width law read off rows: :math:`N^*(R)`, its slope, the joint fit and the collapse.

The error of a cell is its mean over seeds.  :math:`N^*(R)` is the sample size at which it falls to a
level, by interpolation on logarithmic axes.  Intervals are percentiles of a bootstrap that draws the
seeds of every cell anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Array
from ..optional import optional
from .grids import Grid, get_grid

pd = optional("pandas")

RESAMPLES = 2000
BAND = (0.85, 1.15)


@dataclass(frozen=True)
class Interval:
    """A number with the ends of its 95% bootstrap interval; NaN where it could not be read off."""

    value: float
    low: float
    high: float

    def verdict(self, low: float, high: float) -> str:
        """ "inside" [low, high] or "outside", each with the whole interval; otherwise "undecided".

        An interval that could not be read off, or that reaches over an end, decides nothing.
        """
        if low <= self.low and self.high <= high:
            return "inside"
        return "outside" if self.low > high or self.high < low else "undecided"

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    r"""The rows as a pandas frame, the members' options as text, and derived columns.

    ``scaled`` is the error in units of sigma^2, ``collapse`` is ``scaled N/(R D)``, ``unit_lam`` the
    polar of standard Gaussian noise, and ``effective_dim`` its square times N.
    """
    if not rows:
        raise InputError("no rows: run the sweep first")
    table = pd.DataFrame(rows)
    table["options"] = [str(sorted(options.items())) for options in table["options"]]
    table["scaled"] = table["error"] / table["noise"] ** 2
    table["collapse"] = table["scaled"] * table["n_samples"] / (table["teacher"] * table["dim"])
    table["unit_lam"] = table["lam"] / (table["lam_scale"] * table["noise"])
    table["effective_dim"] = table["n_samples"] * table["unit_lam"] ** 2
    return table


def base(table: Any, grid: Grid) -> Any:
    """The rows of the base grid: the first member, the grid's noise, the theory's lambda.

    Widths for which the family has no room are left out, see :meth:`Grid.has_room`.
    """
    member = str(sorted(grid.options[0].items()))
    plain = (table["options"] == member) & (table["noise"] == grid.noise) & (table["lam_scale"] == 1.0)
    return table[plain & table["teacher"].map(grid.has_room)]


def cube(table: Any, column: str = "scaled") -> tuple[np.ndarray, np.ndarray, Array]:
    """``(teachers, ratios, values (n_R, n_N, seeds))`` of a complete base grid; ratios are N/R."""
    table = table.assign(ratio=table["n_samples"] // table["teacher"])
    pivot = table.pivot_table(index=["teacher", "ratio"], columns="seed", values=column)
    R, ratio = (np.array(pivot.index.levels[i]) for i in (0, 1))
    return R, ratio, pivot.to_numpy().reshape(len(R), len(ratio), -1)


def resampled_means(values: Array, seed: int = 0, resamples: int = RESAMPLES) -> Array:
    """Means over the last axis: of the seeds themselves first, then of each bootstrap draw of them."""
    rng, n = np.random.default_rng(seed), values.shape[-1]
    pick = rng.integers(0, n, (resamples, *values.shape))
    drawn = np.take_along_axis(values[None], pick, axis=-1).mean(axis=-1)
    return np.concatenate([values.mean(axis=-1)[None], drawn])


def crossing(samples: np.ndarray, errors: Array, level: float) -> Array:
    """The N at which each curve ``errors`` (..., n_N) falls below ``level`` for good; NaN if it does not.

    ``samples`` (n_N,) or (..., n_N) increases along the last axis.
    """
    x, y = np.broadcast_arrays(np.log(samples), np.log(errors) - np.log(level))
    above = y > 0
    last = np.where(above.any(axis=-1), above.shape[-1] - 1 - np.argmax(above[..., ::-1], axis=-1), -1)
    bracketed = (last >= 0) & (last < above.shape[-1] - 1)
    i = np.clip(last, 0, above.shape[-1] - 2)[..., None]
    x0, x1 = (np.take_along_axis(x, i + k, axis=-1)[..., 0] for k in (0, 1))
    y0, y1 = (np.take_along_axis(y, i + k, axis=-1)[..., 0] for k in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bracketed, np.exp(x0 + (x1 - x0) * y0 / (y0 - y1)), np.nan)


def interval(draws: Array) -> Interval:
    """:class:`Interval` of draws along the first axis, the first of which is the estimate.

    A draw that could not be read off lies below the lower end and above the upper one, for all we know.
    """
    if not np.isfinite(draws[0]):
        return Interval(np.nan, np.nan, np.nan)
    lost = np.count_nonzero(np.isnan(draws[1:])) / (len(draws) - 1)
    if lost > 0.025:
        return Interval(float(draws[0]), -np.inf, np.inf)
    low, high = np.nanpercentile(draws[1:], (100 * (0.025 - lost) / (1 - lost), 100 * 0.975 / (1 - lost)))
    return Interval(float(draws[0]), float(low), float(high))


def n_star(table: Any, grid: Grid, level: float, seed: int = 0) -> tuple[np.ndarray, Array]:
    """``(teachers (n_R,), draws (1 + resamples, n_R))`` of N*(R) at an error of ``level`` times sigma^2."""
    R, ratio, values = cube(base(table, grid))
    return R, crossing(R[:, None] * ratio, resampled_means(values, seed), level)


def slope(teachers: np.ndarray, draws: Array) -> Interval:
    """:class:`Interval` of the least-squares slope of log N* on log R."""
    x = np.log(teachers) - np.log(teachers).mean()
    return interval(np.log(draws) @ x / (x @ x))


def local_slopes(teachers: np.ndarray, draws: Array) -> list[Interval]:
    """The slope of log N* on log R between neighboring R, one :class:`Interval` for each pair.

    Where they rise or fall with R the law is no power law, and :func:`slope` is a mean of them.
    """
    steps = np.diff(np.log(draws), axis=1) / np.diff(np.log(teachers))
    return [interval(step) for step in steps.T]


def joint_fit(
    table: Any, grid: Grid, seed: int = 0, resamples: int = RESAMPLES, dimension: str = "dim"
) -> dict[str, Interval]:
    r"""The exponents of ``error = c R^a D^b N^-n sigma^(2 s)`` over the cells of the law's region.

    Cells at the theory's lambda whose N/R is not the grid's smallest.  Returns a mapping of
    :class:`Interval`: ``R``, ``D``, ``N`` (positive: the rate of decay), ``sigma^2``, ``constant``.
    An exponent of something that did not vary is NaN.  ``dimension`` is the column that serves as D:
    ``"dim"`` or ``"effective_dim"`` (its mean in a cell).
    """
    region = table[(table["lam_scale"] == 1.0) & (table["n_samples"] > table["teacher"] * grid.samples[0])]
    region = region[region["teacher"].map(grid.has_room)]
    groups = region.groupby(["teacher", "dim", "n_samples", "noise"], sort=True)
    keys = np.array([(R, group[dimension].mean(), N, noise) for (R, _, N, noise), group in groups])
    values = np.array([group["error"].to_numpy() for _, group in groups])
    design = np.column_stack([np.log(keys), np.ones(len(keys))])
    solution = np.log(resampled_means(values, seed, resamples)) @ np.linalg.pinv(design).T
    scale = {"R": (0, 1), "D": (1, 1), "N": (2, -1), "sigma^2": (3, 0.5)}
    solution[:, :-1][:, np.ptp(keys, axis=0) == 0] = np.nan  # nothing to tell it from the constant
    out = {name: interval(sign * solution[:, k]) for name, (k, sign) in scale.items()}
    return out | {"constant": interval(np.exp(solution[:, 4]))}


def lambda_effect(table: Any, grid: Grid) -> Any:
    """Mean of ``error N/(R D sigma^2)`` by lambda scale (rows) and N (columns), at R = 2."""
    member = str(sorted(grid.options[0].items()))
    chosen = table[
        (table["options"] == member)
        & (table["noise"] == grid.noise)
        & (table["teacher"] == 2)
        & table["n_samples"].isin([2 * n for n in grid.arm])
    ]
    return chosen.pivot_table(index="lam_scale", columns="n_samples", values="collapse")


@dataclass(frozen=True)
class Law:
    """What the rows of one experiment say.

    Attributes
    ----------
    name : str
    rows : int
    teachers : array (n_R,)
    n_star : mapping level -> list of Interval, one for each R
    slopes : mapping level -> Interval
    local : mapping level -> list of Interval, one for each pair of neighboring R
    exponents : mapping name -> Interval
    constant : mapping R -> mean of ``error N/(R D sigma^2)`` over the law's region
    worst_gap : float
        The largest certified relative gap of the base grid.
    median_ratio : float
        Median of polar upper end / lower end.
    """

    name: str
    rows: int
    teachers: np.ndarray
    n_star: dict
    slopes: dict
    local: dict
    exponents: dict
    constant: dict
    worst_gap: float
    median_ratio: float

    @property
    def verdict(self) -> str:
        """ "inside" the band around one where every slope is, "outside" where one is, else "undecided"."""
        found = {slope.verdict(*BAND) for slope in self.slopes.values()}
        return "outside" if "outside" in found else found.pop() if len(found) == 1 else "undecided"


def law(name: str, rows: Sequence[Mapping[str, Any]], levels: Any = None, seed: int = 0) -> Law:
    """:class:`Law` of the experiment ``name`` from its rows; raises InputError if some are missing.

    ``levels`` defaults to the grid's own.
    """
    grid, table = get_grid(name), frame(rows)
    levels = grid.levels if levels is None else levels
    wanted = {cell.key for cell in grid.cells(sorted(set(table["seed"])))}
    missing = len(wanted - set(table["key"]))
    if missing:
        raise InputError(f"{name}: {missing} of {len(wanted)} rows are missing; resume the sweep")
    stars = {level: n_star(table, grid, level, seed) for level in levels}
    teachers = next(iter(stars.values()))[0]
    plain = base(table, grid)
    region = plain[plain["n_samples"] > plain["teacher"] * grid.samples[0]]
    return Law(
        name,
        len(table),
        teachers,
        {level: [interval(column) for column in draws.T] for level, (_, draws) in stars.items()},
        {level: slope(R, draws) for level, (R, draws) in stars.items()},
        {level: local_slopes(R, draws) for level, (R, draws) in stars.items()},
        joint_fit(table, grid, seed),
        region.groupby("teacher")["collapse"].mean().to_dict(),
        float(plain["relative_gap"].max()),
        float((plain["polar_upper"] / plain["polar_lower"]).median()),
    )
