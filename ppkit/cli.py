"""The command line: ``ppkit families | fit | certify | verify | sweep``.

Exit codes: 0 done and the gap asked for is certified, 1 finished but not certified to that gap,
2 bad input (one clear line, nothing written).
"""

import argparse
import json
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from . import __version__
from .certificates import Certificate, certify
from .errors import CertificateError, InputError
from .experiments.commands import add_arguments
from .families import get_family, registry
from .files import check_writable, pack_json, read_npz, same_file, write_npz
from .optional import installed
from .problem import Problem
from .training.fit import fit

DONE, OPEN, BAD = 0, 1, 2


class Parser(argparse.ArgumentParser):
    """argparse that reports a usage error in one line and exits with code 2."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see '{self.prog} --help')")


def build_parser() -> Parser:
    """The argument parser of the command ``ppkit``."""
    parser = Parser(prog="ppkit", description="Certify networks against the global optimum.")
    parser.add_argument("--version", action="version", version=f"ppkit {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)

    command = commands.add_parser("families", help="list the model families")
    command.set_defaults(run=run_families)

    shared = Parser(add_help=False)
    shared.add_argument("data", metavar="DATA.npz", help="arrays X (N, ...) and Y (N,) or (N, n_y)")
    shared.add_argument("--family", required=True, metavar="NAME")
    shared.add_argument("--lam", required=True, type=float, metavar="L", help="lambda > 0")
    shared.add_argument("--loss", default="squared", help="squared, logistic or huber")
    shared.add_argument("--effort", default="default", help="fast, default or exact polar")
    shared.add_argument("--seed", default=0, type=int)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    shared.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a constructor argument of the family (JSON value); may be repeated",
    )
    shared.add_argument("--cert", metavar="CERT.npz", help="also write the certificate")

    command = commands.add_parser("fit", parents=[shared], help="train until certified")
    command.add_argument("--gap", default=1e-6, type=float, metavar="G", help="relative gap > 0")
    command.add_argument("--max-width", default=None, type=int, metavar="R")
    command.add_argument("--out", required=True, metavar="FIT.npz")
    command.add_argument("--quiet", action="store_true", help="no progress bar")
    command.set_defaults(run=run_fit)

    command = commands.add_parser("certify", parents=[shared], help="certify a trained network")
    command.add_argument("factors", metavar="FIT.npz", help="one array (r, ...) for each parameter")
    command.add_argument("--gap", default=1e-6, type=float, metavar="G", help="relative gap > 0")
    command.set_defaults(run=run_certify)

    command = commands.add_parser("verify", help="recheck a saved certificate: no solver, no search")
    command.add_argument("certificate", metavar="CERT.npz")
    command.add_argument("--data", metavar="DATA.npz", help="also check that it is about these data")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.add_argument(
        "--rigorous",
        action=argparse.BooleanOptionalAction,
        help="insist on, or leave out, the proof in ball arithmetic (default: where possible)",
    )
    command.set_defaults(run=run_verify)

    add_arguments(commands.add_parser("sweep", help="the stored experiments behind the width law"))
    return parser


def load_problem(args: Namespace) -> Problem:
    """The problem that the command-line arguments and the data file describe."""
    if not (np.isfinite(args.gap) and args.gap > 0):
        raise InputError(f"--gap must be a positive number, got {args.gap!r}")
    if args.seed < 0:
        raise InputError(f"--seed must not be negative, got {args.seed}")
    read = [args.data, getattr(args, "factors", None)]
    for path in (args.cert, getattr(args, "out", None)):
        if path is not None:
            check_writable(path)
            if any(same_file(path, other) for other in read):
                raise InputError(f"{path}: would overwrite another file of this command")
            read.append(path)
    data = read_npz(args.data)
    if "Y" not in data:
        raise InputError(f"{args.data}: no array Y in the file")
    options = {}
    for item in args.option:
        key, sign, value = item.partition("=")
        if not sign:
            raise InputError(f"--option needs KEY=VALUE, got {item!r}")
        try:
            options[key] = json.loads(value)
        except json.JSONDecodeError:
            options[key] = value
    X, Y = data.get("X"), data["Y"]
    try:
        family = get_family(args.family).from_data(X, Y, **options)
    except TypeError as error:
        raise InputError(f"--option does not fit the family {args.family} ({error})") from None
    return Problem(family, X, Y, args.lam, args.loss)


def summary(certificate: Certificate) -> dict[str, Any]:
    """The certificate's figures as a JSON-ready mapping."""
    names = ("objective", "lower_bound", "gap", "relative_gap", "polar_ratio", "euler", "kind", "reason")
    values = {name: getattr(certificate, name) for name in names}
    return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in values.items()}


def report(certificate: Certificate, as_json: bool, **more: Any) -> None:
    """Print a certificate for people or for programs."""
    if as_json:
        print(json.dumps(summary(certificate) | more))
    else:
        for key, value in more.items():
            print(f"{key:<12} {value}")
        print(certificate)


def run_families(args: Namespace) -> int:
    """List the registered families."""
    for name, family in sorted(registry.items()):
        print(f"{name:<22} {str(family.__doc__).strip().splitlines()[0]}")
    return DONE


def run_fit(args: Namespace) -> int:
    """Train, write the factors, print the certificate."""
    problem = load_problem(args)
    result = fit(
        problem,
        gap=args.gap,
        max_width=args.max_width,
        seed=args.seed,
        progress=not args.quiet and sys.stderr.isatty() and installed("tqdm"),
        effort=args.effort,
    )
    meta = {"family": problem.family.name, "params": problem.family.params(), "lam": problem.lam}
    write_npz(args.out, {**result.factors, "meta": pack_json(meta)})
    if args.cert:
        result.certificate.save(args.cert)
    report(result.certificate, args.json, width=result.width)
    return DONE if result.certificate.certified(args.gap) else OPEN


def run_certify(args: Namespace) -> int:
    """Certify the factors of a file."""
    problem = load_problem(args)
    certificate = certify(problem, read_npz(args.factors), args.effort, args.seed)
    if args.cert:
        certificate.save(args.cert)
    report(certificate, args.json)
    return DONE if certificate.certified(args.gap) else OPEN


def run_verify(args: Namespace) -> int:
    """Recheck a saved certificate."""
    from .certificates.files import data_digest

    certificate = Certificate.load(args.certificate)
    problem = certificate.problem
    if args.data:
        data: Any = read_npz(args.data)
        other = Problem(problem.family, data.get("X"), data.get("Y"), problem.lam, problem.loss)
        if data_digest(other) != data_digest(problem):
            raise CertificateError(f"{args.certificate}: not about the data in {args.data}")
    checked = certificate.verify(args.rigorous)
    if args.json:
        proof = {"verified": True, "rigorous": checked.rigorous, "objective_upper": checked.objective_upper}
        report(certificate, True, **proof, problem=repr(problem), how=checked.reason)
    else:
        print(f"{'about':<12} {problem!r}\n{certificate}\n{checked}")
    return DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        args = build_parser().parse_args(argv)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # what overflows ends in one line below
            return args.run(args)
    except (InputError, CertificateError) as error:
        print(f"ppkit: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD


if __name__ == "__main__":
    sys.exit(main())
