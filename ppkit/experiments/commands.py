"""``ppkit sweep run | resume | status | report | rerun``: the stored experiments on the command line."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..progress import counted
from .grids import GRIDS, get_grid
from .store import Store
from .sweep import sweep

SHOWN = ("lam_scale", "noise", "teacher", "n_samples", "seed")  # of a row that was run once more


def add_arguments(command: ArgumentParser) -> None:
    """Add the subcommands of ``ppkit sweep`` to its parser."""
    actions = command.add_subparsers(dest="action", required=True, parser_class=type(command))
    for action, what, run in (
        ("run", "run the cells that have no row yet", run_sweep),
        ("resume", "go on with a sweep that was stopped", resume_sweep),
        ("status", "how many cells are done, and their CPU time", show_status),
        ("report", "tables and figures from the rows alone", show_report),
        ("rerun", "run stored rows once more and compare", rerun_rows),
    ):
        sub = actions.add_parser(action, help=what)
        sub.add_argument("names", nargs="*", metavar="NAME", help=f"default: all ({', '.join(GRIDS)})")
        sub.add_argument("--results", default="results", metavar="DIR", help="where the rows lie")
        sub.set_defaults(run=run)
        if action in ("run", "resume"):
            sub.add_argument("--jobs", default=2, type=int, help="number of processes (default 2)")
            sub.add_argument("--dask", metavar="ADDRESS", help="run on this Dask cluster instead")
            sub.add_argument("--device", help="train the cells in batches with PyTorch: cuda or cpu")
            sub.add_argument("--seeds", default=20, type=int, help="seeds of every cell (default 20)")
            sub.add_argument("--quiet", action="store_true", help="no progress bar")
        if action == "report":
            sub.add_argument("--figures", metavar="DIR", help="write one SVG for each experiment here")
        if action == "rerun":
            sub.add_argument("--key", help="the row with this key")
            sub.add_argument("--teacher", type=int, metavar="R", help="rows of this teacher width")
            sub.add_argument("--samples", type=int, metavar="N", help="rows of this sample size")
            sub.add_argument("--seed", type=int, help="rows of this seed")
            sub.add_argument("--quiet", action="store_true", help="no progress bar")
            sub.add_argument(
                "--tolerance", default=1e-6, type=float, metavar="EPS",
                help="largest relative difference of any number that counts as the same (default 1e-6)",
            )  # fmt: skip


def chosen(args: Namespace) -> list[str]:
    """The names asked for, all of them by default."""
    return [name for name in args.names or GRIDS if get_grid(name)]


def run_sweep(args: Namespace) -> int:
    """Run what has no row yet."""
    if args.seeds < 1:
        raise InputError(f"--seeds must be at least 1, got {args.seeds}")
    for name in chosen(args):
        cells = GRIDS[name].cells(range(args.seeds))
        show = not args.quiet and sys.stderr.isatty()
        rows = sweep(cells, Path(args.results) / name, args.jobs, args.dask, args.device, show)
        print(f"{name:<24} {len(rows)} rows in {Path(args.results) / name / 'rows.jsonl'}")
    return 0


def resume_sweep(args: Namespace) -> int:
    """Like run, but there has to be something to resume."""
    for name in chosen(args):
        if not Store(Path(args.results) / name).rows_path.exists():
            raise InputError(f"{name}: nothing to resume under {args.results}; use 'ppkit sweep run {name}'")
    return run_sweep(args)


def show_status(args: Namespace) -> int:
    """One line for each experiment."""
    for name in chosen(args):
        store = Store(Path(args.results) / name)
        cells, rows, times = GRIDS[name].cells(), store.rows(), store.times()
        done = sum(cell.key in rows for cell in cells)
        print(f"{name:<24} {done:>5} of {len(cells)} cells, {sum(times.values()):.0f} CPU seconds")
    return 0


def show_report(args: Namespace) -> int:
    """The table of slopes, and on request the figures."""
    from .law import law
    from .table import COLUMNS, summary

    folder = Path(args.figures) if args.figures else None
    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    laws = []
    for name in chosen(args):
        rows = list(Store(Path(args.results) / name).rows().values())
        laws.append(law(name, rows))
        if folder is not None:
            from ..plotting.scaling import law_figure

            law_figure(laws[-1], rows).savefig(folder / f"{name}.svg")
    print_table([COLUMNS, *(summary(found) for found in laws)])
    return 0


def rerun_rows(args: Namespace) -> int:
    """Run the rows asked for once more; 1 if a number of one of them is not what is stored."""
    from .rerun import once_more, pick

    if not args.tolerance >= 0:
        raise InputError(f"--tolerance must be at least 0, got {args.tolerance}")
    rows = [row for name in chosen(args) for row in Store(Path(args.results) / name).rows().values()]
    picked = pick(rows, key=args.key, teacher=args.teacher, n_samples=args.samples, seed=args.seed)
    show = not args.quiet and sys.stderr.isatty()
    picked.sort(key=lambda row: (row["family"], str(row["options"]), *(row[name] for name in SHOWN)))
    lines, same = [("key", "family", "options", *SHOWN, "stored error", "error now", "verdict")], True
    for row, fresh, apart in counted(map(once_more, picked), len(picked), 0, show):
        far = {name: value for name, value in apart.items() if value > args.tolerance}
        verdict = ", ".join(f"{name} differs by {value:.1e}" for name, value in far.items()) or "the same"
        options = " ".join(f"{name}={value}" for name, value in row["options"].items())
        errors = (f"{r['error']:.6g}" for r in (row, fresh))
        shown = (str(row[name]) for name in SHOWN)
        lines.append((row["key"], row["family"], options, *shown, *errors, verdict))
        same = same and not far
    print_table(lines)
    return 0 if same else 1


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """Lines of text entries in columns, the first one their names."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
