"""Plug-in values of the bounds: the formulas of ``ppkit.bounds`` on what a row holds."""

import numpy as np
import pytest

import ppkit
from ppkit import bounds, families
from ppkit.experiments.cell import Cell, draw_design, run_cell
from ppkit.experiments.store import stored
from ppkit.experiments.values import bound_values

B2 = 8 / 3  # the squared sub-Gaussian size of a standard Gaussian
ROOM, SHARE = 0.045, 0.005  # failure probabilities: of Delta_y and Delta_2, and of the targets' square


def by_hand(cell):
    """``(values, row, inputs, teacher)`` of a cell that is run here."""
    row = run_cell(cell)
    _, X, teacher = draw_design(cell)
    return bound_values(row), row, X, teacher


def test_gaussian_sensing():
    """T7 without logarithms; tau is known, and the sample's largest input is not asked for."""
    N = 300
    found, row, _, teacher = by_hand(Cell("matrix-sensing", {"shape": [4, 3]}, 2, N, 0.5, 0))
    tau, theta = np.hypot(np.linalg.norm(teacher["u"].T @ teacher["v"]), 0.5), row["theta"]

    def psi(t):
        return 2 * np.sqrt(t / N) + 2 * t / N

    Delta_y = 2 * tau * psi(7 * np.log(9) + np.log(8 / ROOM))
    Delta_2 = 2 * psi(14 * np.log(17) + np.log(8 / ROOM))
    square = 0.5 * tau**2 * psi(np.log(2 / SHARE))
    assert found["T7"] == pytest.approx(square + theta * Delta_y + 0.5 * theta**2 * Delta_2, rel=1e-9)
    K, q, r = B2 * (tau + theta), 2 / (1 - 4 ** (-1 / 12)) / B2, row["width"]
    u = (r + 1) * 7 * np.log1p(16 * q_of(q, tau, theta) * N) + r * np.log1p(4 * q_of(q, tau, theta) * N)
    u += np.log(4 / ROOM)
    spread = 2 * np.sqrt(u / N) if u <= N else 1 + u / N
    Delta = K * (spread + (2 + np.log(4 / ROOM) / N) / N)
    assert found["T6"] == pytest.approx(square + theta * Delta, rel=1e-9)


def q_of(ratio, tau, theta):
    """``envelope (b_y + B envelope) / K`` with ``ratio = envelope^2 / b^2``."""
    return np.sqrt(ratio) * (tau + theta * np.sqrt(ratio)) / (tau + theta)


def test_light_tails():
    N = 200
    cell = Cell("two-layer-linear", {"n_inputs": 5, "n_outputs": 1}, 1, N, 0.5, 0)
    found, row, _, teacher = by_hand(cell)
    tau, theta = np.hypot(np.linalg.norm(teacher["u"].T @ teacher["v"]), 0.5), row["theta"]
    free = bounds.width_free_subgaussian(
        N, 6, theta, np.sqrt(B2), np.sqrt(B2) * tau, 2.0, np.sqrt(2 / (1 - 4 ** (-1 / 5))), ROOM
    ).facts
    square = 0.5 * B2 * tau**2 * 2 * np.sqrt(np.log(2 / SHARE) / N)
    expected = square + theta * free["Delta_y"] + 0.5 * theta**2 * free["Delta_2"]
    assert found["T7"] == pytest.approx(expected, rel=1e-9)


def test_bounded_form_and_complexity():
    """Heavier tails than sub-Gaussian: the largest input and target stand for bounds."""
    N = 200
    found, row, X, _ = by_hand(Cell("two-layer-quadratic", {"n_inputs": 3}, 1, N, 0.5, 0))
    b, b_y, theta = np.max(np.sum(X**2, axis=1)), row["b_y"], row["theta"]
    free = bounds.width_free(N, 4, theta, b, b_y, np.sqrt(10), ROOM).facts
    square = 0.5 * b_y**2 * np.sqrt(np.log(2 / SHARE) / (2 * N))
    expected = square + theta * free["Delta_y"] + 0.5 * theta**2 * free["Delta_2"]
    assert found["T7"] == pytest.approx(expected, rel=1e-9)
    count = bounds.parameter_count(N, row["width"], 4, theta, b, b_y, np.sqrt(10), ROOM).value
    assert found["T6"] == pytest.approx(square + theta * count, rel=1e-9)
    s = b_y + theta * b
    complexity = 2 * s * theta * row["sign_polar"] + 1.5 * s**2 * np.sqrt(np.log(80) / (2 * N))
    assert found["T8"] == pytest.approx(complexity, rel=1e-9)


@pytest.mark.parametrize(
    "family",
    [
        families.MatrixSensing((4, 3)),
        families.StructuredSensing((4, 3), row="l1", col="l2"),
        families.StructuredSensing((4, 3), row="l1", col="l1"),
        families.CPTensor((3, 2, 2)),
        families.TwoLayerReLU(3),
        families.TwoLayerReLU(3, bias=True),
    ],
    ids=repr,
)
def test_sizes_are_polars_of_single_inputs(family):
    """The size of an input is the largest prediction of a factor of cost one there."""
    X = family.random_inputs(np.random.default_rng(0), 12)
    polars = np.array([family.polar(x[None], np.ones((1, 1))).upper for x in X])
    sizes = family.input_sizes(X)
    assert np.all(polars <= sizes * (1 + 1e-9))
    if not isinstance(family, families.CPTensor):
        np.testing.assert_allclose(sizes, polars, rtol=1e-6)
    else:
        assert np.all(sizes < np.linalg.norm(X.reshape(12, -1), axis=1))


def test_a_token_is_smaller_than_its_input():
    X = np.array([[[3.0, 4.0], [0.0, 1.0]], [[1.0, 0.0], [6.0, 8.0]]])
    for family in (families.LinearAttention(2, 2), families.MultiHeadAttention(2, 2, 1)):
        np.testing.assert_allclose(family.input_sizes(X), [5.0, 10.0])


def test_the_square_of_the_target_strays_no_further():
    """Nearly attained: the bounds are exceeded about as often as they allow, or a tenth of it."""
    rng, N = np.random.default_rng(1), 100
    coins = rng.choice([0.0, 1.0], (20_000, N))  # squares of targets in [0, 1], the widest law there
    strayed = np.abs(coins.mean(axis=1) - 0.5)
    assert 0.005 < np.mean(strayed > bounds.square_gap(N, 1.0, 0.05)) <= 0.05
    assert np.mean(strayed > bounds.square_gap(N, 1.0, 0.05) / 2) > 0.05
    squares = np.mean(rng.standard_normal((20_000, N)) ** 2, axis=1)
    strayed = np.abs(squares - 1)
    gaussian = bounds.square_gap(N, 1.0, 0.05, "gaussian")
    assert np.mean(strayed > gaussian) <= 0.05 < np.mean(strayed > gaussian / 2)
    light = bounds.square_gap(N, bounds.gaussian_size(), 0.05, "light")
    assert gaussian < light < 3 * gaussian
    with pytest.raises(ppkit.InputError, match="tails must be"):
        bounds.square_gap(N, 1.0, 0.05, "heavy")


@pytest.mark.parametrize(
    "name", ["matrix-sensing", "structured-sensing", "two-layer-quadratic", "linear-attention", "cp-tensor"]
)
def test_no_row_deviates_by_more(name):
    for row in stored(name)[::40]:
        found = bound_values(row)
        assert row["deviation"] <= min(found["T6"], found["T7"], found["T8"])
        assert 0 < found["zero"] < np.inf
