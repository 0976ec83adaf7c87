import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from hardzero.datasets import DatasetNotFound, cifar10, load
from hardzero.datasets.cifar10 import BATCHES, parse_binary_batch, parse_python_batch

N_IMAGES = 4


class Exploit:
    """Makes a file when it is unpickled the usual way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def batches():
    random = np.random.default_rng(0)
    return {
        name: (random.integers(0, 256, (N_IMAGES, 3072), dtype=np.uint8), random.integers(0, 10, N_IMAGES))
        for name in BATCHES
    }


def to_binary(images, labels):
    return np.column_stack([labels.astype(np.uint8), images]).tobytes()


def to_pickle(images, labels):
    """Write a batch as Python 2 did: protocol 2, keys of bytes, NumPy's old module name."""
    fields = {
        b"data": images,
        b"labels": labels.tolist(),
        b"batch_label": b"batch",
        b"filenames": [b"a.png"] * N_IMAGES,
    }
    stream = io.BytesIO()
    pickler = pickle._Pickler(stream, protocol=2)
    pickler.save_bytes = None
    pickler.dispatch = {**pickle._Pickler.dispatch, bytes: save_python_2_bytes}
    pickler.dump(fields)
    return stream.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def save_python_2_bytes(pickler, value):
    pickler.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)
    pickler.memoize(value)


def write_archive(path, folder, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(data_directory):
    path = data_directory / "cifar10"
    path.mkdir()
    return path


def check(dataset, batches):
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [20, 2, 2]
    np.testing.assert_array_equal(dataset.train.y, np.concatenate([batches[name][1] for name in BATCHES[:5]]))
    images, labels = batches["test_batch"]
    np.testing.assert_allclose(dataset.test.X, images[2:] / 255, rtol=1e-6)
    np.testing.assert_array_equal(dataset.validation.y, labels[:2])
    assert dataset.image_shape == (3, 32, 32)


def test_the_binary_archive(folder, batches, monkeypatch):
    members = {f"{name}.bin": to_binary(*batch) for name, batch in batches.items()}
    md5 = write_archive(folder / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", members)
    monkeypatch.setattr(cifar10, "BINARY_ARCHIVE", cifar10._archive("cifar-10-binary.tar.gz", md5))
    check(load("cifar10"), batches)


def test_the_python_archive(folder, batches, monkeypatch):
    members = {name: to_pickle(*batch) for name, batch in batches.items()}
    md5 = write_archive(folder / "cifar-10-python.tar.gz", "cifar-10-batches-py", members)
    monkeypatch.setattr(cifar10, "PYTHON_ARCHIVE", cifar10._archive("cifar-10-python.tar.gz", md5))
    monkeypatch.setattr(cifar10, "PYTHON_MD5", {name: hashlib.md5(data).hexdigest() for name, data in members.items()})
    check(load("cifar-10".replace("-", "")), batches)


def test_the_unpacked_binary_folder(folder, batches):
    (folder / "cifar-10-batches-bin").mkdir()
    for name, batch in batches.items():
        (folder / "cifar-10-batches-bin" / f"{name}.bin").write_bytes(to_binary(*batch))
    check(load("cifar10"), batches)


def test_the_unpacked_python_folder_is_verified(folder, batches):
    (folder / "cifar-10-batches-py").mkdir()
    for name, batch in batches.items():
        (folder / "cifar-10-batches-py" / name).write_bytes(to_pickle(*batch))
    with pytest.raises(ValueError, match="not the published file"):
        load("cifar10")


def test_an_archive_of_another_origin_is_refused(folder):
    write_archive(folder / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", {"data_batch_1.bin": b"x"})
    with pytest.raises(ValueError, match="not the published file"):
        load("cifar10")


def test_an_archive_without_a_batch_is_refused(folder, monkeypatch):
    md5 = write_archive(folder / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", {"data_batch_1.bin": b"x"})
    monkeypatch.setattr(cifar10, "BINARY_ARCHIVE", cifar10._archive("cifar-10-binary.tar.gz", md5))
    with pytest.raises(ValueError, match=r"no cifar-10-batches-bin/data_batch_2\.bin"):
        load("cifar10")


def test_an_absent_set_is_not_found(data_directory):
    with pytest.raises(DatasetNotFound, match=r"cifar-10-binary\.tar\.gz"):
        load("cifar10", download=False)


def test_a_hostile_pickle_runs_nothing(tmp_path):
    target = tmp_path / "made"
    for content in (Exploit(str(target)), {b"data": np.zeros((1, 3072), np.uint8), b"labels": [Exploit(str(target))]}):
        with pytest.raises(ValueError, match="refused because it could run code"):
            parse_python_batch(pickle.dumps(content, protocol=2), "hostile")
    assert not target.exists()


@pytest.mark.parametrize("data", [b"", b"nonsense", pickle.dumps([1, 2]), pickle.dumps({b"data": 3})])
def test_a_foreign_pickle_is_refused_by_name(data):
    with pytest.raises(ValueError, match="batch 7"):
        parse_python_batch(data, "batch 7")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [(b"", "0 bytes"), (bytes(3072), "3072 bytes"), (bytes([10]) + bytes(3072), "whole numbers from 0 to 9")],
)
def test_a_damaged_binary_batch_is_refused(data, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_binary_batch(data, "batch")
