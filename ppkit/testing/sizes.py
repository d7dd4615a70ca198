"""Promises about the polar's rounding, and of data of any size."""

from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import InputError
from ..factors import Factors
from ..rigor.balls import Balls, lower, precision
from .claims import at_most, claim, refused, shown
from .polars import attained, proof_of, proved
from .samples import EPS, Sample, in_balls

SIZES = (1e-200, 1e-150, 1e-100, 1.0, 1e100, 1e150)


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
        wanted = polar.kind == "exact" or proved(s, X, G, 2 * polar.upper, proof_of(polar))
        claim(
            not wanted or proved(s, X, G, polar.upper, proof_of(polar)),
            f"trial {trial}: the upper end {polar.upper!r} is not proved",
        )


def value_in_balls(s: Sample, factor: Factors, X: Any, G: np.ndarray) -> float:
    """At most ``<G, phi>`` of one factor, all rounding included."""
    with precision():
        atom: Any = s.family.predict(in_balls(factor), Balls(X))
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
            recomputed = s.family.polar_upper(X, G, proof_of(polar))
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
    for size, g_size in ((1e-80, 1.0), (1e-155, 1e-155), (1e-170, 1.0), (1e-250, 1.0)):
        X = np.concatenate([size * s.X, far])
        G = np.concatenate([g_size * s.G, np.zeros((3, s.G.shape[1]))])
        alone = s.family.polar(size * s.X, g_size * s.G, effort="fast")
        polar = s.family.polar(X, G, effort="fast")
        seen = max(alone.lower, float(attained(s, one, size * s.X, g_size * s.G)))
        least = (1 - 1e-9) * seen * len(s.G) / len(G)
        claim(polar.lower <= polar.upper, f"[{polar.lower!r}, {polar.upper!r}]")
        at_most(least, polar.upper, f"inputs {size:g}: value of the tiny samples, upper end")
        at_most(
            least,
            s.family.polar_upper(X, G, proof_of(polar)),
            f"inputs {size:g}: the same from the proof",
        )


def numbers_that_are_none_are_refused(s: Sample) -> None:
    """NaN and infinite entries in inputs or residual raise InputError."""
    proof = proof_of(s.polar("generic")[2])
    for bad in (np.nan, np.inf):
        G = np.where(np.arange(s.G.size).reshape(s.G.shape) == 0, bad, s.G)
        refused(InputError, f"a residual with {bad}", s.family.polar, s.X, G)
        if s.X is not None:
            X = np.where(np.arange(s.X.size).reshape(s.X.shape) == 0, bad, s.X)
            refused(InputError, f"an input with {bad}", s.family.polar_upper, X, s.G, proof)


CHECKS = (
    upper_end_covers_rounding,
    polar_holds_at_every_size,
    tiny_samples_count,
    numbers_that_are_none_are_refused,
)
