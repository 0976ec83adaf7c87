import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.datasets import dump_svmlight_file

from hardzero.datasets import iterate_chunks, load, read_table, scan_file

CONTENT = "1 1:2 3:4.5 # note\n-1 2:-1e-3\n\n# a remark\n1\n" * 5


def test_a_file_as_scikit_learn_writes_it(tmp_path):
    X = random_array((30, 12), density=0.3, format="csr", random_state=0, dtype=np.float32)
    y = np.arange(30) % 3
    for zero_based in (True, False):
        dump_svmlight_file(X, y, str(tmp_path / "a.svmlight"), zero_based=zero_based)
        table = read_table(tmp_path / "a.svmlight", target="target", n_features=12)
        np.testing.assert_allclose(table.X.toarray(), X.toarray(), rtol=1e-6)
        np.testing.assert_array_equal(table.y, y)


@pytest.mark.parametrize("name", ["a.svmlight", "a.libsvm", "a.svm", "a.svmlight.gz", "a.txt"])
def test_endings(write, name):
    dataset = load(write(name, CONTENT))
    assert isinstance(dataset.train.X, csr_array)
    assert dataset.n_features == 3
    assert dataset.class_names == ("-1", "1")


def test_values_are_a_regression(write):
    dataset = load(write("a.svmlight", "".join(f"{i}.5 1:{i}\n" for i in range(1, 20))))
    assert dataset.task == "regression"


BAD = [
    ("0 1:2\n1 2:x\n", "line 2 of a.svmlight is not in svmlight format"),
    ("0 1:2\n\n1;2;3\n", "line 3 of a.svmlight is not in svmlight format"),
    ("0 1:nan\n", "line 1 of a.svmlight is not in svmlight format"),
    ("0 3:1 1:2\n", "line 1 of a.svmlight do not increase"),
    ("0 1:1 1:2\n", "line 1 of a.svmlight do not increase"),
    ("# nothing\n", "has no samples"),
    ("0 1:2\n\n1 2:3 4:1e50\n", r"feature 4 is 1e\+50 in line 3 of a.svmlight"),
    ("1 1:2\n" * 9, "is 1 in all 9 rows"),
]


@pytest.mark.parametrize(("content", "complaint"), BAD)
def test_bad_files_are_refused(write, content, complaint):
    with pytest.raises(ValueError, match=complaint):
        load(write("a.svmlight", content))


def test_more_features_than_the_model_knows_are_refused(write):
    with pytest.raises(ValueError, match="up to number 3; 2 are expected"):
        read_table(write("a.svmlight", CONTENT), n_features=2)


def test_named_columns_are_for_tables(write):
    with pytest.raises(ValueError, match="as CSV and TSV files have: leave out text="):
        load(write("a.svmlight", CONTENT), text="text")


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_chunks_are_the_whole(write, chunk_rows):
    path = write("a.svmlight", CONTENT)
    whole = read_table(path, target="target")
    chunks = list(iterate_chunks(path, chunk_rows, target="target", classes=scan_file(path).classes))
    assert {chunk[0].shape[1] for chunk in chunks} == {3}
    np.testing.assert_array_equal(np.concatenate([chunk[0].toarray() for chunk in chunks]), whole.X.toarray())
    np.testing.assert_array_equal(np.concatenate([chunk[1] for chunk in chunks]), whole.y)


def test_indices_begin_where_the_reader_says(write):
    path = write("a.svmlight", "1 1:2 2:3\n0 2:4\n")
    assert read_table(path, n_features=3, first_index=0).X.toarray().tolist() == [[0, 2, 3], [0, 0, 4]]
    assert read_table(path, n_features=3, first_index=1).X.toarray().tolist() == [[2, 3, 0], [0, 4, 0]]
    assert [X.toarray().tolist() for X, _ in iterate_chunks(path, 1, first_index=0)] == [[[0, 2, 3]], [[0, 0, 4]]]
    assert scan_file(path, first_index=0).n_features == 3
    assert load(write("b.svmlight", CONTENT), first_index=0).n_features == 4


def test_indices_that_may_begin_at_0_or_1_are_refused(write):
    path = write("a.svmlight", "1 1:2 2:3\n0 2:4\n")
    with pytest.raises(ValueError, match=r"may begin at 0 or at 1: none is 0, and they go up to 2 where 3 features"):
        read_table(path, n_features=3)
    assert read_table(path, n_features=2).X.toarray().tolist() == [[2, 3], [0, 4]]
    assert read_table(write("b.svmlight", "1 0:1\n"), n_features=3).X.toarray().tolist() == [[1, 0, 0]]
    assert read_table(write("c.svmlight", "1\n0\n"), n_features=3).X.toarray().tolist() == [[0, 0, 0]] * 2


def test_a_first_index_that_cannot_be_is_refused(write):
    with pytest.raises(ValueError, match="has the index 0, but its indices should begin at 1"):
        read_table(write("a.svmlight", "1 0:1\n"), first_index=1)
    with pytest.raises(ValueError, match="first_index is 2; it must be 0, 1 or None"):
        read_table(write("a.svmlight", "1 2:1\n"), first_index=2)
    with pytest.raises(ValueError, match="first_index= cannot be chosen for the named data set"):
        load("digits", first_index=0)
