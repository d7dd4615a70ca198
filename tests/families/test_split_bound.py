"""The bound of any size for the norm between a pair of norms: valid for every choice, tight for the best."""

import itertools

import numpy as np
import pytest

from ppkit.checks import Proof
from ppkit.checks.pairs import Pair
from ppkit.checks.split import DIAGONAL, piece_norms, sizes
from ppkit.checks.vector_norms import L1L2, L2, LInf
from ppkit.checks.vertices import vertex_values
from ppkit.families import StructuredSensing
from ppkit.polars.ascent import ascend
from ppkit.polars.split import Split, layout, smooth
from ppkit.rigor import Balls, NoProof, precision

NORMS = [L2(), LInf(), L1L2(0.5)]
PAIRS = [p for p in itertools.product(NORMS, NORMS, (False, True)) if p[2] or (p[0], p[1]) != (NORMS[0],) * 2]
every_norm = pytest.mark.parametrize(("row", "col", "signs"), PAIRS)
GROTHENDIECK = np.pi / (2 * np.arcsinh(1))


def gaussian(seed, shape):
    S = np.random.default_rng(seed).standard_normal(shape)
    return S / np.linalg.norm(S)


@every_norm
def test_every_choice_is_a_bound(row, col, signs):
    """Random weights, pieces and shifts: no random factor exceeds any of them."""
    rng, pair = np.random.default_rng(2), Pair(row, col, signs)
    norm, S = Split(pair), gaussian(3, (5, 4))
    U, V = rng.standard_normal((500, 5)), rng.standard_normal((500, 4))
    U, V, _ = ascend(pair, S, np.abs(V) if signs else V)
    value = np.sum(U @ S * V, axis=1) / (row.value(U) * col.value(V))
    for _ in range(50):
        (m, n), free = sizes(pair, S.shape)
        data = {"d": rng.random(m) + 1e-3, "e": rng.random(n) + 1e-3}
        data |= {k: rng.standard_normal((m, n)) * rng.random() for k in piece_norms(pair)}
        if signs:
            data["shift"] = rng.random(free) * rng.random()
        if signs and rng.random() < 0.7:
            data |= {k: rng.random((k_, k_)) * rng.random() for k, k_ in zip(DIAGONAL, free, strict=True)}
        proof = Proof("split", data)
        bound = norm.upper(S, proof)
        assert np.nanmax(value) <= bound
        with precision():
            norm.prove(Balls(S), bound, proof)
            with pytest.raises(NoProof):
                norm.prove(Balls(S), float(np.nanmax(value)) * (1 - 1e-12), proof)


@pytest.mark.parametrize(
    ("row", "col", "signs", "diagonal"),
    [(*p, d) for p in PAIRS for d in ([False, True] if p[2] else [False])],
)
def test_gradient_of_the_smoothed_bound(row, col, signs, diagonal):
    pair, S = Pair(row, col, signs), gaussian(4, (4, 3))
    first = layout(pair, S, diagonal)
    z = np.concatenate([a.ravel() for a in first.values()])
    z = z + 0.1 * np.random.default_rng(5).random(z.size)
    grad = smooth(z, pair, S, first, 8)[1]
    for i in range(z.size):
        h = 1e-6 * np.eye(z.size)[i]
        slope = (smooth(z + h, pair, S, first, 8)[0] - smooth(z - h, pair, S, first, 8)[0]) / 2e-6
        assert abs(slope - grad[i]) <= 1e-7


@pytest.mark.parametrize(("row", "col"), [("linf", "linf"), ("linf", "l2"), ("l2", "linf")])
def test_the_bound_is_the_semidefinite_program(row, col):
    """The best weights give the value of the relaxation, which CVXPY solves for itself."""
    import cvxpy as cp

    for seed, shape in enumerate([(3, 4), (6, 5), (10, 8)]):
        family, S = StructuredSensing(shape, row, col), gaussian(seed, shape)
        m = shape[0]
        Z = cp.Variable((sum(shape),) * 2, PSD=True)
        blocks = [(row, Z[:m, :m]), (col, Z[m:, m:])]
        limits = [cp.diag(B) <= 1 if k == "linf" else cp.trace(B) <= 1 for k, B in blocks]
        program = cp.Problem(cp.Maximize(cp.trace(S.T @ Z[:m, m:])), limits)
        reference = program.solve(solver="CLARABEL")
        bound = Split(family.pair).minimize(S, "default")[1]
        assert reference * (1 - 1e-7) <= bound <= reference * (1 + 2e-4)


def test_the_bound_of_a_mixture_is_the_dual_of_four_norms():
    """``max <S, M>`` over nuclear + gamma rows + gamma' columns + gamma gamma' entries <= 1."""
    import cvxpy as cp

    S, a, b = gaussian(6, (5, 4)), 0.5, 0.3
    M = cp.Variable((5, 4))
    price = cp.normNuc(M) + a * cp.sum(cp.norm(M, 2, axis=1)) + b * cp.sum(cp.norm(M, 2, axis=0))
    program = cp.Problem(cp.Maximize(cp.sum(cp.multiply(S, M))), [price + a * b * cp.sum(cp.abs(M)) <= 1])
    reference = program.solve(solver="CLARABEL")
    bound = Split(Pair(L1L2(a), L1L2(b))).minimize(S, "default")[1]
    assert reference * (1 - 1e-6) <= bound <= reference * (1 + 1e-3)


