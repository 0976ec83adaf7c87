import gzip
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from make_idx import to_idx

from hardzero.datasets import DatasetNotFound, load, mnist
from hardzero.datasets.directory import RemoteFile
from hardzero.datasets.idx import IdxFiles, load_idx_dataset, parse_idx


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4)))
def test_every_array_of_bytes_comes_back(array):
    assert np.array_equal(parse_idx(to_idx(array), "made"), array)


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=3)), st.data())
def test_every_cut_is_noticed(array, data):
    whole = to_idx(array)
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="made"):
        parse_idx(whole[:length], "made")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"\x89PNG\r\n\x1a\n", "two zero bytes"),
        (bytes([0, 0, 0x0D, 1, 0, 0, 0, 0]), "type 0x0d"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3]), "holds 3 values"),
        (bytes([0, 0, 8, 1, 255, 255, 255, 255]), "holds 0 values"),
    ],
)
def test_other_files_are_refused(data, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_idx(data, "made")


@pytest.fixture
def written(data_directory):
    """Files of 7 training and 3 test images; the training ones gzipped."""
    random = np.random.default_rng(0)
    contents = {
        "train_images": random.integers(0, 256, (7, 4, 5), dtype=np.uint8),
        "train_labels": np.array([0, 1, 2, 0, 1, 2, 0], dtype=np.uint8),
        "test_images": random.integers(0, 256, (3, 4, 5), dtype=np.uint8),
        "test_labels": np.array([2, 1, 0], dtype=np.uint8),
    }
    (data_directory / "tiny").mkdir()
    files = {}
    for name, array in contents.items():
        data = to_idx(array)
        packed = name.startswith("train")
        (data_directory / "tiny" / f"{name}{'.gz' * packed}").write_bytes(gzip.compress(data) if packed else data)
        files[name] = RemoteFile(f"tiny/{name}.gz", unpacked_md5=hashlib.md5(data).hexdigest())
    return contents, IdxFiles(**files)


def test_the_four_files_become_three_splits(written):
    contents, files = written
    dataset = load_idx_dataset("tiny", files, "abc", "made up", n_train=5)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [5, 2, 3]
    assert dataset.image_shape == (4, 5)
    assert dataset.class_names == ("a", "b", "c")
    assert dataset.train.X.dtype == np.float32
    np.testing.assert_array_equal(dataset.validation.y, contents["train_labels"][5:])
    np.testing.assert_allclose(dataset.test.X, contents["test_images"].reshape(3, 20) / 255, rtol=1e-6)


def test_a_label_beyond_the_classes_is_refused(written):
    with pytest.raises(ValueError, match="label 2; there are 2 classes"):
        load_idx_dataset("tiny", written[1], "ab", "made up", n_train=5)


def test_too_few_images_are_refused(written):
    with pytest.raises(ValueError, match="more than 7 are needed"):
        load_idx_dataset("tiny", written[1], "abc", "made up", n_train=7)


def test_images_without_their_labels_are_refused(written):
    files = written[1]
    swapped = IdxFiles(files.train_images, files.test_labels, files.test_images, files.train_labels)
    with pytest.raises(ValueError, match="are not images"):
        load_idx_dataset("tiny", swapped, "abc", "made up", n_train=5)


def test_mnist_of_another_origin_is_refused(data_directory):
    (data_directory / "mnist").mkdir()
    name = mnist.FILES.train_images.path.removesuffix(".gz")
    (data_directory / name).write_bytes(to_idx(np.zeros((60_000, 2, 2), dtype=np.uint8)))
    with pytest.raises(ValueError, match="not the published file"):
        load("mnist")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_an_absent_set_is_not_found(data_directory, name):
    with pytest.raises(DatasetNotFound, match="train-images-idx3-ubyte"):
        load(name, download=False)
