"""Pairs of norms without a closed form: exact on small cubes, bounds that are theorems beyond them."""

import itertools

import numpy as np
import pytest
from scipy.linalg import hadamard

import ppkit
from ppkit.checks import Proof
from ppkit.checks.pairs import Pair
from ppkit.checks.vector_norms import L1L2, L2, LInf
from ppkit.checks.vertices import vertex_values, vertices
from ppkit.factors import append, width
from ppkit.families import StructuredSensing
from ppkit.polars.ascent import Ascent
from ppkit.polars.base import Found, Functional
from ppkit.polars.pairs import Faces, Vertices
from ppkit.polars.split import Split
from ppkit.rigor import Balls, NoProof, precision
from ppkit.testing.samples import DEGENERATE, atoms_of_cost_one, degenerate, values

MIX = ("l1+l2", 0.5)
SIDES = ("l2", "linf", MIX)
HARD = [
    (row, col, signs)
    for row, col, signs in itertools.product(SIDES, SIDES, (False, True))
    if signs or (row, col) != ("l2", "l2")
]
NORMS = [L2(), LInf(), L1L2(0.5)]
every_pair = pytest.mark.parametrize(("row", "col", "signs"), HARD)
GROTHENDIECK = np.pi / (2 * np.arcsinh(1))


def unit(S):
    return S / np.linalg.norm(S)


def gaussian(seed, shape):
    return unit(np.random.default_rng(seed).standard_normal(shape))


def whole(shape):
    """Measurements of every entry: the adjoint of ``mn S`` is S."""
    size = int(np.prod(shape))
    return np.eye(size).reshape(size, *shape)


def polar_of(family, S, effort="default"):
    return family.polar(whole(S.shape), S.size * S.reshape(-1, 1), effort=effort)


