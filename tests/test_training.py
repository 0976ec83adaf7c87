"""The fit loop: early stopping, interruption, divergence, schedules, going on, determinism, weights, output."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning

from hardzero import DenoisingAutoencoder, RectifierClassifier, RectifierRegressor, load
from hardzero.calibration import keep_out
from hardzero.training import REVIVAL_SAMPLES, EpochReport, TrainingDiverged

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:target_sparsity was not reached"
)


@pytest.fixture(scope="module")
def digits(digits):
    """The first 600 of them, which are enough here."""
    X, y = digits
    return X[:600], y[:600]


def small(**parameters):
    return RectifierClassifier(
        **{"hidden_layer_sizes": (32, 16), "max_iter": 5, "random_state": 0, "n_jobs": 1, **parameters}
    )


def parameters_of(estimator):
    return [array.copy() for array in [*estimator.coefs_, *estimator.intercepts_]]


def same_bits(first, second):
    return all(np.array_equal(a, b) for a, b in zip(parameters_of(first), parameters_of(second), strict=True))


class Interrupt:
    """A callback that acts as Ctrl-C after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def __call__(self, report):
        if report.epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_training_lowers_the_loss_and_learns_digits(digits, solver):
    rate = {"sgd": 0.1, "adam": 0.01}[solver]
    model = small(solver=solver, learning_rate_init=rate, max_iter=30).fit(*digits)
    assert model.loss_curve_[-1] < 0.1 < 1.0 < model.loss_curve_[0]
    assert model.score(*digits) > 0.98


def test_early_stopping_keeps_the_parameters_of_the_best_score(digits):
    seen = []
    model = small(early_stopping=True, learning_rate_init=0.01, max_iter=60, n_iter_no_change=8, random_state=1)

    def remember(report):
        seen.append(parameters_of(model))

    model.fit(*digits, callback=remember)
    assert len(model.validation_scores_) == len(seen) == model.n_iter_ < 60
    assert model.best_validation_score_ == max(model.validation_scores_)
    best = [i for i, score in enumerate(model.validation_scores_) if score == model.best_validation_score_]
    assert best[-1] < len(seen) - 1
    kept = parameters_of(model)
    assert any(all(np.array_equal(a, b) for a, b in zip(seen[epoch], kept, strict=True)) for epoch in best)
    assert model.best_loss_ is None


@pytest.mark.parametrize(
    ("scores", "best"), [([0.5, np.nan, 0.4, 0.3], 0), ([np.nan, 0.2, 0.4, 0.3], 2), ([0.1, 0.2, np.nan, 0.2], 3)]
)
def test_a_score_that_is_not_a_number_is_never_the_best(digits, scores, best, monkeypatch):
    model, seen, coming = small(early_stopping=True, max_iter=4), [], iter(scores)
    monkeypatch.setattr(RectifierClassifier, "_validation_score", lambda *arguments: next(coming))
    model.fit(*digits, callback=lambda report: seen.append(parameters_of(model)))
    np.testing.assert_array_equal(model.validation_scores_, scores)
    assert model.best_validation_score_ == scores[best]
    np.testing.assert_array_equal(model.coefs_[0], seen[best][0])


def test_predictions_that_are_no_numbers_have_a_score_that_is_none(digits):
    X, y = digits
    regressor = RectifierRegressor(hidden_layer_sizes=8, early_stopping=True, max_iter=2, random_state=0)
    regressor.fit(X, y, validation=(X * np.float32(3e38), y))
    assert np.isnan(regressor.validation_scores_).all()
    assert np.isfinite(regressor.predict(X)).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_both_parts_of_early_stopping_have_their_share_of_each_class(n_classes):
    X = np.random.RandomState(0).random_sample((60, 4))
    y = np.arange(60) % (n_classes - 1)
    y[[7, 40]] = n_classes - 1
    settings = {"early_stopping": True, "validation_fraction": 0.5, "max_iter": 1}
    only_the_rare = dict.fromkeys(range(n_classes - 1), 0.0)
    for seed in range(10):  # a part without a row of the one class that has a weight is refused
        small(**settings, class_weight=only_the_rare, random_state=seed).fit(X, y)


