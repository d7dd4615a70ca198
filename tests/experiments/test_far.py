"""Batches on a device that is not the CPU, pretended: same numbers, and tensors of two places never meet."""

import numpy as np
import pytest
from experiments.test_batched import CONVEX, HARD, name_of, seeds

from ppkit.experiments import batched
from ppkit.experiments.cell import draw
from ppkit.experiments.grids import GRIDS
from ppkit.experiments.teachers import small
from ppkit.factors import width, zero_network
from ppkit.families import get_family, registry

torch = pytest.importorskip("torch")

ONE_OF_EACH = list({(cell.family, str(cell.options)): cell for cell in CONVEX + HARD}.values())


@pytest.fixture
def far(monkeypatch):
    """A device called "far" beside those there are."""
    from experiments.far import THERE, Elsewhere

    check = batched.check_device
    monkeypatch.setattr(batched, "check_device", lambda name: THERE if name == "far" else check(name))
    with Elsewhere() as device:
        yield device


def problems_of(cell):
    """Four problems with a network each: of widths 0 to 3, so that factors are added as zeros."""
    problems = [draw(cell)[0] for cell in seeds(cell, 4)]
    rng, family = np.random.default_rng(1), problems[0].family
    return problems, {r: small(family, rng, r) if r else zero_network(family) for r in range(4)}


def test_every_experiment_and_every_model_is_here():
    covered = {cell.family for cell in ONE_OF_EACH}
    modeled = {name for name, family in registry.items() if family.device_model}
    assert covered == modeled == {grid.family for grid in GRIDS.values()}


@pytest.mark.parametrize("cell", ONE_OF_EACH, ids=name_of)
def test_descent_there_is_descent_here(far, cell):
    problems, networks = problems_of(cell)
    here = batched.Device(problems, "cpu", 25, 1e-4).descend(networks)
    assert far.calls == 0
    there = batched.Device(problems, "far", 25, 1e-4).descend(networks)
    assert far.calls > 1000
    for r, network in here.items():
        assert all(type(a) is np.ndarray for a in there[r].values())
        assert r == 0 or problems[r].objective(network) < problems[r].objective(networks[r])
        for name, a in network.items():
            np.testing.assert_allclose(there[r][name], a, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("cell", [CONVEX[2], CONVEX[8]], ids=name_of)
def test_rows_from_there_are_rows_from_here(far, cell):
    cells = seeds(cell, 2)
    here, there = ([row for _, row, _ in batched.run_batch(cells, name)] for name in ("cpu", "far"))
    assert far.calls > 1000
    for a, b in zip(here, there, strict=True):
        assert (a["seed"], a["width"], a["kind"]) == (b["seed"], b["width"], b["kind"])
        np.testing.assert_allclose([a["objective"], a["error"]], [b["objective"], b["error"]], rtol=1e-6)


@pytest.mark.parametrize("cell", ONE_OF_EACH, ids=name_of)
def test_coordinates_keep_the_objective_and_added_factors_do_not_move(cell):
    problems, networks = problems_of(cell)
    there = batched.Device(problems, "cpu", 1, 1e-6)
    for r in (1, 2, 3):
        z = there.model.coordinates(networks[r])
        z = {k: batched.padded(a, width(z) + 2) for k, a in z.items()}
        shapes = {k: a.shape for k, a in z.items()}
        flat = there.tensor(np.concatenate([a.ravel() for a in z.values()])[None])
        value, slope = there.objective(torch.tensor([r]), shapes, torch.tensor([0]))(flat)
        same = {k: a[:-2] for k, a in there.model.factors(z).items()}
        np.testing.assert_allclose(value, problems[r].objective(same), rtol=1e-12)
        assert value <= problems[r].objective(networks[r]) * (1 + 1e-12)
        slopes = batched.unpack(slope, shapes)
        assert all(not a[0, -2:].any() for a in slopes.values())
        assert any(a[0, :-2].any() for a in slopes.values())


@pytest.mark.parametrize("cell", ONE_OF_EACH, ids=name_of)
def test_a_tensor_of_the_cpu_inside_a_model_is_found(far, monkeypatch, cell):
    problems, networks = problems_of(cell)
    model = get_family(cell.family).device_model
    predict = model.predict
    monkeypatch.setattr(model, "predict", lambda self, z, X: predict(self, z, X) + torch.zeros(1, 1, 1))
    batched.Device(problems, "cpu", 2, 1e-6).descend(networks)
    with pytest.raises(RuntimeError, match="tensors of two devices"):
        batched.Device(problems, "far", 2, 1e-6).descend(networks)


@pytest.mark.parametrize(
    "mix",
    [
        lambda a: a.numpy(),
        lambda a: np.asarray(a),
        lambda a: a[torch.arange(1)],
        lambda a: torch.ones(2)[a > 0],
        lambda a: torch.cat([a, torch.ones(1)]),
        lambda a: torch.linalg.solve_triangular(torch.eye(2), a[:, None], upper=True),
    ],
)
def test_the_pretended_device_refuses(far, mix):
    with pytest.raises(RuntimeError, match=r"two devices|not supported for tensor subclasses"):
        mix(torch.ones(2, device=far.place))
