"""The registry, and what is asked of its members by name or by kind rather than of any family."""

import numpy as np
import pytest
from families.instances import CASES, FAMILIES, WITHOUT_PROGRAM, label

import ppkit
from ppkit.families import registry
from ppkit.families.outer_product import OuterProductFamily
from ppkit.rigor.balls import Balls, arbs, precision
from ppkit.testing import draw

every_case = pytest.mark.parametrize("case", CASES, ids=label)
first_cases = pytest.mark.parametrize("case", [cases[0] for cases in FAMILIES.values()], ids=label)
bilinear_cases = pytest.mark.parametrize(
    "case", [c for c in CASES if isinstance(c[0], OuterProductFamily)], ids=label
)


def test_every_registered_family_is_listed():
    missing = set(registry) - set(FAMILIES)
    assert not missing, f"tests/families/instances.py has no member of {sorted(missing)}"
    for name, cases in FAMILIES.items():
        assert cases and all(member.name == name for member, _ in cases)


def test_registry_names_are_command_line_names():
    for name, family in registry.items():
        assert family.name == name
        assert name == name.lower() and " " not in name and "_" not in name
        assert family.__doc__.strip().splitlines()[0].endswith(".")


@every_case
def test_parameters_are_counted(case):
    member = case[0]
    assert member.dim == sum(a.size for a in member.random_factors(draw(*case).rng(), 1).values())


@every_case
def test_who_has_a_program_and_omega(case):
    """``check_family`` lets a family refuse both: here is who does, and in which words."""
    s = draw(*case)
    F = s.family.predict(s.factors, s.X)
    if s.family not in WITHOUT_PROGRAM:
        assert s.family.omega(s.X, F) > 0
        s.family.convex_program(s.X)
        return
    for asked in (lambda: s.family.omega(s.X, F), lambda: s.family.convex_program(s.X)):
        with pytest.raises(ppkit.InputError, match=WITHOUT_PROGRAM[s.family]):
            asked()


@bilinear_cases
def test_adjoint_identity_to_the_last_bit(case):
    """A constant rounded outside the balls, such as a float 1/N, would show here at 1e-17."""
    s = draw(*case)
    X, G = None if s.X is None else Balls(s.X), Balls(s.G)
    W = {k: Balls(a) for k, a in s.factors.items()}
    size = float(abs(s.family.atoms(s.factors, s.X)).sum())
    with precision():
        left = (G * s.family.predict(W, X)).sum() / len(s.G)
        right = (s.family.adjoint(X, G) * s.family.matrix(W)).sum()
        difference = abs(arbs(left - right)[()])
    assert float(difference.upper()) <= 1e-30 * size


@first_cases
def test_a_width_that_is_too_small_says_so(case):
    s = draw(*case)
    for shrink in (1.0, 0.3, 0.1, 0.03):  # less regularization until one factor is not enough
        problem = s.problem(shrink * s.problem().lam)
        if ppkit.fit(problem, gap=1e-6).width > 1:
            break
    else:
        raise AssertionError("one factor is enough at every lambda tried")
    narrow = ppkit.fit(problem, gap=1e-6, max_width=1)
    assert narrow.width == 1 and not narrow.certificate.certified(1e-6)
    assert narrow.certificate.polar_ratio > 1 and "rho" in narrow.certificate.reason


def test_teachers_of_a_family_without_inputs():
    """The matrix itself is the one sample, and the noise that its factors attain the polar of."""
    member = ppkit.families.MatrixFactorization((4, 3))
    factors = member.extreme_factors(np.random.default_rng(0), 2)
    assert {k: a.shape for k, a in factors.items()} == {"u": (2, 4), "v": (2, 3)}
    np.testing.assert_allclose(member.theta(factors), 1.0)
