r"""Cells that differ only in their seed, trained side by side by PyTorch on a device.

The device only proposes networks: data, growth, certificates and rows are made on the CPU by the code of
:func:`ppkit.experiments.cell.run_cell`, so no row's soundness rests on it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..certificates import certify
from ..errors import InputError
from ..factors import Factors, width, zero_network
from ..families import get_family, registry
from ..families.base import Family
from ..families.models import Model
from ..interrupts import uninterrupted
from ..optional import optional
from ..problem import Problem
from ..training import fit, grow, tidy
from .cell import Cell, draw, measured_row
from .lbfgs import MEMORY, minimize
from .training import search

torch = optional("torch")

MOST_CELLS = 64
MOST_NUMBERS = 2**26
ROUNDS = 4
#: the most steps, and the relative fall of the objective at which a network is done, for certificates
TO_CERTIFY = 1000, 1e-15
#: the same for search
TO_SEARCH = 500, 1e-11


def check_device(device: Any) -> Any:
    """The name ``device`` as a :class:`torch.device`, or :class:`InputError` in one line."""
    try:
        found = torch.device(device)
    except RuntimeError:
        raise InputError(f"unknown device {device!r}; use 'cuda' or 'cpu'") from None
    if found.type not in ("cuda", "cpu"):
        raise InputError(f"unknown device {device!r}; use 'cuda' or 'cpu'")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise InputError(f"no CUDA device here ({device}); leave --device out, or use 'cpu'")
    return found


def batches(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Lists of cells that differ only in the seed, each small enough to be trained at once.

    Raises :class:`InputError` for a family without a model on a device.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(replace(cell, seed=0).key, []).append(cell)
    out = []
    for group in sorted(groups.values(), key=lambda group: -group[0].n_samples):
        size = max(1, min(MOST_CELLS, MOST_NUMBERS // numbers_of(group[0])))
        out += [group[i : i + size] for i in range(0, len(group), size)]
    return out


def numbers_of(cell: Cell) -> int:
    """About how many numbers a cell takes on the device: data and gradients, and what L-BFGS remembers."""
    family = get_family(cell.family)(**cell.options)
    history = 2 * MEMORY * cell.student * family.dim
    return cell.n_samples * model_of(family).numbers(cell.student) + history


def model_of(family: Family) -> Model:
    """The PyTorch model of ``family``, or :class:`InputError` in one line."""
    if family.device_model is None:
        known = ", ".join(name for name, member in registry.items() if member.device_model)
        raise InputError(f"{family.name} is not trained on a device; choose one of {known}")
    return family.device_model(family)


@uninterrupted()
def run_batch(cells: Sequence[Cell], device: Any) -> list[tuple[str, dict[str, Any], float]]:
    """``(key, row, CPU seconds)`` of cells that differ only in the seed; each gets an equal share."""
    begun = time.process_time()
    drawn = [draw(cell) for cell in cells]
    certified = cells[0].trainer == "certified"
    trainer: Callable[..., Any] = until_certified if certified else search
    steps = [trainer(problem, cell, *rest) for cell, (problem, *rest) in zip(cells, drawn, strict=True)]
    there = Device([problem for problem, _, _ in drawn], device, *(TO_CERTIFY if certified else TO_SEARCH))
    certs = side_by_side(steps, there.descend)
    rows = [measured_row(cell, *data, cert) for cell, data, cert in zip(cells, drawn, certs, strict=True)]
    share = (time.process_time() - begun) / len(cells)
    return [(cell.key, row, share) for cell, row in zip(cells, rows, strict=True)]


def until_certified(problem: Problem, cell: Cell, teacher: Factors, rng: np.random.Generator) -> Any:
    """``ppkit.fit`` as a generator for a few rounds; what is still open then is left to ``fit`` itself."""
    effort = "default" if problem.family.polar_is_cheap else "fast"
    factors = grow(problem, zero_network(problem.family), cell.student, effort)
    for round_ in range(ROUNDS):
        factors = tidy(problem, (yield factors))
        cert = certify(problem, factors, effort, seed=round_)
        if cert.certified(cell.gap):
            return cert
        factors = grow(problem, factors, cell.student, polar=cert.polar)
    return fit(problem, cell.gap, cell.student, start=cert.factors, effort=effort).certificate


def side_by_side(steps: Sequence[Any], descend: Callable[..., Any]) -> Any:
    """What the generators ``steps`` return, when ``descend`` answers all that they yield at one time."""
    done: dict[int, Any] = {}
    waiting = {i: next(step) for i, step in enumerate(steps)}
    while waiting:
        answers, waiting = descend(waiting), {}
        for i, factors in answers.items():
            try:
                waiting[i] = steps[i].send(factors)
            except StopIteration as end:
                done[i] = end.value
    return [done[i] for i in range(len(steps))]


class Device:
    """The data of problems of one shape on a device, and descent there.

    Parameters
    ----------
    problems : list of Problem
        Of the same family and N, with the squared loss.
    device : str
    iterations : int
    tolerance : float
        Where descent stops: see :func:`ppkit.experiments.lbfgs.minimize`.
    """

    def __init__(self, problems: Sequence[Problem], device: Any, iterations: int, tolerance: float) -> None:
        self.device, self.iterations, self.tolerance = check_device(device), iterations, tolerance
        self.model = model_of(problems[0].family)
        self.X = self.tensor(np.stack([self.model.inputs(problem.X) for problem in problems]))
        self.Y = self.tensor(np.stack([problem.Y for problem in problems]))
        self.lam = self.tensor(np.array([problem.lam for problem in problems]))

    def tensor(self, array: np.ndarray) -> Any:
        """``array`` on the device, in double precision."""
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)

    def descend(self, networks: Mapping[int, Factors]) -> Mapping[int, Factors]:
        """Stationary networks from ``networks``, a mapping from a problem's place to its factors."""
        index = [i for i, factors in networks.items() if width(factors)]
        if not index:
            return networks
        starts = [self.model.coordinates(networks[i]) for i in index]
        widths = [width(start) for start in starts]
        starts = [{k: padded(a, max(widths)) for k, a in start.items()} for start in starts]
        shapes = {k: a.shape for k, a in starts[0].items()}
        flat = np.stack([np.concatenate([start[k].ravel() for k in shapes]) for start in starts])
        restricted = partial(self.objective, self.tensor(np.array(index)).long(), shapes)
        flat = minimize(restricted, self.tensor(flat), self.iterations, self.tolerance)
        found = {k: a.cpu().numpy() for k, a in unpack(flat, shapes).items()}
        trained = {}
        for j, (i, r) in enumerate(zip(index, widths, strict=True)):
            trained[i] = self.model.factors({k: a[j, :r] for k, a in found.items()})
        return {**networks, **trained}

    def objective(
        self, index: Any, shapes: Mapping[str, tuple[int, ...]], rows: Sequence[Mapping[str, Any]]
    ) -> Callable[..., Any]:
        """The objectives and gradients of the problems ``index[rows]`` at the rows of a matrix."""
        X, Y, lam = (a[index[rows]] for a in (self.X, self.Y, self.lam))

        def function(flat):
            flat = flat.detach().requires_grad_()
            z = unpack(flat, shapes)
            square = torch.sum((self.model.predict(z, X) - Y) ** 2, dim=(1, 2))
            value = 0.5 * square / Y.shape[1] + lam * self.model.penalty(z)
            return value.detach(), torch.autograd.grad(value.sum(), flat)[0]

        return function


def padded(array: np.ndarray, r: int) -> np.ndarray:
    """``array`` (k, ...) with zeros to width ``r``: at zero a factor has no gradient and stays there."""
    return np.concatenate([array, np.zeros((r - len(array), *array.shape[1:]))])


def unpack(flat: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The rows of ``flat`` (B, n) as arrays ``name -> (B, *shape)``."""
    parts = flat.split([int(np.prod(s)) for s in shapes.values()], dim=1)
    return {k: part.reshape(len(flat), *s) for (k, s), part in zip(shapes.items(), parts, strict=True)}
