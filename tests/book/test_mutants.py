"""Every fault is noticed, every claim of every lab is turned red by a fault of what it claims."""

import mutants
import pytest
from book_tools import ROOT

ENTRIES = mutants.entries()
NAMES = [entry["name"] for entry in ENTRIES]


def quickest(kind, count):
    """The entries with a lab, or with tests, that took the fewest seconds."""
    rows = mutants.fresh()
    chosen = [entry for entry in ENTRIES if entry.get(kind) and entry["name"] in rows]
    return sorted(chosen, key=lambda entry: rows[entry["name"]]["seconds"])[:count]


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES) >= 60


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
class TestEntry:
    def test_fits_the_package(self, entry):
        assert mutants.faulty(entry) != (ROOT / entry["file"]).read_text(encoding="utf-8")

    def test_names_claims_that_there_are(self, entry):
        if entry.get("lab"):
            assert set(map(str, entry["claims"])) <= set(mutants.claims_of(ROOT / entry["lab"]))
        else:
            assert entry["tests"]


FRESH = mutants.fresh()


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e["name"] in FRESH], ids=sorted(FRESH, key=NAMES.index)
)
def test_a_fault_that_was_tried_was_noticed(entry):
    row = FRESH[entry["name"]]
    assert mutants.noticed(row)
    assert set(map(str, entry.get("claims") or ())) <= {*row["red"], *row["stopped"]}


def test_most_faults_were_tried_on_what_stands():
    """``make mutants`` tries the others: faults that are new, or whose lab has changed."""
    assert len(FRESH) >= 60


def test_open_claims_are_those_that_no_fault_reaches():
    named = {
        (str(lab.relative_to(ROOT)), claim) for lab in mutants.labs() for claim in mutants.claims_of(lab)
    }
    assert set(mutants.unkilled()) == named - set(mutants.killed())
    assert len(mutants.killed()) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("entry", quickest("lab", 2) + quickest("tests", 6), ids=lambda entry: entry["name"])
def test_a_sample_is_noticed_again(entry):
    row = mutants.try_out(entry, {})
    assert mutants.noticed(row)
    assert set(map(str, entry.get("claims") or ())) <= {*row["red"], *row["stopped"]}
