r"""One cell of a sweep: draw a teacher and a sample, train a student, compare with the population."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from ..certificates import Certificate
from ..errors import InputError
from ..factors import Factors, width
from ..families import get_family
from ..families.base import Family
from ..interrupts import uninterrupted
from ..problem import Problem
from . import teachers
from .training import TRAINERS, polar_ends, train
from .truth import prediction_error


@dataclass(frozen=True)
class Cell:
    r"""What determines one row: two equal cells give the same row on every machine of one kind.

    Attributes
    ----------
    family : str
        A name in the registry.
    options : mapping
        The constructor's arguments.
    teacher : int
        R, the number of the teacher's factors, of cost one each.
    n_samples : int
        N.
    noise : float
        :math:`\sigma`, the standard deviation of each output's Gaussian noise.
    seed : int
    lam_scale : float
        :math:`\lambda = s\,\sigma\,\Omega^\circ_{\mu_N}(\xi)` with s this number and :math:`\xi` standard
        Gaussian noise that is independent of the data's: of order :math:`\sigma \sqrt{D/N}`.
    trainer : {"certified", "random", "teacher"}
        ``ppkit.fit`` from the zero network; descent and growth by search alone from a random start or
        from one near the teacher's, for families whose certificates are dear.
    student : int
        The most factors a student may have (the start of "random" and "teacher").
    gap : float
        The relative gap asked of "certified".
    effort : str
        The polar's effort in the last certificate of "random" and "teacher".
    agree : bool
        Whether the teacher's factors are made to agree (``family.agreeing``).
    """

    family: str
    options: dict = field(hash=False)
    teacher: int
    n_samples: int
    noise: float
    seed: int
    lam_scale: float = 1.0
    trainer: str = "certified"
    student: int = 32
    gap: float = 1e-5
    effort: str = "fast"
    agree: bool = False

    def __post_init__(self) -> None:
        get_family(self.family)
        if self.trainer not in TRAINERS:
            raise InputError(f"unknown trainer {self.trainer!r}; choose one of {', '.join(TRAINERS)}")
        for name in ("teacher", "n_samples", "student"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if not (self.noise > 0 and self.lam_scale > 0):
            raise InputError("noise and lam_scale must be positive")

    @property
    def parameters(self) -> dict[str, dict[str, int] | float | str]:
        """What a row says of its cell; ``agree`` only where it is set, which most rows know nothing of."""
        return {name: value for name, value in asdict(self).items() if name != "agree" or value}

    @property
    def key(self) -> str:
        """A digest of the parameters, 16 hexadecimal digits: what rows are told apart by."""
        return hashlib.sha256(json.dumps(self.parameters, sort_keys=True).encode()).hexdigest()[:16]

    def streams(self, n: int) -> list[np.random.Generator]:
        """``n`` independent generators that depend on the cell alone, not on its place in a grid."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(int(replace(self, seed=0).key, 16),))
        return [np.random.default_rng(child) for child in sequence.spawn(n)]


def draw_design(cell: Cell) -> tuple[Family, np.ndarray, dict[str, np.ndarray]]:
    """``(family, inputs, teacher factors)`` of a cell: its data without the noise and without lambda."""
    inputs, planted, *_ = cell.streams(5)
    family = get_family(cell.family)(**cell.options)
    X = family.random_inputs(inputs, cell.n_samples)
    teacher = teachers.draw_teacher(family, planted, cell.teacher)
    return family, X, family.agreeing(teacher) if cell.agree else teacher


def draw(cell: Cell) -> tuple[Problem, dict[str, np.ndarray], np.random.Generator]:
    """``(problem, teacher factors, generator)``: the data of a cell, with its lambda."""
    family, X, teacher = draw_design(cell)
    *_, noise, scale, rest = cell.streams(5)
    clean = family.predict(teacher, X)
    Y = clean + cell.noise * noise.standard_normal(clean.shape)
    level = family.polar(X, scale.standard_normal(clean.shape), effort="fast").lower
    return Problem(family, X, Y, cell.lam_scale * cell.noise * level), teacher, rest


@uninterrupted()
def run_cell(cell: Cell) -> dict[str, dict[str, int] | float | str]:
    r"""The row of a cell: a flat mapping of numbers and strings, the same for every run.

    ``error`` is :math:`\mathbb E_\mu \|\Phi(W) - \Phi(W^*)\|^2` with half width ``error_half_width`` (0:
    closed form), ``deviation`` is :math:`|\mathrm{NC}_\mu(W) - \mathrm{NC}_{\mu_N}(W)|`; ``sign_polar`` is
    the upper end of one draw of :math:`\Omega^\circ_{\mu_N}(\sigma)` (T8); ``b_y`` is the largest norm of a
    target seen.
    """
    problem, teacher, rng = draw(cell)
    return measured_row(cell, problem, teacher, rng, train(problem, cell, teacher, rng))


def measured_row(
    cell: Cell, problem: Problem, teacher: Factors, rng: np.random.Generator, cert: Certificate
) -> dict[str, dict[str, int] | float | str]:
    """The row of a cell whose student has the certificate ``cert``."""
    family = problem.family
    error, half = prediction_error(family, cert.factors, teacher)
    population = 0.5 * (error + family.n_outputs * cell.noise**2)
    polar_lower, polar_upper = polar_ends(problem, cert)
    sign_polar = family.polar(problem.X, rng.choice((-1.0, 1.0), problem.Y.shape), effort="fast")
    measured = {
        "dim": family.dim,
        "error": error,
        "error_half_width": half,
        "deviation": abs(population - problem.risk(problem.predict(cert.factors))),
        "signal": float(np.mean(np.sum(family.predict(teacher, problem.X) ** 2, axis=1))),
        "lam": problem.lam,
        "theta": problem.theta(cert.factors),
        "width": width(cert.factors),
        "objective": cert.objective,
        "relative_gap": cert.relative_gap,
        "kind": cert.kind,
        "polar_lower": polar_lower,
        "polar_upper": polar_upper,
        "sign_polar": sign_polar.upper,
        "b_y": float(np.max(np.linalg.norm(problem.Y, axis=1))),
    }
    return cell.parameters | {k: rounded(v) for k, v in measured.items()}


def rounded(value: Any) -> Any:
    """Floats to ten significant digits: what is beyond is the machine's, not the experiment's."""
    return float(f"{value:.10g}") if isinstance(value, float) else value
