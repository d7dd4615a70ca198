"""Deliberate faults in the package, and which claims of the labs and which tests each one turns red.

    python tools/mutants.py [--jobs 2] [NAME ...]      runs the entries that have no stored row
    python tools/mutants.py --again NAME ...           runs these anew
    python tools/mutants.py --check                    says what is missing, runs nothing

The entries are ``tests/mutants/LAB.json``: lists of objects with

    name    short, unique in its file
    file    the file of the package, from the root of the repository
    old     text that stands there once, and ``new``, what the fault puts in its place
    lab     the notebook whose claims should notice, or nothing
    tests   tests that should notice, as pytest names them, or nothing
    claims  the numbers of the claims that are to turn red
    what    the fault, in a sentence

A fault is tried on a copy of the package, under the repository as it is.  A claim counts as red when one
of its rows fails, and as stopped when the cell that holds its rows raises.  Rows are kept in
``results/mutants/rows.jsonl``; a row is renewed when its entry or its lab's code changes.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
ENTRIES = ROOT / "tests" / "mutants"
ROWS = ROOT / "results" / "mutants" / "rows.jsonl"
LIMIT = 300  # seconds for one lab under one fault
NUMBERED = re.compile(r"^(\d+)\. ", re.M)


def entries() -> list[dict]:
    """All entries, in the order of the files' names, named after their file."""
    return [
        {**entry, "name": f"{path.stem}: {entry['name']}"}
        for path in sorted(ENTRIES.glob("*.json"))
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]


def labs() -> list[Path]:
    return sorted((ROOT / "book").rglob("*-lab.ipynb"))


def code_of(lab: Path) -> str:
    return "\n\n".join(c.source for c in nbformat.read(lab, as_version=4).cells if c.cell_type == "code")


def claims_of(lab: Path) -> list[str]:
    """The numbers of the list at the head of a lab."""
    for cell in nbformat.read(lab, as_version=4).cells:
        if cell.cell_type == "markdown" and NUMBERED.search(cell.source):
            return NUMBERED.findall(cell.source)
    return []


def key(entry: dict) -> str:
    """What a stored row depends on besides the package: the fault, the tests and the code of the lab."""
    text = json.dumps([entry.get(name) for name in ("file", "old", "new", "lab", "tests")])
    if entry.get("lab"):
        text += code_of(ROOT / entry["lab"])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stored() -> dict[str, dict]:
    if not ROWS.exists():
        return {}
    return {row["name"]: row for row in map(json.loads, ROWS.read_text(encoding="utf-8").splitlines())}


def faulty(entry: dict) -> str:
    """The text of the file with the fault in it."""
    text = (ROOT / entry["file"]).read_text(encoding="utf-8")
    if text.count(entry["old"]) != 1:
        raise ValueError(
            f"{entry['name']}: {entry['old']!r} stands {text.count(entry['old'])} times in {entry['file']}"
        )
    text = text.replace(entry["old"], entry["new"])
    compile(text, entry["file"], "exec")  # what does not even run is no fault that a check could miss
    return text


def tree(folder: Path, entry: dict | None) -> Path:
    """The repository under ``folder``: a copy of the package, with the fault, and links to the rest."""
    for path in ROOT.iterdir():
        if path.name not in {"ppkit", ".git", ".venv", "_build"}:
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "ppkit", folder / "ppkit", ignore=shutil.ignore_patterns("__pycache__"))
    if entry is not None:
        (folder / entry["file"]).write_text(faulty(entry), encoding="utf-8")
    return folder


def run_lab(folder: Path, lab: str) -> list[dict]:
    """The lines that ``run_lab.py`` writes, the package being that of ``folder``."""
    rows = folder / "rows-of-the-lab.jsonl"
    rows.write_text("")
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "tools" / "run_lab.py"), str(ROOT / lab), str(rows)]
    try:
        subprocess.run(command, env=environment, capture_output=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        with rows.open("a") as file:
            file.write(json.dumps({"raised": "no end"}) + "\n")
    return [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]


def by_cell(lines: list[dict]) -> dict[int, dict]:
    """For each cell the claims with rows there, those with a red row, and what it raised."""
    cells, cell = {}, {}
    for line in lines:
        if "cell" in line and "raised" not in line:
            cell = cells[line["cell"]] = {"claims": set(), "red": set(), "raised": ""}
        elif "raised" in line:
            cell["raised"] = line["raised"]
        else:
            cell["claims"].add(line["claim"])
            if not line["verdict"]:
                cell["red"].add(line["claim"])
    return cells


def compare(sound: dict[int, dict], mutant: dict[int, dict]) -> tuple[list[str], list[str]]:
    """Claims with a red row, and claims whose cell raised or was never reached."""
    red = {claim for cell in mutant.values() for claim in cell["red"]}
    stopped = set()
    for number, cell in sound.items():
        seen = mutant.get(number, {"claims": set(), "raised": "not reached"})
        if seen["raised"]:
            stopped |= cell["claims"] - seen["claims"]
    return sorted(red, key=order), sorted(stopped - red, key=order)


def order(claim: str) -> tuple[bool, int, str]:
    return (not claim.isdigit(), int(claim) if claim.isdigit() else 0, claim)


def run_tests(folder: Path, tests: list[str]) -> list[str]:
    """Those of the tests that fail, the package being that of ``folder``."""
    if not tests:
        return []
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "-rfE",
        "-x",
        *tests,
    ]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=LIMIT)
    return sorted(set(re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.M)))


