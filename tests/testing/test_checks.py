"""A check that cannot fail is none: each turns red for a family made to break its promise."""

import inspect

import pytest
from testing.mutants import INTERVALS, MUTANTS, ForgetsAParameter

from ppkit.families import TwoLayerLinear, registry
from ppkit.testing import CHECKS, check_family, draw, family_checks


def member(cls):
    """Four inputs, four outputs: square, so that transposing goes unnoticed by shapes."""
    return cls(4, 4, 3.0) if cls is ForgetsAParameter else cls(4, 3 if "Swaps" in cls.__name__ else 4)


def test_every_check_has_a_mutant():
    assert set(MUTANTS) == set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_the_mutant_turns_its_check_red_and_the_honest_family_does_not(name, monkeypatch):
    monkeypatch.setitem(registry, ForgetsAParameter.name, ForgetsAParameter)
    wrong = member(MUTANTS[name])
    dict(family_checks(TwoLayerLinear(4, 4)))[name]()
    with pytest.raises(AssertionError) as red:
        dict(family_checks(wrong))[name]()
    promise, where, *numbers = str(red.value).splitlines()
    assert promise == f"{name}: {inspect.getdoc(CHECKS[name])}"
    assert repr(wrong) in where and "seed 0" in where and numbers[0]


@pytest.mark.parametrize("what", INTERVALS)
def test_each_part_of_an_interval_is_checked(what):
    with pytest.raises(AssertionError, match=f"generic: {what}"):
        dict(family_checks(INTERVALS[what](4, 4)))["interval_is_attained_and_not_exceeded"]()


def test_the_first_broken_promise_stops_the_rest():
    with pytest.raises(AssertionError, match=r"^vjp_is_the_gradient: .*\nTransposesItsGradient"):
        check_family(MUTANTS["vjp_is_the_gradient"](4, 4))


def test_a_sample_is_the_same_in_every_run():
    one, two = (draw(TwoLayerLinear(4, 3), 20, seed=1) for _ in range(2))
    assert (one.X == two.X).all() and (one.Y == two.Y).all() and (one.G == two.G).all()
    assert one.rng("a").standard_normal() == two.rng("a").standard_normal() != one.rng("b").standard_normal()
