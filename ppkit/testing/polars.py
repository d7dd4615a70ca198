"""Promises about the polar: its interval, its proof, its rounding, and data of any size."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..checks import Proof
from ..errors import InputError
from ..factors import Factors
from ..families.base import Family
from ..polars.base import Polar
from ..rigor.balls import Balls, NoProof, precision
from .claims import about, at_most, claim, near, refused, shown
from .samples import DEGENERATE, EPS, Sample, searched, values

UNUSABLE = (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RecursionError)


def attained(s: Sample, factor: Factors, X: Any, G: np.ndarray) -> Fraction:
    """``<G, phi>`` of one factor, summed without rounding; less what a rounded projection lets through."""
    terms = [
        Fraction(g) * Fraction(a) for g, a in zip(G.flat, s.family.atoms(factor, X)[0].flat, strict=True)
    ]
    through = Fraction(0 if s.family.bounded_atoms else 64 * EPS) * sum(map(abs, terms))
    return Fraction(sum(terms) - through) / len(G)


def check_interval(
    member: Family, X: Any, G: np.ndarray, polar: Polar, rng: np.random.Generator, count: int = 2000
) -> float:
    """Check the interval of one polar; returns the largest value of a factor of cost one that was found.

    ``count`` factors are sampled, some of them near the polar's own, and the best dozen improved by ascent.
    Raises AssertionError when one exceeds the upper end, or the polar's factor does not attain the lower.
    """
    top = searched(member, X, G, polar, rng, count)
    at_most(top, polar.upper, "value of a factor of cost one, upper end")
    at_most(polar.lower, polar.upper, "lower end and upper end")
    for name, factors in (("factor", polar.factor), ("candidates", polar.candidates or polar.factor)):
        factors = member.check_factors(factors)
        at_most(np.max(member.theta(factors)), 1 + 8 * EPS, f"cost of the {name}")
        for k, a in polar.factor.items():
            near(factors[k][:1], a, 0.0, f"first of the {name}")
    terms = G * member.atoms(polar.factor, X)[0] / len(G)
    within = 1e-12 * float(np.sum(np.abs(terms))) + 1e-300
    near(np.sum(terms), polar.lower, within, "what the factor attains, and lower")
    return top


def interval_is_attained_and_not_exceeded(s: Sample) -> None:
    """No factor of cost one attains more than the upper end; the polar's own one attains the lower end."""
    for kind in DEGENERATE:
        with about(kind):
            check_interval(s.family, *s.polar(kind), s.rng("atoms", kind))


def interval_is_in_order(s: Sample) -> None:
    """``0 <= lower <= upper``, upper finite unless heuristic; an exact polar has equal ends."""
    for kind in DEGENERATE:
        polar = s.polar(kind)[2]
        claim(0 <= polar.lower <= polar.upper, f"{kind}: interval [{polar.lower!r}, {polar.upper!r}]")
        if polar.kind != "heuristic":
            claim(np.isfinite(polar.upper), f"{kind}: {polar.kind}, but the upper end is {polar.upper!r}")
    polar = s.polar("generic")[2]
    if polar.kind == "exact":
        at_most(polar.upper, polar.lower * (1 + 1e-10), "exact: upper end and lower end")


def efforts_agree(s: Sample) -> None:
    """Intervals of different efforts overlap, and an effort that does not exist raises InputError."""
    refused(InputError, "effort='nonsense'", s.family.polar, s.X, s.G, effort="nonsense")
    X, G, fast = s.polar("generic")
    more = s.family.polar(X, G)
    claim(
        fast.lower <= more.upper and more.lower <= fast.upper,
        f"fast [{fast.lower!r}, {fast.upper!r}], default [{more.lower!r}, {more.upper!r}]",
    )


def starts_are_tried(s: Sample) -> None:
    """A network handed to the polar is tried: the lower end is at least what its best factor attains."""
    X, G, _ = s.polar("generic")
    found = s.family.polar(X, G)
    for start in (found.factor, s.family.scale(found.factor, np.array([7.0]))):
        given = s.family.polar(X, G, starts=(start,), effort="fast", seed=1)
        own = float(values(s.family, found.factor, X, G)[0])
        at_most(own * (1 - 1e-9), given.lower, "what a start attains, and lower")


def proof_is_enough(s: Sample) -> None:
    """A member made anew recomputes ``upper`` from the proof alone."""
    twin = type(s.family)(**s.family.params())
    for kind in DEGENERATE:
        X, G, polar = s.polar(kind)
        again = twin.polar_upper(X, G, proof_of(polar))
        near(again, polar.upper, 1e-13 * polar.upper, f"{kind}: upper end from the proof, upper")


def polar_is_homogeneous(s: Sample) -> None:
    """The polar of alpha G is alpha times that of G, from 1e-100 to 1e100."""
    one = s.family.polar(s.X, s.G, effort="fast")
    for alpha in (1e-100, 2.0**-20, 3.0, 1e100):
        many = s.family.polar(s.X, alpha * s.G, effort="fast")
        for end in ("lower", "upper"):
            value, wanted = getattr(many, end) / alpha, getattr(one, end)
            near(value, wanted, 1e-12 * wanted, f"{end} of {alpha} G over {alpha}, {end} of G")


