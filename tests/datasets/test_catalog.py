import pytest

from hardzero.datasets import load, names
from hardzero.datasets.catalog import canonical_name, is_named
from hardzero.datasets.file_format import ENDINGS, SNIFFED_ENDINGS


def test_every_named_set_has_its_loader():
    from importlib import import_module

    from hardzero.datasets.catalog import LOADERS

    assert names() == tuple(LOADERS)
    for name, loader in LOADERS.items():
        assert callable(getattr(import_module(f"hardzero.datasets.{name}"), loader))


def test_the_endings_that_are_read_are_listed():
    for ending in filter(None, (*ENDINGS, *SNIFFED_ENDINGS)):
        assert f"``{ending}``" in load.__doc__


def test_names_are_told_from_paths(tmp_path):
    for name in ("digits", "Fashion-MNIST", "emnist_byclass:deformed", "ratings:movie,tweet"):
        assert is_named(name)
    for path in ("mnits", "digits.csv", "./digits", "folder/digits", tmp_path / "digits", ""):
        assert not is_named(path)


@pytest.mark.parametrize(("written", "name"), [
    ("MNIST", "mnist"),
    ("Fashion-MNIST", "fashion_mnist"),
    ("EMNIST-byclass:Deformed", "emnist_byclass:deformed"),
    ("ratings:movie, tweet", "ratings:movie,tweet"),
    ("./MNIST", "./MNIST"),
    ("My-Table.csv", "My-Table.csv"),
])  # fmt: skip
def test_a_name_has_one_spelling(written, name):
    assert canonical_name(written) == name


@pytest.mark.parametrize("name", ["mnits", "mnits:deformed"])
def test_a_misspelt_name_is_corrected(name):
    with pytest.raises(ValueError, match="Did you mean 'mnist'"):
        load(name)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        load(tmp_path / "nowhere.csv")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        load(tmp_path)


def test_options_of_files_are_refused_for_named_sets():
    with pytest.raises(ValueError, match=r"target=, seed= cannot be chosen for the named data set 'digits'"):
        load("digits", target="digit", seed=3)


def test_options_a_named_set_does_not_know_are_refused():
    with pytest.raises(ValueError, match="'digits' does not take these options"):
        load("digits", deformed=True)


def test_variants_a_named_set_does_not_have_are_refused():
    with pytest.raises(ValueError, match="'digits' has no variants"):
        load("digits:even")


def test_unknown_options_are_refused_for_files(write):
    with pytest.raises(TypeError, match="domains"):
        load(write("a.csv", "a,y\n1,2\n"), domains=["movie"])


def test_a_path_named_like_a_set_is_read_as_a_file(tmp_path, monkeypatch, write):
    write("digits", "a,y\n" + "1,0\n2,1\n" * 5)
    monkeypatch.chdir(tmp_path)
    assert load("./digits").name == "digits"
    assert load("digits").n_features == 64