# ---- vertices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 5, 12])
@pytest.mark.parametrize("signs", [False, True])
def test_vertices_are_all_of_them(d, signs):
    n_bits = d if signs else d - 1
    all_of_them = vertices(np.arange(2**n_bits), d, signs)
    assert len(np.unique(all_of_them, axis=0)) == 2**n_bits
    assert set(np.unique(all_of_them)) <= ({0.0, 1.0} if signs else {-1.0, 1.0})
    assert signs or np.all(all_of_them[:, 0] == 1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("signs", [False, True])
def test_vertex_values_in_blocks_are_the_values_of_the_vertices(norm, signs):
    S = gaussian(0, (13, 4))
    W = vertices(np.arange(2 ** (13 if signs else 12)), 13, signs) @ S
    expected = norm.dual(np.maximum(W, 0) if signs else W)
    np.testing.assert_allclose(vertex_values(S, norm, signs), expected, rtol=1e-12, atol=1e-15)


def test_known_values():
    """Hadamard matrices: |H s|_2 is constant, and the 2 x 2 one is the inequality of Clauser et al."""
    H = np.array([[1.0, 1.0], [1.0, -1.0]])
    assert polar_of(StructuredSensing((2, 2), "linf", "linf"), H).lower == pytest.approx(2, rel=1e-14)
    _, bound = Split(Pair(LInf(), LInf())).minimize(unit(H), "default")
    assert bound == pytest.approx(2 * np.sqrt(2) / 2, rel=1e-4)  # sqrt 2 times too large, no better
    for n in (2, 4, 8, 16):
        family = StructuredSensing((n, n), "linf", "l2")
        assert polar_of(family, hadamard(n).astype(float)).upper == pytest.approx(n, rel=1e-9)
    ones = np.ones((5, 3))
    assert polar_of(StructuredSensing((5, 3), "linf", "linf"), ones).upper == pytest.approx(15, rel=1e-12)
    assert polar_of(StructuredSensing((5, 3), "linf", "linf", True), -ones).upper <= 1e-12


@every_pair
def test_against_a_fine_search_in_two_dimensions(row, col, signs):
    """For two rows the value is a function of one angle."""
    family, rng = StructuredSensing((2, 4), row, col, signs), np.random.default_rng(1)
    angle = np.linspace(0, np.pi / 2 if signs else np.pi, 40_001)
    U = np.column_stack([np.cos(angle), np.sin(angle)])
    U = U / family.row.value(U)[:, None]
    for _ in range(5):
        S = rng.standard_normal((2, 4))
        W = np.maximum(U @ S, 0) if signs else U @ S
        best, polar = float(family.col.dual(W).max()), polar_of(family, S)
        assert best <= polar.upper
        assert polar.lower >= best * (1 - 1e-12)
        assert polar.lower <= best * (1 + 1e-6)
        assert polar.upper <= polar.lower * (1 + 2e-9) + 1e-15


# ---- the members of the norm ------------------------------------------------------------------------------


@every_pair
def test_every_member_bounds_the_norm_by_itself(row, col, signs):
    """Without an ascent before it and without starts: both ends hold, and the proof gives the upper one."""
    family, S = StructuredSensing((3, 2), row, col, signs), gaussian(5, (3, 2))
    best, members = polar_of(family, S), family.norm.norms
    assert {kind for norm in members for kind in norm.kinds} == set(family.norm.kinds)
    for norm in members:
        polar = norm.polar(Functional(S))
        assert polar.lower <= best.upper and best.lower <= polar.upper
        assert isinstance(norm, Ascent) == (polar.kind == "heuristic")
        if polar.kind != "heuristic":
            assert norm.bound(Functional(S), polar.proof) == polar.upper


def test_a_member_that_does_not_take_on_the_size_says_nothing():
    pair = Pair(LInf(), L1L2(0.5))
    for norm in (Vertices(pair), Faces(pair)):
        polar = norm.polar(Functional(gaussian(6, (20, 19))), effort="fast")
        assert polar.kind == "heuristic" and polar.upper == np.inf and polar.lower == 0


def test_units_found_later_take_the_place_of_those_they_started_from():
    """Better units are kept whatever the upper end, a better upper end whatever the units."""
    norm = Split(Pair(L2(), L2(), True))

    def found(value, upper):
        unit = {"u": np.full((1, 2), value), "v": np.ones((1, 2))}
        return Found(unit, np.array([value]), Proof("split"), upper)

    joined = norm.joined(found(1.0, 3.0), found(2.0, 4.0))
    assert joined.values[0] == joined.units["u"][0, 0] == 2 and joined.upper == 3
    joined = norm.joined(found(1.0, 3.0), found(1.0, 2.0))
    assert joined.values[0] == 1 and joined.upper == 2
    joined = norm.joined(found(2.0, 3.0), found(1.0, 4.0))
    assert joined.values[0] == 2 and joined.upper == 3


# ---- intervals of the family ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proof",
    [
        Proof("split", {"d": np.zeros(4)}),
        Proof("split", {"d": -np.ones(4)}),
        Proof("split", {"d": np.ones(3)}),
        Proof("split", {"d": np.full(4, np.nan)}),
        Proof("split", {"shift": np.ones((4, 3))}),
        Proof("vertices", {"cube": np.array(2)}),
        Proof("vertices", {"cube": np.array(-1)}),
        Proof("vertices", {"cube": np.array(1)}),
        Proof("vertices"),
        Proof("faces", {"side": np.array(1), "dim": np.array([0, 0]), "child": np.array([1, 1])}),
        Proof("faces", {"side": np.array(0), "dim": np.full(4, -1), "child": np.full(4, -1)}),
        Proof("faces", {"side": np.array(1)}),
        Proof("lines"),
    ],
)
def test_forged_proofs_are_refused(proof):
    family = StructuredSensing((4, 3), "linf", "l2")
    with pytest.raises((ValueError, KeyError)):
        family.polar_upper(whole((4, 3)), gaussian(7, (12, 1)), proof)


def test_a_negative_shift_is_refused_and_a_cube_needs_linf():
    family = StructuredSensing((4, 3), "l2", "l2", True)
    for proof in (Proof("split", {"shift": -np.ones((4, 3))}), Proof("vertices", {"cube": np.array(0)})):
        with pytest.raises(ValueError, match=r"shift|vertices"):
            family.polar_upper(whole((4, 3)), gaussian(8, (12, 1)), proof)


@every_pair
@pytest.mark.parametrize("kind", DEGENERATE)
def test_ten_thousand_unit_atoms_never_exceed_the_upper_end(row, col, signs, kind):
    member = StructuredSensing((4, 3), row, col, signs)
    rng = np.random.default_rng(len(kind))
    X, G = degenerate(member, 20, kind, rng)
    for effort in ("fast", "default"):
        polar = member.polar(X, G, effort=effort)
        near = append(polar.factor, polar.candidates)
        assert values(member, atoms_of_cost_one(member, rng, 5_000, near), X, G).max() <= polar.upper


@every_pair
def test_a_larger_problem_is_bounded_and_replayed(row, col, signs):
    """Beyond vertices and boxes: the split bound, with its proof in balls."""
    family = StructuredSensing((22, 20), row, col, signs)
    S = gaussian(9, (22, 20))
    X, G = whole(S.shape), S.size * S.reshape(-1, 1)
    polar = family.polar(X, G, effort="fast")
    assert polar.kind == "bounded" and polar.lower > 0
    assert abs(family.polar_upper(X, G, polar.proof) / polar.upper - 1) <= 1e-13
    assert polar.upper <= (1.2 if signs else GROTHENDIECK) * polar.lower
    rng = np.random.default_rng(10)
    W = atoms_of_cost_one(family, rng, 4_000, append(polar.factor, polar.candidates))
    assert np.sum(W["u"] @ S * W["v"], axis=1).max() <= polar.upper
    with precision():
        family.norm.prove(Balls(S), polar.upper, polar.proof)
        with pytest.raises(NoProof):
            family.norm.prove(Balls(S), polar.lower * (1 - 1e-12), polar.proof)


