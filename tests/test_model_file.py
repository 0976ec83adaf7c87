"""Models to and from files: the same bits back, and a clear error for every bad file."""

from __future__ import annotations

import builtins
import json
import os
import pickle
import stat
import warnings
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import hardzero
from hardzero import RectifierClassifier, RectifierRegressor
from hardzero.activations import ACTIVATIONS, Activation, LeakyIntegrateAndFire, Rectifier, Softplus
from hardzero.autoencoders import StackedDenoisingAutoencoder
from hardzero.model_file import FORMAT_VERSION, ModelFileError, describe, load, save
from hardzero.model_file.container import METADATA_KEY
from hardzero.model_file.values import decode_labels, decode_value, encode_labels, encode_value
from hardzero.network import Network

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 5)).astype(np.float32)
RANDOM_LABELS = RANDOM.permutation(np.arange(60) % 3)


def classifier(y=None, **parameters):
    y = np.arange(60) % 3 if y is None else y
    settings = {"hidden_layer_sizes": (8, 6), "max_iter": 3, "random_state": 0, "n_jobs": 1, "learning_rate": "cosine"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return RectifierClassifier(**{**settings, **parameters}).fit(X, y)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def saved(path):
    save(classifier(), path)
    return path


def rewrite(path, tensors=None, document=None):
    """Write the file again with changed arrays or a changed document."""
    old_tensors = safetensors.numpy.load_file(path)
    old_document = describe(path)
    tensors = {**old_tensors, **(tensors or {})}
    tensors = {name: array for name, array in tensors.items() if array is not None}
    metadata = document if isinstance(document, str) else json.dumps({**old_document, **(document or {})})
    path.write_bytes(safetensors.numpy.save(tensors, {METADATA_KEY: metadata}))


@pytest.mark.parametrize(
    "y",
    [
        np.arange(60) % 2,
        np.arange(60) % 3,
        np.arange(60) % 3 - 5.0,
        np.arange(60) % 2 == 0,
        np.array(["ant", "bee", "cæsar ☃"])[np.arange(60) % 3],
        np.array(["ant", "bee"], dtype=object)[np.arange(60) % 2],
        (np.arange(60) % 4).astype(np.uint8),
        np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0, np.arange(60) % 5 == 0], axis=1).astype(int),
    ],
    ids=["binary", "multiclass", "floats", "booleans", "text", "text objects", "uint8", "multilabel"],
)
def test_loaded_classifier_predicts_the_same_bits(y, path):
    model = classifier(y)
    model.save(path)
    loaded = hardzero.load(path)
    assert type(loaded) is RectifierClassifier
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.predict(X).dtype == model.predict(X).dtype
    assert loaded.classes_.dtype == model.classes_.dtype
    assert (loaded.transform(X) != model.transform(X)).nnz == 0


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_a_loaded_classifier_predicts_labels_as_sparse_as_the_saved_one(make, path):
    model = classifier(make((X[:, :3] > 0).astype(int)))
    save(model, path)
    predicted, expected = load(path).predict(X), model.predict(X)
    assert type(predicted) is type(expected)
    assert (predicted != expected).sum() == 0


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_loaded_regressor_predicts_the_same_bits(loss, n_targets, path):
    y = np.abs(X[:, :n_targets]) if n_targets > 1 else np.abs(X[:, 0])
    model = RectifierRegressor(loss, (8,), solver="lbfgs", max_iter=500, tol=1e-2, random_state=0).fit(X, y)
    save(model, path)
    np.testing.assert_array_equal(load(path).predict(X), model.predict(X))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_comes_back(name, path):
    model = classifier(activation=name)
    save(model, path)
    assert load(path).network_.hidden_layers[0].activation == model.network_.hidden_layers[0].activation
    np.testing.assert_array_equal(load(path).predict_proba(X), model.predict_proba(X))


def test_constants_of_activations_come_back(path):
    save(classifier(activation=Softplus(beta=np.float32(4.5))), path)
    assert load(path).activation == Softplus(beta=4.5)
    model = classifier(activation=LeakyIntegrateAndFire(refractory_time=0.1))
    save(model, path)
    assert load(path).network_.hidden_layers[1].activation == LeakyIntegrateAndFire(refractory_time=0.1)


