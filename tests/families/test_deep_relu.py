"""Deep ReLU paths: where they are two-layer networks, where they are more, and intervals that hold."""

from itertools import product

import numpy as np
import pytest
from families.instances import PATHS

import ppkit
from ppkit.checks import Proof
from ppkit.checks.signs import check_cover, deeper, two_layer_upper
from ppkit.factors import take, width
from ppkit.families import DeepReLU, TwoLayerReLU
from ppkit.testing import check_interval
from ppkit.testing.samples import degenerate

named = pytest.mark.parametrize("case", PATHS, ids=lambda c: "-".join(map(str, c[0].sizes)))


def hexagon():
    """Six directions of the plane and alternating signs: orthogonal to every two-layer network."""
    t = np.arange(6) * np.pi / 3
    return np.column_stack([np.cos(t), np.sin(t)]), np.array([[1.0], [-1.0]] * 3)


def teacher(member, n, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, member.sizes[0]))
    W = {k: np.abs(a) if k != "W1" else a for k, a in member.random_factors(rng, 3).items()}
    W[f"W{member.depth}"][1] *= -1
    Y = member.predict(W, X)
    return X, Y + noise * np.std(Y) * rng.standard_normal(Y.shape)


# ---- soundness ----------------------------


@named
def test_effort_tightens_the_interval(case):
    member, n = case
    X, G = degenerate(member, n, "generic", np.random.default_rng(1))
    fast, more = (member.polar(X, G, effort=e) for e in ("fast", "default"))
    assert more.upper <= fast.upper * (1 + 1e-12) and fast.lower <= more.upper and more.lower <= fast.upper
    check_interval(member, X, G, more, np.random.default_rng(2), 10_000)


def test_the_proof_serves_any_other_residual():
    member, rng = DeepReLU((2, 3, 2, 1)), np.random.default_rng(3)
    X, G = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    proof = member.polar(X, G).proof
    for size in (1e-100, 1e100):
        scaled = member.polar_upper(X, size * G, proof)
        assert scaled == pytest.approx(size * member.polar_upper(X, G, proof), rel=1e-12)
    H = rng.standard_normal((6, 1))
    assert member.polar_upper(X, H, proof) >= member.polar(X, H, effort="fast").lower


def test_leaves_that_do_not_cover_are_rejected():
    member, rng = DeepReLU((2, 3, 2, 1)), np.random.default_rng(4)
    X, G = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    proof = member.polar(X, G).proof
    data = proof.data
    assert proof.kind == "signs" and len(data["side"]) > 2
    cut = {k: data[k][1:] for k in ("side", "signs", "lines")}
    for broken in (cut, {"signs": np.abs(data["signs"])}, {"lines": np.nan * data["lines"]}):
        with pytest.raises(ValueError):
            member.polar_upper(X, G, Proof("signs", data | broken))
    with pytest.raises(KeyError):
        member.polar_upper(X, G, Proof("signs"))
    check_cover(np.array([[1, 0], [-1, 1], [-1, -1]]))
    for bad in ([[1, 0], [-1, 1]], [[1, 0], [0, 1], [-1, -1]], [[1, 0], [1, 0]]):
        with pytest.raises(ValueError):
            check_cover(np.array(bad))


def all_signs(N, minus, plus):
    """Leaves on both sides with every sign fixed; the two entries stand for the two signs."""
    signs = np.array(list(product((minus, plus), repeat=N)), np.int8)
    return {"side": np.repeat([1.0, -1.0], len(signs)), "signs": np.concatenate([signs, signs])}


def test_signs_whose_product_overflows_are_rejected():
    member, rng = DeepReLU((2, 3, 2, 1)), np.random.default_rng(4)
    X, G = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    leaves = all_signs(4, -64, -2)  # both negative, with a product of -128 in int8
    with pytest.raises(ValueError, match="signs"):
        member.polar_upper(X, G, Proof("signs", leaves | {"lines": np.zeros(leaves["signs"].shape)}))


@pytest.mark.parametrize("size", [1e200, 1.7e308])
def test_a_leaf_that_overflows_is_not_passed_over(size):
    member, rng = DeepReLU((2, 3, 2, 1)), np.random.default_rng(4)
    X, G = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    leaves = all_signs(4, -1, 1)
    lines = np.full(leaves["signs"].shape, size)
    lines[0] = 0.0  # the bound of the first leaf, z <= 0, is zero
    with np.errstate(all="ignore"):
        by_signs = member.polar_upper(X, G, Proof("signs", leaves | {"lines": lines}))
    assert by_signs == member.polar_upper(X, G, Proof("layers"))


