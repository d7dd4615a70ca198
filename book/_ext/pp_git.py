"""What git knows about a file, or nothing where there is no git."""

import contextlib
import subprocess
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Commit:
    short: str
    date: str  # year-month-day


def note_head(app, config):
    """Pages name commits: when the checkout moves, they are written again (and not executed again)."""
    command = ["git", "-C", str(app.srcdir), "rev-parse", "HEAD"]
    with contextlib.suppress(OSError):
        config.pp_head = subprocess.run(command, capture_output=True, text=True).stdout.strip()


@cache
def last_commit(path):
    """The last commit that changed the file, or None (never committed, or no checkout)."""
    command = ["git", "-C", str(path.parent), "log", "-1", "--format=%h %cs", "--", path.name]
    try:
        words = subprocess.run(command, capture_output=True, text=True).stdout.split()
    except OSError:
        return None
    return Commit(*words) if len(words) == 2 else None


def setup(app):
    app.add_config_value("pp_head", "", "html", types=str)
    app.connect("config-inited", note_head)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
