import struct
import zipfile

import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

from hardzero.datasets import iterate_chunks, load, read_table
from hardzero.datasets.npz import read_image_shape
from hardzero.datasets.targets import is_labeled

X = np.arange(60.0).reshape(20, 3)
Y = np.arange(20) % 2


@pytest.fixture
def save(tmp_path):
    def save_arrays(**arrays):
        path = tmp_path / "a.npz"
        np.savez(path, **arrays)
        return path

    return save_arrays


def test_dense_samples(save):
    dataset = load(save(X=X, y=Y, feature_names=np.array(["a", "b", "c"])))
    assert dataset.feature_names == ("a", "b", "c")
    rows = np.concatenate([dataset.train.X, dataset.validation.X, dataset.test.X])
    np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], X.astype(np.float32))
    assert dataset.train.X.dtype == np.float32


NAMES = np.array(["a", "b", "c"])


def test_columns_are_found_by_name(save):
    path = save(X=X, y=Y, feature_names=NAMES)
    table = read_table(path, feature_names=["c", "a"], target="y")
    np.testing.assert_array_equal(table.X, X[:, [2, 0]])
    assert table.X.flags.c_contiguous
    assert (table.feature_names, table.unused_columns) == (("c", "a"), ("b",))
    chunks = [chunk for chunk, _ in iterate_chunks(path, 7, feature_names=["b", "c", "a"])]
    np.testing.assert_array_equal(np.concatenate(chunks), X[:, [1, 2, 0]])
    sparse = csr_array(X)
    path = save(data=sparse.data, indices=sparse.indices, indptr=sparse.indptr, shape=sparse.shape, feature_names=NAMES)
    np.testing.assert_array_equal(read_table(path, feature_names=["b", "a"]).X.toarray(), X[:, [1, 0]])


