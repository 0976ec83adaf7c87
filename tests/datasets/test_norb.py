import gzip
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardzero.datasets import DatasetNotFound, load, norb
from hardzero.datasets.norb import MatrixReader, area_weights, reduce_images


def to_matrix(array):
    """Write an array in the matrix format: at least three dimensions, filled up with ones."""
    magic = {"uint8": 0x1E3D4C55, "int32": 0x1E3D4C54}[str(array.dtype)]
    written = (*array.shape, 1, 1)[: max(array.ndim, 3)]
    return struct.pack(f"<II{len(written)}I", magic, array.ndim, *written) + array.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5, dtype=np.int32),
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.arange(48, dtype=np.uint8).reshape(2, 2, 3, 4),
    ],
    ids=["vector", "matrix", "images"],
)
def test_the_matrix_format(tmp_path, array):
    path = tmp_path / "a.mat"
    path.write_bytes(to_matrix(array))
    with MatrixReader(path) as matrix:
        assert matrix.shape == array.shape
        np.testing.assert_array_equal(matrix.rows(1), array[:1])
        np.testing.assert_array_equal(matrix.rows(len(array) - 1), array[1:])


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "cut off"),
        (b"MATLAB 5.0 MAT-file", "magic number"),
        (struct.pack("<IIIII", 0x1E3D4C51, 3, 1, 1, 1), "magic number is 0x1e3d4c51"),
        (struct.pack("<II", 0x1E3D4C55, 200), "200 dimensions"),
        (to_matrix(np.arange(9, dtype=np.int32))[:-1], "cut off"),
    ],
)
def test_foreign_and_cut_files_are_refused(tmp_path, data, complaint):
    path = tmp_path / "a.mat"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=complaint), MatrixReader(path) as matrix:
        matrix.rows(matrix.shape[0])


def test_a_cut_gzip_file_is_refused(tmp_path):
    path = tmp_path / "a.mat.gz"
    path.write_bytes(gzip.compress(to_matrix(np.random.default_rng(0).integers(0, 99, 999, dtype=np.int32)))[:-50])
    with pytest.raises(ValueError, match=r"a\.mat\.gz"), MatrixReader(path) as matrix:
        matrix.rows(matrix.shape[0])


def test_a_damaged_gzip_file_is_refused(tmp_path):
    path = tmp_path / "a.mat.gz"
    packed = bytearray(gzip.compress(to_matrix(np.random.default_rng(0).integers(0, 99, 9999, dtype=np.int32))))
    packed[len(packed) // 2 :] = bytes(byte ^ 0xFF for byte in packed[len(packed) // 2 :])
    path.write_bytes(packed)
    with pytest.raises(ValueError, match=r"a\.mat\.gz cannot be unpacked"), MatrixReader(path) as matrix:
        matrix.rows(matrix.shape[0])


@given(st.integers(1, 60), st.integers(1, 60))
def test_area_weights_average(side, small):
    if small > side:
        side, small = small, side
    weights = area_weights(side, small)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=0), small / side, rtol=1e-4)


def test_reducing_by_a_whole_factor_is_the_mean_of_blocks():
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 96, 96), dtype=np.uint8)
    blocks = images.reshape(3, 2, 32, 3, 32, 3).mean(axis=(3, 5))
    assert np.abs(reduce_images(images) - blocks).max() <= 0.5001


@pytest.fixture
def written(data_directory, monkeypatch):
    """Two training files of 3 pairs, one gzipped, and one test file of 2."""
    random = np.random.default_rng(0)
    monkeypatch.setattr(norb, "TRAIN_FILES", norb.TRAIN_FILES[:2])
    monkeypatch.setattr(norb, "TEST_FILES", norb.TEST_FILES[:1])
    monkeypatch.setattr(norb, "N_TRAIN", 4)
    (data_directory / "norb").mkdir()
    contents = []
    for number, (images_file, labels_file) in enumerate((*norb.TRAIN_FILES, *norb.TEST_FILES)):
        n_pairs = 2 if number == 2 else 3
        images = random.integers(0, 256, (n_pairs, 2, 108, 108), dtype=np.uint8)
        labels = random.integers(0, 6, n_pairs, dtype=np.int32)
        contents.append((images, labels))
        for file, array in ((images_file, images), (labels_file, labels)):
            path = data_directory / file.path
            if number == 0:
                path.write_bytes(gzip.compress(to_matrix(array), 1))
            else:
                path.with_suffix("").write_bytes(to_matrix(array))
    return contents


def test_the_files_become_three_splits(written):
    dataset = load("norb")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [4, 2, 2]
    assert dataset.image_shape == (2, 32, 32)
    labels = np.concatenate([labels for _, labels in written])
    np.testing.assert_array_equal(np.concatenate([dataset.train.y, dataset.validation.y, dataset.test.y]), labels)
    expected = reduce_images(written[2][0]).reshape(2, -1) / 255
    np.testing.assert_allclose(dataset.test.X, expected, rtol=1e-6)
    assert abs(dataset.test.X.mean() - written[2][0].mean() / 255) < 0.01


def test_reduced_images_are_kept_and_used_again(written, cache, monkeypatch):
    first = load("norb")
    assert len(list((cache / "norb").glob("*.npy"))) == 3
    monkeypatch.setattr(norb, "_reduce_file", lambda path: pytest.fail(f"{path} was reduced again"))
    assert load("norb").checksum == first.checksum


def test_images_of_a_file_that_was_replaced_are_reduced_anew(written, data_directory):
    load("norb")
    path = data_directory / norb.TEST_FILES[0][0].path.removesuffix(".gz")
    images = 255 - written[2][0]
    replacement = path.with_name("new")
    replacement.write_bytes(to_matrix(images))
    os.utime(replacement, ns=(0, path.stat().st_mtime_ns + 10**9))
    replacement.replace(path)
    np.testing.assert_allclose(load("norb").test.X, reduce_images(images).reshape(2, -1) / 255, rtol=1e-6)


def test_images_without_labels_for_each_are_refused(written, data_directory):
    path = data_directory / norb.TEST_FILES[0][1].path.removesuffix(".gz")
    path.write_bytes(to_matrix(np.zeros(5, dtype=np.int32)))
    with pytest.raises(ValueError, match=r"2 pairs and .* 5 labels"):
        load("norb")


def test_labels_beyond_the_classes_are_refused(written, data_directory):
    path = data_directory / norb.TEST_FILES[0][1].path.removesuffix(".gz")
    path.write_bytes(to_matrix(np.array([0, 6], dtype=np.int32)))
    with pytest.raises(ValueError, match="outside 0 to 5"):
        load("norb")


def test_an_absent_file_is_reported_before_any_is_reduced(written, data_directory, monkeypatch):
    (data_directory / norb.TEST_FILES[0][0].path.removesuffix(".gz")).unlink()
    monkeypatch.setattr(norb, "_reduce_file", lambda path: pytest.fail("reduced"))
    with pytest.raises(DatasetNotFound, match="testing-01-dat"):
        load("norb", download=False)


def test_all_published_files_are_listed():
    names = [file.path for pair in (*norb.TRAIN_FILES, *norb.TEST_FILES) for file in pair]
    assert len(set(names)) == 24
    assert "norb/norb-5x46789x9x18x6x2x108x108-training-10-dat.mat.gz" in names
    assert "norb/norb-5x01235x9x18x6x2x108x108-testing-02-cat.mat.gz" in names
