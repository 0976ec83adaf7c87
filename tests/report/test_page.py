import re
import warnings
from html.parser import HTMLParser
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import bsr_array, coo_matrix, csr_array
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from hardzero import DenoisingAutoencoder, RectifierClassifier
from hardzero.analysis import prediction_cost
from hardzero.analysis.sparsity_frontier import FrontierPoint, SparsityFrontier
from hardzero.report import write_report
from hardzero.report.activity_section import class_section
from hardzero.report.figures import plotting
from hardzero.report.model_section import key_figures
from hardzero.report.training_section import training_section


class Outline(HTMLParser):
    """Gathers headings, images, cells and names of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.names, self.open = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.open.append(tag)
        if "id" in attributes:
            self.names.append(attributes["id"])

    def handle_data(self, data):
        if self.open and data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def headings(self):
        return [text for tag, text in self.texts if tag == "h2"]

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def outline(page):
    return Outline(page.read_text(encoding="utf-8"))


def test_every_section_is_there(outline):
    assert outline.headings() == [
        "The model",
        "Training",
        "Active units",
        "Units by class",
        "First layer",
        "Cost against dense",
        "Sparsity, accuracy and speed",
    ]


def test_score_on_the_page_is_the_score(page, classifier, digits):
    X, y = digits
    error = 100 * (1 - classifier.score(X[1200:], y[1200:]))
    assert f"<dd>{error:.2f} %</dd>" in page.read_text()
    zeros = np.average(classifier.measure_sparsity(X[1200:]), weights=[48, 32])
    assert f"<dd>{100 * zeros:.1f} %</dd>" in page.read_text()


def test_only_the_first_samples_are_shown(classifier, digits, tmp_path):
    X, y = digits
    write_report(classifier, tmp_path / "page.html", (X[1200:], y[1200:]), max_samples=70)
    html = (tmp_path / "page.html").read_text()
    assert "On 70 samples" in html
    assert f"<dd>{100 * (1 - classifier.score(X[1200:1270], y[1200:1270])):.2f} %</dd>" in html


def test_drawings_tell_the_zeros_at_the_end_and_the_work_that_they_save(page, classifier, digits):
    html = page.read_text()
    zeros = (f"layer {depth} {100 * share:.1f} %" for depth, share in enumerate(classifier.sparsity_curve_[-1], 1))
    assert f" to {', '.join(zeros)}." in html
    cost = prediction_cost(classifier, digits[0][1200:], batch_sizes=(1,))
    saved = 100 * (1 - cost.done_multiply_adds.sum() / cost.dense_multiply_adds.sum())
    assert f"leaves out {saved:.0f} % of the dense work" in html


def test_the_least_error_of_a_sweep_and_the_one_of_most_zeros_are_told(page):
    assert "Least error 2.05 at 0 % zeros; 4.2 at 90 %." in page.read_text()


def test_units_of_the_first_layer_are_ranked_by_how_often_they_fire(page, outline, classifier, digits):
    firing = 100 * (classifier.transform(digits[0][1200:], 0) != 0).mean(axis=0)
    ranked = [int(unit) for unit in np.argsort(-firing, kind="stable") if firing[unit] > 0]
    shown = re.findall(r"unit (\d+) · fires for ([\d.]+) %", page.read_text())
    assert shown == [(str(unit), f"{firing[unit]:.1f}") for unit in (*ranked[:6], *ranked[:-7:-1])]
    images = [image["alt"] for image in outline.all("img") if image["alt"].startswith("Weights of unit")]
    for (unit, _), alt in zip(shown, images, strict=True):
        largest = np.abs(classifier.coefs_[0][:, int(unit)]).max()
        assert alt == f"Weights of unit {unit} as an image; the largest is {largest:.2g} in absolute value"


def test_units_are_compared_by_the_share_of_each_class_for_which_they_fire(classifier, digits, tmp_path):
    X, y = digits
    write_report(classifier, tmp_path / "page.html", (X, y))
    told = re.findall(r"unit (\d+), fires for (\d+) % of class (\d)", (tmp_path / "page.html").read_text())
    assert len(told) == 2
    for depth, (unit, share, label) in enumerate(told):
        fires = classifier.transform(X, depth)[:, [int(unit)]] != 0
        assert share == f"{100 * fires[y == int(label)].mean():.0f}"


def test_only_settings_that_differ_are_listed(page):
    html = page.read_text()
    assert "target_sparsity" in html
    assert "momentum" not in html


def test_images_and_drawings_tell_what_they_show(outline):
    images = outline.all("img")
    assert len(images) > 20
    assert all(image["alt"] and image["src"].startswith("data:image/png") for image in images)
    assert any("Weights of unit" in image["alt"] for image in images)
    assert any(re.search("excites unit .* class", image["alt"]) for image in images)
    drawings = outline.all("svg")
    assert len(drawings) >= 9
    assert all(len(drawing["aria-label"]) > 30 and drawing["role"] == "img" for drawing in drawings)


def test_names_are_unique_and_all_references_resolve(page, outline):
    assert len(outline.names) == len(set(outline.names))
    references = re.findall(r'(?:url\(|href=")#([^")]+)', page.read_text())
    assert set(references) <= set(outline.names)


def test_nothing_is_fetched_and_nothing_runs(page, outline):
    html = page.read_text()
    assert not outline.all("script")
    assert not [url for url in re.findall(r'(?:src|href)="([^"]+)"', html) if not url.startswith(("data:", "#"))]
    assert not re.findall(r"url\((?!#)", html)
    assert "@import" not in html


def test_drawings_take_the_color_of_the_text(page):
    html = page.read_text()
    assert "currentColor" in html
    assert "#010203" not in html


def test_pyplot_is_left_as_it_was(classifier, tmp_path):
    before = plt.get_fignums(), plt.rcParams["text.color"]
    write_report(classifier, tmp_path / "page.html")
    assert (plt.get_fignums(), plt.rcParams["text.color"]) == before


def test_without_data_the_page_says_how_to_get_more(classifier, tmp_path):
    write_report(classifier, tmp_path / "page.html", title="A & <b>")
    html = (tmp_path / "page.html").read_text()
    assert Outline(html).headings() == ["The model", "Training"]
    assert "hardzero report MODEL DATA" in html
    assert "<h1>A &amp; &lt;b&gt;</h1>" in html


def test_regression(regressor, tmp_path):
    estimator, X, y = regressor
    write_report(estimator, tmp_path / "page.html", (X, y))
    html = (tmp_path / "page.html").read_text()
    assert "root mean squared error" in html
    assert "Units by class" not in html


def test_a_column_of_targets_gives_the_figures_of_the_same_targets_in_one_axis(regressor):
    estimator, X, y = regressor
    assert key_figures(estimator, X, y[:, np.newaxis]) == key_figures(estimator, X, y)


def test_a_column_of_classes_is_taken_for_classes(classifier, digits, tmp_path):
    X, y = digits
    write_report(classifier, tmp_path / "page.html", (X[:100], y[:100, np.newaxis]))
    assert "Units by class" in Outline((tmp_path / "page.html").read_text()).headings()


def test_the_epoch_that_is_kept_is_marked():
    # Before the target for the zeros was in force, the score was higher.
    curves = {"loss_curve_": [4.0, 3.0, 2.0, 1.5, 1.0], "validation_scores_": [0.9, 0.7, 0.8, 0.8, 0.75]}
    for best, n_iter, marked in ((0.8, 5, "kept: 0.8 in epoch 4"), (None, 5, "kept: 0.9 in epoch 1")):
        with plotting():
            section = training_section(SimpleNamespace(**curves, best_validation_score_=best, n_iter_=n_iter))
        assert marked in section.figures[1].picture


def test_losses_of_zero_are_shown_as_they_are():
    with plotting():
        section = training_section(SimpleNamespace(loss_curves_=[[0.0, 0.1]], sparsity_curves_=[[0.5, 0.6]]))
    assert ">training loss</text>" in section.figures[0].picture


def test_zeros_alone_are_drawn_below_the_top():
    with plotting(), warnings.catch_warnings(action="error"):
        training_section(SimpleNamespace(loss_curves_=[[2.0, 1.0]], sparsity_curves_=[[1.0, 1.0]]))
        assert plt.gca().get_ylim() == (0.0, 102.0)


def test_curves_of_one_epoch_are_marked_and_the_target_is_not():
    curves = {"loss_curves_": [[2.0], [2.0, 1.0]], "sparsity_curves_": [[0.5], [0.5, 0.6]]}
    with plotting():
        section = training_section(SimpleNamespace(**curves, target_sparsity=0.7))
        assert [line.get_marker() for line in plt.gca().get_lines()] == ["o", "None", "None"]
        alone = training_section(SimpleNamespace(**curves))
    assert "after the shift of the biases" in section.figures[1].caption
    assert "after the shift of the biases" not in alone.figures[1].caption


def test_a_network_that_no_epoch_of_a_warm_start_improved_is_named():
    curves = {"loss_curve_": [4.0, 3.0, 2.0, 1.5], "validation_scores_": [0.9, 0.8, 0.7, 0.6]}
    with plotting():
        section = training_section(SimpleNamespace(**curves, best_validation_score_=0.8, n_iter_=2))
    validation = section.figures[1]
    assert "the network before the last 2 epochs is kept, which scores 0.8" in validation.caption
    assert "kept: " not in validation.picture


def test_a_network_without_hidden_layers(digits, tmp_path):
    X, y = digits
    linear = RectifierClassifier((), max_iter=3, random_state=0).fit(X[:300], y[:300])
    for data in (None, (X[300:400], y[300:400])):
        write_report(linear, tmp_path / "page.html", data)
        html = (tmp_path / "page.html").read_text()
        assert Outline(html).headings() == ["The model", "Training"]
        assert "exactly zero" not in html


def test_dollars_in_names_of_classes_begin_no_formula(tmp_path):
    X = np.random.default_rng(0).random((60, 4))
    y = np.where(X[:, 0] > 0.5, "$5_to_$10", "$10-$20")
    classifier = RectifierClassifier((8,), max_iter=2, random_state=0).fit(X, y)
    write_report(classifier, tmp_path / "page.html", (X, y))
    html = (tmp_path / "page.html").read_text()
    for name in ("$5_to_$10", "$10-$20"):
        assert html.count(f">{name}</text>") == 2


@pytest.mark.parametrize("missing", [[], [3]])
def test_names_are_those_of_the_classes_of_the_model(classifier, digits, missing):
    X, y = digits
    rows = np.flatnonzero(~np.isin(y, missing))[:200]
    names = [f"the class of the digit {digit}" for digit in range(10)]
    with plotting():
        section = class_section(classifier, X[rows], y[rows], names)
    for digit in range(10):
        assert (f">the class of…it {digit}</text>" in section.figures[0].picture) == (digit not in missing)


def test_a_layer_of_dead_units_has_no_map(digits):
    X, y = digits
    classifier = RectifierClassifier((8, 4), max_iter=2, random_state=0).fit(X[:200], y[:200])
    for layer, n_maps in ((1, 1), (0, 0)):
        classifier.network_.hidden_layers[layer].parameters.bias[:] = -1e6
        with plotting(), warnings.catch_warnings(action="error"):
            section = class_section(classifier, X[:200], y[:200], None)
        assert (len(section.figures) if section else 0) == n_maps


def test_samples_and_targets_may_be_a_list(regressor, tmp_path):
    estimator, X, y = regressor
    write_report(estimator, tmp_path / "page.html", [X, y])
    assert "root mean squared error" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("kind", [lambda X, y: X, lambda X, y: (X,), lambda X, y: [X, y, y]])
def test_data_of_another_kind_are_refused(classifier, digits, tmp_path, kind):
    with pytest.raises(ValueError, match=r"dataset must be \(X, y\)"):
        write_report(classifier, tmp_path / "page.html", kind(*digits))


@pytest.mark.parametrize("image_shape", [(8, 9), (64,), (1, 1, 8, 8), 64])
def test_a_shape_that_does_not_fit_is_refused(classifier, digits, tmp_path, image_shape):
    with pytest.raises(ValueError, match="does not fit"):
        write_report(classifier, tmp_path / "page.html", (digits[0], None), image_shape=image_shape)
    assert not list(tmp_path.iterdir())


def test_sparse_input_and_samples_without_targets(classifier, digits, tmp_path):
    write_report(classifier, tmp_path / "page.html", (csr_array(digits[0]), None), image_shape=(8, 8))
    headings = Outline((tmp_path / "page.html").read_text()).headings()
    assert headings == ["The model", "Training", "Active units", "First layer", "Cost against dense"]


@pytest.mark.parametrize("kind", [bsr_array, coo_matrix])
def test_sparse_formats_that_cannot_be_sliced(regressor, tmp_path, kind):
    estimator, X, y = regressor
    write_report(estimator, tmp_path / "page.html", (kind(X), y), max_samples=50)
    assert "On 50 samples" in (tmp_path / "page.html").read_text()


def test_color_images(tmp_path):
    generator = np.random.default_rng(0)
    X, y = generator.random((60, 3 * 4 * 4)), np.arange(60) % 2
    classifier = RectifierClassifier((8,), max_iter=2, random_state=0).fit(X, y)
    write_report(classifier, tmp_path / "page.html", (X, y), image_shape=(3, 4, 4))
    assert "Weights of unit" in (tmp_path / "page.html").read_text()


def test_autoencoder_is_shown_with_reconstructions(digits, tmp_path):
    from hardzero.autoencoders import StackedDenoisingAutoencoder

    X = digits[0]
    autoencoder = StackedDenoisingAutoencoder((32, 16), max_iter=3, random_state=0).fit(X[:1200])
    write_report(autoencoder, tmp_path / "page.html", (X[1200:], None), image_shape=(8, 8))
    html = (tmp_path / "page.html").read_text()
    assert Outline(html).headings() == ["The model", "Training", "Active units", "First layer", "Reconstructions"]
    assert f"<dd>{autoencoder.reconstruction_error(X[1200:]):.4g}</dd>" in html
    assert 'alt="Reconstruction of input 12"' in html
    for row in ("encoder 1", "encoder 2", "decoder 2", "decoder 1"):
        assert f'<th scope="row">{row}</th>' in html
    assert "Lines: exact zeros over training" in html


def test_names_of_features_are_kept_up_to_reconstructions(tmp_path, recwarn):
    X = pd.DataFrame(np.random.default_rng(0).random((30, 16))).add_prefix("pixel")
    autoencoder = DenoisingAutoencoder(8, max_iter=1, random_state=0).fit(X)
    write_report(autoencoder, tmp_path / "page.html", (X, None), image_shape=(4, 4))
    assert "Reconstructions" in Outline((tmp_path / "page.html").read_text()).headings()
    assert not list(recwarn)


def test_missing_labels_are_refused_where_the_page_shows_labels(tmp_path):
    X = np.random.default_rng(0).random((20, 4))
    labels = ["a", float("nan"), "b", "a"] * 5
    classifier = RectifierClassifier((4,), max_iter=1, random_state=0).fit(X, ["a", "b"] * 10)
    autoencoder = DenoisingAutoencoder(4, max_iter=1, random_state=0).fit(X)
    for missing in (labels, pd.Series(labels), np.array(labels, dtype=object)):
        for model, class_names in ((classifier, None), (autoencoder, ["a", "b"])):
            with pytest.raises(ValueError, match="y contains missing values, the first in row 1"):
                write_report(model, tmp_path / "page.html", (X, missing), class_names=class_names)
        write_report(autoencoder, tmp_path / "page.html", (X, missing))


@pytest.mark.parametrize("tied_weights", [False, True])
def test_all_parameters_of_an_autoencoder_count(digits, tied_weights):
    from hardzero.autoencoders import StackedDenoisingAutoencoder
    from hardzero.report.model_section import key_figures, model_section

    stack = StackedDenoisingAutoencoder((32, 16), max_iter=1, tied_weights=tied_weights, random_state=0)
    stack.fit(digits[0][:300])
    rows = {row[0]: (row[1], row[2], row[3]) for row in model_section(stack).tables[0].rows}
    n_decoder_weights = 0 if tied_weights else 1
    assert rows == {
        "encoder 1": ("32", "relu", f"{64 * 32 + 32:,}"),
        "encoder 2": ("16", "relu", f"{32 * 16 + 16:,}"),
        "decoder 2": ("32", "softplus", f"{n_decoder_weights * 16 * 32 + 32:,}"),
        "decoder 1": ("64", "softplus", f"{n_decoder_weights * 32 * 64 + 64:,}"),
    }
    total = sum(int(row[2].replace(",", "")) for row in rows.values())
    shown = key_figures(stack, None, None)[-1].value
    assert shown == (f"{total / 1e3:.1f} k" if total >= 10_000 else f"{total:,}")


def test_dictionary_is_shown_with_its_atoms(digits, tmp_path):
    from hardzero.sparse_autoencoder import SparseAutoencoder

    X = digits[0]
    dictionary = SparseAutoencoder(100, target_activity=0.05, selection="top_k", max_iter=3, random_state=0)
    dictionary.fit(X[:1200])
    write_report(dictionary, tmp_path / "page.html", (X[1200:], None), image_shape=(8, 8))
    html = (tmp_path / "page.html").read_text()
    headings = ["The model", "Training", "Active units", "First layer", "Atoms", "Reconstructions"]
    assert Outline(html).headings() == headings
    uses = np.asarray((dictionary.transform(X[1200:]) != 0).sum(axis=0)).ravel()
    assert f"{np.count_nonzero(uses)} of 100 atoms are used by some of {len(X) - 1200} samples" in html
    best = int(uses.argmax())
    assert f'alt="Atom {best} as an image, used by {100 * uses[best] / (len(X) - 1200):.1f} % of samples;' in html
    assert html.count('alt="Atom ') == 48
    write_report(dictionary, tmp_path / "page.html", (X[1200:], None))
    html = (tmp_path / "page.html").read_text()
    assert "atoms are used by some of" in html
    assert 'alt="Atom ' not in html


def test_text_model(tmp_path):
    from hardzero.text import TextModel

    texts = [f"{mood} film number {index}" for index in range(30) for mood in ("good", "bad")]
    y = ["+", "-"] * 30
    model = TextModel(RectifierClassifier((8,), solver="lbfgs", random_state=0)).fit(texts, y)
    write_report(model, tmp_path / "page.html", (np.array(texts, dtype=object), y))
    html = (tmp_path / "page.html").read_text()
    assert "<h1>TextModel</h1>" in html
    assert "Active units" in html
    assert f"<dd>{100 * (1 - model.score(texts, y)):.2f} %</dd>" in html


def test_data_set_brings_its_test_part_names_and_shape(classifier, digits, tmp_path):
    X, y = digits

    class Split(SimpleNamespace):
        def __len__(self):
            return len(self.y)

    split = Split(X=X[1200:], y=y[1200:])
    names = [f"digit {label}" for label in range(10)]
    data = SimpleNamespace(
        test=split, validation=None, train=None, name="numbers", image_shape=(8, 8), class_names=names
    )
    write_report(classifier, tmp_path / "page.html", data)
    html = (tmp_path / "page.html").read_text()
    assert "RectifierClassifier on numbers" in html
    assert "digit 7" in html
    assert "First layer" in html


def test_sweep_from_a_file(classifier, sweep, tmp_path):
    sweep.save(tmp_path / "sweep.json")
    write_report(classifier, tmp_path / "page.html", sweep=tmp_path / "sweep.json")
    assert "Sparsity, accuracy and speed" in (tmp_path / "page.html").read_text()


def test_targets_of_a_sweep_are_shown_to_their_last_digit(classifier, tmp_path):
    points = [FrontierPoint(target, 0, [target], 2.0, 20.0, 2.0, 1.0) for target in (0.55, 0.98, 0.985, 0.995)]
    write_report(classifier, tmp_path / "page.html", sweep=SparsityFrontier(points, "test error (%)"))
    html = (tmp_path / "page.html").read_text()
    for target in ("55", "98", "98.5", "99.5"):
        assert f'<th scope="row">{target} %</th>' in html
    assert "nan" not in html


def test_a_failure_leaves_the_old_page(classifier, digits, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="features"):
        write_report(classifier, path, (digits[0][:, :5], digits[1]))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda network, X, y: make_pipeline(MaxAbsScaler().fit(X), network),
        lambda network, X, y: FrozenEstimator(network),
        lambda network, X, y: LogisticRegression(max_iter=1).fit(X, y),
        lambda network, X, y: make_pipeline(CountVectorizer(), LogisticRegression()).fit(["up", "down"], [0, 1]),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_models_of_another_library_are_refused(classifier, digits, tmp_path, wrap):
    model = wrap(classifier, *digits)
    with pytest.raises(ValueError, match=f"a page needs .* not a {type(model).__name__}: .* give the fitted network"):
        write_report(model, tmp_path / "page.html", digits)


def test_bad_arguments(classifier, digits, tmp_path):
    X, y = digits
    with pytest.raises(ValueError, match="not a Network"):
        write_report(classifier.network_, tmp_path / "page.html")
    with pytest.raises(NotFittedError):
        write_report(RectifierClassifier(), tmp_path / "page.html")
    with pytest.raises(ValueError, match="must agree"):
        write_report(classifier, tmp_path / "page.html", (X, y[:-1]))
    with pytest.raises(ValueError, match="no samples"):
        write_report(classifier, tmp_path / "page.html", (X[:0], y[:0]))
    with pytest.raises(ValueError, match="cannot read the sweep"):
        write_report(classifier, tmp_path / "page.html", sweep=tmp_path / "missing.json")
    with pytest.raises(ValueError, match="no folder"):
        write_report(classifier, tmp_path / "missing" / "page.html")
