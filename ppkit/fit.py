"""Grow until certified: stationary point, polar, append the maximizer, repeat (T4)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, minres

from .certificate import Certificate, certify
from .errors import InputError
from .families.base import append, take, width, zero_network
from .problem import Problem

MAX_ROUNDS = 500
STALL = 4


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained network with its certificate.

    Attributes
    ----------
    factors : mapping name -> array (width, ...)
    certificate : Certificate
    history : list of dict
        One row a round: ``round, width, objective, lower_bound, gap, seconds`` (``lower_bound`` is
        the best one so far, ``gap`` relative, ``seconds`` since the start).
    problem : Problem
    """

    factors: Mapping[str, np.ndarray]
    certificate: Certificate
    history: list
    problem: Problem

    @property
    def width(self):
        """Number of factors."""
        return width(self.factors)

    def predict(self, X=None):
        """Prediction on new inputs ``X`` (N, ...), shape (N,) or (N, n_y)."""
        family = self.problem.family
        if family.input_shape is not None:
            X = np.asarray(X, float)
            if X.shape[1:] != family.input_shape:
                raise InputError(f"X must have shape (N, {family.input_shape}), got {X.shape}")
        return family.present(family.predict(self.factors, X))


def fit(problem, gap=1e-6, max_width=None, seed=0, progress=False, start=None, effort="default"):
    """Train a network until its relative gap to the global optimum is certified.

    Each round brings the factors to a stationary point, merges what can be merged, certifies, and
    appends the factors that the polar found, by the step of T4.  This is a fully corrective
    conditional gradient method on the convex counterpart.

    Parameters
    ----------
    problem : Problem
    gap : float
        The relative gap asked for, > 0.
    max_width : int or None
        Never use more factors than this.
    seed : int
        Seed of the polar's random starts.
    progress : bool
        Show a progress bar of the closing gap.
    start : factors or None
        A network to start from; the zero network by default.
    effort : str
        Passed to the polar.

    Returns
    -------
    Fit
        ``fit.certificate.certified(gap)`` says whether the gap was reached; a width limit that is too
        small, or a polar that is only bounded, can leave it open.
    """
    if not np.isfinite(gap) or gap <= 0:
        raise InputError(f"gap must be a positive number, got {gap!r}")
    if max_width is not None and (int(max_width) != max_width or max_width < 1):
        raise InputError(f"max_width must be a positive integer, got {max_width!r}")
    family = problem.family
    factors = zero_network(family) if start is None else family.check_factors(start)
    history, best, duals = [], None, ()
    clock, stalled, bar = time.perf_counter(), 0, GapBar(gap, progress)
    for round_ in range(MAX_ROUNDS):
        factors = tidy(problem, stationary(problem, factors), max_width)
        cert = certify(problem, factors, effort, seed + round_, duals)
        duals = (cert.dual,)
        if best is None or cert.gap < best.gap:
            stalled = 0 if best is None or cert.gap < 0.999 * best.gap else stalled + 1
            best = cert
        else:
            stalled += 1
        history.append(
            {
                "round": round_,
                "width": width(factors),
                "objective": cert.objective,
                "lower_bound": cert.lower_bound,
                "gap": cert.relative_gap,
                "seconds": time.perf_counter() - clock,
            }
        )
        bar.update(history[-1])
        if cert.certified(gap) or stalled >= STALL:
            break
        factors = grow(problem, factors, max_width, effort, seed + round_)
    bar.close()
    return Fit(best.factors, best, history, problem)


def grow(problem, factors, max_width=None, effort="default", seed=0):
    """The network with the polar's unit factors appended by T4's step, or as it is if none helps.

    Several candidates are appended at once, weighted by their excess over lam; the step along their
    sum is the minimizer of the quadratic upper model of an L-smooth loss, so the objective falls.
    """
    G = problem.residual(factors)
    polar = problem.polar_of(G, (factors,), effort, seed)
    unit = polar.factor if polar.candidates is None else polar.candidates
    if max_width is not None:
        unit = take(unit, slice(0, max(0, max_width - width(factors))))
    atoms = problem.family.atoms(unit, problem.X)
    value = np.array([problem.inner(G, a) for a in atoms])
    excess = value - problem.lam * problem.family.theta(unit)
    helps = excess > 0
    if not helps.any():
        return factors
    unit, atoms, excess = take(unit, helps), atoms[helps], excess[helps]
    direction = np.tensordot(excess, atoms, axes=1)
    curvature = problem.loss.smoothness * problem.inner(direction, direction)
    step = float(excess @ excess) / curvature
    return append(factors, problem.family.scale(unit, step * excess))


