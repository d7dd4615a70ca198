"""Promises that hold because the methods fit together: weak duality, training, files, degenerate data."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..certificates import Certificate, certify
from ..errors import InputError
from ..factors import Factors, append, zero_network
from ..families import registry
from ..losses import get_loss
from ..problem import Problem
from ..training import convex_lower_bound, fit, grow, stationary
from .claims import at_most, claim, near
from .samples import EPS, LOSSES, Sample, again, random_network

# ---- weak duality ----------------------------------------------------------------------------------


def no_bound_exceeds_the_optimum(s: Sample) -> None:
    """T3: no candidate and no dual point gives a bound above the best objective, whatever their size."""
    for loss in LOSSES:
        best = s.best(loss)
        problem, rng = best.problem, s.rng("duality", loss)
        for trial in range(8):
            W = random_network(s.family, rng, trial % 5, rng.uniform(-6, 3))
            duals = [10.0 ** rng.uniform(-30, 30) * rng.standard_normal(problem.Y.shape)] if trial % 2 else ()
            cert = certify(problem, W, effort="fast", duals=duals)
            where = f"{loss}, candidate {trial}"
            at_most(cert.lower_bound, best.objective, f"{where}: bound and best objective")
            at_most(best.lower_bound, cert.objective, f"{where}: best bound and objective")
            claim(np.isfinite(cert.lower_bound) and cert.gap >= 0, f"{where}: gap {cert.gap!r}")
            if not s.family.bounded_atoms:
                continue
            # T3(b): with the upper end of the polar, a lower bound for any network
            nc, rho = cert.objective, max(cert.polar_ratio, 1.0)
            size = 1e-12 * (nc + abs(cert.euler))
            at_most((nc - cert.euler) / rho, best.objective + size, f"{where}: (NC - euler)/rho and optimum")


def odd_certificates_verify(s: Sample) -> None:
    """Candidates, duals and lambda of odd sizes: certificates verify, and exact ones are proved in balls."""
    rng = s.rng("odd")
    for loss in LOSSES:
        base = s.problem(loss=loss)
        for power in (-30, 0, 30):
            problem = again(base, lam=base.lam * 10.0**power)
            W = random_network(s.family, rng, int(rng.integers(0, 5)), rng.uniform(-8, 4), 0.4)
            G = 10.0 ** rng.uniform(-6, 6) * rng.standard_normal(base.Y.shape)
            cert = certify(problem, W, effort="fast", duals=[G])
            checked = cert.verify()
            at_most(checked.lower_bound, checked.objective_upper, f"{loss}: bound and objective")
            claim(checked.rigorous or cert.kind != "exact", f"{loss}: {checked.reason}")


def certificates_hold_at_every_size(s: Sample) -> None:
    """Inputs to 1e100, targets to 1e150, lambda to 1e100: sound, or refused because something overflows."""
    for x_size in (1.0,) if s.X is None else (1e-100, 1.0, 1e100):
        for y_size, lam in ((1e-150, 1e-100), (1e-150, 1.0), (1.0, 1e-100), (1.0, 1e100), (1e150, 1.0)):
            for W in (zero_network(s.family), s.factors):
                X = None if s.X is None else x_size * s.X
                where = f"inputs {x_size:g}, targets {y_size:g}, lambda {lam:g}"
                try:
                    problem = Problem(s.family, X, y_size * np.asarray(s.Y), lam)
                    cert = certify(problem, W, effort="fast")
                except InputError:
                    claim(max(x_size, y_size) > 1, f"{where}: refused")
                    continue
                claim(
                    -np.inf < cert.lower_bound <= cert.objective and cert.polar_ratio >= 0,
                    f"{where}: bound {cert.lower_bound!r}, objective {cert.objective!r}",
                )


# ---- training --------------------------------------------------------------------------------------


def training_certifies(s: Sample) -> None:
    """``fit`` reaches the gap for each loss, and T2 holds: Euler, complementarity, dual feasibility."""
    for loss in LOSSES:
        cert = s.best(loss)
        problem, W = cert.problem, cert.factors
        upper = s.family.polar_upper(problem.X, cert.dual, cert.proof) if cert.dual.any() else 0.0
        at_most(upper, problem.lam * (1 + 1e-13), f"{loss}: polar of the dual point and lambda")
        at_most(cert.lower_bound, cert.objective, f"{loss}: bound and objective")
        if s.gap is None:
            continue
        at_most(cert.relative_gap, s.gap, f"{loss}: relative gap")
        within, G = s.gap * cert.objective, problem.residual(W)
        near(cert.euler, 0.0, within, f"{loss}: Euler residual")
        inner = [problem.inner(G, atom) for atom in s.family.atoms(W, problem.X)]
        near(inner, problem.lam * s.family.theta(W), within, f"{loss}: <G, phi> and lambda theta of a factor")
        at_most(1 - 1e-6, cert.polar_ratio, f"{loss}: one and the polar ratio")


def certificates_are_files(s: Sample) -> None:
    """A certificate is saved, read and verified, in balls if it is exact; an unregistered one is refused."""
    known = type(s.family) in registry.values()
    for loss in LOSSES:
        cert = s.best(loss)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "certificate.npz"
            try:
                cert.save(path)
            except InputError:
                claim(not known, "a registered family is not saved")
                continue
            read = Certificate.load(path)
        claim(read.problem.family == s.family, f"{read.problem.family!r} was read")
        for name in ("objective", "lower_bound", "kind", "polar_upper", "euler"):
            value, wanted = getattr(read, name), getattr(cert, name)
            claim(value == wanted, f"{loss}: {name} {wanted!r} was read as {value!r}")
        checked = read.verify()
        at_most(checked.lower_bound, checked.objective_upper, f"{loss}: bound and objective")
        claim(checked.rigorous or cert.kind != "exact", f"{loss}: {checked.reason}")


def stationary_points_satisfy_euler(s: Sample) -> None:
    """``<G, phi(W_j)> = lambda theta(W_j)`` for each factor of a stationary network."""
    for loss in LOSSES:
        problem = s.best(loss).problem
        W: Factors = random_network(s.family, s.rng("euler", loss), 2, -1.0)
        for _ in range(10):
            before, W = problem.objective(W), stationary(problem, W)
            if problem.objective(W) >= before * (1 - 1e-12):  # else a box may move: its sides were reached
                break
        G, size = problem.residual(W), problem.objective(W)
        inner = [problem.inner(G, atom) for atom in s.family.atoms(W, problem.X)]
        near(inner, problem.lam * s.family.theta(W), 1e-5 * size, f"{loss}: <G, phi> and lambda theta")


def growing_escapes(s: Sample) -> None:
    """T4: at a network that is too narrow the polar says so, and one step lowers NC by T4's amount."""
    problem = s.best().problem
    W: Factors = zero_network(s.family)
    for width_ in (0, 1):
        polar, before = problem.polar(W, effort="fast"), problem.objective(W)
        excess = polar.lower - problem.lam
        if not excess > 1e-3 * problem.lam:
            claim(width_ > 0, f"the zero network is optimal at a fifth of its polar: {polar.lower!r}")
            return
        atom = s.family.atoms(polar.factor, problem.X)[0]
        curvature = problem.loss.smoothness * problem.inner(atom, atom)
        single = append(W, s.family.scale(polar.factor, np.array([excess / curvature])))
        promised = excess**2 / (2 * curvature) - abs(problem.euler(W)) - 1e-12 * before
        at_most(promised, before - problem.objective(single), "decrease promised by T4, and by one factor")
        at_most(promised, before - problem.objective(grow(problem, W, effort="fast")), "the same, by grow")
        W = stationary(problem, single)


