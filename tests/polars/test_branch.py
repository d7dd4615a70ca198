"""Branch and bound: valid wherever it stops, resumable, and replayed without a search."""

import numpy as np
import pytest

import ppkit
from ppkit.families import TwoLayerReLU
from ppkit.polars.branch import branch_and_bound, progress_bars
from ppkit.rigor.trees import BATCH, check_tree, replay


def saddle(seed, d=2):
    """``(bound, maximum)`` of a quadratic function on the box [-1, 1]^d, bounded term by term."""
    rng = np.random.default_rng(seed)
    Q, b = rng.standard_normal((d, d)), rng.standard_normal(d)
    Q = Q + Q.T

    def value(x):
        return 20.0 + np.einsum("ki,ij,kj->k", x, Q, x) + x @ b

    def bound(tag, lo, hi, cutoff):
        center, radius = (lo + hi) / 2, (hi - lo) / 2
        slope = np.abs(2 * center @ Q + b)
        curve = np.einsum("ki,ij,kj->k", radius, np.abs(Q), radius)
        top = value(center) + np.sum(slope * radius, axis=1) + curve + 1e-12
        return top, value(center), center

    axes = np.linspace(-1, 1, 401)
    grid = np.stack(np.meshgrid(*[axes] * d), axis=-1).reshape(-1, d)
    return bound, value(grid).max()


ROOT = (-np.ones((1, 2)), np.ones((1, 2)))


@pytest.mark.parametrize("seed", range(5))
def test_closes_to_the_asked_gap(seed):
    bound, best = saddle(seed)
    result = branch_and_bound(bound, *ROOT, gap=1e-7)
    assert result.lower <= result.upper <= result.lower * (1 + 1e-7)
    assert result.lower - 1e-3 <= best <= result.upper
    top, value, _ = bound(np.zeros(1, int), result.point[None], result.point[None], 0.0)
    assert value[0] == result.lower and abs(top[0] - value[0]) < 1e-11


@pytest.mark.parametrize("seed", range(50))
def test_stopped_by_a_budget_the_interval_holds_the_value_of_a_longer_run(seed):
    bound, _ = saddle(seed)
    exact = branch_and_bound(bound, *ROOT, gap=1e-10)
    budget = int(np.random.default_rng(seed).integers(1, 600))
    early = branch_and_bound(bound, *ROOT, gap=1e-10, max_nodes=budget)
    assert early.lower <= exact.upper and exact.lower <= early.upper
    assert early.lower <= exact.lower * (1 + 1e-12) and exact.upper <= early.upper * (1 + 1e-12)
    assert early.nodes <= budget + 2 * BATCH


def test_a_search_continues_where_it_stopped():
    bound, _ = saddle(1)
    whole = branch_and_bound(bound, *ROOT, gap=1e-8)
    part = branch_and_bound(bound, *ROOT, gap=1e-8, max_nodes=200)
    assert part.upper > whole.upper * (1 + 1e-8)
    rest = branch_and_bound(bound, *ROOT, gap=1e-8, tree=part.tree, lower=part.lower)
    assert rest.upper <= max(rest.lower, part.lower) * (1 + 1e-8)
    assert len(rest.tree["dim"]) > len(part.tree["dim"])
    assert replay(bound, *ROOT, rest.tree) == rest.upper


@pytest.mark.parametrize("nodes", [1, 50, 10_000])
def test_replay_gives_the_upper_end_without_a_search(nodes):
    bound, _ = saddle(2)
    result = branch_and_bound(bound, *ROOT, gap=1e-6, max_nodes=nodes)
    assert replay(bound, *ROOT, result.tree) == result.upper


def test_the_clock_and_the_keyboard_stop_it_with_a_valid_interval():
    bound, _ = saddle(3)
    exact = branch_and_bound(bound, *ROOT, gap=1e-10)
    calls = []

    def interrupted(*box):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return bound(*box)

    for result in (
        branch_and_bound(interrupted, *ROOT, gap=1e-10),
        branch_and_bound(bound, *ROOT, gap=1e-10, seconds=0.0),
    ):
        assert result.lower <= exact.lower and exact.upper <= result.upper
        assert result.nodes < exact.nodes
        assert replay(bound, *ROOT, result.tree) == result.upper


def test_several_roots_and_their_tags():
    def bound(tag, lo, hi, cutoff):
        height = np.array([1.0, 5.0, 3.0])[tag]
        return height + hi[:, 0] + 1e-15, height + hi[:, 0], hi

    lo = np.zeros((3, 1))
    result = branch_and_bound(bound, lo, lo + 1)
    assert result.lower == 6.0 and result.tag == 1 and result.nodes == 3


def test_a_known_value_prunes_and_is_returned():
    bound, best = saddle(4)
    cold = branch_and_bound(bound, *ROOT, gap=1e-3)
    warm = branch_and_bound(bound, *ROOT, gap=1e-3, lower=best)
    assert warm.nodes <= cold.nodes and warm.lower >= best


@pytest.mark.parametrize(
    ("dim", "child"),
    [
        ([0, -1], [1, -1]),  # a child is missing
        ([2, -1, -1], [1, -1, -1]),  # no such dimension
        ([0, -1, -1], [0, -1, -1]),  # its own child
        ([0, 0, -1, -1], [1, 1, -1, -1]),  # one child twice
        ([-1, -1], [-1, -1]),  # a node from nowhere
        ([[0]], [[1]]),
        ([-0.5], [0]),  # a leaf, and when it is rounded its own child
        ([-1j], [0]),
    ],
)
def test_a_tree_that_does_not_cover_is_refused(dim, child):
    bound, _ = saddle(0)
    with pytest.raises(ValueError):
        replay(bound, *ROOT, {"dim": np.array(dim), "child": np.array(child)})
    with pytest.raises(ValueError):
        check_tree(np.array(dim), np.array(child), 1, 2)


def test_progress_bar_shows_the_interval(capsys):
    bound, _ = saddle(0)
    with progress_bars():
        branch_and_bound(bound, *ROOT, gap=1e-6)
    assert "interval=[" in capsys.readouterr().err
    branch_and_bound(bound, *ROOT, gap=1e-6)
    assert capsys.readouterr().err == ""


def test_training_with_progress_shows_the_interval(capsys):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((12, 3))
    problem = ppkit.Problem(TwoLayerReLU(3), X, np.maximum(X[:, 0], 0), 0.05)
    ppkit.fit(problem, gap=1e-2, progress=True)
    assert "interval=[" in capsys.readouterr().err
    ppkit.fit(problem, gap=1e-2)
    assert capsys.readouterr().err == ""