def test_attributes_come_back(path):
    import pandas

    frame = pandas.DataFrame(X, columns=["height", "width", "b c", "ü", "e"])
    y = np.arange(60) % 3
    model = RectifierClassifier(
        (8, 6),
        max_iter=4,
        random_state=0,
        early_stopping=True,
        target_sparsity=(0.6, 0.7),
        class_weight={0: 2.0, 1: 1, 2: 1},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(frame, y)
    save(model, path)
    loaded = load(path)
    assert loaded.class_weight == {0: 2.0, 1: 1, 2: 1}
    assert loaded.target_sparsity == (0.6, 0.7)
    for name in (
        "n_features_in_",
        "n_outputs_",
        "n_layers_",
        "out_activation_",
        "n_iter_",
        "t_",
        "loss_",
        "best_loss_",
    ):
        assert getattr(loaded, name) == getattr(model, name), name
    for name in ("classes_", "feature_names_in_", "sparsity_", "sparsity_curve_", "loss_curve_", "validation_scores_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name), err_msg=name)
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"e": "f"}))


def test_arrays_have_plain_names_for_other_programs(saved):
    tensors = safetensors.numpy.load_file(saved)
    model = load(saved)
    assert sorted(tensors) == sorted(f"layers.{i}.{part}" for i in range(3) for part in ("weights", "bias"))
    np.testing.assert_array_equal(tensors["layers.1.weights"], model.coefs_[1])


def test_same_model_makes_same_bytes(path, tmp_path):
    save(classifier(), path)
    save(classifier(), tmp_path / "again")
    save(load(path), tmp_path / "resaved")
    assert path.read_bytes() == (tmp_path / "again").read_bytes() == (tmp_path / "resaved").read_bytes()


def test_networks_without_an_estimator(path):
    network = classifier().network_
    save(network, path)
    loaded = load(path)
    assert isinstance(loaded, Network)
    for layer, other in zip(loaded.parameters, network.parameters, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)


def test_notes(path):
    save(classifier(), path, notes={"test_error": 0.25, "data": ["digits"]})
    description = describe(path)
    assert description["notes"] == {"test_error": 0.25, "data": ["digits"]}
    assert description["kind"] == "RectifierClassifier"
    assert description["hardzero_version"] == hardzero.__version__
    with pytest.raises(ValueError, match="metadata must be plain JSON"):
        save(classifier(), path, notes={"test_error": float("nan")})
    with pytest.raises(ValueError, match="metadata must be plain JSON"):
        save(classifier(), path, notes={"object": object()})


def test_letters_of_every_alphabet_take_their_bytes_and_come_back(path):
    model, note = classifier(), "слово 語 ☃ 🙂" * 100
    save(model, path)
    size = path.stat().st_size
    save(model, path, notes={"text": note})
    assert describe(path)["notes"] == {"text": note}
    assert path.stat().st_size - size < 1.2 * len(note.encode())
    for strange in ('"quoted" \\ \n\x00\x7f\u2028', "\ud800"):
        save(model, path, notes={"text": note + strange})
        assert describe(path)["notes"] == {"text": note + strange}


def test_files_of_ascii_only_are_read(saved):
    document = json.dumps({**describe(saved), "notes": {"text": "слово"}})
    assert document.isascii()
    rewrite(saved, document=document)
    load(saved)
    assert describe(saved)["notes"] == {"text": "слово"}