def test_columns_without_names_are_taken_by_their_position(save):
    np.testing.assert_array_equal(read_table(save(X=X), feature_names=["c", "b", "a"]).X, X)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["a", "b", "d"], "lacks 1 of the 3 feature columns of the model: c"),
        (["a", "b", "c", "d"], "has 3 features and 4 feature_names"),
        (["a", "b", "b"], "has a name twice"),
    ],
)
def test_columns_that_cannot_be_found_by_name_are_refused(save, names, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_table(save(X=X, feature_names=np.array(names)), feature_names=["a", "b", "c"])


SPLITS = {f"{name}_{part}": array for part in ("train", "validation", "test") for name, array in (("X", X), ("y", Y))}


@pytest.mark.parametrize("arrays", [{"X": X, "y": Y}, SPLITS], ids=["plain", "splits"])
def test_as_many_names_as_features_are_needed(save, arrays):
    with pytest.raises(ValueError, match="has 3 features and 2 feature_names; they must agree"):
        load(save(**arrays, feature_names=np.array(["a", "b"])))


def test_splits_of_the_file_have_named_columns(save):
    assert load(save(**SPLITS)).feature_names is None
    assert load(save(**SPLITS, feature_names=NAMES)).feature_names == ("a", "b", "c")


@pytest.mark.parametrize(("y", "missing"), [(Y, -1), (Y + 0.25, np.nan)], ids=["labels", "values"])
def test_unlabeled_samples_of_held_out_splits_go_into_training(save, y, missing):
    arrays = {**SPLITS, "y_train": y, "y_validation": y, "y_test": np.where(np.arange(20) < 5, missing, y)}
    dataset = load(save(**arrays), unlabeled=True)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [25, 20, 15]
    np.testing.assert_array_equal(dataset.test.X, X[5:])
    np.testing.assert_array_equal(dataset.test.y, y[5:])
    np.testing.assert_array_equal(dataset.train.X, np.concatenate([X, X[:5]]))
    np.testing.assert_array_equal(dataset.train.y[:20], y)
    np.testing.assert_array_equal(is_labeled(dataset.train.y), np.arange(25) < 20)


def test_a_held_out_split_needs_a_label(save):
    with pytest.raises(ValueError, match=r"every target of 'y_validation' .* is missing"):
        load(save(**{**SPLITS, "y_validation": np.full(20, -1)}), unlabeled=True)


def test_labels_that_are_texts(save):
    assert load(save(X=X, y=np.array(["no", "yes"])[Y])).class_names == ("no", "yes")


def test_labels_that_are_bytes(save):
    names = np.array(["a", "b", "ç"])
    path = save(X=X, y=np.char.encode(np.array(["nein", "für"])[Y]), feature_names=np.char.encode(names))
    dataset = load(path)
    assert dataset.class_names == ("für", "nein")
    assert dataset.feature_names == ("a", "b", "ç")
    chunks = [y for _, y in iterate_chunks(path, 7, target="y")]
    assert np.concatenate(chunks).tolist() == ["nein", "für"] * 10
    encoded = {name: np.char.encode(array.astype(str)) if name[0] == "y" else array for name, array in SPLITS.items()}
    assert load(save(**encoded)).class_names == ("0", "1")


def test_labels_in_another_encoding_are_refused(save):
    labels = np.char.encode(np.array(["nein", "für"])[Y], "latin-1")
    with pytest.raises(ValueError, match=r"array 'y' of .*a\.npz .* b'f\\xfcr' in row 2"):
        load(save(X=X, y=labels))
    with pytest.raises(ValueError, match=r"array 'y' of .*a\.npz .* in row 2"):
        load(save(X=X, y=np.column_stack([labels, labels])))


def test_images(save):
    assert load(save(X=np.zeros((20, 4, 5)), y=Y)).image_shape == (4, 5)
    assert load(save(X=np.zeros((20, 3, 4, 5)), y=Y)).image_shape == (3, 4, 5)


def test_csr_stays_csr(save):
    sparse = csr_array(X * (X % 2))
    dataset = load(save(data=sparse.data, indices=sparse.indices, indptr=sparse.indptr, shape=sparse.shape, y=Y))
    assert isinstance(dataset.train.X, csr_array)
    assert sum(split.X.nnz for split in (dataset.train, dataset.validation, dataset.test)) == sparse.nnz


def test_a_value_of_a_csr_matrix_may_be_stored_in_parts(save):
    whole = csr_array(X[:, :2])
    data, indices = np.repeat(whole.data / 2, 2), np.repeat(whole.indices, 2)
    parts = load(save(data=data, indices=indices, indptr=2 * whole.indptr, shape=whole.shape, y=Y))
    expected = load(save(data=whole.data, indices=whole.indices, indptr=whole.indptr, shape=whole.shape, y=Y))
    assert parts.checksum == expected.checksum


def test_a_matrix_saved_by_scipy_can_be_read_for_prediction(tmp_path):
    sparse = csr_array(X)
    save_npz(tmp_path / "a.npz", sparse)
    np.testing.assert_array_equal(read_table(tmp_path / "a.npz").X.toarray(), X)


def test_several_targets(save):
    dataset = load(save(X=X, y=np.column_stack([Y * 0.5, Y + 1.25])))
    assert dataset.target_names == ("y_1", "y_2")
    assert dataset.train.y.shape == (12, 2)


def test_several_targets_by_the_names_they_get(save):
    path = save(X=X, y=np.column_stack([Y * 0.5, Y + 1.25]))
    np.testing.assert_array_equal(read_table(path, target=["y_1", "y_2"]).y, np.column_stack([Y * 0.5, Y + 1.25]))
    chunks = list(iterate_chunks(path, 7, target=["y_1", "y_2"]))
    np.testing.assert_array_equal(np.concatenate([chunk[1] for chunk in chunks])[:, 0], Y * 0.5)
    assert load(path, target=("y_1", "y_2")).target_names == ("y_1", "y_2")
    with pytest.raises(ValueError, match=r"'y' of .*a\.npz has 2 columns"):
        load(path, target=["y_1", "y_2", "y_3"])
    with pytest.raises(ValueError, match="holds one target"):
        load(path, target=["y_2", "y_1"])


def test_the_target_by_name(save):
    assert load(save(X=X, age=X[:, 0] + 0.5), target="age").task == "regression"


def test_splits_of_the_file_are_kept(save):
    splits = {"train": 10, "validation": 6, "test": 4}
    arrays = {f"{k}_{name}": v[:n] for name, n in splits.items() for k, v in (("X", X), ("y", Y))}
    dataset = load(save(**arrays))
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [10, 6, 4]
    with pytest.raises(ValueError, match=r"brings its own splits, .* leave out target='age'"):
        load(save(**arrays), target="age")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"fractions": (0.8, 0.1, 0.1)}, "brings its own splits: leave out fractions=$"),
        ({"seed": 3}, "brings its own splits: leave out seed=$"),
        ({"ignore": ["id"]}, "has no named columns, as CSV and TSV files have: leave out ignore=$"),
        ({"text": 0, "fill_missing": True}, "has no named columns, .*: leave out text= and fill_missing=$"),
    ],
)
def test_splits_of_the_file_cannot_be_changed(save, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        load(save(**SPLITS), **options)


class Exploit:
    def __reduce__(self):
        return pytest.fail, ("code of the file was run",)


INFINITE = X.copy()
INFINITE[4, 1] = np.inf

BAD = [
    ({"y": Y}, "has no array 'X'; it holds y"),
    ({"X": X}, "no target array 'y'; it holds X|has no array 'y'"),
    ({"X": X, "y": Y[:5]}, r"shape \(5,\); one row for each of 20 samples"),
    ({"X": X.ravel(), "y": Y}, r"shape \(60,\)"),
    ({"X": X[:, :0], "y": Y}, r"shape \(20, 0\)"),
    ({"X": X.astype(str), "y": Y}, "features must be numbers"),
    ({"X": INFINITE, "y": Y}, "is inf in row 5, column 2"),
    ({"X": X * 1e38, "y": Y}, "must be finite and fit float32"),
    ({"X": X, "y": np.array([Exploit()] * 20, dtype=object)}, "holds Python objects"),
    ({"X": X, "y": np.where(Y, np.nan, 1.0)}, "target 'y' is missing in row 2 of a.npz"),
    ({"X": X, "y": np.zeros(20)}, "in all 20 rows"),
    ({"data": X[0], "indices": [0, 1, 9], "indptr": [0, 3], "shape": (1, 3), "y": Y[:1]}, "not a valid CSR matrix"),
    (
        {"X_train": X, "y_train": Y, "X_validation": X[:, :2], "y_validation": Y, "X_test": X, "y_test": Y},
        "different numbers",
    ),
]


@pytest.mark.parametrize(("arrays", "complaint"), BAD, ids=[case[1][:30] for case in BAD])
def test_bad_files_are_refused(save, arrays, complaint):
    with pytest.raises(ValueError, match=complaint):
        load(save(**arrays))


def test_a_cut_file_is_refused(save):
    path = save(X=X, y=Y)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"not an .npz file, or it is cut off"):
        load(path)


