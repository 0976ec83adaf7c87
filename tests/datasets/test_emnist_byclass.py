import gzip
import hashlib
import zipfile

import numpy as np
import pytest
from make_idx import to_idx

from hardzero.datasets import DatasetNotFound, emnist_byclass, load


@pytest.fixture
def members():
    """Gzipped files of 100 training and 40 test images, transposed as they are published."""
    random = np.random.default_rng(0)
    arrays = {}
    for part, n_images in (("train", 100), ("test", 40)):
        upright = np.zeros((n_images, 28, 28), dtype=np.uint8)
        upright[:, 4:24, 12:16] = random.integers(128, 256, (n_images, 20, 4))
        upright[:, 20:24, 12:22] = 255
        arrays[f"emnist-byclass-{part}-images-idx3-ubyte.gz"] = upright.transpose(0, 2, 1)
        arrays[f"emnist-byclass-{part}-labels-idx1-ubyte.gz"] = random.integers(0, 62, n_images, dtype=np.uint8)
    return {name: gzip.compress(to_idx(array)) for name, array in arrays.items()}


@pytest.fixture
def archive(data_directory, members, monkeypatch):
    path = data_directory / "emnist" / "gzip.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(f"gzip/{name}", data)
    monkeypatch.setattr(emnist_byclass, "DEFORMED_SIZES", (50, 30, 20))
    return path


def test_characters_stand_upright(archive):
    dataset = load("emnist-byclass")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [89, 11, 40]
    image = dataset.test.X[0].reshape(dataset.image_shape)
    assert image[4:24, 12:16].min() > 0.5
    assert image[20:24, 12:22].min() == 1
    assert image[:, :12].max() == 0


def test_there_are_62_classes(archive):
    names = load("emnist-byclass").class_names
    assert len(names) == 62
    assert (names[0], names[10], names[36], names[61]) == ("0", "A", "a", "z")


def test_loose_files_serve_as_well(archive, data_directory, members):
    packed = load("emnist-byclass").checksum
    archive.unlink()
    for name, data in members.items():
        (data_directory / "emnist" / name).write_bytes(data)
    assert load("emnist-byclass").checksum == packed


def test_the_stand_in_for_nistp_is_deformed_and_always_the_same(archive):
    dataset = load("emnist-byclass:deformed")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [50, 30, 20]
    assert dataset.image_shape == (32, 32)
    images = dataset.train.X.reshape(-1, 32, 32)
    assert len(np.unique(images[:, :, :10].sum(axis=(1, 2)))) > 10
    assert load("emnist_byclass", deformed=True).checksum == dataset.checksum


def test_too_few_images_to_deform_are_refused(archive, monkeypatch):
    monkeypatch.setattr(emnist_byclass, "DEFORMED_SIZES", (90, 30, 20))
    with pytest.raises(ValueError, match="120 and 20 are needed"):
        load("emnist_byclass", deformed=True)


def test_an_absent_set_is_not_found(data_directory):
    with pytest.raises(DatasetNotFound, match=r"gzip\.zip"):
        load("emnist_byclass", download=False)


@pytest.mark.parametrize("content", [b"nonsense", b""])
def test_a_damaged_archive_is_refused(archive, content):
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be read from .*gzip\.zip"):
        load("emnist_byclass")


def test_the_archive_is_the_published_one():
    assert emnist_byclass.ARCHIVE.checksum.startswith("md5:")
    assert len(emnist_byclass.ARCHIVE.checksum) == len("md5:") + len(hashlib.md5().hexdigest())
