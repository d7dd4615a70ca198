"""T3 as the identity that it is, for pairs of networks that Hypothesis makes up.

Weak duality and the invariances of a certificate are promises of ``ppkit.testing``.
"""

import numpy as np
import pytest
from families.instances import FAMILIES, label
from hypothesis import given, settings
from hypothesis import strategies as st

from ppkit.testing import draw
from ppkit.testing.samples import random_network

every_member = pytest.mark.parametrize("case", [cases[0] for cases in FAMILIES.values()], ids=label)
seeds = st.integers(0, 10**6)
widths = st.integers(0, 6)


@every_member
@settings(max_examples=8)
@given(seed=seeds, r=widths, q=widths)
def test_t3_is_an_identity_plus_a_sign(case, seed, r, q):
    """NC(W) - C(f) = euler + <G, f> - lam Omega(f) - |f - Phi|^2/2, at f = Phi(V) with Theta(V) for Omega."""
    problem = draw(*case).problem(0.1)
    rng = np.random.default_rng(seed)
    W, V = (random_network(problem.family, rng, k, -0.5) for k in (r, q))
    f, Phi, G = problem.predict(V), problem.predict(W), problem.residual(W)
    left = problem.objective(W) - (problem.risk(f) + problem.lam * problem.theta(V))
    bracket = problem.inner(G, f) - problem.lam * problem.theta(V)
    right = problem.euler(W) + bracket - 0.5 * problem.inner(f - Phi, f - Phi)
    size = problem.objective(W) + problem.objective(V) + problem.inner(np.abs(G), np.abs(f) + np.abs(Phi))
    assert abs(left - right) <= 1e-12 * size
    ratio = problem.polar(W).upper / problem.lam
    if not np.isfinite(ratio):  # without A2: the bound says nothing
        return
    assert bracket <= problem.lam * problem.theta(V) * (ratio - 1) + 1e-12 * size
    assert left <= problem.euler(W) + problem.lam * problem.theta(V) * (ratio - 1) + 1e-12 * size
