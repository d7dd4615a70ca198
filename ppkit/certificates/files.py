"""Certificates as files: everything a stranger needs to recheck one, and a seal over all of it."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import Proof
from ..errors import CertificateError, InputError
from ..factors import Factors
from ..families import get_family, registry
from ..files import pack_json, read_npz, unpack_json, write_npz
from ..losses import get_loss
from ..problem import Problem
from .record import Record

FORMAT = "ppkit-certificate-2"
BEFORE = "ppkit-certificate-1"  # proofs without a kind
#: kind of a proof -> the array that only such a proof held while proofs had no kind
MARKS = {
    "cones": "cutoff",
    "boxes": "cutoff",
    "relaxation": "products",
    "vertices": "cube",
    "faces": "side",
    "form": "weights",
    "unfolding": "mode",
    "signs": "signs",
}
VALUES = ("objective", "lower_bound", "gap", "relative_gap", "polar_ratio", "euler", "polar_upper")


def digest(arrays: Factors) -> str:
    """SHA-256 over the names, types, shapes and bytes of ``arrays``."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        total.update(f"{name}|{a.dtype.str}|{a.shape}|".encode())
        total.update(a.tobytes())
    return total.hexdigest()


def data_digest(problem: Problem) -> str:
    """SHA-256 of the data ``X`` and ``Y`` of a problem."""
    return digest({k: a for k, a in (("X", problem.X), ("Y", problem.Y)) if a is not None})


def save(certificate: Record, path: str | Path) -> None:
    """Write ``certificate`` to ``path`` (``.npz``)."""
    problem = certificate.problem
    family, loss = problem.family, problem.loss
    if registry.get(family.name) is not type(family) or type(get_loss(loss.name)) is not type(loss):
        raise InputError(f"only registered families and losses can be saved, not {family!r} with {loss!r}")
    header = {
        "format": FORMAT,
        "family": family.name,
        "params": family.params(),
        "loss": loss.name,
        **loss.params(),
        "lam": problem.lam,
        "kind": certificate.kind,
        "proof": certificate.proof.kind,
        "data": data_digest(problem),
    }
    arrays: dict[str, Any] = {"header": pack_json(header), "Y": problem.Y, "dual": certificate.dual}
    if problem.X is not None:
        arrays["X"] = problem.X
    arrays |= {f"factor/{k}": a for k, a in certificate.factors.items()}
    arrays |= {f"proof/{k}": np.asarray(a) for k, a in certificate.proof.data.items()}
    arrays |= {f"value/{k}": np.float64(getattr(certificate, k)) for k in VALUES}
    arrays["seal"] = np.array(digest(arrays))
    write_npz(path, arrays)


def read(path: str | Path) -> dict[str, Any]:
    """The fields of a saved :class:`Record`, its seal checked; ``verify`` rechecks the mathematics.

    Raises
    ------
    InputError
        The file is missing, broken or not a certificate.
    CertificateError
        Something in the file was changed after it was written.
    """
    arrays = read_npz(path)
    for name in ("header", "Y", "dual", "seal", *(f"value/{k}" for k in VALUES)):
        if name not in arrays:
            raise InputError(f"{path}: not a certificate file ({name} is missing)")
    seal = str(arrays.pop("seal"))
    if digest(arrays) != seal:
        raise CertificateError(f"{path}: the contents do not match the seal; the file was changed")
    header = unpack_json(arrays["header"], f"{path}: header")
    if not isinstance(header, dict) or header.get("format") not in (FORMAT, BEFORE):
        raise InputError(f"{path}: not a {FORMAT} file")
    data = {k.removeprefix("proof/"): a for k, a in arrays.items() if k.startswith("proof/")}
    try:
        family = get_family(header["family"])(**header["params"])
        loss = get_loss(header["loss"])
        loss = type(loss)(**{name: header[name] for name in loss.params()})
        problem = Problem(family, arrays.get("X"), arrays["Y"], header["lam"], loss)
        kind, recorded = header["kind"], header["data"]
        named = header["proof"] if header["format"] == FORMAT else kind_before(family.norm, data)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: the header is incomplete ({error})") from None
    if data_digest(problem) != recorded:
        raise CertificateError(f"{path}: the data do not match the recorded hash")
    for name, array in {"dual": arrays["dual"], **{k: arrays[f"value/{k}"] for k in VALUES}}.items():
        if array.dtype != np.float64 or (name != "dual" and array.shape != ()):
            raise CertificateError(f"{path}: {name} is not stored as float64 numbers")
    value = {k: float(arrays[f"value/{k}"]) for k in VALUES}
    fields = {
        "objective": value["objective"],
        "lower_bound": value["lower_bound"],
        "polar_ratio": value["polar_ratio"],
        "euler": value["euler"],
        "kind": kind,
        "problem": problem,
        "factors": family.check_factors({k: arrays.get(f"factor/{k}") for k in family.shapes}),
        "dual": arrays["dual"],
        "polar_upper": value["polar_upper"],
        "proof": Proof(str(named), data),
    }
    record = Record(**fields)
    for name in ("gap", "relative_gap"):
        if not value[name] == getattr(record, name):
            raise CertificateError(f"{path}: {name} does not follow from the other values")
    return fields


def kind_before(norm: Any, data: Factors) -> str:
    """The kind of a proof that was saved without one: of those about ``norm``, the first whose mark it bears.

    A guess that is wrong proves nothing: whatever it is, the numbers are recomputed from it.
    """
    plain = next((kind for kind in norm.kinds if kind not in MARKS), norm.kinds[0])
    return next((kind for kind, mark in MARKS.items() if kind in norm.kinds and mark in data), plain)
