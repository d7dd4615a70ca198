"""Promises about the factor map, the cost, their derivatives, and what the family refuses."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from ..certificates import certify
from ..errors import InputError
from ..factors import Factors, append, take, width, zero_network
from ..problem import Problem
from ..rigor.balls import Balls, arbs, precision
from .claims import at_most, claim, near, refused
from .samples import Sample, again, in_balls

#: a scalar function of a network
Function = Callable[[Any], float]


def size_of(s: Sample, factors: Factors) -> float:
    """The sum of the atoms' absolute values: rounding of a prediction is a few units of it."""
    return float(np.sum(np.abs(s.family.atoms(factors, s.X)))) + 1e-300


def slope_along(function: Function, factors: Factors, direction: Factors, h: float = 1e-6) -> float:
    """Central difference of a scalar function of factors along a direction."""
    up, down = ({k: a + t * direction[k] for k, a in factors.items()} for t in (h, -h))
    return (function(up) - function(down)) / (2 * h)


def in_directions(
    s: Sample, name: str, function: Function, gradient: Factors, factors: Factors, mask: Factors | None = None
) -> None:
    """The gradient against central differences along five random directions."""
    rng = s.rng(name)
    for _ in range(5):
        step = {k: rng.standard_normal(a.shape) for k, a in factors.items()}
        step = step if mask is None else {k: np.where(mask[k], v, 0.0) for k, v in step.items()}
        exact = sum(float(np.sum(gradient[k] * step[k])) for k in factors)
        near(exact, slope_along(function, factors, step), 1e-6 * (1 + abs(exact)), name)


def parameters_rebuild(s: Sample) -> None:
    """``type(self)(**params())`` is the same member, also after a trip through JSON."""
    family = s.family
    twin = type(family)(**json.loads(json.dumps(family.params())))
    claim(twin == family and hash(twin) == hash(family), f"{twin!r} and {family!r} are not equal")
    claim(repr(twin) == repr(family), f"{twin!r} and {family!r} print differently")
    claim(twin.shapes == family.shapes, f"shapes {twin.shapes} became {family.shapes}")
    claim(twin.n_outputs == family.n_outputs, f"{twin.n_outputs} outputs became {family.n_outputs}")


def from_data_fits(s: Sample) -> None:
    """``from_data`` makes a member that fits the shapes of the data, with the options given."""
    family = s.family
    given = type(family).from_data(s.X, s.Y, **family.params())
    claim(given == family, f"from_data with all options made {given!r}")
    guess = type(family).from_data(s.X, s.Y if s.X is None else family.present(np.atleast_2d(s.Y)))
    claim(
        (guess.input_shape, guess.n_outputs) == (family.input_shape, family.n_outputs),
        f"from_data made {guess!r}, which takes {guess.input_shape} to {guess.n_outputs} outputs",
    )


def zero_network_predicts_zero(s: Sample) -> None:
    """A network of width zero predicts zero, costs nothing, and is balanced and merged to itself."""
    family, none = s.family, zero_network(s.family)
    claim(family.atoms(none, s.X).shape == (0, *s.G.shape), f"atoms of shape {family.atoms(none, s.X).shape}")
    near(family.predict(none, s.X), np.zeros(s.G.shape), 0.0, "prediction")
    claim(family.theta(none).shape == (0,), f"costs of shape {family.theta(none).shape}")
    claim(width(family.balance(none)) == width(family.merge(none, s.X)) == 0, "a factor appeared")


def prediction_is_the_sum_of_atoms(s: Sample) -> None:
    """``predict`` is the sum of ``atoms``, and one factor alone predicts its atom."""
    atoms, within = s.family.atoms(s.factors, s.X), 1e-13 * size_of(s, s.factors)
    r = width(s.factors)
    claim(atoms.shape == (r, *s.G.shape), f"atoms have shape {atoms.shape}, not {(r, *s.G.shape)}")
    near(s.family.predict(s.factors, s.X), atoms.sum(axis=0), within, "prediction and sum of atoms")
    for j in range(r):
        near(s.family.predict(take(s.factors, [j]), s.X), atoms[j], within, f"factor {j} alone")


def scaling_multiplies_atom_and_cost(s: Sample) -> None:
    """``scale`` by alpha multiplies phi and theta by alpha, from zero to 1e8."""
    atoms, theta = s.family.atoms(s.factors, s.X), s.family.theta(s.factors)
    r = width(s.factors)
    claim(theta.shape == (r,) and np.all(theta > 0), f"costs {theta} of random factors")
    for alpha in (0.0, 1e-8, 0.3, 1.0, 7.0, 1e8):
        scaled = s.family.scale(s.factors, np.full(r, alpha))
        within = 1e-13 * alpha * size_of(s, s.factors)
        near(s.family.atoms(scaled, s.X), alpha * atoms, within, f"atoms times {alpha}")
        near(s.family.theta(scaled), alpha * theta, 1e-13 * alpha * theta.max(), f"costs times {alpha}")
    mixed = np.linspace(0.5, 2.0, r)
    scaled = s.family.scale(s.factors, mixed)
    near(s.family.theta(scaled), mixed * theta, 1e-12 * theta.max(), "costs, a multiple for each factor")