def sound_rows(lab: str, known: dict[str, dict]) -> dict[int, dict]:
    """The lab without any fault, run once in a session: every row must hold there."""
    if lab not in known:
        with tempfile.TemporaryDirectory() as folder:
            known[lab] = by_cell(run_lab(tree(Path(folder), None), lab))
        bad = {n: c for n, c in known[lab].items() if c["red"] or c["raised"]}
        if bad:
            raise RuntimeError(f"{lab} fails without a fault: {bad}")
    return known[lab]


def try_out(entry: dict, sound: dict[str, dict]) -> dict:
    """The row of one entry."""
    start = time.monotonic()
    row = {"name": entry["name"], "key": key(entry), "red": [], "stopped": [], "tests": []}
    with tempfile.TemporaryDirectory() as folder:
        place = tree(Path(folder), entry)
        if entry.get("lab"):
            found = by_cell(run_lab(place, entry["lab"]))
            row["red"], row["stopped"] = compare(sound_rows(entry["lab"], sound), found)
        row["tests"] = run_tests(place, entry.get("tests") or [])
    return {**row, "seconds": round(time.monotonic() - start, 1)}


def due(again: bool, names: list[str]) -> list[dict]:
    rows = stored()
    chosen = [e for e in entries() if not names or e["name"] in names]
    return [e for e in chosen if again or rows.get(e["name"], {}).get("key") != key(e)]


def noticed(row: dict) -> bool:
    return any(row.get(kind) for kind in ("red", "stopped", "tests"))


def fresh() -> dict[str, dict]:
    """The stored rows of faults that, like their labs, are as they were when they were tried."""
    rows = stored()
    current = {entry["name"]: key(entry) for entry in entries() if entry["name"] in rows}
    return {name: rows[name] for name, digest in current.items() if rows[name]["key"] == digest}


def killed() -> dict[tuple[str, str], list[str]]:
    """``(lab, claim) -> the faults of what it claims that turn it red``, from the fresh rows."""
    rows, found = fresh(), {}
    for entry in entries():
        row = rows.get(entry["name"], {})
        for claim in map(str, entry.get("claims") or ()):
            if claim in (*row.get("red", ()), *row.get("stopped", ())):
                found.setdefault((entry["lab"], claim), []).append(entry["name"])
    return found


def unkilled() -> list[tuple[str, str]]:
    """Claims of labs that no fault of what they claim turns red."""
    named = [(str(lab.relative_to(ROOT)), claim) for lab in labs() for claim in claims_of(lab)]
    found = killed()
    return [claim for claim in named if claim not in found]


def save(rows: dict[str, dict]) -> None:
    """All rows in the order of the entries; the rows of entries that are gone go too."""
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    kept = [rows[e["name"]] for e in entries() if e["name"] in rows]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
    part = ROWS.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(ROWS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="entries to run (all)")
    parser.add_argument("--again", action="store_true", help="run entries that have a row, too")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--check", action="store_true", help="say what is missing, run nothing")
    asked = parser.parse_args()
    for entry in entries():
        faulty(entry)
    if not asked.check:
        run_all(due(asked.again, asked.names), asked.jobs)
    return report()


def run_all(waiting: list[dict], jobs: int) -> None:
    """Run these entries, keeping each row as soon as it is there."""
    sound: dict[str, dict] = {}
    for lab in dict.fromkeys(entry["lab"] for entry in waiting if entry.get("lab")):
        sound_rows(lab, sound)
    with ThreadPoolExecutor(jobs) as pool:
        for row in pool.map(lambda entry: try_out(entry, sound), waiting):
            save({**stored(), row["name"]: row})
            found = ", ".join(f"{kind} {row[kind]}" for kind in ("red", "stopped", "tests") if row[kind])
            print(f"{row['name']:<40} {found or 'not noticed'}", flush=True)


def report() -> int:
    """What is missing, and 1 if anything is."""
    rows, waiting, left = fresh(), due(False, []), unkilled()
    missed = [name for name, row in rows.items() if not noticed(row)]
    print(f"{len(entries())} faults, {len(waiting)} to be run, {len(missed)} unnoticed: {missed}")
    print(f"{len(left)} claims that no fault turns red")
    for lab, claim in left:
        print(f"  claim {claim} of {lab}")
    return int(bool(waiting or missed or left))


if __name__ == "__main__":
    sys.exit(main())
