r"""Certificates: how far any candidate network can be from the global optimum over all widths.

The bound is T3(c), weak duality.  For every ``g`` with :math:`\Omega^\circ(g) \le \lambda`,

.. math:: \inf_{r, W} \mathrm{NC}_{\mu_N}(W) = \inf_f \mathcal C_{\mu_N}(f)
          \;\ge\; -\frac1N\sum_i \ell^*(y_i, -g_i).

``g`` is a multiple of the candidate's own residual (or of a dual point somebody hands in), made
feasible with the UPPER end of the polar, so the inequality never rests on a solver or a search.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import CertificateError, InputError
from ..factors import Factors
from ..polars.base import check_effort
from ..problem import Problem
from .certificate import Certificate
from .dual import dual_direction, feasible_dual, lower_end, rounding_slack


def certify(
    problem: Problem,
    factors: Factors,
    effort: str = "default",
    seed: int = 0,
    duals: Sequence[Any] = (),
) -> Certificate:
    """Certify ANY candidate network: a pure function of the problem and the factors.

    Parameters
    ----------
    problem : Problem
    factors : mapping name -> array (r, ...)
        The candidate, trained by anybody in any way; width 0 is allowed.
    effort : {"fast", "default", "exact"}
        How hard to work on a polar that has no closed form.
    seed : int
        Seed of a polar search's random starts.
    duals : sequence of arrays (N, n_y) or pairs (array, proof)
        Further dual points to try, feasible or not (each is rescaled by its own polar).  With a proof
        the upper end is what ``family.polar_upper`` makes of that, and no polar is searched for.

    Returns
    -------
    Certificate
        The best bound found; always sound for an "exact" or "bounded" polar.

    Raises
    ------
    InputError
        Factors with wrong names, shapes or entries.
    CertificateError
        A polar is wrong: the bound exceeds the objective by more than rounding, or the network's own
        factors attain more than the polar allows (``<G, Phi> <= Omega°(G) Theta``).
    """
    check_effort(effort)
    factors = problem.family.check_factors(factors)
    with np.errstate(over="ignore", invalid="ignore"):
        F, theta = problem.predict(factors), problem.theta(factors)
        objective = problem.risk(F) + problem.lam * theta
    if not np.isfinite(objective):
        raise InputError("the objective overflows: rescale the data or the factors")
    G = -problem.loss.gradient(problem.Y, F)
    own = feasible_dual(problem, G, (factors,), effort, seed)
    pairs = [d if isinstance(d, tuple) else (d, None) for d in duals]
    bounds = [own] + [feasible_dual(problem, g, (factors,), effort, seed, proof) for g, proof in pairs]
    best = max(bounds, key=lambda b: b.value)
    attained, allowed = problem.inner(dual_direction(problem, G), F), own.whole * theta
    if attained > allowed and attained > allowed + rounding_slack(problem, factors, G, attained):
        raise CertificateError(
            f"the network's own factors attain {attained!r}, the polar allows {allowed!r}: "
            "the upper end of the polar is wrong"
        )
    if best.value > objective and best.value > objective + rounding_slack(problem, factors, G, objective):
        raise CertificateError(
            f"lower bound {best.value!r} exceeds the objective {objective!r}: "
            "the upper end of the polar is wrong"
        )
    return Certificate(
        objective=objective,
        lower_bound=lower_end(problem, factors, objective, best.value),
        polar_ratio=own.ratio,
        euler=problem.lam * theta - problem.inner(G, F),
        kind=best.polar.kind,
        problem=problem,
        factors=factors,
        dual=best.dual,
        polar_upper=best.upper,
        proof=best.polar.proof,  # type: ignore[arg-type]  # a polar that bounds anything has one
        polar=own.polar,
    )