def results_share_no_memory(s: Sample) -> None:
    """Writing into a network that a method returned changes nothing in the one it was made from."""
    before = {k: a.copy() for k, a in s.factors.items()}
    family = s.family
    for made in (
        family.scale(s.factors, np.ones(3)),
        family.balance(s.factors),
        family.merge(s.factors, s.X),
    ):
        for a in made.values():
            if a.flags.writeable:
                a *= 2.0
    changed = {k: a for k, a in s.factors.items() if not np.array_equal(a, before[k])}
    for k in changed:
        s.factors[k][...] = before[k]
    claim(not changed, f"{', '.join(changed)} changed")


def vjp_is_the_gradient(s: Sample) -> None:
    """``vjp`` is the gradient of ``<G, Phi>``, by central differences."""
    gradient = s.family.vjp(s.factors, s.X, s.G)
    wrong = {k: gradient[k].shape for k, a in s.factors.items() if gradient[k].shape != a.shape}
    claim(not wrong, f"gradients of shapes {wrong}")
    in_directions(
        s,
        "slope of <G, Phi>",
        lambda W: float(np.sum(s.G * s.family.predict(W, s.X))) / len(s.G),
        gradient,
        s.factors,
    )


def surrogate_majorizes(s: Sample) -> None:
    """The surrogate is at least the cost and equals it at balanced factors; its gradient is right there."""
    family, cost = s.family, float(np.sum(s.family.theta(s.factors)))
    at_most(cost * (1 - 1e-12), family.surrogate(s.factors)[0], "cost and surrogate")
    balanced = family.balance(s.factors)
    value, gradient = family.surrogate(balanced)
    near(value, float(np.sum(family.theta(balanced))), 1e-12 * cost, "surrogate and cost, balanced")
    mask = family.free(balanced)
    in_directions(s, "slope of the surrogate", lambda W: family.surrogate(W)[0], gradient, balanced, mask)


def balancing_keeps_the_atoms(s: Sample) -> None:
    """``balance`` keeps every atom, never raises a cost, and twice is once."""
    family, balanced = s.family, s.family.balance(s.factors)
    within = 1e-12 * size_of(s, s.factors)
    near(family.atoms(balanced, s.X), family.atoms(s.factors, s.X), within, "atoms")
    excess = float(np.max(family.theta(balanced) / family.theta(s.factors)))
    at_most(excess, 1 + 1e-12, "cost over what it was")
    for k, a in family.balance(balanced).items():
        near(a, balanced[k], 1e-12 * np.abs(balanced[k]).max(), f"{k} balanced twice")


def merging_keeps_the_prediction(s: Sample) -> None:
    """``merge`` keeps the prediction at no higher cost, also of copies, dead factors and opposite ones."""
    family, first = s.family, next(iter(s.factors))
    networks = {
        "plain": s.factors,
        "copies": append(s.factors, family.scale(s.factors, np.array([0.5, 2.0, 1e-3]))),
        "dead": append(s.factors, family.scale(s.factors, np.zeros(3))),
        "opposite": append(s.factors, {k: -a if k == first else a for k, a in s.factors.items()}),
    }
    try:
        family.check_factors(networks["opposite"])
    except InputError:  # under sign constraints
        del networks["opposite"]
    for name, W in networks.items():
        merged, cost = family.merge(family.balance(W), s.X), float(np.sum(family.theta(W)))
        within = 1e-11 * size_of(s, W)
        near(family.predict(merged, s.X), family.predict(W, s.X), within, f"{name}: prediction")
        at_most(float(np.sum(family.theta(merged))), cost * (1 + 1e-12), f"{name}: cost")
        if name in ("copies", "dead"):
            claim(width(merged) < width(W), f"{name}: {width(W)} factors became {width(merged)}")


def balls_enclose_prediction_and_cost(s: Sample) -> None:
    """``predict`` and ``theta`` run in ball arithmetic, and no float is rounded on the way."""
    X = None if s.X is None else Balls(s.X)
    W = in_balls(s.factors)
    with precision():
        F, theta = arbs(s.family.predict(W, X)), arbs(s.family.theta(W))
        widest = max(float(x.rad()) for x in F.flat)
    size = size_of(s, s.factors)
    at_most(widest, 1e-30 * size, "widest ball")
    near(F.astype(float), s.family.predict(s.factors, s.X), 1e-13 * size, "prediction")
    plain = s.family.theta(s.factors)
    near(theta.astype(float), plain, 1e-13 * plain.max(), "cost")


