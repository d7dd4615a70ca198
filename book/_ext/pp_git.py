"""What git knows about a file, or nothing where there is no git."""

import subprocess
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Commit:
    short: str
    date: str  # year-month-day


@cache
def last_commit(path):
    """The last commit that changed the file, or None (never committed, or no checkout)."""
    command = ["git", "-C", str(path.parent), "log", "-1", "--format=%h %cs", "--", path.name]
    try:
        words = subprocess.run(command, capture_output=True, text=True).stdout.split()
    except OSError:
        return None
    return Commit(*words) if len(words) == 2 else None
