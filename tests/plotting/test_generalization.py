"""Figures of the generalization chapters: what they show, and that they are drawn twice alike."""

import numpy as np

from ppkit import plotting as draw
from ppkit.plotting import style

N = np.array([10, 100, 1000])


def test_bounds_against_samples():
    series = {"truth": np.array([[0.3, 0.1, 0.03], [0.2, 0.1, 0.05]]), "bound": np.array([3.0, 1.0, 0.3])}
    fig = draw.generalization.against_samples(N, series, vacuous=0.8)
    (ax,) = fig.axes
    assert [line.get_label() for line in ax.lines[:2]] == ["truth", "bound"]
    assert np.allclose(ax.lines[0].get_ydata(), [0.25, 0.1, 0.04])
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_ylim()[1] >= 2.4
    again = draw.generalization.against_samples(N, series, vacuous=0.8)
    assert style.to_svg(fig, "t-fig-a", "a b c d e") == style.to_svg(again, "t-fig-a", "a b c d e")


def test_tightness_counts_every_draw():
    fig = draw.generalization.tightness({"a": np.array([1.5, 2.0, 40.0]), "b": np.array([3.0])})
    (ax,) = fig.axes
    assert sum(patch.get_height() for patch in ax.patches) == 4