def test_the_bound_under_signs_is_the_dual_of_the_nuclear_norm_on_nonnegative_matrices():
    import cvxpy as cp

    for seed in range(3):
        S = gaussian(seed, (6, 5))
        M = cp.Variable((6, 5), nonneg=True)
        program = cp.Problem(cp.Maximize(cp.sum(cp.multiply(S, M))), [cp.normNuc(M) <= 1])
        reference = program.solve(solver="CLARABEL")
        bound = Split(Pair(L2(), L2(), True)).minimize(S, "default")[1]
        assert reference * (1 - 1e-6) <= bound <= reference * (1 + 2e-4)


@pytest.mark.parametrize(("col", "constant"), [("linf", GROTHENDIECK), ("l2", np.sqrt(np.pi / 2))])
def test_ratios_stay_below_the_constants(col, constant):
    for seed in range(20):
        shape = (int(np.random.default_rng(seed).integers(2, 12)), 6)
        S, family = gaussian(seed, shape), StructuredSensing(shape, "linf", col)
        exact = vertex_values(S, family.col, False).max()
        assert exact <= Split(family.pair).minimize(S, "default")[1] <= exact * constant * (1 + 2e-4)


@pytest.mark.parametrize("col", [LInf(), L2(), L1L2(0.5)])
def test_lifted_coordinates_know_that_a_cube_has_a_corner_at_zero(col):
    """Under sign constraints the bound with 2u - 1 and a constant is within a few percent of all vertices."""
    for seed in range(5):
        S = gaussian(seed, (8, 7))
        exact = vertex_values(S, col, True).max()
        assert exact * (1 - 1e-12) <= Split(Pair(LInf(), col, True)).minimize(S, "default")[1] <= 1.05 * exact


def copositive_polar(S):
    """The polar of (l2, l2) under signs: the best non-negative singular pair of any submatrix."""
    best = max(S.max(), 0.0)
    for rows, columns in itertools.product(*(range(1, 2**k) for k in S.shape)):
        I, J = (
            np.nonzero(bits >> np.arange(k) & 1)[0] for bits, k in zip((rows, columns), S.shape, strict=True)
        )
        U, s, Vt = np.linalg.svd(S[np.ix_(I, J)])
        for k, value in enumerate(s):
            u, v = U[:, k] * np.sign(U[:, k].sum()), Vt[k] * np.sign(U[:, k].sum())
            if u.min() >= -1e-12 and v.min() >= -1e-12:
                best = max(best, value)
    return best


@pytest.mark.parametrize("seed", [1, 24])
def test_shifts_of_the_diagonal_blocks_close_what_the_shift_leaves_open(seed):
    """4 x 4 matrices, by a search over all supports: the shift alone is off by more than a thousandth."""
    S, norm = gaussian(seed, (4, 4)), Split(Pair(L2(), L2(), True))
    exact = copositive_polar(S)
    assert norm.minimize(S, "default")[1] > exact * 1.001
    data, bound = norm.minimize(S, "default", diagonal=True)
    assert exact * (1 - 1e-12) <= bound <= exact * (1 + 1e-9)
    with precision():
        norm.prove(Balls(S), bound * (1 + 1e-12), Proof("split", data))
    polar = StructuredSensing((4, 4), nonnegative=True).polar(
        np.eye(16).reshape(16, 4, 4), 16 * S.reshape(-1, 1)
    )
    assert polar.proof.kind == "split" and exact * (1 - 1e-12) <= polar.upper <= exact * (1 + 1e-9)


def test_the_bound_with_all_shifts_is_the_doubly_nonnegative_relaxation():
    import cvxpy as cp

    for seed in range(3):
        S = gaussian(seed, (6, 5)) - 0.1
        S /= np.linalg.norm(S)
        Z = cp.Variable((11, 11), PSD=True)
        limits = [Z >= 0, cp.trace(Z[:6, :6]) <= 1, cp.trace(Z[6:, 6:]) <= 1]
        reference = cp.Problem(cp.Maximize(cp.sum(cp.multiply(S, Z[:6, 6:]))), limits).solve(
            solver="CLARABEL"
        )
        bound = Split(Pair(L2(), L2(), True)).minimize(S, "default", diagonal=True)[1]
        assert reference * (1 - 1e-6) <= bound <= reference * (1 + 2e-4)


@pytest.mark.parametrize("signs", [False, True])
def test_a_diagonal_shift_has_no_negative_entry_and_asks_for_signs(signs):
    norm, N = Split(Pair(L2(), L2(), signs)), np.ones((4, 4))
    N[1, 2] = -1e-9
    for name in DIAGONAL:
        with pytest.raises(ValueError, match="shift"):
            norm.upper(gaussian(0, (4, 4)), Proof("split", {name: N if signs else np.abs(N)}))
