"""Figures of the chapter on hard polars: what they show, and that they are drawn twice alike."""

import numpy as np

from ppkit import plotting as draw
from ppkit.plotting import style


def test_three_levels_of_one_direction():
    square = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    lines = {"low": (0.5, (0.5, 0.0)), "true": (1.0, (1.0, 0.0)), "high": (1.5, None)}
    fig = draw.hardness.levels([square], square, np.array([2.0, 0.0]), lines)
    (ax,) = fig.axes
    named = {line.get_label(): line for line in ax.lines}
    for name, (height, _) in lines.items():
        assert named[name].get_xy1()[0] == height / 2
    again = draw.hardness.levels([square], square, np.array([2.0, 0.0]), lines)
    assert style.to_svg(fig, "t-fig-l", "a b c d e") == style.to_svg(again, "t-fig-l", "a b c d e")


def test_growth_shows_medians_and_patterns():
    N, boxes = np.array([10, 20]), np.array([[5, 9], [7, 11], [6, 10]])
    fig = draw.hardness.growth({3: (N, boxes, [90, 380])}, ([3, 4], boxes, [90, 900]))
    left, right = fig.axes
    assert np.allclose(left.lines[0].get_ydata(), [6, 10])
    assert np.allclose(right.lines[1].get_ydata(), [90, 900]) and left.get_yscale() == "log"


def test_looseness_draws_every_bound_and_the_theorem():
    kappa = np.linspace(1, 3, 5)
    fig = draw.hardness.looseness({"a": [2.0]}, {"a": [0.4]}, (kappa, 1 - 1 / kappa))
    (ax,) = fig.axes
    assert [line.get_label() for line in ax.lines] == [r"$1 - 1/\kappa$", "a"]


def test_false_claims_are_crosses():
    fig = draw.hardness.claims([4, 8], np.array([[1.2, 1.1], [1.1, 0.9]]), 0.3)
    (ax,) = fig.axes
    crosses = sum(len(line.get_ydata()) for line in ax.lines if line.get_marker() == "x")
    assert crosses == 3 and ax.get_ylim()[0] == 0
