"""Every registered family keeps every promise of ``ppkit.testing``, by small members of it."""

from functools import cache

import pytest
from families.instances import CASES, HARDER, PATHS, label

from ppkit.testing import CHECKS, family_checks, polars, sizes


@cache
def checks(member, n_samples, gap=1e-6):
    """The checks of one member, which share what they train."""
    return dict(family_checks(member, n_samples, gap=gap))


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("case", CASES, ids=label)
def test_every_promise(case, name):
    checks(*case)[name]()


@pytest.mark.parametrize("name", [check.__name__ for check in polars.CHECKS + sizes.CHECKS])
@pytest.mark.parametrize("case", HARDER + PATHS, ids=label)
def test_the_polar_where_its_interval_stays_open(case, name):
    checks(*case, gap=None)[name]()
