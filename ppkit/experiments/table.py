"""Laws as lines of a table."""

from typing import Any

COLUMNS = ("experiment", "slope of log N*", "exponent of D", "of N", "of sigma^2", "worst gap", "verdict")


def summary(law: Any) -> tuple[str, ...]:
    """The cells of one line: slopes at both levels, exponents, certificates, verdict."""
    slopes = "; ".join(f"{slope} at {level:g} sigma^2" for level, slope in law.slopes.items())
    exponents = [str(law.exponents[name]) for name in ("D", "N", "sigma^2")]
    return (law.name, slopes, *exponents, f"{law.worst_gap:.0e}", law.verdict)
