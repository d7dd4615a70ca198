"""Figures of the chapters on one input and on deep paths: what they show, drawn twice alike."""

import numpy as np

from ppkit import plotting as draw
from ppkit.plotting import style

T = np.linspace(0, 1, 5)


def twice(make):
    one, two = (style.to_svg(make(), "t-fig-x", "a b c d e") for _ in range(2))
    assert one == two
    return make()


def test_curves_mark_the_kinks():
    fig = twice(lambda: draw.spline.curves(T, T, {"f": (T, T)}, (T[1:3], T[1:3])))
    labels = [line.get_label() for line in fig.axes[0].lines]
    assert labels == ["data", "f", "kinks"]


def test_alignment_shows_the_band_and_both_orientations():
    units = {1: (T[:1], T[:1]), -1: (T[1:2], -T[1:2])}
    fig = twice(lambda: draw.spline.alignment(T, 0.5 * T, -0.5 * T, 1.0, units))
    levels = [line.get_ydata()[0] for line in fig.axes[0].lines[:2]]
    assert levels == [-1.0, 1.0]


def test_second_derivative_has_an_axis_for_the_density():
    fig = twice(lambda: draw.spline.second_derivative(T, T, {"f": (T, T)}, (T[1:3], T[1:3]), (T, T)))
    assert len(fig.axes) == 3 and fig.axes[1].get_ylim()[0] == -fig.axes[1].get_ylim()[1]


def test_bump_is_the_positive_part():
    before = np.array([-1.0, 1.0, -2.0, 3.0, 0.0])
    fig = twice(lambda: draw.deep.bump(T, before, T[:2], np.array([1, -1]), before[:2]))
    after = next(line for line in fig.axes[0].lines if line.get_label() == "after it")
    assert np.array_equal(after.get_ydata(), np.maximum(before, 0))


def test_widths_show_medians():
    fig = twice(lambda: draw.deep.widths(np.array([4, 6]), {"signs": [[1.0, 3.0, 2.0], [4.0, 4.0, 5.0]]}))
    medians = next(line for line in fig.axes[0].lines if line.get_label() == "signs")
    assert np.array_equal(medians.get_ydata(), [2.0, 4.0]) and fig.axes[0].get_yscale() == "log"