def test_a_document_that_is_too_large_is_refused_with_a_remedy(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("hardzero.model_file.container._LARGEST_DOCUMENT", 10_000)
    with pytest.raises(ValueError, match=r"cannot write .*model\.safetensors: .*fewer words with max_features"):
        save(classifier(), saved, notes={"words": "a" * 10_000})
    assert saved.read_bytes() == before


@pytest.mark.parametrize(
    "model",
    [
        RectifierClassifier((8,), max_iter=2),
        RectifierRegressor(hidden_layer_sizes=(8,), max_iter=2),
        StackedDenoisingAutoencoder((8, 6), max_iter=2),
        hardzero.SparseAutoencoder(8, max_iter=2),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:target_activity was not reached")
def test_notes_stay_with_the_network(model, path):
    y = np.arange(60) % 3
    positive = np.abs(X)
    save(clone(model).fit(positive, y), path, notes={"feature_names": list("abcde")})
    load(path).partial_fit(positive, y).save(path)
    assert describe(path)["notes"] == {"feature_names": list("abcde")}
    load(path).save(path, notes={"mine": 1})
    assert describe(path)["notes"] == {"mine": 1}
    load(path).fit(positive, y).save(path)
    assert describe(path)["notes"] == {}


def test_a_network_keeps_its_notes(path):
    save(classifier(), path, notes={"mine": 1})
    save(load(path).network_, path)
    save(load(path), path)
    assert describe(path)["notes"] == {"mine": 1}


def test_a_failed_fit_takes_no_notes(path):
    save(classifier(), path, notes={"mine": 1})
    model = load(path)
    with pytest.raises(ValueError, match="only one class"):
        model.fit(X, np.zeros(60))
    save(model, path)
    assert describe(path)["notes"] == {"mine": 1}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_training_goes_on(solver, path):
    y = np.arange(60) % 3
    model = classifier(solver=solver, target_sparsity=0.6)
    save(model, path)
    loaded = load(path)
    with pytest.raises(ValueError, match="the cosine learning rate has fallen to 0 over max_iter=3 passes"):
        loaded.partial_fit(X, y)
    loaded.set_params(max_iter=6).partial_fit(X, y)
    assert len(loaded.loss_curve_) == len(model.loss_curve_) + 1
    assert loaded.t_ == model.t_ + len(X)
    assert not np.array_equal(loaded.coefs_[0], model.coefs_[0])
    warm = load(path).set_params(warm_start=True, max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm.fit(X, y)
    assert warm.loss_curve_[:3] == model.loss_curve_
    assert len(warm.loss_curve_) == 5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("parameters", [{}, {"target_sparsity": 0.6}, {"tol": 0.5, "n_iter_no_change": 2}], ids=str)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_warm_start_goes_on_as_in_the_live_model(early_stopping, parameters, path):
    model = classifier(max_iter=9, early_stopping=early_stopping, learning_rate_init=0.01, **parameters)
    save(model, path)
    live, loaded = (each.set_params(warm_start=True).fit(X, RANDOM_LABELS) for each in (model, load(path)))
    for ours, theirs in zip(loaded.coefs_, live.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in ("loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_", "n_iter_"):
        assert getattr(loaded, name) == getattr(live, name), name


def test_continued_plain_descent_equals_uninterrupted(path):
    y = np.arange(60) % 3
    model = RectifierClassifier((8,), solver="sgd", momentum=0.0, random_state=0, n_jobs=1)
    model.partial_fit(X, y, classes=[0, 1, 2])
    save(model, path)
    loaded = load(path)
    np.testing.assert_array_equal(loaded.partial_fit(X, y).coefs_[0], model.partial_fit(X, y).coefs_[0])


def test_what_cannot_be_saved(path):
    with pytest.raises(ValueError, match="not fitted"):
        save(RectifierClassifier(), path)
    with pytest.raises(ValueError, match="cannot save a dict"):
        save({}, path)
    mixed = classifier()
    mixed.classes_ = np.array([1, "two", 3.0], dtype=object)
    with pytest.raises(ValueError, match="convert y to integers"):
        save(mixed, path)
    mixed.classes_ = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="datetime64"):
        save(mixed, path)

    class Own(Rectifier):
        pass

    own = classifier(activation=Own())
    with pytest.raises(ValueError, match="holds no code"):
        save(own, path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("fitted", "later", "message"),
    [
        ({}, {"alpha": -1.0}, "The 'alpha' parameter"),
        ({}, {"hidden_layer_sizes": [0]}, "hidden_layer_sizes must be > 0"),
        ({"activation_l1": 1e-4}, {"target_sparsity": 0.8}, "not both"),
        ({"target_sparsity": 0.6}, {"activation": "tanh"}, "needs an activation that makes exact zeros"),
        ({"target_sparsity": [0.6, 0.7]}, {"hidden_layer_sizes": 8}, "has 2 values for 1 hidden layers"),
        (
            {"pretraining": StackedDenoisingAutoencoder((8, 6), max_iter=1)},
            {"pretraining__alpha": -1.0},
            "The 'alpha' parameter of StackedDenoisingAutoencoder",
        ),
    ],
)
def test_parameters_that_no_file_is_loaded_with_are_not_saved(fitted, later, message, path):
    model = classifier(**fitted)
    save(model, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        save(model.set_params(**later), path)
    assert path.read_bytes() == before


def test_a_loss_with_other_outputs_is_not_saved(path):
    model = RectifierRegressor("squared_error", (8,), solver="lbfgs", max_iter=500, tol=1e-2).fit(X, np.abs(X[:, 0]))
    with pytest.raises(ValueError, match="identity outputs do not fit loss='poisson': set the loss back, or fit anew"):
        save(model.set_params(loss="poisson"), path)
    assert not path.exists()


def test_weights_that_are_not_finite_are_not_saved(saved):
    model = load(saved)
    before = saved.read_bytes()
    model.coefs_[1][0, 0] = np.inf
    with pytest.raises(ValueError, match=r"layers\.1\.weights holds values that are infinite or not a number"):
        save(model, saved)
    assert saved.read_bytes() == before


def test_validation_scores_of_predictions_that_overflowed_come_back(path):
    y = X[:, 0]
    held_out = X[:10].copy()
    held_out[0] = 3e38
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = RectifierRegressor("squared_error", (8,), max_iter=3, early_stopping=True, random_state=0, n_jobs=1)
        model.fit(X, y, validation=(held_out, y[:10]))
    assert np.isnan(model.validation_scores_).all()
    save(model, path)
    assert np.isnan(load(path).validation_scores_).all()
    assert len(load(path).validation_scores_) == len(model.validation_scores_)
    changed(path, training__validation_scores_=[0.5, None, 0.25])
    np.testing.assert_array_equal(load(path).validation_scores_, [0.5, np.nan, 0.25])


def test_classes_that_only_have_the_name_of_ours_are_refused(path):
    for name in ("Network", "SparseAutoencoder", "Pipeline"):
        with pytest.raises(ValueError, match=f"cannot save a {name} of .*: a model file holds one of"):
            save(type(name, (), {})(), path)


def test_a_random_state_object_is_left_out(path):
    save(classifier(random_state=np.random.RandomState(0)), path)
    assert load(path).random_state is None


# --- files that are no model files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"width,height\n1,2\n", "no hardzero model file"),
        (b"abc", "no hardzero model file"),
        (pickle.dumps({"a": 1}), "pickle"),
        (b"\x1f\x8b\x08\x00 gzip", "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\xff" * 8 + b"{" + b"x" * 100, "no hardzero model file"),
        ((10**7).to_bytes(8, "little") + b"{", "truncated"),
    ],
)
def test_foreign_files(content, what, path):
    path.write_bytes(content)
    for read in (load, describe):
        with pytest.raises(ModelFileError, match=what) as error:
            read(path)
        assert str(path) in str(error.value)


def test_more_foreign_files(path, tmp_path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights", b"0")
    with pytest.raises(ModelFileError, match="zip"):
        load(path)
    safetensors.numpy.save_file({"a": X}, path)
    with pytest.raises(ModelFileError, match="another program"):
        load(path)
    safetensors.numpy.save_file({"a": X}, path, {"format": "pt"})
    with pytest.raises(ModelFileError, match="another program"):
        load(path)
    with pytest.raises(ModelFileError, match="folder"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="needs pipes with names")
def test_a_model_from_a_pipe_must_be_a_file():
    read_end, write_end = os.pipe()
    os.close(write_end)
    for read in (load, describe):
        with pytest.raises(ModelFileError, match=f"/dev/fd/{read_end} is a pipe or a device: a model must be a file"):
            read(f"/dev/fd/{read_end}")
    os.close(read_end)


class Bomb:
    def __reduce__(self):
        return (builtins.exec, ("raise SystemExit('executed')",))


def test_pickles_are_not_executed(path):
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelFileError, match="pickle"):
        load(path)


def test_every_truncation_is_found(saved):
    content = saved.read_bytes()
    for length in {*range(0, 40), *range(40, len(content), 97), len(content) - 1}:
        saved.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            load(saved)


@settings(max_examples=150, deadline=None)
@given(position=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_a_valid_model(position, value, tmp_path_factory):
    folder = tmp_path_factory.mktemp("changed")
    content = bytearray(REFERENCE_BYTES())
    header_end = 8 + int.from_bytes(content[:8], "little")
    content[int(position * header_end)] = value
    path = folder / "model.safetensors"
    path.write_bytes(content)
    try:
        model = load(path)
    except ModelFileError:
        return
    assert model.predict(X).shape == (60,)


_REFERENCE: list[bytes] = []


def REFERENCE_BYTES():
    if not _REFERENCE:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            save(classifier(), f"{folder}/model")
            with open(f"{folder}/model", "rb") as file:
                _REFERENCE.append(file.read())
    return _REFERENCE[0]


def test_newer_format(saved):
    rewrite(saved, document={"format_version": FORMAT_VERSION + 1, "hardzero_version": "99.1"})
    with pytest.raises(ModelFileError, match=r"hardzero 99.1.*pip install --upgrade"):
        load(saved)


def changed(path, **parts):
    document = describe(path)
    for name, value in parts.items():
        place = document
        *folders, last = name.split("__")
        for folder in folders:
            place = place[int(folder) if folder.isdigit() else folder]
        place[int(last) if last.isdigit() else last] = value
    rewrite(path, document=document)


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"format_version": 0}, "no format version 0"),
        ({"format_version": "1"}, "no valid 'format_version'"),
        ({"format_version": True}, "no valid 'format_version'"),
        ({"kind": "os.system"}, "unknown kind of model 'os.system'"),
        ({"kind": None}, "no valid 'kind'"),
        ({"kind": "RectifierRegressor"}, "no parameter 'class_weight'"),
        ({"architecture": None}, "no architecture"),
        ({"architecture__n_features": 6}, r"layers.0.weights has shape \(5, 8\)"),
        ({"architecture__n_features": 10**15}, "layers.0.weights has shape"),
        ({"architecture__n_features": -1}, "size -1"),
        ({"architecture__n_outputs": 2.5}, "size 2.5"),
        ({"architecture__layers__0__n_units": 10**12}, "layers.0.weights has shape"),
        ({"architecture__layers": []}, "shape"),
        ({"architecture__layers": {}}, "no architecture"),
        ({"architecture__layers__0": "relu"}, "no architecture"),
        ({"architecture__output_activation": "identity"}, "do not fit identity outputs"),
        ({"architecture__output_activation": "__import__"}, "unknown output activation"),
        ({"architecture__output_activation": 3}, "no output activation"),
        ({"architecture__layers__0__activation": {"name": "evil", "constants": {}}}, "unknown activation 'evil'"),
        ({"architecture__layers__0__activation": {"name": "relu", "constants": {"a": 1}}}, "no such parameters"),
        ({"architecture__layers__0__activation": {"name": "softplus", "constants": {"beta": "1"}}}, "not describe"),
        ({"architecture__layers__0__activation": "relu"}, "not describe"),
        ({"parameters": []}, "parameters are missing"),
        ({"parameters__sudo": 1}, "no parameter 'sudo'"),
        ({"parameters__solver": "newton"}, "'solver'"),
        ({"parameters__activation": {"code": "print()"}}, "no form of a parameter"),
        ({"parameters__max_iter": {"dict": [1]}}, "no key with its value"),
        ({"parameters__max_iter": {"dict": [[{"dict": []}, 1]]}}, "cannot be a key"),
        ({"parameters__max_iter": {"dict": [[{"tuple": [[1]]}, 1]]}}, "cannot be used"),
        ({"parameters__target_sparsity": 0.5, "parameters__activation_l1": 0.5}, "not both"),
        ({"classes": [0, 1, 2]}, "type and a list"),
        ({"classes__values": [0, 1]}, "do not fit 3 outputs"),
        ({"classes__values": [0, 2, 1]}, "ascending order"),
        ({"classes__values": [0, 1, 1]}, "ascending order"),
        ({"classes__values": [0, 1, "2"]}, "do not have the type"),
        ({"classes__values": [0, 1, 10**30]}, "do not have the type"),
        ({"classes__dtype": "object"}, "do not have the type"),
        ({"classes__dtype": "O"}, "cannot have the type"),
        ({"classes__dtype": "<U999999999"}, "cannot have the type"),
        ({"classes__dtype": "i8,i8"}, "cannot have the type"),
        ({"label_type": "binary"}, "do not fit"),
        ({"label_type": "multilabel-indicator"}, "do not fit softmax"),
        ({"label_type": ["binary"]}, "no label type"),
        ({"sparse_labels": True}, "multiclass labels cannot have sparse_labels=True"),
        ({"sparse_labels": 0}, "cannot have sparse_labels=0"),
        ({"feature_names": ["a", "b"]}, "feature names"),
        ({"feature_names": [1, 2, 3, 4, 5]}, "feature names"),
        ({"training": None}, "record of training is missing"),
        ({"training__loss_curve_": ["a"]}, "invalid 'loss_curve_'"),
        ({"training__loss_curve_": [None]}, "invalid 'loss_curve_'"),
        ({"training__loss_curve_": [10**400]}, "cannot be used"),
        ({"training__validation_scores_": 3}, "invalid 'validation_scores_'"),
        ({"training__validation_scores_": ["a"]}, "invalid 'validation_scores_'"),
        ({"training__n_iter_": 1.5}, "invalid 'n_iter_'"),
        ({"training__sparsity_": [0.5]}, "invalid 'sparsity_'"),
        ({"training__sparsity_": [0.5, 1.5]}, "invalid 'sparsity_'"),
        ({"training__sparsity_curve_": [[0.5, 0.5], 3]}, "invalid 'sparsity_curve_'"),
        ({"training__penalty": {"coefficients": [-1.0, 0.0]}}, "invalid 'coefficients' in its 'penalty'"),
        ({"training__penalty": {"logs": [-1.0]}}, "invalid 'logs' in its 'penalty'"),
        ({"training__penalty": {"n_steps": [3]}}, "invalid 'n_steps' in its 'penalty'"),
        ({"training__penalty": {"smoothing": 1.0}}, "invalid 'penalty'"),
        ({"training__penalty": []}, "invalid 'penalty'"),
        ({"training__n_passes": -1}, "invalid 'n_passes'"),
        ({"training": {"__class__": "x"}}, "invalid '__class__'"),
    ],
)
def test_hostile_documents(parts, what, saved):
    changed(saved, **parts)
    with pytest.raises(ModelFileError, match=what) as error:
        load(saved)
    assert str(saved) in str(error.value)


