"""Execute a notebook again exactly when something it used has changed.

MyST-NB's cache compares the code of the notebook only, so an edited ``ppkit`` would leave old
outputs in place.  Here every kernel writes down, as it exits, which files of the repository it
opened (modules and data alike) and their hashes.  Before the next build each notebook's list is
compared with the files as they are now; a difference drops the cached run.  A notebook without a
list, or with an older lock file, is executed again.
"""

import contextlib
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from pp_kernels import AsyncLocalKernelManager
from sphinx.util import logging

logger = logging.getLogger(__name__)

STARTUP = """
import atexit, hashlib, json, os, sys

def _watch():
    root, folder = os.environ["PP_TRACE_ROOT"], os.environ["PP_TRACE_FOLDER"]
    opened = set()

    def note(event, arguments):
        if event == "open" and isinstance(arguments[0], str):
            opened.add(arguments[0])

    sys.addaudithook(note)

    def write():
        shell = get_ipython()
        files = opened | {getattr(m, "__file__", None) or "" for m in list(sys.modules.values())}
        hashes = {}
        for name in sorted(files):
            path = os.path.realpath(name)
            inside = os.path.relpath(path, root)
            hidden = inside.startswith((".", "_build")) or "__pycache__" in inside
            if not hidden and os.path.isfile(path):
                with open(path, "rb") as stream:
                    hashes[inside] = hashlib.sha256(stream.read()).hexdigest()
        code = "\\0".join(cell.strip() for cell in shell.history_manager.input_hist_raw[1:])
        key = hashlib.sha256(code.encode()).hexdigest()
        with open(os.path.join(folder, key + ".json"), "w") as stream:
            json.dump(hashes, stream, indent=1)

    atexit.register(write)

_watch()
del _watch
"""


def read(env, name):
    """The notebook behind a page, also where it is written as Markdown; None for a plain page."""
    path = env.doc2path(name)
    text = Path(path).read_text(encoding="utf-8")
    reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
    return None if reader is None else reader.read(text)


def trace_key(notebook):
    """The name under which the kernel that ran this notebook left its list of files."""
    cells = (cell.source.strip() for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256("\0".join(cell for cell in cells if cell).encode()).hexdigest()


def reason_to_run(notebook, root, folder):
    """Why the cached run of this notebook no longer holds, or nothing."""
    trace = folder / f"{trace_key(notebook)}.json"
    if not trace.exists():
        return "no record of an earlier run"
    for name, digest in json.loads(trace.read_text()).items():
        used = root / name
        if not used.exists():
            return f"{name} is gone"
        if hashlib.sha256(used.read_bytes()).hexdigest() != digest:
            return f"{name} has changed"
    return ""


def setup_kernels(app):
    """Point the kernels at a profile of our own, with the watcher as its startup file."""
    root, output = Path(app.srcdir).resolve(), Path(app.outdir).parent.resolve()
    lock = hashlib.sha256((root / "requirements.lock").read_bytes()).hexdigest()[:16]
    folder = output / ".traces" / lock
    startup = output / ".ipython" / "profile_default" / "startup"
    folder.mkdir(parents=True, exist_ok=True)
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-trace.py").write_text(STARTUP)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # reproducible sums, and two notebooks side by side
    os.environ["IPYTHONDIR"] = str(output / ".ipython")
    os.environ["PP_TRACE_ROOT"], os.environ["PP_TRACE_FOLDER"] = str(root), str(folder)
    app.env.pp_traces = str(folder)


def drop_stale_runs(app, env, added, changed, removed):
    """Remove the cached run of every stale notebook, ask Sphinx to read it again, and run it."""
    folder, root = Path(env.pp_traces), Path(app.srcdir).resolve()
    cache = get_cache(str(app.config.nb_execution_cache_path or ".jupyter_cache"))
    notebooks = {name: read(env, name) for name in sorted(env.found_docs)}
    notebooks = {name: notebook for name, notebook in notebooks.items() if notebook is not None}
    stale = {}
    for name, notebook in notebooks.items():
        reason = reason_to_run(notebook, root, folder)
        if reason:
            stale[name] = reason
            logger.info("[execution] %s will be executed: %s", name, reason)
            with contextlib.suppress(KeyError):
                cache.remove_cache(cache.match_cache_notebook(notebook).pk)
    waiting = {name: notebooks[name] for name in notebooks if name in added | changed | set(stale)}
    run_ahead(app, env, cache, waiting)
    return list(stale)


def run_ahead(app, env, cache, notebooks):
    """Execute, two at a time, what is not in the cache; MyST-NB then finds it there.

    A notebook that fails is left to MyST-NB, which executes it once more and reports the error.
    """

    def run(name):
        path = Path(env.doc2path(name)).resolve()
        options = {"timeout": app.config.nb_execution_timeout, "allow_errors": False}
        options["kernel_manager_class"] = AsyncLocalKernelManager
        return path, single_nb_execution(notebooks[name], str(path.parent), **options)

    missing = []
    for name, notebook in notebooks.items():
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            missing.append(name)
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, (path, result) in zip(missing, pool.map(run, missing), strict=True):
            if result.err is None:
                data = {"execution_seconds": result.time}
                bundle = CacheBundleIn(notebooks[name], str(path), data=data)
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                logger.info("[execution] %s executed in %.1f s", name, result.time)


def setup(app):
    app.connect("builder-inited", setup_kernels)
    app.connect("env-get-outdated", drop_stale_runs)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
