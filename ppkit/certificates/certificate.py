"""The certificate as readers hold it: the record, and what is done with one."""

from pathlib import Path
from typing import Self

from .files import read, save
from .record import Record
from .verify import Verification, verify


class Certificate(Record):
    """What is proved about one candidate network; see :class:`Record` for its numbers."""

    def save(self, path: str | Path) -> None:
        """Write the certificate with its data, candidate, dual point and proof to an ``.npz``."""
        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a saved certificate; raises on a broken or a forged file."""
        return cls(**read(path))

    def verify(self, rigorous: bool | None = None) -> Verification:
        """Recompute every value with no solver and no search.

        With python-flint the inequality is proved in ball arithmetic, rounding included, wherever the
        kind of proof allows it; ``rigorous=True`` insists on it, ``rigorous=False`` leaves it out.
        Raises :class:`CertificateError` naming the first value that does not hold.
        """
        return verify(self, rigorous)


def load(path: str | Path) -> Certificate:
    """Read a saved certificate; raises on a broken or a forged file."""
    return Certificate.load(path)
