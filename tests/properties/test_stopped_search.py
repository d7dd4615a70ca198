"""A branch and bound may stop anywhere: its interval holds what a longer one finds."""

import sys
import zlib

import numpy as np
import pytest
from families.instances import CASES, HARDER, label

from ppkit.testing.samples import DEGENERATE, degenerate


def generator(*key):
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def searches():
    """The modules that call the branch and bound."""
    rooms, home = ("ppkit.families.", "ppkit.polars."), "ppkit.polars.branch"
    callers = {n: m for n, m in sys.modules.items() if n.startswith(rooms) and n != home}
    return [m for m in callers.values() if "branch_and_bound" in vars(m)]


class Branches(Exception):
    """Raised in place of a branch and bound."""


def branches(case):
    """Whether the member's polar calls the branch and bound at all."""

    def run(*args, **options):
        raise Branches

    with pytest.MonkeyPatch.context() as patch:
        for module in searches():
            patch.setattr(module, "branch_and_bound", run)
        try:
            case[0].polar(*degenerate(*case, DEGENERATE[0], generator(label(case))))
        except Branches:
            return True
    return False


hard_cases = pytest.mark.parametrize(
    "case", [c for c in CASES + HARDER if not c[0].polar_is_cheap and branches(c)], ids=label
)


@pytest.fixture
def budget(monkeypatch):
    """``boxes`` replaces the budget of every family's branch and bound; ``runs`` counts their calls."""
    log = {"boxes": 1, "runs": 0}
    for module in searches():
        monkeypatch.setattr(module, "branch_and_bound", stopped(module.branch_and_bound, log))
    return log


def stopped(search, log):
    """``search`` with the budget that ``log`` names at the time of the call."""

    def run(*args, **options):
        log["runs"] += 1
        return search(*args, **options | {"max_nodes": log["boxes"]})

    return run


@hard_cases
def test_a_stopped_search_holds_the_value_of_a_longer_one(case, budget):
    """Fifty budgets from one box on: the interval holds what ten times the boxes find."""
    member, held = case[0], 0
    for seed in range(50):
        rng = generator(label(case), seed)
        X, G = degenerate(*case, DEGENERATE[seed % len(DEGENERATE)], rng)
        budget["boxes"] = int(10 ** rng.uniform(0, 3))
        early = member.polar(X, G)
        budget["boxes"] = 10 * budget["boxes"] + 1000
        longer = member.polar(X, G)
        held += early.lower <= longer.upper and longer.lower <= early.upper
        assert longer.upper <= early.upper * (1 + 1e-9) + 1e-300  # bounds of small boxes round differently
    assert held == 50 and budget["runs"] > 0
