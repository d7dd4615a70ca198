"""How hard to work on an expensive polar, round by round."""

import numpy as np

from ..polars.base import EFFORTS


class Ladder:
    """The effort of each round when the polar is expensive: low while the objective falls at that.

    When it stands still the next round asks more of the polar; a fall leads back to the lowest effort.
    ``done`` when it stands still at the effort that was asked for.
    """

    def __init__(self, effort: str, tolerance: float) -> None:
        self.levels = EFFORTS[: EFFORTS.index(effort) + 1]
        self.tolerance = tolerance
        self.at, self.done = 0, False
        self.last = [np.inf] * len(self.levels)

    @property
    def level(self) -> str:
        """The effort of the next round."""
        return self.levels[self.at]

    def climb(self, objective: float) -> bool:
        """Take note of a round's objective; True when the next round should ask more of the polar."""
        falls = self._falls(objective)
        self.last[self.at] = objective
        if falls:
            self.at = 0
            return False
        while self.at < len(self.levels) and not self._falls(objective):
            self.at += 1
        self.done = self.at == len(self.levels)
        return True

    def _falls(self, objective: float) -> bool:
        return objective < (1 - self.tolerance) * self.last[self.at]
