"""Figures of the width law: what they show, and that they are drawn twice alike."""

import numpy as np

from ppkit import plotting as draw
from ppkit.plotting.style import to_svg


def curves():
    rng = np.random.default_rng(0)
    return {R: (np.array([40, 80]) * R, 0.1 + rng.random((5, 2))) for R in (1, 2)}


def test_collapse_draws_each_width_twice():
    fig = draw.law.collapse(curves(), 20, 0.5)
    left, right = fig.axes
    assert len(left.lines) == len(right.lines) == 2
    N, errors = curves()[2]
    assert np.allclose(left.lines[1].get_ydata(), np.median(errors, axis=0))
    assert np.allclose(right.lines[1].get_ydata(), np.median(errors, axis=0) * N / (0.25 * 2 * 20))
    assert np.allclose(right.lines[1].get_xdata(), [2, 4])
    again = draw.law.collapse(curves(), 20, 0.5)
    assert to_svg(fig, "sl-fig-a", "five words to say it") == to_svg(
        again, "sl-fig-a", "five words to say it"
    )


def test_controls_one_panel_each_with_laws_as_thin_lines():
    x = np.array([1, 2, 4])
    series = {"a": (x, 2 * x), "b": (x, None)}
    fig = draw.law.controls({"one": (x, x, "x", series), "two": (x, x, "x", {"a": (x, None)})})
    assert [len(ax.lines) for ax in fig.axes] == [3, 1]
    assert [t.get_text() for t in fig.axes[0].get_xticklabels()] == ["1", "2", "4"]


def test_cone_and_learning():
    assert draw.law.cone().axes[0].patches
    N = np.array([10, 100])
    ax = draw.law.learning(N, np.ones((3, 2)), [3, 2], [1, 0.1]).axes[0]
    assert len(ax.lines) == 3
    assert len(draw.law.learning(N, np.ones((3, 2)), [3, 2]).axes[0].lines) == 2
