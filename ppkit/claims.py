"""The rows of a lab's tables: what a statement says, what was measured, and whether they agree.

A verdict is computed here, from a measured number and a bound, and nowhere else: no row takes a
truth value for its verdict, so no row can be true by the way it was written.  A row that does not
hold stops the notebook.  ``of`` is the number of the claim in the list at the head of the lab, or
"control" for a row of a negative control; ``what`` names the quantity.

A measured array stands for its worst entry; nothing measured, and NaN, never hold.

Where the environment names a file in ``PPKIT_CLAIMS``, every row is appended to it as a line of
JSON and none stops the notebook: that is how ``make mutants`` learns which rows a fault turns red.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import InputError

#: one row: "claim", "quantity", "theory says", "we measured", "verdict"
Row = dict[str, Any]
Of = int | str


class ClaimFailed(AssertionError):
    """What was measured is not what the statement says."""


def at_most(of: Of, what: str, measured: Any, bound: float, show: str = "") -> Row:
    """The largest measured number is at most ``bound``; ``show`` is a format such as ``".2f"``."""
    worst = _worst(what, measured, np.max)
    return _row(of, what, f"≤ {_shown(bound, show)}", _shown(worst, show), worst <= bound)


def below(of: Of, what: str, measured: Any, bound: float, show: str = "") -> Row:
    """The largest measured number is less than ``bound``."""
    worst = _worst(what, measured, np.max)
    return _row(of, what, f"< {_shown(bound, show)}", _shown(worst, show), worst < bound)


def at_least(of: Of, what: str, measured: Any, bound: float, show: str = "") -> Row:
    """The smallest measured number is at least ``bound``."""
    worst = _worst(what, measured, np.min)
    return _row(of, what, f"≥ {_shown(bound, show)}", _shown(worst, show), worst >= bound)


def above(of: Of, what: str, measured: Any, bound: float, show: str = "") -> Row:
    """The smallest measured number is greater than ``bound``."""
    worst = _worst(what, measured, np.min)
    return _row(of, what, f"> {_shown(bound, show)}", _shown(worst, show), worst > bound)


def between(of: Of, what: str, measured: Any, low: float, high: float, show: str = "") -> Row:
    """All measured numbers lie in ``[low, high]``."""
    least, most = _worst(what, measured, np.min), _worst(what, measured, np.max)
    ends = _shown(least, show), _shown(most, show)
    found = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    return _row(
        of, what, f"{_shown(low, show)} to {_shown(high, show)}", found, low <= least and most <= high
    )


def near(of: Of, what: str, measured: Any, expected: Any, within: float, show: str = "") -> Row:
    """``measured`` is ``expected`` up to ``within``, entry by entry; of arrays the worst is shown."""
    off = _worst(what, np.abs(np.asarray(measured, float) - np.asarray(expected, float)), np.max)
    if np.ndim(measured) == 0 and np.ndim(expected) == 0 and expected != 0:
        theory, found = f"{_shown(expected, show)} ± {within:.0e}", _shown(float(measured), show)
        found = f"{found} (off by {off:.0e})"
    else:
        theory, found = f"0 to {within:.0e}", f"off by {off:.0e}"
    return _row(of, what, theory, found, off <= within)


def equal(of: Of, what: str, measured: Any, expected: Any) -> Row:
    """A count, a name or a list of them is exactly what it should be; not for truth values."""
    if isinstance(measured, (bool, np.bool_)):
        raise InputError(f"{what}: a truth value is not a measurement; give what it was computed from.")
    return _row(of, what, str(expected), str(measured), bool(measured == expected))


def every(of: Of, what: str, held: Sequence[Any] | np.ndarray) -> Row:
    """A condition holds in each of several cases; ``held`` has one truth value for each."""
    cases = np.asarray(held)
    if cases.ndim == 0 or cases.dtype != bool:
        raise InputError(f"{what}: give one truth value for each of several cases.")
    count, total = int(cases.sum()), cases.size
    return _row(of, what, f"all {total}", f"{count} of {total}", 0 < total == count)


def refused(of: Of, what: str, errors: type[Exception], call: Callable, *args: Any, **options: Any) -> Row:
    """``call(*args, **options)`` raises one of ``errors``; the row shows the first line it says."""
    try:
        call(*args, **options)
    except errors as error:
        said = (str(error).splitlines() or [""])[0]
        return _row(of, what, "refused", f"{type(error).__name__}: {said}", True)
    return _row(of, what, "refused", "accepted", False)


def _worst(what: str, measured: Any, of_all: Callable) -> float:
    numbers = np.asarray(measured)
    if numbers.dtype == bool:
        raise InputError(f"{what}: a truth value is not a measurement; give the number it was computed from.")
    if numbers.size == 0:
        return float("nan")
    return float(of_all(numbers.astype(float)))


def _shown(number: float, show: str) -> str:
    if show:
        return format(number, show)
    if number != 0 and abs(number) < 1e-4:
        return f"{number:.0e}"
    return f"{number:.4g}"


def _row(of: Of, what: str, theory: str, measured: str, holds: Any) -> Row:
    row: Row = {"claim": str(of), "quantity": what}
    row |= {"theory says": theory, "we measured": measured, "verdict": bool(holds)}
    path = os.environ.get("PPKIT_CLAIMS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    elif not holds:
        raise ClaimFailed(f"claim {of}, {what}: theory says {theory}, we measured {measured}")
    return row
