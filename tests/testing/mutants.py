"""For every promise a family that breaks it, as somebody might by mistake: each check must turn red.

All are two linear layers, honest but for the one thing that the docstring says.
"""

import numpy as np

from ppkit.checks import Proof
from ppkit.families import TwoLayerLinear
from ppkit.polars.base import Found, Functional
from ppkit.polars.spectral import SpectralNorm
from ppkit.rigor.balls import NoProof


def with_norm(norm):
    """Two linear layers whose polar is said to be ``norm``."""
    return type(f"With{type(norm).__name__}", (TwoLayerLinear,), {"norm": norm})


# ---- the maps --------------------------------------------------------------------------------------


class SwapsItsParameters(TwoLayerLinear):
    def params(self):
        return {"n_inputs": self.shape[0], "n_outputs": self.shape[1]}


class GuessesOneOutput(TwoLayerLinear):
    @classmethod
    def from_data(cls, X, Y, **options):
        return cls(**{"n_inputs": np.shape(X)[1], "n_outputs": 1, **options})


class PredictsAConstant(TwoLayerLinear):
    def predict(self, factors, X):
        return super().predict(factors, X) + 1.0


class AveragesItsFactors(TwoLayerLinear):
    def predict(self, factors, X):
        return super().predict(factors, X) / max(1, len(factors["u"]))


class ScalesBothFactors(TwoLayerLinear):
    def scale(self, factors, alpha):
        return {k: np.reshape(alpha, (-1, 1)) * a for k, a in factors.items()}


class BalancesInPlace(TwoLayerLinear):
    def balance(self, factors):
        return dict(factors)


class TransposesItsGradient(TwoLayerLinear):
    def vjp(self, factors, X, G):
        M = self.adjoint(X, G)
        return {"u": factors["v"] @ M, "v": factors["u"] @ M.T}


class DoublesTheSlopeOfItsCost(TwoLayerLinear):
    def surrogate(self, factors):
        value, slope = super().surrogate(factors)
        return value, {k: 2 * a for k, a in slope.items()}


class BalancesToUnitFactors(TwoLayerLinear):
    def balance(self, factors):
        return {k: a / np.linalg.norm(a, axis=1, keepdims=True) for k, a in factors.items()}


class MergesTooMuch(TwoLayerLinear):
    def merge(self, factors, X=None):
        merged = super().merge(factors, X)
        return {k: a[:1] for k, a in merged.items()}


class RoundsItsPrediction(TwoLayerLinear):
    def predict(self, factors, X):
        return np.round(super().predict(factors, X), 14)


class TakesAnyData(TwoLayerLinear):
    def check_data(self, X, Y):
        return np.asarray(X), np.asarray(Y)


class TakesAnyFactors(TwoLayerLinear):
    def check_factors(self, factors):
        return factors


class ChargesByPosition(TwoLayerLinear):
    def theta(self, factors):
        cost = super().theta(factors)
        return cost * (1 + 0.1 * np.arange(len(cost)))


class ChargesAPower(TwoLayerLinear):
    def theta(self, factors):
        return super().theta(factors) ** 1.1


# ---- the polar -------------------------------------------------------------------------------------


class SecondSingularValue(SpectralNorm):
    """Consistent, attained, homogeneous, and not the norm: only another search can tell."""

    def find(self, M, starts, effort, seed):
        U, s, Vt = np.linalg.svd(M, full_matrices=False)
        return Found({"u": U.T[1:], "v": Vt[1:]}, s[1:], Proof("spectral"))

    def upper(self, M, proof):
        return float(np.linalg.svd(M, compute_uv=False)[1])


class NineTenths(SpectralNorm):
    def find(self, M, starts, effort, seed):
        found = super().find(M, starts, effort, seed)
        return Found(found.units, 0.9 * found.values, found.proof)

    def upper(self, M, proof):
        return 0.9 * super().upper(M, proof)