def test_early_stopping_keeps_the_network_it_goes_on_from_if_no_epoch_is_better(digits):
    model = small(early_stopping=True, warm_start=True, max_iter=25, learning_rate_init=0.01).fit(*digits)
    kept = parameters_of(model)
    model.set_params(learning_rate_init=3.0, max_iter=2, solver="sgd").fit(*digits)
    assert max(model.validation_scores_[-2:]) < model.best_validation_score_
    assert all(np.array_equal(a, b) for a, b in zip(kept, parameters_of(model), strict=True))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_on_other_data_is_not_judged_by_what_the_earlier_reached(early_stopping):
    X = np.random.RandomState(0).standard_normal((600, 10)).astype(np.float32)
    easy, hard = X[:, 0] > 0, X[:, 0] * X[:, 1] > 0
    settings = {"early_stopping": early_stopping, "learning_rate_init": 0.03, "n_iter_no_change": 20}
    model = small(warm_start=True, max_iter=100, **settings).fit(X, easy).fit(X, hard)
    assert model.score(X, hard) > 0.9
    if early_stopping:
        held_out = model.validation_scores_[-model.n_iter_ :]
        assert model.best_validation_score_ == max(held_out)


def test_the_least_loss_is_that_of_the_curve_also_where_a_target_for_the_zeros_resets_progress(digits):
    model = small(target_sparsity=0.9, max_iter=8).fit(*digits)
    assert model.best_loss_ == min(model.loss_curve_)


def test_the_loss_is_that_of_the_last_epoch_and_not_the_least(digits):
    model = small(solver="sgd", learning_rate_init=2.0, max_iter=12).fit(*digits)
    assert model.loss_ == model.loss_curve_[-1] > model.best_loss_


def test_the_curve_has_the_penalty_on_the_weights_of_every_minibatch(digits):
    X, y = digits
    weights = np.linspace(1e-3, 1.0, len(y))
    settings = {"solver": "sgd", "learning_rate_init": 1e-30, "max_iter": 1, "batch_size": 50, "shuffle": False}
    with_penalty, without = (small(alpha=alpha, **settings).fit(X, y, weights) for alpha in (0.5, 0.0))
    squares = sum(float(np.square(layer, dtype=np.float64).sum()) for layer in without.coefs_)
    expected = np.mean([0.25 * squares / part.sum() for part in np.split(weights, 12)])
    assert with_penalty.loss_ - without.loss_ == pytest.approx(expected, rel=1e-4)


def test_training_stops_after_the_patience_without_progress(digits):
    model = small(tol=1e3, n_iter_no_change=3, max_iter=50).fit(*digits)
    assert model.n_iter_ == 5
    assert small(tol=1e3, n_iter_no_change=np.inf, max_iter=12).fit(*digits).n_iter_ == 12


def test_interruption_keeps_what_was_learned_with_a_warning(digits):
    model = small(max_iter=50)
    with pytest.warns(UserWarning, match=r"interrupted by user after 3 epochs.*last step.*kept"):
        model.fit(*digits, callback=Interrupt(3))
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert same_bits(model, small(max_iter=3).fit(*digits))
    assert model.predict(digits[0]).shape == (600,)


