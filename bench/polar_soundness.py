"""Two hundred polars of every family, degenerate ones among them, against ten thousand atoms each.

No atom of cost one may exceed the upper end, and the lower end must be attained by its factor.
Usage: python bench/polar_soundness.py [family ...]
"""

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from families.awkward import HARDER, KINDS, instance, polar_is_sound
from families.instances import FAMILIES

INSTANCES, ATOMS = 200, 10_000


def check(name):
    """One line for a family: members in turn, every kind of degeneracy, two efforts."""
    clock, kinds, problems, closest, widest = time.process_time(), set(), [], 0.0, 0.0
    cases = FAMILIES[name] + [case for case in HARDER if case[0].name == name]
    for k in range(INSTANCES):
        member, n_samples = cases[k % len(cases)]
        rng = np.random.default_rng([k, *name.encode()])
        kind = KINDS[k // len(cases) % len(KINDS)]
        X, G = instance(member, n_samples, kind, rng)
        polar = member.polar(X, G, effort="default" if k % 2 else "fast")
        top, found = polar_is_sound(member, X, G, polar, rng, ATOMS)
        kinds.add(polar.kind)
        problems += [(member, kind, k, text) for text in found]
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
