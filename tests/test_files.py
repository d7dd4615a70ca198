"""Reading and writing files: whole or not at all, and never a pickle."""

import io
import zipfile

import numpy as np
import pytest

import ppkit
from ppkit.files import check_writable, pack_json, read_npz, same_file, unpack_json, write_npz


def test_round_trip_and_no_leftovers(tmp_path):
    arrays = {"a": np.arange(3.0), "factor/u": np.ones((2, 2)), "meta": pack_json({"x": [1, None, "é"]})}
    write_npz(tmp_path / "f.npz", arrays)
    back = read_npz(tmp_path / "f.npz")
    assert set(back) == set(arrays)
    np.testing.assert_array_equal(back["factor/u"], 1.0)
    assert unpack_json(back["meta"], "meta") == {"x": [1, None, "é"]}
    assert [p.name for p in tmp_path.iterdir()] == ["f.npz"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f.npz"
    write_npz(path, {"a": np.zeros(2)})

    class Explodes:
        def __array__(self, *args, **kwargs):
            raise OSError(28, "No space left on device")

    with pytest.raises(ppkit.InputError, match="No space"):
        write_npz(path, {"a": np.ones(2), "b": Explodes()})
    np.testing.assert_array_equal(read_npz(path)["a"], 0.0)
    assert [p.name for p in tmp_path.iterdir()] == ["f.npz"]
    with pytest.raises(ppkit.InputError):
        write_npz(tmp_path / "none" / "f.npz", {"a": np.zeros(2)})
    with pytest.raises(ppkit.InputError):
        write_npz(tmp_path, {"a": np.zeros(2)})


def broken_files(folder):
    """Name -> bytes of files that are no usable ``.npz``."""
    whole = io.BytesIO()
    np.savez_compressed(whole, X=np.random.default_rng(0).standard_normal((40, 3)), Y=np.ones(40))
    whole = whole.getvalue()
    pickled, plain, odd = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(pickled, X=np.array([{}, None], dtype=object), Y=np.ones(2))
    np.save(plain, np.ones(3))
    with zipfile.ZipFile(odd, "w") as archive:
        archive.writestr("Y.npy", b"not an array")
    return {
        "empty": b"",
        "text": b"X, Y\n1, 2\n",
        "half": whole[: len(whole) // 2],
        "tail": whole[:-10],
        "head": whole[30:],
        "pickled": pickled.getvalue(),
        "npy": plain.getvalue(),
        "odd": odd.getvalue(),
    }


@pytest.mark.parametrize("name", list(broken_files(None)))
def test_broken_files_are_refused(name, tmp_path):
    path = tmp_path / "f.npz"
    path.write_bytes(broken_files(tmp_path)[name])
    with pytest.raises(ppkit.InputError) as caught:
        read_npz(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ppkit.InputError):
        ppkit.Certificate.load(path)


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path, tmp_path / "a" / "b.npz", "\0"):
        with pytest.raises(ppkit.InputError):
            read_npz(path)
    for path in (tmp_path, tmp_path / "a" / "b.npz"):
        with pytest.raises(ppkit.InputError):
            check_writable(path)
    check_writable(tmp_path / "new.npz")
    assert not list(tmp_path.iterdir())


def test_same_file(tmp_path):
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert same_file(tmp_path / "a", tmp_path / "link") and not same_file(tmp_path / "a", tmp_path / "b")
    assert not same_file(None, tmp_path / "a")


def test_unreadable_json():
    for bad in (np.array("{"), np.array([1.0, 2.0]), np.array("x")):
        with pytest.raises(ppkit.InputError):
            unpack_json(bad, "meta")