@pytest.mark.parametrize("sizes", [(2, 3, 2, 1), (3, 3, 2), (3, 1, 2, 1), (2, 2, 2, 2)])
@pytest.mark.parametrize("size", [(1e-100, 1e-120), (1e100, 1e40)])
def test_any_size_of_inputs_and_residuals(sizes, size):
    member, rng = DeepReLU(sizes), np.random.default_rng(11)
    X, G = rng.standard_normal((4, sizes[0])), rng.standard_normal((4, sizes[-1]))
    known = member.polar(X, G).lower * size[0] * size[1]
    polar = member.polar(size[0] * X, size[1] * G)
    again = member.polar_upper(size[0] * X, size[1] * G, polar.proof)
    assert known <= again * (1 + 1e-12) and again <= polar.upper * (1 + 1e-12)


def test_rows_whose_squares_underflow_count():
    member = DeepReLU((2, 3, 2, 1))
    X = np.array([[1.0, 0.0], [1e-170, 0.0], [-1e-170, 0.0], [0.0, 1e-170]])
    G = np.array([[0.0], [1.0], [-1.0], [0.5]])
    polar = member.polar(X, G)
    assert 0 < polar.lower <= member.polar_upper(X, G, polar.proof) * (1 + 1e-12)


# ---- where depth adds nothing ----------------------------


@pytest.mark.parametrize(
    "sizes", [(2, 4, 1), (2, 1, 1, 1), (2, 1, 3, 2, 1), (2, 4, 3), (3, 1, 2, 1), (1, 1, 1, 2)]
)
def test_a_bottleneck_first_gives_the_two_layer_polar(sizes):
    rng = np.random.default_rng(5)
    X, G = rng.standard_normal((12, sizes[0])), rng.standard_normal((12, sizes[-1]))
    deep, flat = DeepReLU(sizes).polar(X, G), TwoLayerReLU(sizes[0], sizes[-1]).polar(X, G)
    assert deep.lower == pytest.approx(flat.lower, rel=1e-9)
    assert deep.kind == flat.kind and flat.lower <= deep.upper <= flat.upper * (1 + 1e-3)


def test_one_bottleneck_path_is_one_two_layer_unit():
    rng = np.random.default_rng(6)
    member, X = DeepReLU((2, 1, 3, 1)), rng.standard_normal((9, 2))
    W = member.random_factors(rng, 5)
    units = member.pairs(W)
    np.testing.assert_allclose(TwoLayerReLU(2).predict(units, X), member.predict(W, X), atol=1e-12)
    cost = np.linalg.norm(units["u"], axis=1) * np.linalg.norm(units["v"], axis=1)
    assert np.all(cost <= member.theta(W) * (1 + 1e-12))
    F = member.predict(W, X)
    assert member.omega(X, F) == pytest.approx(TwoLayerReLU(2).omega(X, F), rel=1e-6)


@pytest.mark.parametrize("sizes", [(2, 3, 2, 1), (2, 2, 2, 2, 1)])
def test_a_residual_of_one_sign_gains_nothing_from_depth(sizes):
    rng = np.random.default_rng(7)
    X, g = rng.standard_normal((10, 2)), rng.random((10, 1))
    for G in (g, -g):
        polar = DeepReLU(sizes).polar(X, G)
        assert polar.upper == TwoLayerReLU(2).polar(X, G).upper
        assert polar.upper <= polar.lower * (1 + 1e-9)


def test_the_last_hidden_layer_may_have_one_unit():
    X, G = hexagon()
    one, three = (DeepReLU((2, 3, k, 1)).polar(X, G) for k in (1, 3))
    assert one.upper == three.upper and one.lower == pytest.approx(three.lower, rel=1e-9)


# ---- where it adds everything ----------------------------


def test_the_hexagon_is_invisible_to_two_layers_and_not_to_three():
    X, G = hexagon()
    assert TwoLayerReLU(2).polar(X, G).upper <= 1e-13
    polar = DeepReLU((2, 3, 1, 1)).polar(X, G)
    exact = (2 * np.sqrt(3) - 3) / 6
    assert polar.lower == pytest.approx(exact, rel=1e-9)
    assert exact <= polar.upper <= exact * (1 + 1e-9)
    narrow = DeepReLU((2, 1, 3, 1)).polar(X, G)
    assert narrow.upper <= 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_few_samples_close_the_interval(seed):
    rng = np.random.default_rng(seed)
    X, G = rng.standard_normal((6, 2)), rng.standard_normal((6, 1))
    polar = DeepReLU((2, 6, 1, 1)).polar(X, G)
    assert polar.upper <= polar.lower * (1 + 1e-6)
    assert polar.lower >= TwoLayerReLU(2).polar(X, G).lower * (1 - 1e-12)