@every_pair
def test_effort_only_narrows_the_interval(row, col, signs):
    family, S = StructuredSensing((6, 5), row, col, signs), gaussian(11, (6, 5))
    fast, default = (polar_of(family, S, effort) for effort in ("fast", "default"))
    assert fast.lower <= default.upper and default.lower <= fast.upper
    assert default.upper <= fast.upper * (1 + 1e-9)
    with pytest.raises(ppkit.InputError, match="effort"):
        polar_of(family, S, "best")


def test_the_kinds():
    cheap, hard = StructuredSensing((4, 3), "l1", "linf"), StructuredSensing((4, 3), "linf", "linf")
    assert cheap.polar_is_cheap and not hard.polar_is_cheap
    assert polar_of(hard, gaussian(12, (4, 3))).kind == "exact"
    assert polar_of(StructuredSensing((4, 3), MIX, "l2"), gaussian(12, (4, 3))).kind == "bounded"


# ---- training ---------------------------------------------------------------------------------------------


def planted(seed, row, col, signs, shape=(5, 4), N=40, loss="squared"):
    rng = np.random.default_rng(seed)
    family = StructuredSensing(shape, row, col, signs)
    X = rng.standard_normal((N, *shape))
    y = family.predict(family.random_factors(rng, 2), X)[:, 0]
    y = y + 0.3 * y.std() * rng.standard_normal(N)
    y = np.where(y > 0, 1.0, -1.0) if loss == "logistic" else y
    top = ppkit.Problem(family, X, y, 1.0, loss).polar().upper
    return ppkit.Problem(family, X, y, 0.2 * top, loss)


@every_pair
def test_small_problems_are_certified(row, col, signs):
    fit = ppkit.fit(planted(13, row, col, signs), gap=1e-6)
    assert fit.certificate.certified(1e-6), fit.certificate.relative_gap
    fit.certificate.verify(rigorous=False)


@pytest.mark.parametrize("loss", ["squared", "logistic", "huber"])
@pytest.mark.parametrize(("row", "col", "signs"), [p for p in HARD if "linf" in p[:2]])
def test_a_cube_agrees_with_cvxpy(row, col, signs, loss):
    problem = planted(14, row, col, signs, (4, 3), 30, loss)
    cert, program = ppkit.fit(problem, gap=1e-7).certificate, ppkit.convex_lower_bound(problem)
    assert cert.certified(1e-7)
    assert abs(cert.objective - program.primal) <= 1e-6 * cert.objective
    assert program.value <= cert.objective


def test_a_matrix_of_signs_costs_one_under_linf_and_the_diagonal_is_cheap():
    """The right panel of the page's figure: diag(x, y) for the pairs without a closed form."""
    D = np.diag([3.0, 4.0])
    assert StructuredSensing((2, 2), "linf", "linf").matrix_omega(D) == pytest.approx(4, rel=1e-6)
    assert StructuredSensing((2, 2), "linf", "l2").matrix_omega(D) == pytest.approx(5, rel=1e-6)
    s = np.outer([1, -1, 1], [1, 1, -1, -1.0])
    assert StructuredSensing((3, 4), "linf", "linf").matrix_omega(s) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("row", "col", "signs"), [("l2", "l2", True), (MIX, "l2", False), ("linf", "l2", False)]
)
def test_merging_adds_up_parallel_factors(row, col, signs):
    family, rng = StructuredSensing((4, 3), row, col, signs), np.random.default_rng(15)
    W = family.random_factors(rng, 2)
    other = {k: a.copy() for k, a in W.items()}
    other["v"] = np.abs(rng.standard_normal((2, 3)))
    both = append(W, other)
    merged = family.merge(both)
    assert width(merged) == 2
    np.testing.assert_allclose(family.matrix(merged), family.matrix(both), atol=1e-13)
    assert family.theta(merged).sum() <= family.theta(both).sum() * (1 + 1e-12)


def test_no_program_where_there_is_no_small_cube():
    for family in (StructuredSensing((4, 3), MIX, "l2"), StructuredSensing((20, 20), "linf", "linf")):
        with pytest.raises(ppkit.InputError, match="no finite convex program"):
            family.convex_program(np.zeros((2, *family.shape)))