def bad_data_are_refused(s: Sample) -> None:
    """Data of wrong shapes or types, empty or not finite, raise InputError."""
    X, Y = s.X, s.Y
    bad: list[tuple[Any, Any]] = []
    if X is None:
        bad += [(np.zeros((2, 2)), Y), (None, Y[:, :-1]), (None, Y[None]), (None, np.zeros((0, 0)))]
    else:
        bad += [(None, Y), (X[..., :-1], Y), (X[:-1], Y), (X[:0], Y[:0]), (X[0], Y)]
        bad += [(np.where(np.arange(X.size).reshape(X.shape) == X.size - 1, np.nan, X), Y)]
        bad += [(X, np.zeros((len(X), s.family.n_outputs + 1))), (X.astype(object), Y)]
        bad += [(X.astype(complex), Y)]
    bad += [(X, np.where(np.arange(Y.size).reshape(Y.shape) == 0, np.inf, Y)), (X, Y.astype(str)), (X, None)]
    for other, targets in bad:
        what = f"X {np.shape(other)} {np.asarray(other).dtype}, Y {np.shape(targets)}"
        refused(InputError, what, Problem, s.family, other, targets, 0.1)


def bad_factors_are_refused(s: Sample) -> None:
    """Factors with wrong names, shapes, widths or entries raise InputError; further arrays are ignored."""
    problem, W, first = s.problem(1.0), s.factors, next(iter(s.factors))
    bad = {
        "a missing array": {k: a for k, a in W.items() if k != first},
        "a width of its own": W | {first: W[first][:-1]},
        "a wrong shape": W | {first: W[first][..., :-1]},
        "an array without width": W | {first: W[first][0]},
        "NaN": W | {first: W[first] * np.nan},
        "text": W | {first: W[first].astype(str)},
        "None": None,
        "a number": 3,
        "a list": list(W.values()),
    }
    for what, factors in bad.items():
        refused(InputError, what, certify, problem, factors, effort="fast")
    certify(problem, W | {"meta": np.array("ignored")}, effort="fast")


def networks_of_any_order_are_equal(s: Sample) -> None:
    """The order of factors does not matter, and a factor is two smaller copies of itself."""
    problem, W, family = s.problem(), s.factors, s.family
    first, rest = take(W, slice(0, 1)), take(W, slice(1, None))
    halves = [family.scale(first, np.array([t])) for t in (0.3, 0.7)]
    one = certify(problem, W, effort="fast")
    size = one.objective + problem.inner(np.abs(one.dual), np.abs(problem.Y))
    for what, other in (("order", take(W, [2, 0, 1])), ("halves", append(append(*halves), rest))):
        two = certify(problem, other, effort="fast")
        near(two.objective, one.objective, 1e-12 * size, f"{what}: objective")
        near(two.lower_bound, one.lower_bound, 1e-10 * size, f"{what}: lower bound")
        near(two.euler, one.euler, 1e-10 * size, f"{what}: Euler residual")


def scaled_targets_scale_the_certificate(s: Sample) -> None:
    """Y, Phi and lambda times t: objective and bound times t^2, the polar ratio as it was."""
    problem, W = s.problem(), s.factors
    one = certify(problem, W, effort="fast")
    for power in (-120, -30, 33, 120):  # powers of two: no rounding
        t = 2.0**power
        scaled = again(problem, Y=t * problem.Y, lam=t * problem.lam)
        two = certify(scaled, s.family.scale(W, np.full(3, t)), effort="fast")
        near(two.objective / t**2, one.objective, 1e-10 * one.objective, f"objective at 2^{power}")
        near(two.lower_bound / t**2, one.lower_bound, 1e-9 * one.objective, f"lower bound at 2^{power}")
        near(two.polar_ratio, one.polar_ratio, 1e-10 * one.polar_ratio, f"polar ratio at 2^{power}")


CHECKS = (
    parameters_rebuild,
    from_data_fits,
    zero_network_predicts_zero,
    prediction_is_the_sum_of_atoms,
    scaling_multiplies_atom_and_cost,
    results_share_no_memory,
    vjp_is_the_gradient,
    surrogate_majorizes,
    balancing_keeps_the_atoms,
    merging_keeps_the_prediction,
    balls_enclose_prediction_and_cost,
    bad_data_are_refused,
    bad_factors_are_refused,
    networks_of_any_order_are_equal,
    scaled_targets_scale_the_certificate,
)