def test_leaves_for_one_output_prove_nothing_for_two():
    rng = np.random.default_rng(10)
    X, G = rng.standard_normal((6, 2)), rng.standard_normal((6, 2))
    proof = DeepReLU((2, 3, 2, 1)).polar(X, G[:, :1]).proof
    pair = DeepReLU((2, 3, 2, 2))
    assert pair.polar_upper(X, G, proof) == pair.polar_upper(X, G, Proof("layers"))


def test_each_layer_adds_half_the_spectral_bound():
    rng = np.random.default_rng(8)
    X, G = rng.standard_normal((20, 2)), rng.standard_normal((20, 2))
    flat = two_layer_upper(X, G, {})
    spectral = np.linalg.norm(G, 2) * np.linalg.norm(X, 2) / 20
    assert deeper(X, G, flat, 0) == flat
    assert deeper(X, G, flat, 1) == pytest.approx((flat + spectral) / 2)
    assert deeper(X, G, flat, 2) == pytest.approx((flat + 3 * spectral) / 4)


# ---- training ----------------------------


def test_wide_paths_are_certified_on_few_samples():
    member = DeepReLU((2, 3, 2, 1))
    X, Y = teacher(member, 6)
    fit = ppkit.fit(ppkit.Problem(member, X, Y, 0.02), gap=1e-3)
    assert fit.certificate.certified(1e-3) and fit.certificate.kind == "bounded"
    assert fit.certificate.verify().certificate is fit.certificate


def test_more_samples_leave_an_interval_that_is_stated():
    member = DeepReLU((3, 3, 2, 1))
    X, Y = teacher(member, 40)
    problem = ppkit.Problem(member, X, Y, 0.05)
    flat = ppkit.fit(ppkit.Problem(TwoLayerReLU(3), X, Y, 0.05), gap=1e-3).certificate
    chains = member.from_pairs(flat.factors)
    cert = ppkit.certify(problem, chains, effort="fast")
    assert cert.objective == pytest.approx(flat.objective, rel=1e-9)  # two layers are among the paths
    assert 0 < cert.lower_bound < cert.objective and np.isfinite(cert.polar_ratio)


def test_vector_outputs_and_power_form():
    member = DeepReLU((2, 2, 2), form="power")
    X, Y = teacher(member, 15)
    fit = ppkit.fit(ppkit.Problem(member, X, Y, 0.05), gap=1e-3)
    assert fit.certificate.certified(1e-3) and fit.certificate.kind == "exact"


def test_zero_targets_and_one_sample():
    member = DeepReLU((2, 2, 2, 1))
    X = np.array([[3.0, 4.0]])
    assert ppkit.fit(ppkit.Problem(member, X, np.zeros(1), 0.1)).width == 0
    fit = ppkit.fit(ppkit.Problem(member, X, np.array([2.0]), 0.1), gap=1e-6)
    # one sample: the residual has one sign, and a chain along x reaches 5 at cost 1
    t = (2 - 0.1 / 5) / 5
    assert fit.certificate.objective == pytest.approx(0.5 * (2 - 5 * t) ** 2 + 0.1 * t, rel=1e-5)
    assert fit.certificate.certified(1e-5)


def test_merge_keeps_predictions_and_prunes():
    rng = np.random.default_rng(9)
    for member in (DeepReLU((2, 3, 2, 1)), DeepReLU((2, 1, 2, 1)), DeepReLU((2, 3, 2, 2))):
        X, W = rng.standard_normal((4, 2)), member.random_factors(rng, 30)
        merged = member.merge(W, X)
        size = np.abs(member.atoms(W, X)).sum()
        assert np.abs(member.predict(merged, X) - member.predict(W, X)).max() <= 1e-11 * size
        assert member.theta(merged).sum() <= member.theta(W).sum() * (1 + 1e-12)
        assert width(merged) <= 4 * member.n_outputs


def test_bad_sizes_are_refused():
    for sizes in (3, (2, 1), (2, 0, 1), (2, 2.5, 1)):
        with pytest.raises(ppkit.InputError):
            DeepReLU(sizes)
    with pytest.raises(ppkit.InputError, match="form"):
        DeepReLU((2, 2, 1), form="sum")
    with pytest.raises(ppkit.InputError, match="two layers deep"):
        DeepReLU((2, 2, 2, 1)).convex_program(np.ones((3, 2)))
    assert take(DeepReLU((2, 2, 1)).random_factors(np.random.default_rng(0), 2), [0])["W1"].shape == (1, 2, 2)
