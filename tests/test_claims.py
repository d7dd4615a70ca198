"""A verdict is computed: each kind of row is red on what it should be red on."""

import json

import numpy as np
import pytest

from ppkit import claims
from ppkit.errors import InputError

HOLD = [
    (claims.at_most, 1.0, 1.0),
    (claims.below, 0.9, 1.0),
    (claims.at_least, [1.0, 2.0], 1.0),
    (claims.above, [1.1, 2.0], 1.0),
    (claims.between, [1.0, 2.0], 1.0, 2.0),
    (claims.near, 1.0, 1.01, 0.02),
    (claims.near, np.ones(3), np.ones(3), 0.0),
    (claims.equal, "exact", "exact"),
    (claims.every, [True, True]),
]
FAIL = [
    (claims.at_most, [0.0, 1.1], 1.0),
    (claims.at_most, float("nan"), 1.0),
    (claims.at_most, [0.0, float("nan")], 1.0),
    (claims.at_most, [], 1.0),
    (claims.below, 1.0, 1.0),
    (claims.at_least, [0.9, 2.0], 1.0),
    (claims.above, 1.0, 1.0),
    (claims.between, [1.0, 2.1], 1.0, 2.0),
    (claims.between, [0.9, 2.0], 1.0, 2.0),
    (claims.near, 1.0, 1.1, 0.02),
    (claims.near, [1.0, float("nan")], 1.0, 0.02),
    (claims.equal, 3, 4),
    (claims.every, [True, False]),
    (claims.every, np.zeros(0, bool)),
]


@pytest.mark.parametrize(("kind", "args"), [(kind, args) for kind, *args in HOLD])
def test_a_row_that_holds(kind, args):
    row = kind(3, "a quantity", *args)
    assert row["verdict"] is True
    assert list(row) == ["claim", "quantity", "theory says", "we measured", "verdict"]


@pytest.mark.parametrize(("kind", "args"), [(kind, args) for kind, *args in FAIL])
def test_a_row_that_fails_stops_the_notebook(kind, args):
    with pytest.raises(claims.ClaimFailed, match="claim 3, a quantity"):
        kind(3, "a quantity", *args)


@pytest.mark.parametrize("kind", [claims.at_most, claims.at_least])
def test_a_verdict_is_no_measurement(kind):
    with pytest.raises(InputError, match="truth value"):
        kind(1, "a quantity", True, 1.0)
    with pytest.raises(InputError, match="truth value"):
        claims.equal(1, "a quantity", True, True)
    with pytest.raises(InputError, match="several cases"):
        claims.every(1, "a quantity", True)


def test_what_is_refused():
    assert claims.refused("control", "a letter", ValueError, int, "x")["verdict"]
    with pytest.raises(claims.ClaimFailed, match="accepted"):
        claims.refused("control", "a number", ValueError, int, "1")


def test_rows_are_recorded_and_go_on(tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    monkeypatch.setenv("PPKIT_CLAIMS", str(path))
    claims.at_most(1, "low", 0.5, 1.0)
    claims.at_most(2, "high", 1.5, 1.0)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(row["claim"], row["verdict"]) for row in rows] == [("1", True), ("2", False)]
