"""Multistart ascent: monotone, attained, best first, and never without the caller's own points."""

import numpy as np
import pytest

from ppkit.polars.search import gather, multistart


def norm_of(M):
    """The ascent step of ``|M v|`` on the unit sphere: the power iteration of ``M^T M``."""

    def step(points):
        image = points["v"] @ M.T
        new = image @ M
        size = np.linalg.norm(new, axis=1, keepdims=True)
        return np.linalg.norm(image, axis=1), {"v": np.where(size > 0, new / np.where(size > 0, size, 1), 0)}

    return step


def sphere(rng, k, d):
    v = rng.standard_normal((k, d))
    return {"v": v / np.linalg.norm(v, axis=1, keepdims=True)}


@pytest.mark.parametrize("seed", range(5))
def test_power_iteration_is_an_ascent(seed):
    rng = np.random.default_rng(seed)
    M, starts = rng.standard_normal((6, 4)), sphere(rng, 7, 4)
    points, values = multistart(norm_of(M), starts, steps=2000, tol=1e-15)
    assert values[0] == pytest.approx(np.linalg.norm(M, 2), rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(points["v"] @ M.T, axis=1), values, rtol=1e-14)
    assert np.all(np.diff(values) <= 0) and len(values) == 7


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_no_start_is_made_worse(steps):
    rng = np.random.default_rng(1)
    M, starts = rng.standard_normal((6, 4)), sphere(rng, 9, 4)
    before = np.sort(np.linalg.norm(starts["v"] @ M.T, axis=1))[::-1]
    values = multistart(norm_of(M), starts, steps)[1]
    assert np.all(values >= before)
    if steps == 0:
        np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("shift", [-1.0, np.nan, np.inf])
def test_a_step_that_lowers_or_loses_the_value_is_not_taken(shift):
    starts = {"x": np.array([1.0, -2.0, 3.0])}

    def step(points):
        return -np.abs(points["x"] - 1), {"x": np.where(points["x"] > 1, points["x"] + shift, points["x"])}

    points, values = multistart(step, starts)
    assert values[0] == 0 and np.all(np.isfinite(points["x"]))
    np.testing.assert_array_equal(starts["x"], [1.0, -2.0, 3.0])


def test_points_that_stopped_are_not_evaluated_again():
    sizes = []

    def step(points):
        sizes.append(len(points["x"]))
        return np.minimum(points["x"], 3.0), {"x": points["x"] + 1}

    points, values = multistart(step, {"x": np.array([0.0, 2.0, 5.0])})
    np.testing.assert_array_equal(values, [3, 3, 3])
    np.testing.assert_array_equal(points["x"], [3, 3, 5])
    assert sizes == [3, 3, 2, 1, 1]


def test_shortened_steps_reach_a_maximum_that_full_steps_leap_over():
    """Maximize -(x - 1/3)^2 on [-1, 1]: the linearization's maximizer is always an end."""

    def step(points):
        x = points["x"]
        return -((x - 1 / 3) ** 2), {"x": np.sign(1 / 3 - x)}

    def mix(points, ends, t):
        return {"x": (1 - t) * points["x"] + t * ends["x"]}

    starts = {"x": np.linspace(-1, 1, 7)}
    _, full = multistart(step, starts)
    points, values = multistart(step, starts, steps=200, mix=mix)
    assert full[-1] < -0.01
    np.testing.assert_allclose(points["x"], 1 / 3, atol=1e-3)
    assert np.all(values <= 0) and np.all(np.abs(points["x"]) <= 1)


def test_gather_puts_the_networks_own_factors_first():
    networks = [{"u": np.ones((2, 1)), "v": np.zeros((2, 3))}, {"u": np.ones((0, 1)), "v": np.ones((0, 3))}]
    starts = gather(networks, {"v": np.ones((4, 3))})
    assert list(starts) == ["v"] and starts["v"].shape == (6, 3) and not starts["v"][:2].any()
    np.testing.assert_array_equal(gather((), {"v": np.ones((4, 3))})["v"], np.ones((4, 3)))
