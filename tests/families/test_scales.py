"""Data of any scale, beyond what ``check_family`` asks: complexity, programs, what no scale mends."""

import warnings

import numpy as np
import pytest
from families.instances import CASES, FAMILIES, label

import ppkit
from ppkit.testing import draw

first_cases = pytest.mark.parametrize("case", [cases[0] for cases in FAMILIES.values()], ids=label)
HOMOGENEOUS = [c for c in CASES if c[0].input_shape and c[0].input_degree]


@pytest.fixture(autouse=True)
def no_warnings():
    """A warning is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("case", HOMOGENEOUS, ids=label)
@pytest.mark.parametrize("scale", [1e-40, 1e40])
def test_complexity_scales_with_the_inputs(case, scale):
    d = draw(*case)
    options = {"draws": 2, "envelope": np.zeros(d.G.shape), "effort": "fast"}
    one, many = (ppkit.bounds.rademacher(d.family, s * d.X, 1.0, **options) for s in (1.0, scale))
    assert many.value == pytest.approx(one.value * scale**d.family.input_degree, rel=1e-6)


@first_cases
@pytest.mark.parametrize("c", [1e-8, 1e8])
def test_programs_know_no_scale(case, c):
    base = draw(*case).problem()
    Y = base.Y if base.X is not None else base.family.present(base.Y)
    problem = ppkit.Problem(base.family, base.X, c * Y, c * base.lam)
    try:
        one = ppkit.convex_lower_bound(base)
    except ppkit.InputError:
        assert base.family.name == "multi-head-attention"
        return
    solution = ppkit.convex_lower_bound(problem)
    assert solution.value == pytest.approx(c**2 * one.value, rel=1e-5)
    assert solution.omega == pytest.approx(c * one.omega, rel=1e-4)


def test_ordinary_problems_stay_as_they_are():
    for case in CASES:
        problem = draw(*case).problem()
        same, unit, alpha = problem.at_ordinary_size()
        assert same is problem and unit == alpha == 1.0


def test_extremes_that_no_scale_mends_are_refused():
    d = draw(*FAMILIES["linear-attention"][0])
    problem = ppkit.Problem(d.family, 1e120 * d.X, d.Y, 1.0)
    with pytest.raises(ppkit.InputError, match="too far apart"):
        ppkit.fit(problem)