def test_interruption_keeps_the_best_epoch_of_early_stopping(digits):
    model = small(early_stopping=True, max_iter=50)
    with pytest.warns(UserWarning, match=r"parameters of the best epoch are kept"):
        model.fit(*digits, callback=Interrupt(4))
    assert model.n_iter_ == 4
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_interruption_in_the_first_epoch_leaves_a_usable_model(digits, monkeypatch):
    model = small()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("hardzero.training.Trainer._step", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user after 0 epochs"):
        model.fit(*digits)
    assert model.n_iter_ == 0
    assert model.loss_curve_ == []
    assert model.predict_proba(digits[0]).shape == (600, 10)


def test_interruption_of_lbfgs_keeps_the_best_parameters(digits, monkeypatch):
    from hardzero.full_batch import FullBatchObjective

    calls = []
    evaluate = FullBatchObjective.__call__

    def interrupted(self, vector):
        calls.append(vector)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return evaluate(self, vector)

    monkeypatch.setattr(FullBatchObjective, "__call__", interrupted)
    model = small(solver="lbfgs", max_iter=100)
    with pytest.warns(UserWarning, match="interrupted by user after .* iterations; the best"):
        model.fit(*digits)
    assert 0 < model.n_iter_ < 12
    assert np.isfinite(model.loss_)
    assert model.score(*digits) > 0.5


def test_a_callback_ends_training(digits):
    reports = []

    def stop_at_two(report):
        reports.append(report)
        return report.epoch == 2

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(max_iter=9, early_stopping=True).fit(*digits, callback=stop_at_two)
    assert model.n_iter_ == 2
    report = reports[-1]
    assert isinstance(report, EpochReport)
    assert (report.epoch, report.max_epochs) == (2, 9)
    assert report.loss == model.loss_curve_[-1]
    assert report.validation_score == model.validation_scores_[-1]
    assert report.n_samples == 540
    assert report.zeros.shape == (2,)
    assert report.seconds > 0
    assert report.learning_rate == 0.001


@pytest.mark.parametrize("estimator", [RectifierClassifier, RectifierRegressor])
def test_divergence_is_reported_with_what_to_change(estimator):
    X, y = make_regression(n_samples=300, n_features=20, random_state=0)
    y = y > 0 if estimator is RectifierClassifier else 1e4 * y
    model = estimator(hidden_layer_sizes=(30,), solver="sgd", learning_rate_init=1e6, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"diverged.*Lower learning_rate_init.*scale the features") as raised:
            model.fit(1e4 * X, y)
    assert isinstance(raised.value, TrainingDiverged)


def test_lbfgs_reports_divergence_too():
    X, y = make_regression(n_samples=50, n_features=5, random_state=0)
    X[0] = 3e38
    with pytest.raises(ValueError, match="scale"):
        RectifierRegressor(hidden_layer_sizes=(8, 8), solver="lbfgs", random_state=0).fit(X, 1e30 * y)


def test_weights_that_the_last_step_made_infinite_are_reported(digits):
    with pytest.raises(TrainingDiverged):
        small(solver="sgd", learning_rate_init=1e39, batch_size=600, max_iter=1).fit(*digits)


def test_a_warning_tells_that_the_last_epoch_came_too_early(digits):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        small(max_iter=2).fit(*digits)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        small(max_iter=2, learning_rate="cosine").fit(*digits)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        small(solver="lbfgs", max_iter=2).fit(*digits)


def test_schedules_move_the_learning_rate(digits):
    def rates(**parameters):
        seen = []
        small(solver="sgd", learning_rate_init=0.2, **parameters).fit(
            *digits, callback=lambda report: seen.append(report.learning_rate)
        )
        return np.array(seen)

    assert np.array_equal(rates(max_iter=3), [0.2] * 3)
    scaled = rates(max_iter=3, learning_rate="invscaling", power_t=0.5)
    assert np.allclose(scaled, 0.2 / np.sqrt([601, 1201, 1801]))
    cosine = rates(max_iter=8, learning_rate="cosine")
    assert (np.diff(cosine) < 0).all()
    assert cosine[-1] < 0.02
    adaptive = rates(max_iter=100, learning_rate="adaptive", tol=1e3, n_iter_no_change=1)
    assert np.allclose(np.unique(adaptive)[::-1][:3], [0.2, 0.04, 0.008])
    assert 10 < len(adaptive) < 100


def test_a_cosine_schedule_serves_adam_as_well(digits):
    seen = []
    small(learning_rate="cosine").fit(*digits, callback=lambda report: seen.append(report.learning_rate))
    assert seen[-1] < seen[0] < 0.001


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_calls_of_partial_fit_are_epochs_of_fit(digits, solver):
    options = {"solver": solver, "shuffle": False, "hidden_dropout": 0.0}
    whole = small(max_iter=4, **options).fit(*digits)
    parts = small(**options)
    for _ in range(4):
        parts.partial_fit(*digits, classes=np.arange(10))
    assert same_bits(whole, parts)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.t_ == whole.t_ == 4 * 600
    assert parts.n_iter_ == 1


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_cosine_rate_falls_over_calls_of_partial_fit_and_then_refuses_more(digits, solver):
    whole = small(solver=solver, shuffle=False, learning_rate="cosine", tol=0.0).fit(*digits)
    parts = small(solver=solver, shuffle=False, learning_rate="cosine")
    for _ in range(parts.max_iter):
        parts.partial_fit(*digits, classes=np.arange(10))
    assert same_bits(whole, parts)
    with pytest.raises(
        ValueError, match="the cosine learning rate has fallen to 0 over max_iter=5 passes: raise max_iter"
    ):
        parts.partial_fit(*digits)
    parts.set_params(max_iter=6).partial_fit(*digits)
    assert not same_bits(whole, parts)


@pytest.mark.parametrize("target_sparsity", [None, 0.6])
def test_the_constant_rate_takes_over_where_the_cosine_rate_has_fallen_to_zero(digits, target_sparsity):
    model = small(learning_rate="cosine", target_sparsity=target_sparsity).fit(*digits)
    before = model.coefs_[0].copy()
    model.set_params(learning_rate="constant", learning_rate_init=0.01).partial_fit(*digits)
    assert model._trainer.optimizer.learning_rate.current == 0.01
    assert not np.array_equal(model.coefs_[0], before)


def test_a_rate_that_is_set_between_calls_of_partial_fit_counts(digits):
    model = small(solver="sgd", momentum=0.0).partial_fit(*digits, classes=np.arange(10))
    before = model.coefs_[0].copy()
    model.set_params(learning_rate_init=1e-30).partial_fit(*digits)
    np.testing.assert_array_equal(model.coefs_[0], before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"solver": "sgd", "learning_rate_init": 0.5, "momentum": 0.0}),
        ({}, {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1}),
        ({"solver": "sgd"}, {"solver": "adam", "learning_rate": "invscaling"}),
        ({"solver": "sgd", "momentum": 0.0}, {"momentum": 0.9}),
    ],
)
def test_another_solver_between_calls_of_partial_fit_takes_over_as_after_loading(digits, tmp_path, before, after):
    model = small(**before).fit(*digits).set_params(**after)
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    for _ in range(2):
        model.partial_fit(*digits)
        loaded.partial_fit(*digits)
    assert same_bits(model, loaded)
    assert model.loss_curve_ == loaded.loss_curve_
    assert len(model.loss_curve_) == 7


