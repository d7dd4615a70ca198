"""The stored experiments: for each family a teacher's width, sample, size, noise and lambda grid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import InputError
from .cell import Cell

SEEDS = range(20)
LAMBDA_SCALES = (1 / 16, 1 / 4, 4.0)
NOISE_FACTORS = (0.5, 2.0)


@dataclass(frozen=True)
class Grid:
    """The law of one family: a base grid in R and N, and one arm each for D, sigma and lambda.

    Attributes
    ----------
    family : str
    options : list of dict
        Members of growing size; the first is the base grid's.
    teachers, samples : tuple of int
        R and N/R of the base grid; the arms have R = 2.
    noise : float
        sigma; the noise arm also has half and twice of it.
    more : dict
        Other fields of every cell.
    arm_steps : int
        How many of the N/R, from the second on, the arms have.
    levels : tuple of float
        Two error levels, in units of sigma^2, at which N*(R) is read off.
    directions : int
        How many directions one factor of a teacher has in the space of predictions.
    room : float
        The dimension of that space, infinite for families that are dense.
    levels_chosen : {"before", "after"}
        Whether the levels were fixed before any row was seen, or changed after.
    """

    family: str
    options: list = field(hash=False)
    teachers: tuple
    samples: tuple
    noise: float = 0.5
    more: dict = field(default_factory=dict, hash=False)
    arm_steps: int = 3
    levels: tuple = (0.25, 0.5)
    directions: int = 1
    room: float = math.inf
    levels_chosen: str = "before"

    def has_room(self, teacher: int) -> bool:
        """Whether half as many factors do not yet have as many directions as there are functions.

        Where they do, further factors cost parameters and can predict nothing new: no law to be measured.
        """
        return 0.5 * teacher * self.directions < self.room

    @property
    def arm(self) -> tuple[int, int, int]:
        """N/R of the arms."""
        return self.samples[1 : 1 + self.arm_steps]

    def cells(self, seeds: Sequence[int] | range = SEEDS) -> list[Cell]:
        """All cells: base grid, dimension arm, noise arm, lambda arm."""
        base, arm = self.options[0], self.arm
        runs: list[tuple[Any, int, int, dict[str, float]]] = [
            (base, R, n, {}) for R in self.teachers for n in self.samples
        ]
        runs += [(options, 2, n, {}) for options in self.options[1:] for n in arm]
        runs += [(base, 2, n, {"noise": factor * self.noise}) for factor in NOISE_FACTORS for n in arm]
        runs += [(base, 2, n, {"lam_scale": scale}) for scale in LAMBDA_SCALES for n in arm]
        return [self.cell(options, R, R * n, seed, **more) for options, R, n, more in runs for seed in seeds]

    def cell(self, options: dict[str, Any], teacher: int, n_samples: int, seed: int, **more: float) -> Cell:
        """One cell of this family."""
        fields: dict[str, Any] = {"noise": self.noise, **self.more, **more}
        return Cell(self.family, options, teacher, n_samples, seed=seed, **fields)


def doubling(first: int, steps: int) -> tuple[int, ...]:
    """``first`` doubled again and again, ``steps`` numbers."""
    return tuple(first * 2**k for k in range(steps))


GRIDS = {
    "matrix-sensing": Grid(
        "matrix-sensing",
        [{"shape": [n, n]} for n in (20, 10, 14, 28)],
        (1, 2, 4, 8),
        doubling(80, 5),
        directions=39,
        room=400,
    ),
    "structured-sensing": Grid(
        "structured-sensing",
        [{"shape": [32, n], "row": "l1", "col": "l2"} for n in (8, 4, 16, 32)],
        (1, 2, 4, 8, 16),
        doubling(40, 5),
        directions=8,
        room=256,
    ),
    "two-layer-linear": Grid(
        "two-layer-linear",
        [{"n_inputs": n, "n_outputs": n} for n in (24, 12, 16, 32)],
        (1, 2, 4, 8),
        doubling(96, 5),
        directions=47,
        room=576,
    ),
    "deep-linear": Grid(
        "deep-linear",
        [{"sizes": [n, 4, 4, n]} for n in (24, 12, 16, 32)],
        (1, 2, 4, 8),
        doubling(96, 5),
        directions=47,
        room=576,
    ),
    "two-layer-quadratic": Grid(
        "two-layer-quadratic",
        [{"n_inputs": n} for n in (16, 8, 12, 24)],
        (1, 2, 4, 8),
        doubling(64, 5),
        directions=16,
        room=136,
    ),
    "linear-attention": Grid(
        "linear-attention",
        [{"n_features": n, "n_tokens": 4, "n_outputs": 2} for n in (4, 3, 5, 6)],
        (1, 2, 4, 8),
        doubling(48, 5),
        directions=23,
        room=80,
    ),
    "cp-tensor": Grid(
        "cp-tensor",
        [{"shape": [n, n, n]} for n in (6, 4, 5, 8)],
        (1, 2, 4, 8),
        doubling(36, 5),
        more={"trainer": "random", "effort": "default"},
        directions=16,
        room=216,
    ),
    "two-layer-relu": Grid(
        "two-layer-relu",
        [{"n_inputs": n} for n in (12, 6, 8, 16)],
        (1, 2, 4, 8, 16),
        doubling(26, 4),
        noise=0.25,
        more={"trainer": "random"},
        arm_steps=2,
        levels=(1.0, 2.0),
        directions=12,
        levels_chosen="after",
    ),
}


GRIDS["deep-relu"] = Grid(
    "deep-relu",
    [{"sizes": [n, 2, 1, 1]} for n in (8, 4, 6, 12)],
    (1, 2, 4, 8),
    doubling(19, 5),
    noise=0.1,
    more={"trainer": "random"},
    arm_steps=1,
    levels=(0.75, 1.5),
    directions=8,
    levels_chosen="after",
)
#: sharp enough that a head is far from the mean of its tokens
HEAD = {"n_tokens": 4, "d_k": 2, "n_outputs": 2, "radius": 3.0}
GRIDS |= {
    name: Grid(
        "multi-head-attention",
        [{"n_features": n, **HEAD} for n in (4, 3, 5, 6)],
        (1, 2, 4, 8),
        doubling(48, 4),
        noise=0.25,
        more={"trainer": trainer},
        arm_steps=steps,
        levels=(1.0, 2.0),
        directions=20,
    )
    for name, trainer, steps in (
        ("multi-head-attention", "random", 1),
        ("multi-head-attention-near", "teacher", 0),
    )
}
#: a control experiment and what it controls: the same teachers, made to agree; base grids only
CONTROLS = {f"{name}-agreeing": name for name in ("two-layer-relu", "deep-relu", "multi-head-attention")}
GRIDS |= {
    control: replace(
        GRIDS[name],
        options=GRIDS[name].options[:1],
        teachers=(1, 2, 4, 8),
        more={**GRIDS[name].more, "agree": True},
        arm_steps=0,
    )
    for control, name in CONTROLS.items()
}


def get_grid(name: str) -> Grid:
    """The stored grid of that name, or :class:`InputError` listing the names there are."""
    if name not in GRIDS:
        raise InputError(f"unknown experiment {name!r}; choose one of {', '.join(GRIDS)}")
    return GRIDS[name]