def damage(path, member, place=0.5):
    """Change bytes of a member of an archive, from its middle on or from another part of it on."""
    with zipfile.ZipFile(path) as archive:
        information = archive.getinfo(member)
    data = bytearray(path.read_bytes())
    header = information.header_offset
    lengths = struct.unpack_from("<HH", data, header + 26)
    start = header + 30 + sum(lengths)
    position = start + int(place * information.compress_size)
    data[position : position + 8] = bytes(byte ^ 0xFF for byte in data[position : position + 8])
    path.write_bytes(data)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("read", [load, lambda path: list(iterate_chunks(path, 500))], ids=["whole", "chunks"])
def test_a_damaged_array_is_named(tmp_path, write, read):
    path = tmp_path / "a.npz"
    # Of bytes, so that damaged values are values as well.
    write(path, X=np.random.default_rng(0).integers(0, 200, (2000, 3), dtype=np.uint8), y=np.arange(2000) % 2)
    damage(path, "X.npy")
    with pytest.raises(ValueError, match=r"array 'X' of .*a\.npz cannot be read"):
        read(path)


@pytest.mark.parametrize("read", [load, lambda path: list(iterate_chunks(path, 500))], ids=["whole", "chunks"])
def test_an_array_that_cannot_be_unpacked_is_named(tmp_path, read):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=X, y=Y)
    damage(path, "X.npy", place=0)
    with pytest.raises(ValueError, match=r"array 'X' of .*a\.npz cannot be read"):
        read(path)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_a_damaged_header_is_named(tmp_path, write):
    path = tmp_path / "a.npz"
    write(path, X=np.zeros((2, 1)))
    damage(path, "X.npy")
    with pytest.raises(ValueError, match=r"array 'X' of .*a\.npz cannot be read"):
        read_image_shape(path)


@pytest.mark.parametrize("chunk_rows", [1, 7, 20, 100])
def test_chunks_are_the_whole(save, chunk_rows):
    chunks = list(iterate_chunks(save(X=X, y=Y + 0.5), chunk_rows, target="y"))
    np.testing.assert_array_equal(np.concatenate([chunk[0] for chunk in chunks]), X)
    np.testing.assert_array_equal(np.concatenate([chunk[1] for chunk in chunks]), Y + 0.5)


def test_errors_in_chunks_name_the_row_of_the_file(save):
    with pytest.raises(ValueError, match="is inf in row 5, column 2"):
        list(iterate_chunks(save(X=INFINITE, y=Y), 3, target="y", task="classification"))


@pytest.mark.parametrize("read", [load, lambda path: list(iterate_chunks(path, 5))], ids=["whole", "chunks"])
def test_python_objects_are_refused_by_name(save, read):
    with pytest.raises(ValueError, match=r"array 'X' of .*a\.npz holds Python objects"):
        read(save(X=X.astype(object), y=Y))


def test_an_array_stored_by_columns_cannot_be_read_in_chunks(save):
    with pytest.raises(ValueError, match="ascontiguousarray"):
        list(iterate_chunks(save(X=np.asfortranarray(X)), 3))


def test_the_number_of_features_is_checked(save):
    with pytest.raises(ValueError, match="has 3 features; 4 are expected"):
        read_table(save(X=X), n_features=4)
