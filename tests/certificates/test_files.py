"""Certificates as files: what was written comes back, and nothing in it can be changed unnoticed."""

import json
import os

import numpy as np
import pytest
from problems import BoundedPolar, random_network, sensing, with_family

import ppkit
from ppkit.certificates.files import VALUES, data_digest, digest
from ppkit.cli import main
from ppkit.families import MatrixFactorization

LOSSES = ("squared", "logistic", "huber")


@pytest.fixture(scope="module")
def certificate():
    return ppkit.fit(sensing(0, shape=(4, 3), n_samples=12), gap=1e-9).certificate


@pytest.fixture
def stored(certificate, tmp_path):
    """The saved file's path and its arrays."""
    path = tmp_path / "cert.npz"
    certificate.save(path)
    with np.load(path) as data:
        return path, {k: data[k] for k in data.files}


def write(path, arrays, reseal):
    """Write the arrays; a forger who reseals computes the seal anew."""
    arrays = dict(arrays)
    if reseal:
        arrays.pop("seal", None)
        arrays["seal"] = np.array(digest(arrays))
    np.savez(path, **arrays)


def header(arrays, **changes):
    """The arrays with a changed header."""
    return arrays | {
        "header": np.array(json.dumps(json.loads(str(arrays["header"])) | changes, sort_keys=True))
    }


def rejected(path):
    with pytest.raises((ppkit.CertificateError, ppkit.InputError)):
        ppkit.Certificate.load(path).verify()
    return True


def every_entry(name, a):
    """Changed copies of one array: each entry moved a little, and other damage."""
    if a.dtype.kind == "f":
        for i in range(a.size):
            b = a.copy()
            b.flat[i] = b.flat[i] * (1 + 1e-6) + 1e-6
            yield b
        yield a * np.nan
        yield a + 1e-9 * max(1.0, float(np.max(np.abs(a), initial=0.0)))
        yield -a
        yield 2 * a
        yield np.zeros((2, *a.shape))
        yield a.astype(np.float32)
        yield np.array("text")
    else:
        yield np.array(str(a[()])[:-1])
        yield np.array(str(a[()])[::-1])
        yield np.array(3.0)


# ---- honest files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [*LOSSES, ppkit.HuberLoss(0.7)], ids=[*LOSSES, "huber-0.7"])
def test_round_trip(loss, tmp_path):
    problem = sensing(1, loss=loss)
    rng = np.random.default_rng(0)
    for width in (0, 1, 4):
        cert = ppkit.certify(problem, random_network(problem, rng, width))
        cert.save(tmp_path / "c.npz")
        again = ppkit.Certificate.load(tmp_path / "c.npz")
        for k in VALUES:
            assert getattr(again, k) == getattr(cert, k)
        assert again.reason == cert.reason and again.problem.loss == problem.loss
        np.testing.assert_array_equal(again.dual, cert.dual)
        for k in cert.factors:
            np.testing.assert_array_equal(again.factors[k], cert.factors[k])
        again.verify()


def test_a_family_without_inputs_round_trips(tmp_path):
    Y = np.random.default_rng(0).standard_normal((5, 4))
    cert = ppkit.fit(ppkit.Problem(MatrixFactorization((5, 4)), None, Y, 0.5), gap=1e-9).certificate
    cert.save(tmp_path / "c.npz")
    assert ppkit.Certificate.load(tmp_path / "c.npz").problem.X is None
    ppkit.Certificate.load(tmp_path / "c.npz").verify()


def test_the_file_holds_no_pickle_and_is_readable_by_others(stored):
    path, arrays = stored
    assert all(a.dtype != object for a in arrays.values())
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_could_not_be_read_back_is_not_written(certificate, tmp_path):
    class MyLoss(ppkit.SquaredLoss):
        pass

    problem = certificate.problem
    own_loss = ppkit.Problem(problem.family, problem.X, problem.Y, problem.lam, MyLoss())
    for mine in (own_loss, with_family(problem, BoundedPolar)):
        with pytest.raises(ppkit.InputError, match="registered"):
            ppkit.certify(mine, certificate.factors).save(tmp_path / "c.npz")
    for path in (tmp_path, tmp_path / "none" / "c.npz"):
        with pytest.raises(ppkit.InputError):
            certificate.save(path)
    assert not list(tmp_path.iterdir())


# ---- forgeries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reseal", [False, True], ids=["seal kept", "seal recomputed"])
def test_any_changed_number_is_rejected(stored, reseal):
    """Each entry of each array in turn, also by a forger who can compute the seal."""
    path, arrays = stored
    count = 0
    for name, a in arrays.items():
        if name == "seal" and reseal:
            continue
        for changed in every_entry(name, a):
            if changed.shape == a.shape and changed.dtype == a.dtype and np.array_equal(changed, a):
                continue
            small = reseal and changed.shape == () and changed.dtype == a.dtype == float
            if small and name == "value/euler" and abs(changed - a) <= 1e-13 * arrays["value/objective"]:
                continue  # zero up to rounding, and so it stays: a true statement
            write(path, arrays | {name: changed}, reseal)
            assert rejected(path), (name, changed)
            count += 1
    assert count > 200