def fits_know_no_size(s: Sample) -> None:
    """Targets of 1e-8 and 1e8 and inputs of 1e-10 and 1e10 are fitted as closely, to the scaled objective."""
    if s.gap is None:
        return
    for loss in LOSSES:
        one = s.best(loss)
        base = one.problem
        for c in (1e-8, 1e8) if base.loss.has_unit else ():
            scaled = again(base, Y=c * base.Y, lam=c * base.lam, loss=base.loss.in_units(1 / c))
            cert = fit(scaled, gap=s.gap).certificate
            at_most(cert.relative_gap, s.gap, f"{loss}, targets times {c:g}: relative gap")
            near(cert.objective / c**2, one.objective, 2 * s.gap * one.objective, f"{loss}, {c:g}: objective")
    if s.X is None or s.family.input_degree is None:
        return
    for c in (1e-10, 1e10):
        lam = c**s.family.input_degree * s.best().problem.lam
        cert = fit(again(s.best().problem, X=c * s.X, lam=lam), gap=s.gap).certificate
        at_most(cert.relative_gap, s.gap, f"inputs times {c:g}: relative gap")


def degenerate_problems(s: Sample) -> Iterator[tuple[str, np.ndarray | None, np.ndarray, float]]:
    """``(name, X, Y, lambda over the least at which nothing helps)``."""
    X, Y = s.X, np.array(s.Y, float)
    outlier = np.where(np.arange(Y.size).reshape(Y.shape) == 0, 1.0, 0.0)
    yield "constant targets", X, np.ones_like(Y), 0.2
    yield "zero targets", X, np.zeros_like(Y), 0.2
    yield "one enormous target", X, Y + 1e12 * np.max(np.abs(Y)) * outlier, 0.2
    yield "one target", X, outlier, 0.2
    for e in (1e-9, EPS):
        yield f"lambda above by {e:.0e}", X, Y, 1 + e
        yield f"lambda below by {e:.0e}", X, Y, 1 - e
    if X is None:
        return
    zero_column, long = X.copy(), X.copy()
    zero_column[..., 0] = 0.0
    long[0] *= 1e3 if s.family.input_degree else 10.0
    yield "one sample", X[:1], Y[:1], 0.2
    yield "two samples", X[:2], Y[:2], 0.2
    yield "every input the same", np.repeat(X[:1], len(X), axis=0), Y, 0.5
    yield "every input twice", np.concatenate([X, X]), np.concatenate([Y, Y[::-1]]), 0.2
    yield "a column of zeros", zero_column, Y, 0.2
    yield "zero inputs", 0 * X, Y, 0.2
    yield "two inputs that are not zero", np.where(np.indices(X.shape)[0] < 2, X, 0.0), Y, 0.2
    yield "one long input", long, Y, 0.2
    yield "all inputs one", 0 * X + 1, Y, 0.2


