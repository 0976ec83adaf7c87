import numpy as np
import pytest

from hardzero.analysis import active_set_overlap
from hardzero.analysis.measures import jaccard
from hardzero.analysis.perturbations import add_noise, mask, shift

from .conftest import network_of


def test_nothing_changes_at_size_0(classifier, digits):
    result = active_set_overlap(classifier, digits[0], perturbations={"noise": [0], "masking": [0]})
    for point in result.points:
        assert (point.overlap, point.change, point.input_change) == (1, 0, 0)


def test_overlap_falls_as_noise_grows_and_stays_above_chance(classifier, digits):
    frame = active_set_overlap(classifier, digits[0], perturbations={"noise": [0.05, 0.2, 0.8]}).to_frame()
    for _, layer in frame.groupby("layer"):
        assert layer["overlap"].is_monotonic_decreasing
        assert layer["change"].is_monotonic_increasing
        assert layer["overlap"].iloc[0] > layer["chance_overlap"].iloc[0]


def test_masking_everything_leaves_the_silent_network(signs):
    result = active_set_overlap(signs, [[1.0, 2.0], [3.0, 4.0]], perturbations={"masking": [1.0]})
    assert result.points[0].overlap == 0
    assert result.points[0].change == pytest.approx(1)
    assert result.points[0].chance_overlap == 1


def test_chance_overlap_does_not_depend_on_the_order_of_the_rows():
    by_class = np.repeat(np.eye(4), 50, axis=0)
    result = active_set_overlap(network_of(np.eye(4)), by_class, perturbations={"noise": [0]}, max_samples=150)
    assert result.points[0].chance_overlap == pytest.approx(0.25, abs=0.1)


def test_the_standard_error_is_that_of_a_sample(signs):
    X = [[1.0, 2.0], [3.0, 4.0], [0.5, 2.0], [2.0, 1.0]]
    result = active_set_overlap(signs, X, perturbations={"masking": [0.5]})
    after = mask(np.asarray(X), 0.5, np.random.default_rng([0, 0]))
    overlaps = jaccard(signs_of(X), signs_of(after))
    assert result.points[0].overlap_error == pytest.approx(overlaps.std(ddof=1) / 2) != 0
    alone = active_set_overlap(signs, X[:1], perturbations={"masking": [0.5]})
    assert np.isnan(alone.points[0].overlap_error)


def signs_of(X):
    """Return what the network of that name makes of positive rows."""
    return np.asarray(X) > 0


def test_noise_has_the_size_asked_for():
    X = np.random.default_rng(0).normal(0, 3, (200, 50)).astype(np.float32)
    noise = add_noise(X, 0.5, np.random.default_rng(1)) - X
    assert noise.std() == pytest.approx(1.5, rel=0.02)


def test_masking_sets_that_part_to_zero():
    X = np.ones((200, 50), dtype=np.float32)
    assert mask(X, 0.25, np.random.default_rng(1)).mean() == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("image_shape", [(5, 5), (2, 5, 5)])
def test_shift_moves_every_image_by_whole_pixels(image_shape):
    image = np.zeros(image_shape, dtype=np.float32)
    image[..., 2, 2] = 1
    X = np.tile(image.ravel(), (40, 1))
    moved = shift(X, 2, np.random.default_rng(0), image_shape).reshape(40, *image_shape)
    places = {tuple(np.argwhere(one)[0][-2:]) for one in moved}
    assert places == {(0, 2), (4, 2), (2, 0), (2, 4)}
    assert shift(X, 9, np.random.default_rng(0), image_shape).sum() == 0


def test_image_shape_adds_shifts(classifier, digits):
    frame = active_set_overlap(classifier, digits[0], image_shape=(8, 8), max_samples=50).to_frame()
    assert set(frame["perturbation"]) == {"noise", "masking", "shift"}


@pytest.mark.parametrize("perturbations", [("noise", "masking"), {"noise": [0.1], "masking": [0.1]}])
def test_image_shape_adds_nothing_to_what_is_asked_for(classifier, digits, perturbations):
    result = active_set_overlap(classifier, digits[0], perturbations=perturbations, image_shape=(8, 8), max_samples=50)
    assert {point.perturbation for point in result.points} == {"noise", "masking"}


def test_plots(classifier, digits):
    result = active_set_overlap(classifier, digits[0], max_samples=50)
    assert "Jaccard" in result.plot().get_ylabel()
    labels = [text.get_text() for text in result.plot_change().get_legend().get_texts()]
    assert labels == ["layer 1", "layer 2", "noise", "masking"]


@pytest.mark.parametrize(
    ("one", "several"), [("noise", ["noise"]), ({"noise": 0.1}, {"noise": [0.1]})], ids=["a kind", "a size"]
)
def test_one_kind_and_one_size_are_taken_for_sequences_of_one(classifier, digits, one, several):
    results = [active_set_overlap(classifier, digits[0][:20], perturbations=part) for part in (one, several)]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("perturbations", "image_shape", "message"),
    [
        (["blur"], None, "unknown perturbation 'blur'"),
        (["shift"], None, "image_shape"),
        (["shift"], (5, 5), "does not fit"),
        (["shift"], (64,), r"give \(height, width\)"),
        (["noise"], 64, "does not fit"),
        (["noise"], (-8, -8), "does not fit"),
        (["noise"], (8.0, 8.0), "does not fit"),
        ("blur", None, "unknown perturbation 'blur'"),
        ({"noise": [-1]}, None, "not negative"),
        ({"noise": [np.inf]}, None, "finite"),
        ({"masking": [1.5]}, None, "fractions"),
        ({"shift": [0.5]}, (8, 8), "whole pixels"),
    ],
)
def test_bad_arguments(classifier, digits, perturbations, image_shape, message):
    with pytest.raises(ValueError, match=message):
        active_set_overlap(classifier, digits[0], perturbations=perturbations, image_shape=image_shape)
