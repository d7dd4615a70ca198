"""Matrix products of floats without any rounding error, by matrix products of floats.

The operands are cut into slices of so few bits that every product of two slices, sums included, is
an integer below 2^53: the fast floating-point product computes it exactly, in whatever order it adds.
(Ozaki, Ogita, Oishi and Rump's error-free transformation of matrix multiplication.)
"""

import numpy as np

MOST = 8  # slices of one operand
RADIUS = 1e-6  # relative inflation of radii computed in floating point


def slices(a, axis, bits):
    """``[(integers, exponents), ...]`` with ``a = sum integers * 2^exponents``; None if that takes too many.

    ``exponents`` has length one along ``axis``, the axis that the product sums over.
    """
    size = np.abs(a)
    top = np.max(size, axis=axis, keepdims=True, initial=0.0)
    least = np.min(size, where=size > 0, initial=np.inf)
    if not np.all(np.isfinite(top)) or top.max(initial=0.0) > 1e250 * least or (a.any() and least < 1e-290):
        return None  # scaling could overflow, or underflow
    exponent = np.frexp(top)[1]
    rest, out = a * np.ldexp(1.0, -exponent), []
    while np.any(rest):
        if len(out) == MOST:
            return None
        rest *= 2.0**bits
        whole = np.trunc(rest)
        rest -= whole
        exponent = exponent - bits
        out.append((whole, exponent))
    return out


def exact_terms(a, b):
    """``[(integers, exponents), ...]`` that add up to ``a @ b`` exactly for 2-d float arrays, or None."""
    bits = (53 - int(np.ceil(np.log2(max(a.shape[1], 1) + 1)))) // 2
    left, right = slices(a, 1, bits), slices(b, 0, bits)
    if left is None or right is None:
        return None
    return [(p @ q, e + f) for p, e in left for q, f in right]


def split(values, parts=3):
    """``(floats, radii)``: an object array of balls as a sum of float arrays, and the rest, rounded up."""
    floats, rest = [], values
    for _ in range(parts):
        floats.append(np.frompyfunc(lambda x: float(x.mid()), 1, 1)(rest).astype(float))
        rest = rest - floats[-1]
    radii = np.frompyfunc(lambda x: float(abs(x).upper()), 1, 1)(rest).astype(float)
    return floats, radii * (1 + RADIUS) + 1e-320


def product(a, b):
    """``a @ b`` as an object array of balls, or None where the slices do not apply.

    Each operand is a 2-d float array (exact entries) or an object array of balls.
    """
    from flint import arb

    (left, ra), (right, rb) = (split(x) if x.dtype == object else ([x], None) for x in (a, b))
    total = np.full((a.shape[0], b.shape[1]), arb(0), object)
    term = np.frompyfunc(lambda m, e: arb((int(m), int(e))), 2, 1)
    for p in left:
        for q in right:
            terms = exact_terms(p, q)
            if terms is None:
                return None
            for whole, exponent in terms:
                total = total + term(whole, np.broadcast_to(exponent, whole.shape))
    if ra is None and rb is None:
        return total
    size_a, size_b = (sum(np.abs(x) for x in parts) for parts in (left, right))
    none_a, none_b = np.zeros(a.shape), np.zeros(b.shape)
    ra, rb = none_a if ra is None else ra, none_b if rb is None else rb
    radius = size_a @ rb + ra @ (size_b + rb)
    if not np.all(np.isfinite(radius)):
        return None
    return total + np.frompyfunc(lambda r: arb(0, r * (1 + RADIUS) + 1e-320), 1, 1)(radius)
