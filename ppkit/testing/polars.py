"""Promises about the polar: its interval, its proof, its rounding, and data of any size."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np

from ..checks import Proof
from ..errors import InputError
from ..families.base import Family
from ..polars.base import Polar
from ..rigor.balls import Balls, NoProof, lower, precision
from .claims import about, at_most, claim, near, refused, shown
from .samples import DEGENERATE, EPS, Sample, searched, values

UNUSABLE = (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RecursionError)
SIZES = (1e-200, 1e-150, 1e-100, 1.0, 1e100, 1e150)


def attained(s: Sample, factor, X, G) -> Fraction:
    """``<G, phi>`` of one factor, summed without rounding; less what a rounded projection lets through."""
    terms = [
        Fraction(g) * Fraction(a) for g, a in zip(G.flat, s.family.atoms(factor, X)[0].flat, strict=True)
    ]
    through = 0 if s.family.bounded_atoms else Fraction(64 * EPS) * sum(map(abs, terms))
    return (sum(terms) - through) / len(G)


def check_interval(member: Family, X, G, polar: Polar, rng, count: int = 2000) -> float:
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
        again = twin.polar_upper(X, G, polar.proof)
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


def proved(s: Sample, X, G, bound: float, proof: Proof) -> bool:
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
        wanted = polar.kind == "exact" or proved(s, X, G, 2 * polar.upper, polar.proof)
        claim(
            not wanted or proved(s, X, G, polar.upper, polar.proof),
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
                below <= 0 or not proved(s, X, G, below, polar.proof),
                f"{kind}: {below!r} is proved, but a factor attains {shown(least)}",
            )


def forgeries(data: Mapping[str, np.ndarray], rng) -> Iterator[tuple[str, dict]]:
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
    unknown = Proof("no such kind", polar.proof.data)
    refused(UNUSABLE, "a proof of unknown kind", s.family.polar_upper, X, G, unknown)
    promises = {name: np.array(0.5 * least) for name in ("upper", "lower", "value", "bound")}
    forged = [*forgeries(polar.proof.data, rng), ("promises added", {**polar.proof.data, **promises})]
    for what, data in forged:
        proof = Proof(polar.proof.kind, data)
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


# ---- rounding and size -----------------------------------------------------------------------------


def upper_end_covers_rounding(s: Sample) -> None:
    """Sums that cancel: every sample twice with opposite residuals, up to 1e-14; six times."""
    if s.X is None:
        return
    rng, X = s.rng("cancel"), np.concatenate([s.X, s.X])
    for trial in range(6):
        first = rng.standard_normal(s.G.shape)
        G = np.concatenate([first, -first * (1 + 1e-14 * rng.standard_normal(s.G.shape))])
        G = s.family.project_dual(X, G)
        polar = s.family.polar(X, G, effort="fast")
        if s.family.bounded_atoms:
            value = value_in_balls(s, polar.factor, X, G)
            at_most(value, polar.upper, f"trial {trial}: value without rounding, upper end")
        wanted = polar.kind == "exact" or proved(s, X, G, 2 * polar.upper, polar.proof)
        claim(
            not wanted or proved(s, X, G, polar.upper, polar.proof),
            f"trial {trial}: the upper end {polar.upper!r} is not proved",
        )


def value_in_balls(s: Sample, factor, X, G) -> float:
    """At most ``<G, phi>`` of one factor, all rounding included."""
    with precision():
        atom = s.family.predict({k: Balls(a) for k, a in factor.items()}, Balls(X))
        return lower((Balls(G) * atom).sum() / len(G))


def degree_in_inputs(s: Sample) -> int | None:
    """The degree of the polar in the inputs."""
    family = s.family
    return family.features_degree if family.features(s.X) is s.X else family.input_degree


def polar_holds_at_every_size(s: Sample) -> None:
    """Inputs from 1e-150 to 1e150 and residuals from 1e-200 to 1e150: ends hold and are not given away."""
    degree, one = degree_in_inputs(s), s.family.polar(s.X, s.G, effort="fast")
    for x_size in (1.0,) if s.X is None else (1e-150, 1e-100, 1.0, 1e100, 1e150):
        X = None if s.X is None else x_size * s.X
        for g_size in SIZES:
            G, where = g_size * s.G, f"inputs {x_size:g}, residual {g_size:g}"
            try:
                polar = s.family.polar(X, G, effort="fast")
            except InputError:
                claim(degree is None and x_size > 1, f"{where}: refused")  # an exponential overflows
                continue
            recomputed = s.family.polar_upper(X, G, polar.proof)
            claim(0 <= polar.lower <= polar.upper, f"{where}: [{polar.lower!r}, {polar.upper!r}]")
            claim(all(np.all(np.isfinite(a)) for a in polar.factor.values()), f"{where}: factor not finite")
            at_most(s.family.theta(polar.factor)[0], 1 + 8 * EPS, f"{where}: cost of the factor")
            if degree is None:
                least = attained(s, one.factor, X, G)
            else:
                data = Fraction(x_size) ** degree * Fraction(g_size)
                least = Fraction(one.lower) * data
                if 1e-280 < polar.upper < np.inf:
                    at_most(
                        Fraction(polar.upper), Fraction(one.upper) * data * Fraction(1.003), f"{where}: upper"
                    )
                    at_most(least * Fraction(0.997), Fraction(polar.lower), f"{where}: lower")
            for end, name in ((polar.upper, "upper"), (recomputed, "upper from the proof")):
                claim(
                    np.isinf(end) or Fraction(end) >= least * (1 - Fraction(1e-11)),
                    f"{where}: {name} {end!r}, but a factor attains {shown(least)}",
                )
            if 1e-280 < polar.lower < 1e280 and abs(np.log10(x_size)) * (degree or 1) < 280:
                own = attained(s, polar.factor, X, G)
                claim(
                    own >= Fraction(polar.lower) * (1 - Fraction(1e-11)) or not s.family.bounded_atoms,
                    f"{where}: lower {polar.lower!r}, but the factor attains {shown(own)}",
                )


def tiny_samples_count(s: Sample) -> None:
    """Three large samples without a residual: the polar is that of tiny ones, whose squares underflow."""
    if s.X is None:
        return
    far = s.family.random_inputs(s.rng("far"), 3)
    one = s.family.polar(s.X, s.G, effort="fast").factor
    for size in (1e-80, 1e-155, 1e-170, 1e-250):
        for g_size in (1.0, 1e-155):
            X = np.concatenate([size * s.X, far])
            G = np.concatenate([g_size * s.G, np.zeros((3, s.G.shape[1]))])
            alone = s.family.polar(size * s.X, g_size * s.G, effort="fast")
            polar = s.family.polar(X, G, effort="fast")
            seen = max(alone.lower, float(attained(s, one, size * s.X, g_size * s.G)))
            least = (1 - 1e-9) * seen * len(s.G) / len(G)
            claim(polar.lower <= polar.upper, f"[{polar.lower!r}, {polar.upper!r}]")
            at_most(least, polar.upper, f"inputs {size:g}: value of the tiny samples, upper end")
            at_most(
                least, s.family.polar_upper(X, G, polar.proof), f"inputs {size:g}: the same from the proof"
            )


def numbers_that_are_none_are_refused(s: Sample) -> None:
    """NaN and infinite entries in inputs or residual raise InputError."""
    proof = s.polar("generic")[2].proof
    for bad in (np.nan, np.inf):
        G = np.where(np.arange(s.G.size).reshape(s.G.shape) == 0, bad, s.G)
        refused(InputError, f"a residual with {bad}", s.family.polar, s.X, G)
        if s.X is not None:
            X = np.where(np.arange(s.X.size).reshape(s.X.shape) == 0, bad, s.X)
            refused(InputError, f"an input with {bad}", s.family.polar_upper, X, s.G, proof)


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
    upper_end_covers_rounding,
    polar_holds_at_every_size,
    tiny_samples_count,
    numbers_that_are_none_are_refused,
)
