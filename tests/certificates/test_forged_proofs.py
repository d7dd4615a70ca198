"""Proofs that anybody may have written: what they hold is refused in one line, or proves what they say."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import ppkit
from ppkit.checks import Proof

FILES = sorted((Path(__file__).parent / "format_1").glob("*.npz"))


def damaged(a, rng):
    """Arrays that were put in the place of ``a``."""
    numbers = a.astype(float)
    moved = numbers.copy()
    if a.size:
        moved.flat[rng.integers(a.size)] = np.nan
    yield from (moved, numbers * np.nan, numbers + np.inf, 1e300 * numbers, -a, 0 * a)
    yield from (a.T, a[None], a[:0] if a.ndim else np.zeros(0), a[:-1] if a.ndim else np.zeros((1, 1)))
    yield from (np.array("x"), np.full(a.shape, "x"), a.astype(complex) * 1j, a.astype(bool), a.astype(int))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_damaged_proof_ends_in_one_line(path):
    """No other error escapes: a mistake in a checker is seen as one, and data of any kind are not."""
    cert, rng = ppkit.Certificate.load(path), np.random.default_rng(0)
    data = cert.proof.data
    forgeries = [{}, *({k: a for k, a in data.items() if k != gone} for gone in data)]
    forgeries += [{**data, k: b} for k, a in data.items() for b in damaged(np.asarray(a), rng)]
    for forged in forgeries:
        try:
            checked = dataclasses.replace(cert, proof=Proof(cert.proof.kind, forged)).verify()
        except ppkit.CertificateError as error:
            assert "\n" not in str(error)
        else:
            assert checked.lower_bound == cert.lower_bound <= checked.objective_upper