@pytest.mark.parametrize(
    ("solver", "constants"),
    [
        ("sgd", {"momentum": 0.5, "nesterovs_momentum": False}),
        ("adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6}),
    ],
)
def test_constants_of_the_solver_that_are_set_between_calls_of_partial_fit_count(digits, solver, constants):
    model = small(solver=solver).fit(*digits)
    states = [array for layer in model.network_.parameters for array in (*layer.weight_state, *layer.bias_state)]
    steps = model._trainer.optimizer.n_steps
    model.set_params(**constants).partial_fit(*digits)
    assert vars(model._trainer.optimizer) == {**vars(model._optimizer()), "n_steps": steps + 3}
    kept = [array for layer in model.network_.parameters for array in (*layer.weight_state, *layer.bias_state)]
    assert all(one is other for one, other in zip(states, kept, strict=True))


@pytest.mark.parametrize("target_sparsity", [None, 0.6])
def test_calls_of_partial_fit_revive_units_in_the_first_three_quarters_of_the_training_only(
    digits, monkeypatch, target_sparsity
):
    calls = []
    monkeypatch.setattr("hardzero.training.revive", lambda *arguments: calls.append(1))
    model = small(max_iter=8, revive_dead_units=True, target_sparsity=target_sparsity)
    for _ in range(10):
        model.partial_fit(*digits, classes=np.arange(10))
    assert len(calls) == 5


def test_a_run_of_chunks_ends_the_cosine_rate_for_calls_of_partial_fit(digits):
    X, y = digits
    model = small(learning_rate="cosine", max_iter=50)
    model.fit_chunks([(X[:300], y[:300]), (X[300:], y[300:])], passes=2, classes=np.arange(10))
    with pytest.raises(ValueError, match="fallen to 0 over max_iter=50 passes"):
        model.partial_fit(*digits)


def test_the_cosine_rate_goes_on_after_several_fits_once_max_iter_is_raised(digits):
    model = small(learning_rate="cosine", warm_start=True, max_iter=3).fit(*digits).fit(*digits)
    with pytest.raises(ValueError, match="fallen to 0 over max_iter=3 passes"):
        model.partial_fit(*digits)
    model.set_params(max_iter=4).partial_fit(*digits)


def test_warm_start_goes_on_from_the_fit_before(digits):
    model = small(warm_start=True, max_iter=3, solver="sgd", momentum=0.0, shuffle=False).fit(*digits)
    model.fit(*digits)
    assert same_bits(model, small(max_iter=6, solver="sgd", momentum=0.0, shuffle=False).fit(*digits))
    assert len(model.loss_curve_) == 6
    assert model.n_iter_ == 3
    cold = small(max_iter=3).fit(*digits)
    assert same_bits(cold, cold.fit(*digits))


def test_a_warm_start_of_another_shape_is_refused(digits):
    model = small(warm_start=True).fit(*digits)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes.*warm_start"):
        model.set_params(hidden_layer_sizes=(8,)).fit(*digits)
    X, y = make_regression(n_samples=30, n_features=4, n_targets=2, random_state=0)
    regressor = RectifierRegressor(hidden_layer_sizes=(8,), max_iter=2, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"1 target.*2"):
        regressor.fit(X, y[:, 0])
    with pytest.raises(ValueError, match=r"1 target.*2"):
        regressor.partial_fit(X, y[:, 0])


@pytest.mark.usefixtures("several_cores")
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "csr"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads(digits, solver, sparse):
    X, y = digits
    X = csr_array(X) if sparse else X
    stochastic = solver != "lbfgs"
    options = {"input_dropout": 0.1, "hidden_dropout": 0.3, "target_sparsity": 0.8} if stochastic else {}
    models = [small(solver=solver, n_jobs=n_jobs, **options).fit(X, y) for n_jobs in (1, 2, 3, 1)]
    assert all(same_bits(models[0], model) for model in models[1:])
    assert len({model.predict_proba(X).tobytes() for model in models}) == 1
    assert not same_bits(models[0], small(solver=solver, random_state=1, **options).fit(X, y))


def test_dropout_changes_training_but_not_prediction(digits):
    plain, dropped = small().fit(*digits), small(hidden_dropout=0.5).fit(*digits)
    assert not same_bits(plain, dropped)
    assert np.allclose(dropped.predict_proba(digits[0]), dropped.to_predictor()(digits[0]), atol=1e-6)


def test_dropout_of_hidden_units_leaves_inputs_alone(digits):
    settings = {"hidden_layer_sizes": (), "shuffle": False}
    plain, hidden, inputs = (
        small(**settings, **dropout).fit(*digits) for dropout in ({}, {"hidden_dropout": 0.5}, {"input_dropout": 0.5})
    )
    assert same_bits(plain, hidden)
    assert not same_bits(plain, inputs)


def test_the_curve_of_zeros_leaves_out_those_that_dropout_makes(digits):
    model = small(hidden_dropout=0.5).fit(*digits)
    np.testing.assert_allclose(model.sparsity_curve_[-1], model.measure_sparsity(digits[0]), atol=0.05)


def test_a_penalty_on_activations_makes_zeros(digits):
    free = small(max_iter=20).fit(*digits)
    penalized = small(max_iter=20, activation_l1=[0.0, 0.2]).fit(*digits)
    assert penalized.sparsity_[1] > free.sparsity_[1] + 0.1
    assert (penalized.sparsity_curve_[-1] >= 0).all()


def test_a_layer_with_more_zeros_than_wanted_is_woken_while_it_is_trained(digits):
    model = small(hidden_layer_sizes=50, target_sparsity=0.02, max_iter=30, batch_size=50).fit(*digits)
    assert model.sparsity_curve_[0, 0] > 0.3
    assert model.sparsity_curve_[-2, 0] < 0.1  # the last entry is that after the shift of the biases


@pytest.mark.parametrize("target_sparsity", [None, 0.5])
def test_units_are_judged_dead_by_rows_from_all_over_the_training_data(target_sparsity, monkeypatch):
    seen = []
    monkeypatch.setattr("hardzero.training.revive", lambda network, ops, rows: seen.append(rows))
    X = np.linspace(0, 1, 12_000, dtype=np.float32)[:, None]
    small(revive_dead_units=True, target_sparsity=target_sparsity, max_iter=2).fit(X, X[:, 0] > 0.5)
    assert seen[0].shape == (REVIVAL_SAMPLES, 1)
    assert seen[0].mean() == pytest.approx(0.5, abs=0.05)
    assert target_sparsity is None or not np.isin(seen[0], X[keep_out(len(X))[1]]).any()


def test_sample_weights_count_like_repetition_in_full_batches():
    X, y = make_classification(n_samples=80, random_state=0)
    counts = np.random.RandomState(0).randint(0, 4, size=80)
    options = {"solver": "sgd", "learning_rate_init": 0.05, "shuffle": False, "max_iter": 10, "batch_size": 500}
    options |= {"hidden_layer_sizes": (20,), "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        weighted = RectifierClassifier(**options).fit(X, y, counts)
        repeated = RectifierClassifier(**options).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert np.allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5)
    assert weighted.loss_curve_ == pytest.approx(repeated.loss_curve_, rel=1e-4)


def test_minibatches_without_weight_are_skipped():
    X, y = make_classification(n_samples=90, random_state=0)
    weights = np.repeat([1.0, 0.0, 1.0], 30)
    options = {"hidden_layer_sizes": (10,), "shuffle": False, "batch_size": 30, "max_iter": 3, "random_state": 0}
    weighted = RectifierClassifier(**options).fit(X, y, weights)
    without = RectifierClassifier(**options).fit(X[weights > 0], y[weights > 0])
    assert np.allclose(weighted.predict_proba(X), without.predict_proba(X), atol=1e-6)
    assert weighted.loss_curve_ == pytest.approx(without.loss_curve_)
    assert np.allclose(weighted.sparsity_curve_, without.sparsity_curve_)


@pytest.mark.parametrize("kind", [RectifierClassifier, RectifierRegressor])
def test_rows_without_weight_count_neither_in_training_nor_in_the_score_of_early_stopping(digits, kind):
    X, y = digits
    weights = np.where(np.arange(len(y)) % 3, 1.0, 0.0)
    other = np.where(weights[:, None], X, X[::-1])
    settings = {"hidden_layer_sizes": 16, "max_iter": 5, "early_stopping": True, "validation_fraction": 0.4}
    model, same = (kind(**settings, random_state=0).fit(rows, y, weights) for rows in (X, other))
    assert same_bits(model, same)
    assert model.validation_scores_ == same.validation_scores_


def test_a_penalty_on_the_weights_stands_against_the_weight_of_the_samples(digits):
    X, y = digits
    settings = {"solver": "sgd", "learning_rate_init": 0.1, "batch_size": 50}
    weighted = small(alpha=20.0, **settings).fit(X, y, np.full(len(y), 2.0))
    plain = small(alpha=10.0, **settings).fit(X, y)
    np.testing.assert_allclose(weighted.predict_proba(X), plain.predict_proba(X), atol=1e-6)


def test_verbose_prints_a_line_a_call_of_partial_fit(digits, capsys):
    model = small(verbose=True).partial_fit(*digits, classes=np.arange(10)).partial_fit(*digits)
    losses = [f"Iteration 1, loss = {loss:.8f}" for loss in model.loss_curve_]
    assert capsys.readouterr().out.splitlines() == losses
    DenoisingAutoencoder(8, verbose=True, random_state=0).partial_fit(digits[0])
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


def test_verbose_prints_each_epoch_as_scikit_learn_does(digits, capsys):
    small(max_iter=2, verbose=True).fit(*digits)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Iteration 1, loss = ")
    small(max_iter=50, tol=1e3, n_iter_no_change=1, verbose=True, early_stopping=True).fit(*digits)
    out = capsys.readouterr().out
    assert "Validation score: " in out
    assert "Validation score did not improve more than tol=1000.000000 for 1 consecutive epochs. Stopping." in out
    small(max_iter=2).fit(*digits)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["relu", "signed_relu", "tanh"])
def test_native_and_reference_train_alike(digits, monkeypatch, solver, activation):
    models = []
    for name in ("reference", "native"):
        monkeypatch.setenv("HARDZERO_OPS", name)
        options = {"learning_rate_init": 0.02 if solver == "sgd" else 0.001, "hidden_dropout": 0.2}
        models.append(small(solver=solver, activation=activation, activation_l1=1e-3, **options).fit(*digits))
    reference, native = models
    assert native.loss_curve_ == pytest.approx(reference.loss_curve_, rel=1e-4)
    assert np.allclose(native.sparsity_curve_, reference.sparsity_curve_, atol=1e-3)
    assert np.allclose(native.predict_proba(digits[0]), reference.predict_proba(digits[0]), atol=1e-3)


def test_native_and_reference_minimize_alike(digits, monkeypatch):
    losses = []
    for name in ("reference", "native"):
        monkeypatch.setenv("HARDZERO_OPS", name)
        losses.append(small(solver="lbfgs", max_iter=10).fit(*digits).loss_)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
