"""ReLU training to a certificate against pyscnn's sampled gates, CPU seconds of one run side by side.

Columns: CPU seconds; the objective of the network that came out, counted by ppkit; and how far it is
from the optimum at most, relative: its distance from the best certified lower bound of the run, which
only ppkit gives.  Its seconds include that bound.  pyscnn runs in double precision on data as they
are (``unitize_data=False``, or its penalty would be another one), with the stated number of gates.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from importlib.util import find_spec

import numpy as np

import ppkit
from ppkit.families import TwoLayerReLU

SIZES = [(2, 100, "default"), (5, 100, "exact"), (10, 200, "exact")]  # inputs, samples, effort of the bound
GATES = (100, 500)
LAM = 0.05


def teacher(d, n, seed=0, noise=0.3):
    """Inputs and targets of two positive units and a negative one."""
    rng = np.random.default_rng(seed)
    X, W = rng.standard_normal((n, d)), rng.standard_normal((3, d))
    return X, np.maximum(X @ W.T, 0) @ [1, -1, 1] + noise * rng.standard_normal(n)


def cpu(function):
    """``(result, CPU seconds)``."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def ours(problem, effort):
    """Certificate of our network; beyond six inputs by the relaxed dual, where cones close nothing."""
    if problem.family.n_inputs <= 6:
        return ppkit.fit(problem, gap=1e-6, effort=effort).certificate
    network = ppkit.fit(problem, gap=1e-6, effort="fast").factors
    bound = ppkit.relaxed_lower_bound(problem, effort)
    return ppkit.certify(problem, network, "fast", duals=[(bound.dual, bound.proof)])


def sampled_gates(problem, gates):
    """The network that pyscnn returns, as factors."""
    from scnn.optimize import optimize
    from scnn.regularizers import NeuronGL1

    model, _ = optimize(
        "relu",
        2 * gates,
        problem.X,
        problem.Y,
        regularizer=NeuronGL1(problem.lam),
        unitize_data=False,
        dtype="float64",
    )
    first, second = model.get_parameters()
    return problem.family.balance({"u": np.array(second.T, float), "v": np.array(first, float)})


def main():
    """Print the table."""
    peer = find_spec("scnn") is not None
    if not peer:
        print("pyscnn is not installed (pip install pyscnn==0.0.10): only ppkit is timed", file=sys.stderr)
    ppkit.fit(ppkit.Problem(TwoLayerReLU(3), *teacher(3, 10), LAM))  # imports are behind it
    print(f"{'problem':<22}{'method':<22}{'CPU [s]':>9}{'objective':>12}{'at most off':>13}")
    for d, n, effort in SIZES:
        problem = ppkit.Problem(TwoLayerReLU(d), *teacher(d, n), LAM)
        cert, seconds = cpu(lambda p=problem, e=effort: ours(p, e))
        rows = [(f"ppkit ({cert.kind})", seconds, cert.objective)]
        for gates in GATES if peer else ():
            W, seconds = cpu(lambda p=problem, k=gates: sampled_gates(p, k))
            rows.append((f"pyscnn, {gates} gates", seconds, problem.objective(W)))
        for method, seconds, objective in rows:
            off = 1 - cert.lower_bound / objective
            name = f"{d} inputs, N = {n}"
            print(f"{name:<22}{method:<22}{seconds:>9.1f}{objective:>12.6f}{off:>13.1e}", flush=True)


if __name__ == "__main__":
    main()
