"""Reading and writing ``.npz`` files: never a pickled object, never half a file."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file as a dict; raises :class:`InputError` for anything else."""
    try:
        with np.load(path, allow_pickle=False) as data:
            if not hasattr(data, "files"):
                raise InputError(f"{path}: a single array, not an .npz file with named arrays")
            arrays = {name: data[name] for name in data.files}
            if not all(isinstance(a, np.ndarray) for a in arrays.values()):
                raise InputError(f"{path}: holds something that is no array")
            return arrays
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise InputError(f"{path}: holds pickled objects, which are never loaded") from None
        raise InputError(f"{path}: not a readable .npz file") from None
    except Exception as error:  # whatever zipfile, zlib and the system say of a torn or hostile archive
        raise InputError(f"{path}: broken or truncated .npz file ({type(error).__name__})") from None


def check_writable(path: str | Path) -> None:
    """Raise :class:`InputError` now rather than after hours of work when ``path`` cannot be written."""
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: cannot be written there")


def same_file(a: str | Path | None, b: str | Path | None) -> bool:
    """Whether two paths name one file (False where either is None)."""
    return a is not None and b is not None and Path(a).resolve() == Path(b).resolve()


def write_npz(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write ``arrays`` to ``path`` in one step: either the whole file appears or nothing does."""
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.npz")
    try:
        with open(temporary, "xb") as stream:
            np.savez_compressed(stream, **dict[str, Any](arrays))
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        temporary.unlink(missing_ok=True)


def pack_json(value: Any) -> np.ndarray:
    """``value`` as a zero-dimensional string array, which needs no pickling."""
    return np.array(json.dumps(value, sort_keys=True))


def unpack_json(array: np.ndarray, what: str) -> Any:
    """The value stored by :func:`pack_json`."""
    try:
        return json.loads(str(array[()]))
    except (ValueError, IndexError, TypeError, RecursionError):
        raise InputError(f"{what} is not readable") from None