class Doubled(SpectralNorm):
    """A bound, not the value, and still called exact."""

    def find(self, M, starts, effort, seed):
        found = super().find(M, starts, effort, seed)
        return Found(found.units, found.values, found.proof)

    def upper(self, M, proof):
        return 2 * super().upper(M, proof)


class ThreeTries(SpectralNorm):
    """A search from three random units that forgets what it was handed."""

    is_closed = False

    def find(self, M, starts, effort, seed):
        rng = np.random.default_rng(seed)
        u, v = (rng.standard_normal((3, n)) for n in M.shape)
        u, v = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (u, v))
        return Found({"u": u, "v": v}, np.einsum("ri,ij,rj->r", u, M, v), Proof("spectral"))


class AddsAThousandth(SpectralNorm):
    def find(self, M, starts, effort, seed):
        found = super().find(M, starts, effort, seed)
        return Found(found.units, found.values, found.proof)

    def upper(self, M, proof):
        return super().upper(M, proof) + 1e-3


class ProvesNothing(SpectralNorm):
    def prove(self, M, bound, proof):
        raise NoProof("not written")


class ProvesAnything(SpectralNorm):
    def prove(self, M, bound, proof):
        return None


class BelievesItsProof(SpectralNorm):
    def upper(self, M, proof):
        return float(proof.data.get("upper", super().upper(M, proof)))


class ForgetsTheMargin(SpectralNorm):
    def margin(self, M, value, n_terms, magnitude):
        return 0.0


class OverpricedMaximizer(TwoLayerLinear):
    def unit_factors(self, units):
        return {k: 1.5 * a for k, a in super().unit_factors(units).items()}


class BoastsOfItsMaximizer(SpectralNorm):
    """Its lower end lies within the interval, but nothing attains it."""

    def find(self, M, starts, effort, seed):
        found = super().find(M, starts, effort, seed)
        return Found({k: a[1:] for k, a in found.units.items()}, found.values[:-1], found.proof)


class WrongSignOfTheMaximizer(TwoLayerLinear):
    def unit_factors(self, units):
        return {"u": -units["u"], "v": units["v"]}


class TakesAnyEffort(TwoLayerLinear):
    def polar(self, X, G, starts=(), effort="default", seed=0):
        return super().polar(X, G, starts, "default", seed)


class RemembersItsSearch(TwoLayerLinear):
    searched = False

    def polar(self, X, G, starts=(), effort="default", seed=0):
        self.searched = True
        return super().polar(X, G, starts, effort, seed)

    def polar_upper(self, X, G, proof):
        return super().polar_upper(X, G, proof) * (1 if self.searched else 2)


class KnowsNoScale(TwoLayerLinear):
    def functional(self, X, G):
        return Functional(self.adjoint(X, G), *self.rounding(X, G))


class InSinglePrecision(TwoLayerLinear):
    def functional(self, X, G):
        with np.errstate(over="ignore"):
            return Functional(self.adjoint(X, G).astype(np.float32), *self.rounding(X, G))


class DropsTinySamples(TwoLayerLinear):
    norm = ForgetsTheMargin()

    def features(self, X):
        return np.where(np.abs(X) < 1e-60, 0.0, X) if isinstance(X, np.ndarray) else X


class TakesWhatIsNoNumber(TwoLayerLinear):
    def polar(self, X, G, starts=(), effort="default", seed=0):
        return super().polar(X, np.nan_to_num(G), starts, effort, seed)


# ---- what is made of them -----------------------------------------------------------------------------


class ForgetsAParameter(TwoLayerLinear):
    """Its gain is not among the parameters, hence not in a file."""

    name = "forgets-a-parameter"

    def __init__(self, n_inputs, n_outputs, gain=1.0):
        super().__init__(n_inputs, n_outputs)
        self.gain = gain

    def features(self, X):
        return self.gain * X

    def atoms(self, factors, X):
        return super().atoms(factors, self.gain * X)

    def predict(self, factors, X):
        return super().predict(factors, self.gain * X)

    def vjp(self, factors, X, G):
        return super().vjp(factors, self.gain * X, G)


