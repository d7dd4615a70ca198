"""Upper ends of attention polars that must hold whatever tree is replayed and whatever the scale."""

import numpy as np
import pytest

from ppkit.checks import Proof
from ppkit.checks.heads import moments
from ppkit.families import MultiHeadAttention


def halved(depth):
    """The tree that halves one dimension ``depth`` times everywhere."""
    inner, nodes = 2**depth - 1, 2 ** (depth + 1) - 1
    dim, child = np.full(nodes, -1), np.full(nodes, -1)
    dim[:inner], child[:inner] = 0, 2 * np.arange(inner) + 1
    return {"dim": dim, "child": child, "cutoff": np.array(np.inf)}


@pytest.mark.parametrize("reach", [1e3, 3e3, 1e5, 1e7])
@pytest.mark.parametrize("depth", [0, 1, 4])
def test_a_saturated_center_says_nothing_about_a_wide_box(reach, depth):
    member = MultiHeadAttention(1, 2, 1, radius=np.sqrt(reach))
    X, G = np.array([[[-0.5], [0.5]], [[-1.0], [1.0]]]), np.array([[2.0], [-1.0]])
    queries, grid = member.queries(X, G), np.linspace(-20, 20, 4001)
    attained = np.linalg.norm(moments(queries, grid[:, None, None]), axis=(1, 2)).max()
    assert attained > 0.1  # although the moment vanishes where both softmaxes saturate
    assert member.polar_upper(X, G, Proof("boxes", halved(depth))) >= attained
    polar = member.polar(X, G, effort="fast")
    assert polar.upper >= attained * (1 - 1e-12)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_tokens_whose_squares_underflow_count(d):
    member = MultiHeadAttention(d, 2, 1)
    X, G = np.ones((2, 2, d)), np.array([[0.0], [1.0]])
    X[1] = 1e-170
    polar = member.polar(X, G, effort="fast")
    assert member.polar_upper(X, G, polar.proof) >= 0.5e-170