def test_notes_that_are_no_object(saved):
    changed(saved, notes=[1])
    for read in (load, describe):
        with pytest.raises(ModelFileError, match="notes are not an object"):
            read(saved)


@pytest.mark.parametrize(
    "document", ["{", "[]", "3", '{"format_version": NaN}', "[" * 100_000, '{"format_version": ' + "1" * 10_000 + "}"]
)
def test_metadata_that_is_not_a_document(document, saved):
    rewrite(saved, document=document)
    with pytest.raises(ModelFileError, match="damaged"):
        load(saved)


@pytest.mark.parametrize(
    ("tensors", "what"),
    [
        ({"layers.1.weights": np.zeros((3, 3), np.float32)}, "layers.1.weights has shape"),
        ({"layers.1.bias": None}, "layers.1.bias is missing"),
        ({"layers.9.bias": np.zeros(3, np.float32)}, "layers.9.bias belongs to no layer"),
        ({"layers.0.bias": np.full(8, np.nan, np.float32)}, "not a number"),
        ({"layers.0.weights": np.full((5, 8), np.inf, np.float32)}, "infinite"),
        ({"layers.0.bias": np.zeros(8, np.float64)}, "type F64"),
        ({"layers.0.bias": np.zeros(8, np.int32)}, "type I32"),
    ],
)
def test_hostile_arrays(tensors, what, saved):
    rewrite(saved, tensors=tensors)
    with pytest.raises(ModelFileError, match=what):
        load(saved)


