"""Products of balls, against rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from ppkit.rigor.balls import Balls, arbs, precision


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


@pytest.mark.parametrize("spread", [0, 2, 5, 100])
def test_products_hold_the_true_value(spread):
    """Operands that are floats are exact; one that is itself a ball keeps its radius."""
    for seed in range(10):
        a, b = draw(seed, spread)
        with precision():
            exact, third = arbs(Balls(a) @ b), arbs(a @ (Balls(b) / 3))
            left = arbs((Balls(a) / 3) @ b)
        size = np.abs(a) @ np.abs(b)
        for i, row in enumerate(rational(a, b)):
            for j, value in enumerate(row):
                for ball, true in ((exact, value), (third, value / 3), (left, value / 3)):
                    with precision():
                        low, high = ends(ball[i, j])
                    assert low <= true <= high
                    assert high - low <= Fraction(size[i, j]) / 10**35


def test_a_large_product_is_as_narrow_as_its_sums():
    """At 80 x 80 another algorithm takes over in the library; its radii stay those of 128 bits."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((80, 80)), rng.standard_normal((80, 80))
    with precision():
        out, size = arbs(Balls(a) @ b), np.abs(a) @ np.abs(b)
        for i, j in ((0, 0), (17, 43), (79, 79)):
            low, high = ends(out[i, j])
            (true,) = rational(a[i : i + 1], b[:, j : j + 1])[0]
            assert low <= true <= high
        assert max(float(x.rad()) / s for x, s in zip(out.flat, size.flat, strict=True)) < 1e-35


SHAPES = [
    ((3, 4), (4, 2)),
    ((4,), (4, 2)),
    ((3, 4), (4,)),
    ((4,), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 0), (0, 3)),
]
STACKS = [
    ((5, 2, 3, 4), (2, 4, 3)),
    ((4,), (2, 4, 3)),
    ((2, 3, 4), (4,)),
    ((0, 4), (4, 2)),
    ((0, 3, 4), (0, 4, 2)),
]


@pytest.mark.parametrize(("one", "other"), SHAPES + STACKS)
def test_shapes_are_those_of_numpy(one, other):
    a, b = np.arange(np.prod(one)).reshape(one), np.arange(np.prod(other)).reshape(other) / 4
    with precision():
        out = Balls(a) @ b
        assert out.shape == (a @ b).shape
        assert all(x == y for x, y in zip(arbs(out).flat, (a @ b).flat, strict=True))


def test_numbers_that_are_none_give_no_number():
    with precision():
        for bad in (np.inf, np.nan):
            (out,) = arbs(Balls(np.array([[bad, 1.0]])) @ np.ones((2, 1))).flat
            assert not out.is_finite()
