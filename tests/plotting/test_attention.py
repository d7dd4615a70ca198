"""Figures of the chapter on softmax heads: what they show, and that they are drawn twice alike."""

import numpy as np

from ppkit import plotting as draw
from ppkit.plotting import style


def test_relaxations_against_the_radius():
    radius, excess = [0.5, 1.0], {"order 1": [0.1, 0.9], "order 2": [0.0, 0.5]}
    fig = draw.attention.relaxations(radius, excess)
    (ax,) = fig.axes
    assert [line.get_label() for line in ax.lines] == ["order 1", "order 2"]
    assert ax.lines[1].get_ydata().min() > 0
    again = draw.attention.relaxations(radius, excess)
    assert style.to_svg(fig, "t-fig-a", "a b c d e") == style.to_svg(again, "t-fig-a", "a b c d e")


def test_boxes_against_the_interval():
    fig = draw.attention.boxes({"one": (np.array([10, 100]), np.array([1.0, 0.01]))})
    (ax,) = fig.axes
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert np.allclose(ax.lines[0].get_ydata(), [1.0, 0.01])
