"""Verification: what is proved in balls, what only in floats, and what it says about either."""

import builtins
import dataclasses
import time

import numpy as np
import pytest
from problems import BoundedPolar, random_network, sensing, with_family

import ppkit
from ppkit.certificates import Record, load, save, verify
from ppkit.certificates.verify import prove
from ppkit.checks import Proof
from ppkit.families import MatrixSensing
from ppkit.polars.spectral import SpectralNorm
from ppkit.rigor import spectral_at_most
from ppkit.rigor.balls import Balls, NoProof, arbs, precision

LOSSES = ("squared", "logistic", "huber")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_inequality_is_proved_for_any_candidate(loss):
    problem = sensing(0, loss=loss)
    rng = np.random.default_rng(0)
    candidates = [random_network(problem, rng, r) for r in (0, 1, 3, 8)]
    candidates.append(ppkit.fit(problem, gap=1e-12).factors)
    for W in candidates:
        cert = ppkit.certify(problem, W)
        checked = cert.verify(rigorous=True)
        assert checked.rigorous and "128 bits" in checked.reason
        assert checked.lower_bound == cert.lower_bound
        assert abs(checked.objective_upper - cert.objective) <= 1e-13 * cert.objective
        assert checked.gap >= 0 and cert.relative_gap <= checked.relative_gap + 1e-13
        assert "proved" in str(checked) and repr(cert.lower_bound) in str(checked)


def test_the_objective_is_enclosed_exactly():
    """Integers small enough for exact arithmetic by hand."""
    X = np.arange(8.0).reshape(2, 2, 2)
    problem = ppkit.Problem(ppkit.families.MatrixSensing((2, 2)), X, [1.0, 2.0], 0.25)
    W = {"u": np.array([[1.0, 2.0]]), "v": np.array([[1.0, -1.0]])}
    F = X.reshape(2, 4) @ np.array([1.0, -1.0, 2.0, -2.0])
    exact = 0.25 * np.sum((problem.Y[:, 0] - F) ** 2) + 0.25 * 0.5 * 7
    top, _ = prove(ppkit.certify(problem, W))
    assert exact < top <= np.nextafter(np.nextafter(exact, np.inf), np.inf)


def test_proofs_are_quick_at_the_mid_size():
    problem = sensing(0, shape=(24, 24), n_samples=500)
    cert = ppkit.fit(problem, gap=1e-8).certificate
    start = time.process_time()
    assert cert.verify(rigorous=True).relative_gap <= 1e-8
    assert time.process_time() - start < 10


@pytest.mark.parametrize("shape", [(1, 1), (7, 4), (4, 7), (12, 12)])
def test_spectral_norm_is_proved_tightly(shape):
    M = np.random.default_rng(0).standard_normal(shape)
    s = np.linalg.norm(M, 2)
    with precision():
        assert spectral_at_most(Balls(M), s * (1 + 1e-13))
        assert not spectral_at_most(Balls(M), s * (1 - 1e-13))
        assert spectral_at_most(Balls(0 * M), 0.0)
        assert not spectral_at_most(Balls(M), 0.0)


def test_what_few_bits_leave_open_is_not_proved():
    """Undecided is not yes: a pivot or a bound whose ball holds zero."""
    M = np.random.default_rng(0).standard_normal((6, 4))
    with precision(16):
        assert not spectral_at_most(Balls(M), np.linalg.norm(M, 2) * (1 + 1e-9))
    problem = sensing(3, lam=1e6)
    cert = ppkit.fit(problem).certificate
    assert cert.certified(1e-12) and cert.verify(rigorous=True).rigorous
    with pytest.raises(NoProof, match="too close"):
        prove(cert, bits=24)


def test_a_polar_without_a_proof_falls_back_and_says_so():
    honest = sensing(1)
    problem = with_family(honest, BoundedPolar)
    cert = ppkit.certify(problem, ppkit.fit(honest).factors)
    checked = cert.verify()
    assert not checked.rigorous and "no proof" in checked.reason and "rechecked" in str(checked)
    assert checked.objective_upper == cert.objective and checked.gap == cert.gap
    with pytest.raises(ppkit.CertificateError, match="not proved"):
        cert.verify(rigorous=True)
    assert not ppkit.fit(honest).certificate.verify(rigorous=False).rigorous


@pytest.mark.parametrize(
    "data", [{}, {"factor": np.array("x")}, {"factor": np.zeros(3)}, {"factor": np.array(np.nan)}]
)
def test_a_proof_that_makes_no_sense_is_rejected(data):
    honest = sensing(1)
    cert = ppkit.certify(with_family(honest, BoundedPolar), ppkit.fit(honest).factors)
    with pytest.raises(ppkit.CertificateError):
        dataclasses.replace(cert, proof=Proof("double", data)).verify()


