r"""The relaxed polar in ball arithmetic: :func:`ppkit.families.relu_relaxation.relaxed_upper`, proved.

The form of the relaxation is written in the coordinates ``(max(Av, 0), v, u)`` of a unit, in which
every coefficient is a sum of products of data and stored numbers, and shown to be positive definite by
its pivots.
"""

import numpy as np

from ..ball import arbs, to_arb
from ..polar import EPS
from ..proofs import positive_definite
from .relu_relaxation import opposite


def relaxed_at_most(A, G, bound, proof):
    """Whether ``|(1/N) G^T max(Av, 0)| <= bound |v|`` for all v is PROVED for Balls ``A`` (N, d), ``G``.

    ``proof`` is the relaxation's.  Inputs that vanish are left out; the others are divided by their
    rounded norms, as any positive numbers would do.
    """
    near, n_samples = _floats(A), len(A)
    keep = np.any(near != 0, axis=1)
    size = np.linalg.norm(near[keep], axis=1)
    weight = arbs(G)[keep] / n_samples
    unit = float(np.max(size[:, None] * np.abs(_floats(G)[keep]), initial=0.0)) / n_samples
    if unit == 0.0:
        return all(x == 0 for x in weight.flat)
    both = np.tile(keep, 2)
    products = np.array(proof["products"], float)[:, both][:, :, both]
    cones = np.array(proof["cones"], float)[:, both]
    rows = arbs(A)[keep] / arbs(size)[:, None]
    signs = (1, -1) if G.shape[1] == 1 else (1,)
    return all(
        positive_definite(
            _slack(rows, sign * weight * arbs(size)[:, None], unit, bound, M, b, tau, float(shift))
        )
        for sign, M, b, tau, shift in zip(signs, products, cones, proof["tau"], proof["shift"], strict=True)
    )


def _floats(x):
    return np.array([[float(entry.mid()) for entry in row] for row in arbs(x)]).reshape(x.shape)


def _slack(rows, weight, unit, bound, products, cones, tau, shift):
    """The form that must be positive semidefinite, an array of balls in ``(p, v, u)``.

    ``rows`` (N, d) are the scaled inputs, and ``weight`` (N, n_y) multiplies ``p u^T``; what is left
    between ``bound`` and the stored ``tau`` is shared by ``|v|^2`` and ``|u|^2``.
    """
    (N, d), n_outputs = rows.shape, weight.shape[1]
    products = 0.5 * (products + products.T)
    products = np.where(opposite(N), products, np.maximum(products, 0.0))
    M = arbs(unit * products)
    pq, qq = M[:N, N:], M[N:, N:]
    p, v, u = slice(0, N), slice(N, N + d), slice(N + d, N + d + n_outputs)
    H = np.full((N + d + n_outputs,) * 2, to_arb(0.0))
    H[p, p] = M[:N, :N] + pq + pq.T + qq
    H[p, v] = -((pq + qq) @ rows)
    H[v, v] = rows.T @ qq @ rows
    H[p, u] = weight / 2
    if n_outputs == 1:
        b = arbs(unit * cones[:, 1:])
        norm = np.linalg.norm(unit * cones[:, 1:], axis=1) * (1 + (64 + 2 * d) * EPS)
        a = arbs(np.maximum(unit * cones[:, :1], norm[:, None]))
        H[p, u] += (a[:N] + a[N:]) / 2
        H[v, u] = -(rows.T @ a[N:]) / 2
        H[p, v] += (b[:N] + b[N:]) / 2
        H[v, v] -= (rows.T @ b[N:] + b[N:].T @ rows) / 2
    slack = -H
    shift, tau = to_arb(unit * shift), [to_arb(float(unit * t)) for t in tau]
    slack[np.arange(N), np.arange(N)] += 2 * shift
    slack[p, v] -= shift * rows
    spare = (to_arb(bound) - tau[0] - tau[1]) / 2
    for part, t in ((v, tau[0]), (u, tau[1])):
        i = np.arange(part.start, part.stop)
        slack[i, i] += t + spare
    for one, other in ((p, v), (p, u), (v, u)):
        slack[other, one] = slack[one, other].T
    return slack
