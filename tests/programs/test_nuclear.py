"""The least norm with given predictions: the same whichever family asks, at every scale."""

import numpy as np
import pytest

from ppkit.families import (
    CPTensor,
    DeepLinear,
    LinearAttention,
    MatrixSensing,
    StructuredSensing,
    TwoLayerLinear,
    TwoLayerQuadratic,
)

#: families and numbers of samples with fewer, and with more, predictions than parameters
MEMBERS = [
    (MatrixSensing((3, 2)), 4, 9),
    (StructuredSensing((3, 2), "l1", "l2"), 4, 9),
    (StructuredSensing((3, 2), "l1", "linf", nonnegative=True), 4, 9),
    (StructuredSensing((3, 2), "linf", "l2"), 4, 9),
    (TwoLayerQuadratic(3), 4, 9),
    (TwoLayerLinear(3, 2), 2, 6),
    (DeepLinear((3, 2, 2)), 2, 6),
    (LinearAttention(2, 3, 2), 3, 12),
    (CPTensor((2, 3, 2)), 5, 20),
]
NAMES = ["-".join(map(str, (family.name, *family.params().values()))) for family, *_ in MEMBERS]


def drawn(family, n_samples, seed=0):
    """Inputs, and the predictions of a random network on them."""
    rng = np.random.default_rng(seed)
    X = family.random_inputs(rng, n_samples)
    return X, family.predict(family.random_factors(rng, 2), X)


@pytest.mark.parametrize("scale", [1e-150, 1e-10, 1e-3, 1e6, 1e10, 1e150])
@pytest.mark.parametrize(("family", "few", "many"), MEMBERS, ids=NAMES)
def test_omega_is_homogeneous(family, few, many, scale):
    for n_samples in (few, many):
        X, F = drawn(family, n_samples)
        one = family.omega(X, F)
        assert 0 < one < np.inf
        assert family.omega(X, scale * F) == pytest.approx(scale * one, rel=1e-6, abs=0)


@pytest.mark.parametrize("scale", [1e-150, 1e-10, 1.0, 1e10, 1e150])
@pytest.mark.parametrize(("family", "few", "many"), MEMBERS, ids=NAMES)
def test_what_no_network_predicts_is_infinite_at_every_scale(family, few, many, scale):
    X, F = drawn(family, many)
    off = F + np.random.default_rng(1).standard_normal(F.shape)
    assert family.omega(X, scale * off) == np.inf


@pytest.mark.parametrize(("family", "few", "many"), MEMBERS, ids=NAMES)
def test_samples_that_say_the_same_twice_change_nothing(family, few, many):
    X, F = drawn(family, few)
    twice = family.omega(np.concatenate([X, X]), np.concatenate([F, F]))
    assert twice == pytest.approx(family.omega(X, F), rel=1e-6)


@pytest.mark.parametrize(("family", "few", "many"), MEMBERS, ids=NAMES)
def test_zero_costs_nothing(family, few, many):
    X, F = drawn(family, few)
    assert family.omega(X, 0 * F) == 0 and family.omega(0 * X, 0 * F) == 0