# --- atomic writing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_old_file_survives_failures(failure, call, saved, monkeypatch):
    before = saved.read_bytes()
    other = classifier(random_state=1)

    def fail(*arguments):
        raise failure

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(failure)):
        save(other, saved)
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        save(classifier(), tmp_path / "missing" / "model")
    with pytest.raises(ValueError, match="is a folder"):
        save(classifier(), tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="asks for the longest name as POSIX does")
def test_a_name_may_be_as_long_as_the_folder_takes(tmp_path):
    path = tmp_path / ("m" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    save(classifier(), path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="replaces an open file")
def test_a_model_that_is_replaced_while_it_is_read_comes_whole(saved, monkeypatch):
    expected, other, open_file = load(saved), classifier(random_state=1), safetensors.safe_open

    def replaced_once_open(*arguments, **names):
        opened = open_file(*arguments, **names)
        save(other, saved)
        return opened

    with monkeypatch.context() as patch:
        patch.setattr(safetensors, "safe_open", replaced_once_open)
        loaded = load(saved)
    assert (loaded.random_state, load(saved).random_state) == (0, 1)
    np.testing.assert_array_equal(loaded.coefs_[0], expected.coefs_[0])


@pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")
def test_modes_and_links_are_kept(saved, tmp_path):
    assert stat.S_IMODE(saved.stat().st_mode) & stat.S_IRUSR
    saved.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(saved)
    save(classifier(random_state=1), link)
    assert link.is_symlink()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o640
    assert load(saved).random_state == 1


# --- values ----------------------------------------------------------------------------------------------------------

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    PLAIN | st.builds(Softplus, st.floats(0.01, 100)),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(PLAIN, inner),
    max_leaves=20,
)


