"""Two hundred polars of every family, degenerate ones among them, against ten thousand atoms and ascent.

No factor of cost one may exceed the upper end, and the lower end must be attained by the polar's own.
Usage: python bench/polar_soundness.py [family ...]
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from families.instances import FAMILIES, HARDER

from ppkit.testing import check_interval
from ppkit.testing.samples import DEGENERATE, degenerate

INSTANCES, ATOMS = 200, 10_000


def check(name):
    """One line for a family: members in turn, every kind of degeneracy, two efforts."""
    clock, kinds, problems, closest, widest = time.process_time(), set(), [], 0.0, 0.0
    cases = FAMILIES[name] + [case for case in HARDER if case[0].name == name]
    for k in range(INSTANCES):
        member, n_samples = cases[k % len(cases)]
        rng = np.random.default_rng([k, *name.encode()])
        kind = DEGENERATE[k // len(cases) % len(DEGENERATE)]
        X, G = degenerate(member, n_samples, kind, rng)
        polar = member.polar(X, G, effort="default" if k % 2 else "fast")
        kinds.add(polar.kind)
        try:
            top = check_interval(member, X, G, polar, rng, ATOMS)
        except AssertionError as error:
            problems.append((member, kind, k, error))
            continue
        if polar.lower > 0:
            closest, widest = max(closest, top / polar.upper), max(widest, polar.gap / polar.upper)
    print(
        f"{name:<22} {INSTANCES} instances x {ATOMS} atoms: {len(problems)} violations; "
        f"largest atom 1 - {1 - closest:.0e} of the upper end; widest interval {widest:.0e}; "
        f"{'/'.join(sorted(kinds))}; {time.process_time() - clock:.0f} s",
        flush=True,
    )
    for problem in problems:
        print("   ", *problem)
    return len(problems)


if __name__ == "__main__":
    sys.exit(sum([check(name) for name in sys.argv[1:] or FAMILIES]) > 0)
