"""Products without rounding: against rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from ppkit.rigor.balls import Balls, arbs, precision
from ppkit.rigor.exact import exact_terms, product, slices, split

pytest.importorskip("flint")


def ends(x):
    """The exact rational ends of a ball."""
    return tuple(
        Fraction(int(m)) * Fraction(2) ** int(e) for m, e in (x.lower().man_exp(), x.upper().man_exp())
    )


def rational(a, b):
    """``a @ b`` in rational arithmetic, as nested lists."""
    dot = lambda p, q: sum(Fraction(x) * Fraction(y) for x, y in zip(p, q, strict=True))  # noqa: E731
    return [[dot(row, col) for col in b.T.tolist()] for row in a.tolist()]


def draw(seed, spread):
    rng = np.random.default_rng(seed)
    m, k, n = rng.integers(1, 6), rng.integers(1, 60), rng.integers(1, 4)
    a = rng.standard_normal((m, k)) * 10.0 ** rng.uniform(-spread, spread, (m, k))
    return a, rng.standard_normal((k, n)) * 10.0 ** rng.uniform(-spread, spread, (k, n))


@pytest.mark.parametrize("spread", [0, 1, 4, 10])
def test_slices_add_up_exactly(spread):
    for seed in range(10):
        a, b = draw(seed, spread)
        terms = exact_terms(a, b)
        if terms is None:
            assert spread > 4
            continue
        for i, row in enumerate(rational(a, b)):
            for j, value in enumerate(row):
                parts = ((p[i, j], np.broadcast_to(e, p.shape)[i, j]) for p, e in terms)
                assert sum(Fraction(p) * Fraction(2) ** int(e) for p, e in parts) == value
        for p, _ in terms:
            np.testing.assert_array_equal(p, np.trunc(p))
            assert np.abs(p).max(initial=0.0) <= 2.0**53


@pytest.mark.parametrize("spread", [0, 2, 5])
def test_products_hold_the_true_value(spread):
    """Exact operands give 128-bit results; an operand that is itself a ball keeps its radius."""
    for seed in range(10):
        a, b = draw(seed, spread)
        with precision():
            exact, third = product(a, b), product(a, arbs(Balls(b) / 3))
            left = product(arbs(Balls(a) / 3), b)
        if exact is None:
            continue
        size = np.abs(a) @ np.abs(b)
        for i, row in enumerate(rational(a, b)):
            for j, value in enumerate(row):
                for ball, true in ((exact, value), (third, value / 3), (left, value / 3)):
                    with precision():
                        low, high = ends(ball[i, j])
                    assert low <= true <= high
                    assert high - low <= Fraction(size[i, j]) / 10**35


def test_what_cannot_be_sliced_is_left_to_the_balls():
    one = np.ones((2, 1))
    for bad in ([[1e-300, 1.0]], [[1e200, 1e-200]], [[np.inf, 1.0]], [[np.nan, 1.0]], [[5e-324, 1.0]]):
        assert product(np.array(bad), one) is None
    spread = np.array([[1.0, 2.0**-240]])
    assert slices(spread, 1, 25) is None
    with precision():
        sums = arbs(Balls(spread) @ Balls(one))[0, 0]
        low, high = ends(sums)
        assert low <= 1 + Fraction(2) ** -240 <= high
    assert all(x == 0 for x in product(np.zeros((2, 3)), np.ones((3, 2))).flat)
    assert product(np.zeros((2, 0)), np.zeros((0, 3))).shape == (2, 3)


def test_splitting_a_ball():
    with precision():
        x = arbs(Balls(np.array([1.0, -2.0, 1e30, 0.0])) / 3)
        floats, radii = split(x)
        for i, ball in enumerate(x):
            rest = ball - sum((Balls(f).payload[i] for f in floats[1:]), start=floats[0][i])
            assert abs(rest) <= radii[i] or radii[i] > 0
            total = sum(Fraction(float(f[i])) for f in floats)
            low, high = ends(ball)
            assert total - Fraction(radii[i]) <= low and high <= total + Fraction(radii[i])


def test_the_fast_path_and_the_slow_one_agree(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 400)), rng.standard_normal((400, 2))
    with precision():
        for left, right in ((a, b), (a[0], b), (a, b[:, 0]), (a[0], b[:, 0])):
            results = []
            for short in (1e9, 0.0):
                monkeypatch.setattr("ppkit.rigor.balls.SHORT", short)
                results.append(Balls(left) @ right)
            fast, slow = (arbs(r) for r in results)
            assert fast.shape == slow.shape == (left @ right).shape
            assert all(x.overlaps(y) for x, y in zip(fast.ravel(), slow.ravel(), strict=True))