@pytest.mark.parametrize("kind", ["none", "cones", ""])
def test_a_proof_of_another_kind_is_rejected(kind):
    cert = ppkit.fit(sensing(1)).certificate
    with pytest.raises(ppkit.CertificateError, match="cannot be used"):
        dataclasses.replace(cert, proof=Proof(kind)).verify()


class MistypedNorm(SpectralNorm):
    """Its prover has a mistake of the kind that Python finds when it runs."""

    def __init__(self, mistake):
        self.mistake = mistake

    def prove(self, M, bound, proof):
        self.mistake(M)


@pytest.mark.parametrize(
    ("error", "mistake"),
    [
        (AttributeError, lambda M: M.shpae),
        (TypeError, lambda M: M.sum(axes=0)),
        (ValueError, lambda M: M.reshape(M.size, 2)),
        (NameError, lambda M: spectral_at_mots),  # noqa: F821
    ],
)
@pytest.mark.parametrize("rigorous", [None, True])
def test_a_mistake_in_a_prover_is_an_error_and_not_a_missing_proof(error, mistake, rigorous):
    class Mistyped(MatrixSensing):
        norm = MistypedNorm(mistake)

    cert = ppkit.fit(with_family(sensing(1), Mistyped)).certificate
    with pytest.raises(error) as raised:
        cert.verify(rigorous)
    assert not isinstance(raised.value, NoProof)
    assert not cert.verify(rigorous=False).rigorous


@pytest.mark.parametrize(
    "formula",
    [np.cbrt, np.linalg.svd, lambda x: x.argmax(), lambda x: float(x[0, 0, 0])],
)
def test_a_formula_that_balls_do_not_have_leaves_the_floats_and_says_so(formula):
    class Unusual(MatrixSensing):
        def predict(self, factors, X):
            formula(X)
            return super().predict(factors, X)

    cert = ppkit.fit(with_family(sensing(1), Unusual)).certificate
    checked = cert.verify()
    assert not checked.rigorous and "no proof in ball arithmetic: " in checked.reason
    with pytest.raises(ppkit.CertificateError, match="not proved"):
        cert.verify(rigorous=True)


