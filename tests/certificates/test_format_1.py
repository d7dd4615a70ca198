"""Certificates that were saved before proofs had a kind: read for what they are, and as good as ever."""

from pathlib import Path

import pytest

import ppkit
from ppkit.certificates.files import FORMAT, kind_before

FILES = sorted((Path(__file__).parent / "format_1").glob("*.npz"))
WITH_BALLS = {"spectral", "symmetric", "lines", "vertices", "split", "unfolding", "form", "plane", "knots"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_old_file_is_read_and_holds(path, tmp_path):
    """The kind is the one that the file is named after; the same statement is proved as before."""
    cert = ppkit.Certificate.load(path)
    assert cert.proof.kind == path.stem
    checked = cert.verify()
    assert checked.rigorous == (path.stem in WITH_BALLS | {"relaxation"})
    cert.save(tmp_path / "again.npz")
    again = ppkit.Certificate.load(tmp_path / "again.npz")
    assert again.proof.kind == cert.proof.kind and again.lower_bound == cert.lower_bound
    assert again.verify().rigorous == checked.rigorous


def test_every_kind_has_an_old_file():
    """Every checker of the table but that of a mere search has a file here."""
    kinds = set(ppkit.checks.CHECKERS) - {ppkit.checks.SEARCH}
    assert kinds == {path.stem for path in FILES}


def test_the_mark_of_another_norm_does_not_count():
    """A tree with a cutoff is one of cones for ReLU networks and one of boxes for heads."""
    relu, heads = ppkit.families.TwoLayerReLU(3).norm, ppkit.families.MultiHeadAttention(2, 2, 1).norm
    data = dict.fromkeys(("dim", "child", "cutoff"))
    assert kind_before(relu, data) == "cones" and kind_before(heads, data) == "boxes"
    assert FORMAT.endswith("2")