def degenerate_fits_are_sound(s: Sample) -> None:
    """Fits of degenerate data have bounds that verify; an exact polar closes the gap, but for outliers."""
    family, closed = s.family, s.family.polar_is_cheap and s.gap is not None
    options = {"gap": s.gap} if closed else {"gap": 1e-2, "effort": "fast"}
    for name, X, Y, share in degenerate_problems(s):
        loss = LOSSES[s.rng(name).integers(len(LOSSES))]
        Y = np.where(family.project_dual(X, Y) > 0, 1.0, -1.0) if not get_loss(loss).has_unit else Y
        zero = certify(Problem(family, X, Y, 1.0, loss), zero_network(family), effort="fast")
        rounding = zero.polar is None or zero.polar.lower <= 1e-6 * zero.polar.upper
        lam = 0.1 if rounding else share * zero.polar_ratio
        problem, where = Problem(family, X, Y, lam, loss), f"{name}, {loss}"
        cert = fit(problem, **options).certificate
        claim(0 <= cert.lower_bound <= cert.objective, f"{where}: [{cert.lower_bound!r}, {cert.objective!r}]")
        checked = cert.verify(rigorous=False)
        at_most(checked.lower_bound, checked.objective_upper, f"{where}: bound and objective")
        free = not family.bounded_atoms and cert.gap <= 1e-6 * problem.risk(0 * problem.Y)  # infimum 0
        robust = problem.loss.has_unit and np.isfinite(problem.loss.lipschitz)  # an outlier takes long
        if closed and not free and not (robust and name == "one enormous target"):
            at_most(cert.relative_gap, options["gap"], f"{where}: relative gap")


# ---- Omega and the convex program ---------------------------------------------------------------------


def omega_is_the_least_cost(s: Sample) -> None:
    """Omega is at most Theta, zero at zero, and Theta at the optimum; or InputError says there is none."""
    F = s.family.predict(s.factors, s.X)
    try:
        omega = s.family.omega(s.X, F)
    except InputError:
        return
    theta = float(np.sum(s.family.theta(s.factors)))
    claim(omega > 0, f"Omega of a random network is {omega!r}")
    at_most(omega, theta * (1 + 1e-6), "Omega and Theta of a random network")
    near(s.family.omega(s.X, 0 * F), 0.0, 1e-9, "Omega of zero")
    inner = float(np.sum(s.G * F)) / len(s.G)
    upper = s.family.polar(s.X, s.G, effort="fast").upper
    at_most(inner, upper * omega * (1 + 1e-6), "<G, F>, and polar of G times Omega of F")
    if s.gap is not None:
        cert = s.best()
        problem = cert.problem
        least = s.family.omega(s.X, problem.predict(cert.factors))
        within = cert.gap / problem.lam + 1e-6 * least
        near(problem.theta(cert.factors), least, within, "Theta and Omega at the optimum")


def program_agrees_with_training(s: Sample) -> None:
    """The convex program has the value that training certified; or InputError says there is none."""
    for loss in LOSSES:
        cert = s.best(loss)
        problem, size = cert.problem, abs(cert.objective)
        try:
            solution = convex_lower_bound(problem)
        except InputError:
            continue
        at_most(solution.value, cert.objective, f"{loss}: bound by the program, and objective")
        at_most(cert.lower_bound, solution.primal + 1e-6 * size, f"{loss}: bound, and value of the program")
        if s.gap is not None:
            near(solution.primal, cert.objective, 2e-6 * size, f"{loss}: value of the program, and objective")
            at_most(
                cert.objective - solution.value, 1e-4 * size, f"{loss}: objective less the program's bound"
            )


CHECKS = (
    no_bound_exceeds_the_optimum,
    odd_certificates_verify,
    certificates_hold_at_every_size,
    training_certifies,
    certificates_are_files,
    stationary_points_satisfy_euler,
    growing_escapes,
    fits_know_no_size,
    degenerate_fits_are_sound,
    omega_is_the_least_cost,
    program_agrees_with_training,
)