@given(VALUES)
def test_parameters_come_back(value):
    text = json.dumps(encode_value(value), allow_nan=False)
    decoded = decode_value(json.loads(text))
    assert decoded == value
    assert type(decoded) is type(value)


@given(st.sets(st.integers(-(2**63), 2**63 - 1)) | st.sets(st.floats(allow_nan=False, allow_infinity=False)))
def test_labels_come_back(labels):
    array = np.array(sorted(labels))
    decoded = decode_labels(json.loads(json.dumps(encode_labels(array))))
    assert decoded.dtype == array.dtype
    np.testing.assert_array_equal(decoded, array)


def test_activation_subclasses_are_not_mistaken_for_ours():
    assert all(issubclass(kind, Activation) for kind in ACTIVATIONS.values())
    with pytest.raises(TypeError, match="no form"):
        encode_value(object())


@pytest.mark.parametrize("activation", ["tanh", "softplus", "relu"])
def test_networks_trained_with_dropout_are_loaded(activation, tmp_path):
    X, y = np.random.default_rng(0).random((300, 20), dtype=np.float32), np.arange(300) % 3
    sparsity = {"target_sparsity": 0.1} if activation == "relu" else {}
    settings = {"hidden_dropout": 0.5, "max_iter": 8, "random_state": 0, **sparsity}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = RectifierClassifier((16,), activation, **settings).fit(X, y)
    model.save(tmp_path / "model")
    assert np.all(model.sparsity_curve_ >= 0)
    np.testing.assert_array_equal(load(tmp_path / "model").predict(X), model.predict(X))


