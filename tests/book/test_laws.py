"""The sentence on a family's card is what the stored rows say."""

import pytest
from book_tools import ROOT
from pp_laws import WORDS, sentence

from ppkit.experiments.grids import GRIDS
from ppkit.experiments.law import law
from ppkit.experiments.store import Store


@pytest.mark.parametrize("name", GRIDS)
def test_every_experiment_is_stored_and_said(name):
    found = law(name, list(Store(ROOT / "results" / name).rows().values()))
    text = sentence(name, ROOT / "results")
    assert found.rows == len(GRIDS[name].cells())
    assert text.startswith(WORDS[found.verdict])
    assert all(str(slope) in text for slope in found.slopes.values())


@pytest.mark.parametrize("name", GRIDS)
def test_every_experiment_is_on_its_family_page(name):
    page = ROOT / "book" / "families" / f"{GRIDS[name].family}.md"
    assert f"{{pp-law}}`{name}`" in page.read_text()