HEADER_CHANGES = [
    {"lam": 0.3},
    {"lam": -1.0},
    {"lam": "0.3"},
    {"lam": None},
    {"loss": "huber"},
    {"loss": "huber", "delta": 1.0},
    {"loss": "logistic"},
    {"loss": "hinge"},
    {"loss": ["squared"]},
    {"family": "matrix-factorization"},
    {"family": "two-layer-linear"},
    {"family": "none"},
    {"family": ["matrix-sensing"]},
    {"family": None},
    {"params": {"shape": [3, 4]}},
    {"params": {"shape": [4, 3], "x": 1}},
    {"params": None},
    {"params": []},
    {"params": {"shape": "43"}},
    {"kind": "Exact"},
    {"kind": None},
    {"kind": 3},
    {"kind": "heuristic"},
    {"format": "other"},
    {"data": "0" * 64},
    {"data": None},
    {"delta": "x", "loss": "huber"},
]


@pytest.mark.parametrize("reseal", [False, True], ids=["seal kept", "seal recomputed"])
@pytest.mark.parametrize("change", HEADER_CHANGES, ids=str)
def test_any_changed_header_field_is_rejected(stored, change, reseal):
    path, arrays = stored
    write(path, header(arrays, **change), reseal)
    assert rejected(path)


def test_missing_and_added_arrays(stored):
    path, arrays = stored
    for name in arrays:
        left = {k: a for k, a in arrays.items() if k != name}
        write(path, left, reseal=False)
        assert rejected(path)
        if name != "seal":
            write(path, left, reseal=True)
            assert rejected(path), name
    write(path, arrays | {"extra": np.zeros(3)}, reseal=False)
    assert rejected(path)


@pytest.mark.parametrize("scale", [1 + 1e-9, 1 + 1e-6, 2.0])
def test_an_infeasible_dual_with_consistent_values_is_rejected(stored, certificate, scale):
    """The forger stretches the dual point and recomputes everything that follows from it."""
    from ppkit.certificates import dual_value

    path, arrays = stored
    problem, dual = certificate.problem, scale * certificate.dual
    bound = min(dual_value(problem, dual), certificate.objective)
    gap = certificate.objective - bound
    write(
        path,
        arrays
        | {
            "dual": dual,
            "value/polar_upper": np.float64(problem.family.polar_upper(problem.X, dual, certificate.proof)),
            "value/lower_bound": np.float64(bound),
            "value/gap": np.float64(gap),
            "value/relative_gap": np.float64(gap / certificate.objective),
        },
        reseal=True,
    )
    with pytest.raises(ppkit.CertificateError, match="feasible"):
        ppkit.Certificate.load(path).verify()


def test_a_bound_raised_within_the_float_tolerance_falls_to_the_balls(stored, certificate):
    """Half a unit of 1e-12 above the truth passes the recomputation, not the proof."""
    pytest.importorskip("flint")
    path, arrays = stored
    bound = certificate.objective * (1 + 5e-13)
    gap = certificate.objective - bound
    write(
        path,
        arrays
        | {
            "value/lower_bound": np.float64(bound),
            "value/gap": np.float64(gap),
            "value/relative_gap": np.float64(gap / abs(certificate.objective)),
        },
        reseal=True,
    )
    with pytest.raises(ppkit.CertificateError):
        ppkit.Certificate.load(path).verify()


def test_other_data_make_another_certificate_which_data_catches(stored, certificate, tmp_path, capsys):
    """A forger with new data, hash and seal has a true certificate about other data: --data tells."""
    path, arrays = stored
    problem = certificate.problem
    mine = tmp_path / "data.npz"
    np.savez(mine, X=problem.X, Y=problem.Y[:, 0])
    assert main(["verify", str(path), "--data", str(mine)]) == 0
    other = ppkit.Problem(problem.family, problem.X, problem.Y * 0.5, problem.lam)
    write(path, header(arrays | {"Y": other.Y}, data=data_digest(other)), reseal=True)
    assert rejected(path)  # the values no longer fit the data
    forged = ppkit.certify(other, certificate.factors)
    forged.save(path)
    ppkit.Certificate.load(path).verify()
    capsys.readouterr()
    assert main(["verify", str(path)]) == 0
    assert "lam=" in capsys.readouterr().out
    assert main(["verify", str(path), "--data", str(mine)]) == 2
    err = capsys.readouterr().err
    assert "not about the data" in err and err.count("\n") == 1


def test_a_changed_bit_anywhere_in_the_file(certificate, tmp_path):
    path = tmp_path / "cert.npz"
    certificate.save(path)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    survived = 0
    for _ in range(200):
        bad = bytearray(good)
        bad[int(rng.integers(len(bad)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad))
        try:
            again = ppkit.Certificate.load(path)
        except (ppkit.InputError, ppkit.CertificateError):
            continue
        survived += 1  # a bit of the archive's own bookkeeping, such as a time stamp
        assert (again.objective, again.lower_bound) == (certificate.objective, certificate.lower_bound)
    assert survived < 100