def test_a_decayed_learning_rate_goes_on_from_the_file(tmp_path):
    X, y = np.random.default_rng(0).random((100, 5), dtype=np.float32), np.arange(100) % 2
    settings = {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling", "learning_rate_init": 0.1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = RectifierClassifier((8,), max_iter=5, shuffle=False, random_state=0, **settings).fit(X, y)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    for one in (model, loaded):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.coefs_[0], model.coefs_[0])


def test_training_goes_on_at_the_rate_that_an_adaptive_schedule_has_come_to(path):
    settings = {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1, "momentum": 0.0}
    model = classifier(**settings, max_iter=6, learning_rate_init=0.1)
    save(model, path)
    loaded = load(path)
    for each in (model, loaded):
        each.partial_fit(X, np.arange(60) % 3)
    assert loaded._trainer.optimizer.learning_rate.current == model._trainer.optimizer.learning_rate.current < 0.1
    document = describe(path)
    assert document["training"]["learning_rate"] > 0


def test_a_rate_set_after_training_replaces_the_one_an_adaptive_schedule_has_come_to(path):
    settings = {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1}
    save(classifier(**settings, max_iter=6, learning_rate_init=0.1).set_params(learning_rate_init=0.05), path)
    assert load(path)._trainer.optimizer.learning_rate.current == 0.05
