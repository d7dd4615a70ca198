"""The semidefinite relaxation of ReLU units: sound for any multipliers, and better than rescaling."""

import numpy as np
import pytest
from families.test_two_layer_relu import awkward, teacher

import ppkit
from ppkit.checks import Proof
from ppkit.checks.cones import directional_values
from ppkit.checks.relaxation import frame, relaxed_at_most, relaxed_upper, squares
from ppkit.families import TwoLayerReLU
from ppkit.polars import relu
from ppkit.polars.relaxation import proximal, relaxed_polar
from ppkit.testing import check_interval
from ppkit.testing.samples import DEGENERATE, degenerate


def random_proof(rng, A, G, size):
    """Multipliers of any sign and size, with no thought behind them."""
    sides, (N, d) = 2 if G.shape[1] == 1 else 1, A.shape
    return {
        "products": size * rng.standard_normal((sides, 2 * N, 2 * N)),
        "cones": size * rng.standard_normal((sides, 2 * N, 1 + d)),
        "tau": rng.uniform(0, 1, (sides, 2)),
        "shift": rng.uniform(0, 1, sides),
    }


def many_directions(rng, A, count=10_000):
    v = rng.standard_normal((count, A.shape[1]))
    near = A[rng.integers(0, len(A), count // 5)]
    v[: count // 5] = near - (near * v[: count // 5]).sum(1, keepdims=True) * v[: count // 5]
    v = v[np.any(v != 0, axis=1)]
    return v / np.linalg.norm(v, axis=1, keepdims=True)


@pytest.mark.parametrize("part", range(5))
def test_any_multipliers_are_sound(part):
    for seed in range(40 * part, 40 * part + 40):
        family, X, G = awkward(seed)
        A, rng = family.features(X), np.random.default_rng(seed)
        proof = random_proof(rng, A, G, 10.0 ** rng.integers(-4, 1))
        upper = relaxed_upper(A, G, proof)
        assert directional_values(A, G, many_directions(rng, A)).max() <= upper, seed
        assert family.polar(X, G, effort="fast").lower <= upper


@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_atoms_stay_below_the_relaxed_polar(part):
    for seed in range(15 * part, 15 * part + 15):
        family, X, G = awkward(seed)
        A, rng = family.features(X), np.random.default_rng(seed)
        own = family.polar(X, G)
        if own.lower == 0:
            continue
        upper, proof = relaxed_polar(A, G, own.lower, 300, 1e-3)
        assert own.lower <= upper and relaxed_upper(A, G, proof.data) == upper
        assert directional_values(A, G, many_directions(rng, A)).max() <= upper
        assert relaxed_upper(A, 3 * G, proof.data) == pytest.approx(3 * upper, rel=1e-12)


def test_the_relaxation_is_much_closer_than_the_spectral_bound():
    rng = np.random.default_rng(0)
    X, G = rng.standard_normal((80, 9)), rng.standard_normal((80, 1))
    family = TwoLayerReLU(9)
    fast, exact = family.polar(X, G, effort="fast"), family.polar(X, G, effort="exact")
    assert exact.proof.kind == "relaxation" and exact.kind == "bounded"
    assert exact.lower <= exact.upper <= 1.3 * exact.lower
    assert exact.upper <= 0.6 * fast.upper
    assert family.polar_upper(X, G, exact.proof) == pytest.approx(exact.upper, rel=1e-13)


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_degenerate_samples_at_the_effort_that_relaxes(kind, n_outputs, monkeypatch):
    monkeypatch.setitem(relu.CONES, "default", (1e-7, 100))  # leave it to the relaxation
    family, rng = TwoLayerReLU(8, n_outputs), np.random.default_rng(len(kind))
    X, G = degenerate(family, 16, kind, rng)
    polar = family.polar(X, G, effort="exact")
    check_interval(family, X, G, polar, rng, 10_000)
    assert abs(family.polar_upper(X, G, polar.proof) - polar.upper) <= 1e-13 * polar.upper


def test_coordinates_of_the_subspace():
    rng = np.random.default_rng(1)
    A = np.vstack([rng.standard_normal((7, 3)), np.zeros((1, 3))]) @ np.diag([1.0, 1e-3, 0.0])
    fr = frame(A, 2)
    np.testing.assert_allclose(fr.R.T @ fr.R, np.eye(fr.R.shape[1]), atol=1e-12)
    v, u = fr.V @ rng.standard_normal(2), rng.standard_normal(2)
    z = np.divide(A, fr.size[:, None], where=fr.size[:, None] > 0, out=0 * A) @ v
    w = np.concatenate([np.maximum(z, 0), np.maximum(-z, 0), v @ fr.V, u])
    x = fr.R.T @ w
    np.testing.assert_allclose(fr.R @ x, w, atol=1e-12)
    square_v, square_u, zero = squares(fr)
    assert x**2 @ square_v == pytest.approx(v @ v) and x**2 @ square_u == pytest.approx(u @ u)
    assert abs(x**2 @ zero) <= 1e-12
    assert x @ x <= fr.reach * max(v @ v, u @ u)


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
def test_proximal_step_solves_its_equation(loss):
    rng = np.random.default_rng(2)
    Y, F = np.sign(rng.standard_normal((9, 1))), 5 * rng.standard_normal((9, 1))
    step, loss = rng.uniform(0, 10, (9, 1)), ppkit.losses.get_loss(loss)
    g = proximal(loss, Y, F, step)
    np.testing.assert_allclose(g, -loss.gradient(Y, F + step * g), atol=1e-12)


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_direct_dual_is_a_bound_and_beats_rescaling(loss, n_outputs):
    X, Y = teacher(3, 30, n_outputs=n_outputs)
    Y = np.where(Y > 0, 1.0, -1.0) if loss == "logistic" else Y
    problem = ppkit.Problem(TwoLayerReLU(3, n_outputs), X, Y, 0.05, loss)
    best = ppkit.fit(problem, gap=1e-4).certificate
    direct = ppkit.relaxed_lower_bound(problem, "exact")
    assert direct.value <= best.objective and direct.upper <= problem.lam * (1 + 1e-12)
    A, G = X, problem.residual(best.factors)
    upper, proof = relaxed_polar(A, G, problem.polar_of(G).lower, 1000, 1e-4)
    rescaled = ppkit.certify(problem, best.factors, "fast", duals=[(G, proof)])
    assert upper >= problem.polar_of(G).lower
    by_rescaling = ppkit.certificates.dual.feasible_dual(problem, G, proof=proof).value
    assert best.objective - direct.value <= 0.95 * (best.objective - by_rescaling)
    together = ppkit.certify(problem, best.factors, "fast", duals=[(direct.dual, direct.proof)])
    assert together.lower_bound >= max(direct.value, rescaled.lower_bound) * (1 - 1e-12)
    together.verify()


def test_a_saved_certificate_replays_the_multipliers(tmp_path):
    X, Y = teacher(7, 24)
    problem = ppkit.Problem(TwoLayerReLU(7), X, Y, 0.05)
    fit = ppkit.fit(problem, gap=1e-3, effort="exact")
    cert = fit.certificate
    assert cert.proof.kind == "relaxation" and cert.kind == "bounded"
    assert cert.relative_gap <= 0.3 <= fit.history[0]["gap"]
    cert.save(tmp_path / "c.npz")
    again = ppkit.Certificate.load(tmp_path / "c.npz")
    assert again.verify().rigorous and again.verify().lower_bound == cert.lower_bound

    def upper(name, value):
        forged = Proof("relaxation", cert.proof.data | {name: np.array(value)})
        return problem.family.polar_upper(X, cert.dual, forged)

    for name in ("products", "tau"):
        assert upper(name, 0.5 * cert.proof.data[name]) > problem.lam * (1 + 1e-9)
    for name, value in (("tau", np.zeros(3)), ("tau", np.full((2, 2), np.nan)), ("shift", [np.inf, 0.0])):
        with pytest.raises(ValueError):
            upper(name, value)
    for name in ("products", "cones"):
        for poison in (np.nan, np.inf, 1e308):
            forged = np.array(cert.proof.data[name], float)
            forged[0, 0, 0] = poison
            with np.errstate(all="ignore"), pytest.raises(ValueError):
                upper(name, forged)


def test_relaxed_polar_is_proved_in_balls_and_nothing_below_the_polar_is():
    from ppkit.rigor import Balls, precision

    for seed in range(25):
        family, X, G = awkward(seed)
        A, own = family.features(X), family.polar(X, G)
        if own.lower == 0:
            continue
        upper, proof = relaxed_polar(A, G, own.lower, 200, 1e-3)
        careless = random_proof(np.random.default_rng(seed), A, G, 0.1)
        with precision():
            assert relaxed_at_most(Balls(A), Balls(G), upper, proof.data), seed
            for multipliers in (proof.data, careless):
                assert not relaxed_at_most(Balls(A), Balls(G), own.lower * (1 - 1e-12), multipliers), seed


def test_bias_duplicates_and_zero_rows():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((12, 5))
    X[3], X[5] = X[2], 0.0
    problem = ppkit.Problem(TwoLayerReLU(5, bias=True), X, rng.standard_normal(12), 0.05)
    bound = ppkit.relaxed_lower_bound(problem)
    assert 0 < bound.value <= ppkit.fit(problem, gap=1e-2, effort="fast").certificate.objective


def test_a_relaxed_dual_in_the_plane_has_an_exact_polar():
    X, Y = teacher(2, 30)
    problem = ppkit.Problem(TwoLayerReLU(2), X, Y, 0.05)
    bound = ppkit.relaxed_lower_bound(problem)
    assert bound.proof.kind == "plane"
    assert 0 < bound.value <= ppkit.fit(problem, gap=1e-6).certificate.objective


def test_no_relaxation_for_a_large_sample_or_an_easy_family():
    X, Y = teacher(3, 500)
    with pytest.raises(ppkit.InputError, match="no relaxation"):
        ppkit.relaxed_lower_bound(ppkit.Problem(TwoLayerReLU(3), X, Y, 0.05))
    with pytest.raises(ppkit.InputError, match="no relaxation"):
        ppkit.relaxed_lower_bound(ppkit.Problem(TwoLayerReLU(3), X[:9], 0 * Y[:9], 0.05))


@pytest.mark.slow
def test_ten_inputs_two_hundred_samples_to_five_percent():
    X, Y = teacher(10, 200)
    problem = ppkit.Problem(TwoLayerReLU(10), X, Y, 0.05)
    fit = ppkit.fit(problem, gap=1e-3, effort="fast")
    bound = ppkit.relaxed_lower_bound(problem)
    cert = ppkit.certify(problem, fit.factors, "fast", duals=[(bound.dual, bound.proof)])
    assert cert.relative_gap <= 0.05 and fit.certificate.relative_gap > 0.5