class HalvesItsGradient(TwoLayerLinear):
    def vjp(self, factors, X, G):
        return {k: 0.5 * a for k, a in super().vjp(factors, X, G).items()}


class DropsWhatIsSmall(TwoLayerLinear):
    """An absolute tolerance: at targets of 1e-8 every factor is below it."""

    def balance(self, factors):
        return {k: np.where(np.abs(a) < 1e-3, 0.0, a) for k, a in super().balance(factors).items()}


class DividesByTwoAtLeast(TwoLayerLinear):
    def adjoint(self, X, G):
        return super().adjoint(X, G) * (len(X) / max(2, len(X)))


class HalvesOmega(TwoLayerLinear):
    def omega(self, X, F):
        return 0.5 * super().omega(X, F)


class DoublesOmegaInItsProgram(TwoLayerLinear):
    def convex_program(self, X):
        prediction, omega, constraints = super().convex_program(X)
        return prediction, 2 * omega, constraints


#: name of a check -> the class that must turn it red
MUTANTS = {
    "parameters_rebuild": SwapsItsParameters,
    "from_data_fits": GuessesOneOutput,
    "zero_network_predicts_zero": PredictsAConstant,
    "prediction_is_the_sum_of_atoms": AveragesItsFactors,
    "scaling_multiplies_atom_and_cost": ScalesBothFactors,
    "results_share_no_memory": BalancesInPlace,
    "vjp_is_the_gradient": TransposesItsGradient,
    "surrogate_majorizes": DoublesTheSlopeOfItsCost,
    "balancing_keeps_the_atoms": BalancesToUnitFactors,
    "merging_keeps_the_prediction": MergesTooMuch,
    "balls_enclose_prediction_and_cost": RoundsItsPrediction,
    "bad_data_are_refused": TakesAnyData,
    "bad_factors_are_refused": TakesAnyFactors,
    "networks_of_any_order_are_equal": ChargesByPosition,
    "scaled_targets_scale_the_certificate": ChargesAPower,
    "interval_is_attained_and_not_exceeded": with_norm(SecondSingularValue()),
    "interval_is_in_order": with_norm(Doubled()),
    "efforts_agree": TakesAnyEffort,
    "starts_are_tried": with_norm(ThreeTries()),
    "proof_is_enough": RemembersItsSearch,
    "polar_is_homogeneous": with_norm(AddsAThousandth()),
    "polar_is_a_norm": with_norm(AddsAThousandth()),
    "balls_prove_the_upper_end": with_norm(ProvesNothing()),
    "balls_prove_nothing_below": with_norm(ProvesAnything()),
    "forged_proofs_are_refused": with_norm(BelievesItsProof()),
    "upper_end_covers_rounding": with_norm(ForgetsTheMargin()),
    "polar_holds_at_every_size": KnowsNoScale,
    "tiny_samples_count": DropsTinySamples,
    "numbers_that_are_none_are_refused": TakesWhatIsNoNumber,
    "no_bound_exceeds_the_optimum": with_norm(NineTenths()),
    "odd_certificates_verify": with_norm(ProvesNothing()),
    "certificates_hold_at_every_size": InSinglePrecision,
    "training_certifies": with_norm(Doubled()),
    "certificates_are_files": ForgetsAParameter,
    "stationary_points_satisfy_euler": HalvesItsGradient,
    "growing_escapes": WrongSignOfTheMaximizer,
    "fits_know_no_size": DropsWhatIsSmall,
    "degenerate_fits_are_sound": DividesByTwoAtLeast,
    "omega_is_the_least_cost": HalvesOmega,
    "program_agrees_with_training": DoublesOmegaInItsProgram,
}

#: further families that the check of the interval must tell from honest ones
INTERVALS = {
    "value of a factor of cost one, upper end": with_norm(SecondSingularValue()),
    "cost of the factor": OverpricedMaximizer,
    "what the factor attains, and lower": with_norm(BoastsOfItsMaximizer()),
}