def polar_is_a_norm(s: Sample) -> None:
    """The polar is subadditive, zero at zero, and bounds ``<G, Phi>`` by the cost of any network."""
    rng = s.rng("norm")
    H = s.family.project_dual(s.X, rng.standard_normal(s.G.shape))
    one, two, both, zero = (s.family.polar(s.X, g, effort="fast") for g in (s.G, H, s.G + H, 0 * s.G))
    at_most(both.lower, one.upper + two.upper, "lower end at G + H and the upper ends at G and H")
    claim(zero.lower == 0 and zero.upper <= 1e-300, f"[{zero.lower!r}, {zero.upper!r}] at zero")
    W = s.family.random_factors(rng, 5)
    inner = float(np.sum(values(s.family, W, s.X, s.G)))
    at_most(
        inner, one.upper * float(np.sum(s.family.theta(W))) * (1 + 1e-13), "<G, Phi>, upper end times cost"
    )


# ---- proofs ----------------------------------------------------------------------------------------


def proof_of(polar: Polar) -> Proof:
    """The polar's proof; every polar comes with one."""
    if polar.proof is None:
        raise AssertionError(f"{polar.kind}, but without a proof")
    return polar.proof


def proved(s: Sample, X: Any, G: np.ndarray, bound: float, proof: Proof) -> bool:
    """Whether the balls prove that the polar is at most ``bound``."""
    with precision():
        inputs = None if X is None else Balls(X)
        try:
            s.family.prove_polar(inputs, s.family.project_dual(inputs, Balls(G)), bound, proof)
        except NoProof:
            return False
    return True


def balls_prove_the_upper_end(s: Sample) -> None:
    """Balls prove an exact upper end; where they prove twice a bounded one they prove it too."""
    for kind in ("generic", "duplicates", "integers"):
        X, G, polar = s.polar(kind)
        wanted = polar.kind == "exact" or proved(s, X, G, 2 * polar.upper, proof_of(polar))
        claim(
            not wanted or proved(s, X, G, polar.upper, proof_of(polar)),
            f"{kind}: the upper end {polar.upper!r} is not proved",
        )


def balls_prove_nothing_below(s: Sample) -> None:
    """Balls never prove a bound below a value that a factor attains."""
    for kind in ("generic", "duplicates", "rank one", "one sample"):
        X, G, polar = s.polar(kind)
        least = attained(s, polar.factor, X, G)
        for share in (0.5, 0.9, 1 - 1e-11):
            below = float(least) * share
            claim(
                below <= 0 or not proved(s, X, G, below, proof_of(polar)),
                f"{kind}: {below!r} is proved, but a factor attains {shown(least)}",
            )


def forgeries(data: Mapping[str, np.ndarray], rng: np.random.Generator) -> Iterator[tuple[str, dict]]:
    """``(what was done, data)``: each array of a proof left out, cut, emptied, blown up, and so on."""
    data = {k: np.asarray(a) for k, a in data.items()}
    for k, a in data.items():
        yield f"{k} left out", {name: b for name, b in data.items() if name != k}
        yield f"{k} as text", data | {k: a.astype(str)}
        if a.dtype.kind not in "fiu":
            continue
        yield f"{k} zero", data | {k: 0 * a}
        yield f"{k} negative", data | {k: -a}
        yield f"{k} times 1000", data | {k: 1000 * a}
        yield f"{k} shuffled", data | {k: rng.permutation(a.ravel()).reshape(a.shape)}
        yield f"{k} random", data | {k: rng.standard_normal(a.shape).astype(a.dtype)}
        yield f"{k} NaN", data | {k: np.full(a.shape, np.nan)}
        if a.ndim:
            yield f"{k} cut", data | {k: a[: len(a) // 2]}
            yield f"{k} empty", data | {k: a[:0]}


def forged_proofs_are_refused(s: Sample) -> None:
    """Whatever a proof says, it is refused or gives an upper end; balls never prove less than is attained."""
    X, G, polar = s.polar("generic")
    least, rng = float(attained(s, polar.factor, X, G)) * (1 - 1e-11), s.rng("forged")
    unknown = Proof("no such kind", proof_of(polar).data)
    refused(UNUSABLE, "a proof of unknown kind", s.family.polar_upper, X, G, unknown)
    promises = {name: np.array(0.5 * least) for name in ("upper", "lower", "value", "bound")}
    forged = [*forgeries(proof_of(polar).data, rng), ("promises added", {**proof_of(polar).data, **promises})]
    for what, data in forged:
        proof = Proof(proof_of(polar).kind, data)
        with np.errstate(all="ignore"):
            try:
                upper = s.family.polar_upper(X, G, proof)
            except UNUSABLE:
                continue
            claim(not upper < least, f"{what}: upper end {upper!r}, but a factor attains {least!r}")
            try:
                believed = least > 0 and proved(s, X, G, 0.9 * least, proof)
            except UNUSABLE:
                continue
        claim(not believed, f"{what}: {0.9 * least!r} is proved, but a factor attains {least!r}")


CHECKS = (
    interval_is_attained_and_not_exceeded,
    interval_is_in_order,
    efforts_agree,
    starts_are_tried,
    proof_is_enough,
    polar_is_homogeneous,
    polar_is_a_norm,
    balls_prove_the_upper_end,
    balls_prove_nothing_below,
    forged_proofs_are_refused,
)
