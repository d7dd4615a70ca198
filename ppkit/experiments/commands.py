"""``ppkit sweep run | resume | status | report``: the stored experiments on the command line."""

import sys
from pathlib import Path

from ..errors import InputError
from .grids import GRIDS, get_grid
from .store import Store


def add_arguments(command):
    """Add the subcommands of ``ppkit sweep`` to its parser."""
    actions = command.add_subparsers(dest="action", required=True, parser_class=type(command))
    for action, what, run in (
        ("run", "run the cells that have no row yet", run_sweep),
        ("resume", "go on with a sweep that was stopped", resume_sweep),
        ("status", "how many cells are done, and their CPU time", show_status),
        ("report", "tables and figures from the rows alone", show_report),
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


def chosen(args):
    """The names asked for, all of them by default."""
    return [name for name in args.names or GRIDS if get_grid(name)]


def run_sweep(args):
    """Run what has no row yet."""
    from .sweep import sweep

    if args.seeds < 1:
        raise InputError(f"--seeds must be at least 1, got {args.seeds}")
    for name in chosen(args):
        cells = GRIDS[name].cells(range(args.seeds))
        show = not args.quiet and sys.stderr.isatty()
        rows = sweep(cells, Path(args.results) / name, args.jobs, args.dask, args.device, show)
        print(f"{name:<24} {len(rows)} rows in {Path(args.results) / name / 'rows.jsonl'}")
    return 0


def resume_sweep(args):
    """Like run, but there has to be something to resume."""
    for name in chosen(args):
        if not Store(Path(args.results) / name).rows_path.exists():
            raise InputError(f"{name}: nothing to resume under {args.results}; use 'ppkit sweep run {name}'")
    return run_sweep(args)


def show_status(args):
    """One line for each experiment."""
    for name in chosen(args):
        store = Store(Path(args.results) / name)
        cells, rows, times = GRIDS[name].cells(), store.rows(), store.times()
        done = sum(cell.key in rows for cell in cells)
        print(f"{name:<24} {done:>5} of {len(cells)} cells, {sum(times.values()):.0f} CPU seconds")
    return 0


def show_report(args):
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
    lines = [COLUMNS, *(summary(found) for found in laws)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(COLUMNS))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
    return 0