def tidy(problem, factors, max_width=None):
    """Balance, merge and prune; kept only if the objective does not rise."""
    if width(factors) == 0:
        return factors
    balanced = problem.family.balance(factors)
    merged = problem.family.merge(balanced, problem.X)
    reference = problem.objective(balanced)
    if problem.objective(merged) <= reference + 1e-14 * abs(reference):
        return merged
    return balanced


def stationary(problem, factors, max_iterations=20_000):
    """A stationary point near ``factors``: L-BFGS on the smooth objective, then Newton steps."""
    if width(factors) == 0:
        return factors
    smooth = SmoothObjective(problem, factors)
    z = minimize(
        smooth,
        smooth.pack(factors),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": max_iterations, "maxfun": 2 * max_iterations, "maxcor": 30, "ftol": 1e-16, "gtol": 1e-12},
    ).x
    return smooth.unpack(newton(smooth, z))


class SmoothObjective:
    """The objective with the smooth surrogate of Theta, as a function of the free parameters."""

    def __init__(self, problem, factors):
        self.problem = problem
        self.template = {k: np.array(a, float) for k, a in factors.items()}
        mask = problem.family.free(factors)
        full = {k: np.ones(a.shape, bool) for k, a in self.template.items()}
        self.mask = full if mask is None else mask

    def pack(self, arrays):
        """The free entries of ``arrays`` as one vector."""
        return np.concatenate([arrays[k][m] for k, m in self.mask.items()])

    def unpack(self, z):
        """Factors with the free entries ``z``."""
        out, i = {}, 0
        for k, m in self.mask.items():
            out[k] = self.template[k].copy()
            n = int(np.count_nonzero(m))
            out[k][m] = z[i : i + n]
            i += n
        return out

    def __call__(self, z):
        """Value and gradient at ``z``."""
        problem, factors = self.problem, self.unpack(z)
        F = problem.family.predict(factors, problem.X)
        cost, slope = problem.family.surrogate(factors)
        grad = problem.family.vjp(factors, problem.X, problem.loss.gradient(problem.Y, F))
        value = problem.risk(F) + problem.lam * cost
        return value, self.pack({k: grad[k] + problem.lam * slope[k] for k in self.mask})


def newton(smooth, z, steps=8, tol=1e-14):
    """Newton-MINRES steps on the gradient, each kept only if the gradient norm falls.

    L-BFGS stops when differences of the OBJECTIVE drown in rounding, at a gradient of about the
    square root of machine precision; the certified gap is first order in the gradient, so the last
    digits are won here.  Hessian products are central differences of the exact gradient.
    """
    value, g = smooth(z)
    norm = np.linalg.norm(g)
    scale = max(1.0, float(np.linalg.norm(z)))
    for _ in range(steps):
        if norm <= tol * max(abs(value), 1.0):
            break

        def product(d):
            size = np.linalg.norm(d)
            if size == 0:
                return np.zeros_like(d)
            h = 1e-5 * scale / size
            return (smooth(z + h * d)[1] - smooth(z - h * d)[1]) / (2 * h)

        H = LinearOperator((z.size, z.size), matvec=product, dtype=float)
        step, _ = minres(H, -g, rtol=1e-6, maxiter=min(200, 2 * z.size))
        new_value, new_g = smooth(z + step)
        new_norm = np.linalg.norm(new_g)
        if not new_norm < 0.5 * norm or new_value > value + 1e-12 * abs(value):
            break
        z, value, g, norm = z + step, new_value, new_g, new_norm
    return z


class GapBar:
    """A progress bar of the decades of relative gap closed, silent unless asked for."""

    def __init__(self, target, show):
        self.bar = None
        if show:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=round(-np.log10(target), 2), desc="certified decades", unit="dec")

    def update(self, row):
        """Show one row of the history."""
        if self.bar is not None:
            self.bar.n = float(np.clip(-np.log10(max(row["gap"], 1e-300)), 0, self.bar.total))
            self.bar.set_postfix(width=row["width"], gap=f"{row['gap']:.1e}")

    def close(self):
        """Finish the bar."""
        if self.bar is not None:
            self.bar.close()