def test_without_flint_the_floats_are_rechecked(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "flint":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    cert = ppkit.fit(sensing(1)).certificate
    checked = cert.verify()
    assert not checked.rigorous and "install python-flint" in checked.reason
    with pytest.raises(ppkit.InputError, match="pip install"):
        cert.verify(rigorous=True)


@pytest.mark.parametrize("field", ["objective", "lower_bound", "polar_ratio", "euler", "polar_upper"])
@pytest.mark.parametrize("by", [1e-9, -1e-9, 1.0, float("nan"), float("inf")])
def test_each_value_is_rechecked(field, by):
    cert = ppkit.fit(sensing(2)).certificate
    wrong = dataclasses.replace(cert, **{field: getattr(cert, field) + by})
    with pytest.raises(ppkit.CertificateError, match=field):
        wrong.verify()


def test_an_infeasible_dual_point_is_refused():
    """Although a multiple of it would prove the bound."""
    cert = ppkit.fit(sensing(2), gap=1e-10).certificate
    wrong = dataclasses.replace(cert, dual=1.01 * cert.dual, polar_upper=1.01 * cert.polar_upper)
    with pytest.raises(ppkit.CertificateError, match="exceeds lambda"):
        wrong.verify()


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(ppkit.CertificateError, match="unknown kind"):
        dataclasses.replace(ppkit.fit(sensing(2)).certificate, kind="certain").verify()


def test_a_false_bound_is_refuted_in_balls():
    cert = ppkit.fit(sensing(2), gap=1e-10).certificate
    wrong = dataclasses.replace(cert, lower_bound=cert.lower_bound * (1 + 1e-9))
    with pytest.raises(ppkit.CertificateError, match="below the printed"):
        prove(wrong)
    infeasible = dataclasses.replace(cert, dual=cert.dual * (1 + 1e-9))
    with pytest.raises(NoProof):
        prove(infeasible)


def test_functions_and_methods_say_the_same(tmp_path):
    """Readers call methods of the certificate; what they delegate to takes the plain record."""
    cert = ppkit.fit(sensing(1)).certificate
    record = Record(**{field.name: getattr(cert, field.name) for field in dataclasses.fields(Record)})
    assert str(verify(record)) == str(cert.verify()) and str(record) == str(cert)
    save(record, tmp_path / "record.npz")
    cert.save(tmp_path / "cert.npz")
    again = [load(tmp_path / "record.npz"), ppkit.Certificate.load(tmp_path / "cert.npz")]
    assert all(type(other) is ppkit.Certificate and str(other) == str(cert) for other in again)
    assert type(dataclasses.replace(cert, euler=0.0)) is ppkit.Certificate


# ---- the balls themselves ----------------------------------------------------------------------------------


def test_balls_agree_with_numpy_on_what_they_offer():
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.standard_normal((2, 3, 4))
    A, B, C = Balls(a), Balls(b), Balls(c)
    pairs = [
        (A + B, a + b),
        (2 - A, 2 - a),
        (A * b, a * b),
        (a * B, a * b),
        (A / 3, a / 3),
        (-A, -a),
        (A**2, a**2),
        (abs(A) ** 0.5, abs(a) ** 0.5),
        (A @ B.T, a @ b.T),
        (C @ b.T, c @ b.T),
        (A.T @ B[:, 0], a.T @ b[:, 0]),
        (np.sum(A, axis=1), a.sum(1)),
        (A.mean(axis=0), a.mean(0)),
        (np.mean(A), a.mean()),
        (np.maximum(A, 0.0), np.maximum(a, 0)),
        (np.minimum(A, B), np.minimum(a, b)),
        (np.max(A, axis=1), a.max(1)),
        (A.min(), a.min()),
        (np.clip(A, -0.5, 0.5), np.clip(a, -0.5, 0.5)),
        (np.exp(A), np.exp(a)),
        (np.logaddexp(0.0, A), np.logaddexp(0, a)),
        (np.where(a > 0, A, B), np.where(a > 0, a, b)),
        (np.where(A > 0, A, 0.0), np.where(a > 0, a, 0)),
        (np.linalg.norm(A, axis=1), np.linalg.norm(a, axis=1)),
        (np.linalg.norm(A, 1, axis=0), np.linalg.norm(a, 1, axis=0)),
        (np.linalg.norm(A), np.linalg.norm(a)),
        (np.linalg.norm(A, np.inf, axis=1), np.linalg.norm(a, np.inf, axis=1)),
        (np.outer(A[0], B[0]), np.outer(a[0], b[0])),
        (np.einsum("ij,kij->k", A, C), np.einsum("ij,kij->k", a, c)),
        (np.tensordot(A, B, ((0, 1), (0, 1))), np.sum(a * b)),
        (np.stack([A, B]), np.stack([a, b])),
        (np.concatenate([A, b]), np.concatenate([a, b])),
        (A.reshape(-1, 2), a.reshape(-1, 2)),
        (np.swapaxes(C, 0, 2), np.swapaxes(c, 0, 2)),
        (np.prod(A, axis=0), a.prod(0)),
        (sum(A), sum(a)),
        (np.square(A), a * a),
        (C.transpose(1, 0, 2), c.transpose(1, 0, 2)),
        (A[:, None, :] * B[:, :, None], a[:, None] * b[..., None]),
        (C.sum(axis=(0, 2)), c.sum((0, 2))),
        (C.max(axis=2, keepdims=True), c.max(2, keepdims=True)),
    ]
    for ball, number in pairs:
        assert ball.shape == np.shape(number)
        got = arbs(ball).astype(float) if ball.shape else float(arbs(ball)[()])
        assert np.max(np.abs(got - number), initial=0.0) <= 1e-14 * (1 + np.max(np.abs(number)))


def test_balls_hold_the_true_number():
    """A sum of a thousand tenths, as rationals."""
    from fractions import Fraction

    a = np.full(1000, 0.1)
    exact = sum(Fraction(float(x)) for x in a) / 7
    with precision():
        ball = arbs(Balls(a).sum() / 7)[()]
        low, high = (
            Fraction(int(m)) * Fraction(2) ** int(e)
            for m, e in (x.man_exp() for x in (ball.lower(), ball.upper()))
        )
    assert low <= exact <= high and high - low <= Fraction(1, 10**33)


def test_balls_never_leak_into_floats_or_guess_a_sign():
    A = Balls(np.ones((2, 2)))
    third = A / 3
    for leak in (
        lambda: float(A[0, 0]),
        lambda: np.asarray(A, float),
        lambda: np.array([A, A]),
        lambda: np.linalg.svd(A),
        lambda: np.cbrt(A),
        lambda: np.add(A, 1.0, out=np.zeros((2, 2))),
        lambda: bool(A[0, 0]),
        lambda: np.sort(A),
        lambda: np.linalg.norm(A, 2),
        lambda: np.argmax(A),
        lambda: np.sign(A),
        lambda: np.zeros(2).__setitem__(0, A[0, 0]),
        lambda: np.where(A, A, A),
        lambda: A + 1j,
        lambda: np.heaviside(A, 0.0),
        lambda: np.multiply.outer(A, A),
        lambda: A.astype(float),
        lambda: np.sum(A, dtype=float),
        lambda: np.max(A, initial=0.0),
    ):
        with pytest.raises((TypeError, ValueError, NoProof)):
            leak()
    assert np.all(third < 0.34) and not np.any(third > 0.34)
    with pytest.raises(NoProof):
        assert third - third > 0
