"""What ``hardzero bench`` compares: both sides do the same work, and ratios are what they say."""

from __future__ import annotations

import itertools
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info, threadpool_limits
from typer.testing import CliRunner

from hardzero import datasets
from hardzero.benchmarks import gpu, prediction, run, time_to_error, timing, training, workloads
from hardzero.benchmarks.peers import minibatches, missing_peers, prediction_peers
from hardzero.benchmarks.scaling import ScalingPoint, scaling_points
from hardzero.benchmarks.table import Row, print_table
from hardzero.benchmarks.time_to_error import (
    CANDIDATE_SEEDS,
    Attempt,
    Race,
    Setting,
    ratio_interval,
    seconds_with_restarts,
    time_to_error_rows,
)
from hardzero.benchmarks.training import difference_after_equal_steps
from hardzero.cli import app
from hardzero.interop.plain_layers import plain_layers
from hardzero.optimizers import GradientDescent, LearningRate
from hardzero.penalties import FixedPenalty
from hardzero.predictor import Predictor
from hardzero.training import Trainer, TrainingSettings

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed (extra 'bench')")


class Clock:
    """A clock that only moves when a contestant works."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        pass

    def work(self, *seconds):
        """Return a contestant that takes these times, one after the other and the last for ever."""
        times = list(seconds)

        def call():
            self.now += times.pop(0) if len(times) > 1 else times[0]

        return call


@pytest.mark.parametrize(("value", "text"), [(0.0183, "0.0183"), (447.31, "447.3"), (13071.4, "13,071")])
def test_the_table_has_no_powers_of_ten(value, text, capsys):
    print_table([Row("training", "relu", "PyTorch", 1.0, value, "samples/s", 2.0)], "bench")
    assert text in capsys.readouterr().out


def test_ratios_are_medians_over_turns(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    # Two calls to warm up, then three turns whose medians have another ratio than the median turn.
    contestants = {"hardzero": clock.work(1.0, 1.0, 1.0, 2.0, 4.0), "peer": clock.work(1.0, 1.0, 6.0, 2.0, 5.0)}
    times = timing.alternate(contestants, n_turns=3, least_seconds=1.0)
    assert times.seconds["hardzero"].tolist() == [1.0, 2.0, 4.0]
    assert (times.median("hardzero"), times.median("peer")) == (2.0, 5.0)
    assert times.ratio("peer") == 1.25


def test_short_calls_are_repeated_within_a_turn(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    times = timing.alternate({"hardzero": clock.work(0.25)}, n_turns=3, least_seconds=1.0)
    assert clock.now == pytest.approx(0.25 * (2 + 3 * 4))
    assert times.median("hardzero") == 0.25


@pytest.mark.parametrize("measure", ["prediction", "scaling"])
def test_blas_has_the_threads_that_the_table_names(monkeypatch, digits, measure):
    threads = []

    def look(contestants, **_):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return timing.Comparison({name: np.ones(1) for name in contestants})

    monkeypatch.setattr(f"hardzero.benchmarks.{measure}.alternate", look)
    with threadpool_limits(2, user_api="blas"):
        if measure == "scaling":
            next(scaling_points(n_threads=1))
        else:
            workload = workloads.untrained("relu", *digits, (40, 30))
            list(prediction.compare(workload, batch_size=1, n_threads=1, precision="float32"))
    assert set(threads) == {1}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_installed_peers_predict_what_hardzero_predicts(digits, activation):
    workload = workloads.untrained(activation, *digits, (40, 30))
    predictor = Predictor(workload.network)
    peers = dict(prediction_peers(plain_layers(workload.network), 1))
    assert set(peers) | set(missing_peers()) == {"ONNX Runtime", "OpenVINO", "PyTorch", "scikit-learn"}
    for n_samples in (1, 16):
        X = workload.X[:n_samples]
        for name, predict in peers.items():
            np.testing.assert_allclose(predict(X), predictor.scores(X), atol=1e-5, err_msg=name)


@needs_torch
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "CSR"])
@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.9), ("adam", 0.0)])
def test_both_sides_of_a_training_race_take_the_same_steps(digits, optimizer, momentum, sparse):
    X, y = digits
    workload = workloads.untrained("relu", csr_array(X) if sparse else X, y, (40, 30))
    difference, n_steps = difference_after_equal_steps(workload, optimizer, 16, momentum)
    assert n_steps == 5
    assert difference < 1e-5


def test_both_sides_see_the_samples_in_the_same_order(digits):
    X, y = digits
    trainer = Trainer(
        workloads.untrained("relu", X[:64], y[:64], (8,)).network,
        GradientDescent(LearningRate("constant", 0.1), 0.0, False),
        FixedPenalty([0.0]),
        TrainingSettings(max_epochs=2, batch_size=16),
        np.random.RandomState(3),
    )
    ours = [samples for _ in range(2) for _, samples in trainer._minibatches(64)]
    theirs = itertools.islice(minibatches(64, 16, seed=3), 8)
    np.testing.assert_array_equal(ours, list(theirs))


@needs_torch
def test_both_sides_of_a_race_to_an_error_take_the_same_steps(digits):
    X, y = digits
    setting = Setting(16, 0.1, 2, momentum=0.0)
    errors = []
    for start in (time_to_error._our_run, time_to_error._torch_run):
        train, error = start(workloads.untrained("relu", X[:400], y[:400], (30,)), X[400:], y[400:], setting, 3)
        errors.append([(train(number), error())[1] for number in range(2 * time_to_error.PARTS)])
    np.testing.assert_allclose(errors[0], errors[1], atol=1.5 / len(y[400:]))
    assert errors[0][-1] < 0.7 * errors[0][0]


@needs_torch
def test_pytorch_takes_denormal_numbers_for_zero():
    code = """
import torch
from hardzero.benchmarks.peers import denormals_as_zero

with denormals_as_zero():
    print(float((torch.full((100_000,), 1e-30) * 1e-10).max()))
print(float((torch.full((10,), 1e-30) * 1e-10).max()))
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    within, after = map(float, finished.stdout.split())
    assert within == 0.0 < after


@pytest.mark.skipif(gpu.gpu_name() is None, reason="there is no graphics processor")
@pytest.mark.parametrize("rows", [gpu.prediction_rows, gpu.training_rows])
def test_a_graphics_processor_gives_the_same(digits, rows):
    workload = workloads.untrained("relu", *digits, (40, 30))
    for row in rows(workload, 16, n_turns=1):
        assert float(row.agree.rsplit(" ", 1)[1]) < 1e-4


@pytest.mark.skipif(gpu.gpu_name() is not None, reason="there is a graphics processor")
def test_without_a_graphics_processor_the_part_is_skipped_by_name():
    result = CliRunner().invoke(app, ["bench", "gpu"])
    assert "hardzero bench gpu: skipped, because it needs CUDA" in result.output


@needs_torch
def test_a_different_rule_is_told_from_the_same_steps(digits, monkeypatch):
    workload = workloads.untrained("relu", *digits, (40, 30))
    monkeypatch.setattr("hardzero.benchmarks.training.LearningRate", lambda schedule, rate: LearningRate(schedule, 0.0))
    assert difference_after_equal_steps(workload, "sgd", 16)[0] > 1e-3


class ScriptedRace(Race):
    """A race to one target, whose runs take the seconds of a table: by side and minibatch, first round and finals."""

    def __init__(self, seconds):
        super().__init__(None, None, None, None, (), targets=(0.1,))
        object.__setattr__(self, "seconds", seconds)
        object.__setattr__(self, "limits", [])

    def run(self, side, setting, limit, seed=0):
        self.limits.append(limit)
        seconds = self.seconds[side][setting.batch_size][min(seed, 1)]
        return Attempt(min(seconds, limit), {0.1: seconds})


def test_a_setting_that_was_lucky_once_does_not_decide(monkeypatch):
    never = (np.inf, np.inf)
    seconds = {
        "hardzero": {1: (1.0, 5.0), 2: (2.0, 2.0), 3: (9.0, 8.0)},
        "PyTorch": {1: (8.0, 8.0), 2: never, 3: never},
    }
    race = ScriptedRace(seconds)
    monkeypatch.setattr("hardzero.benchmarks.time_to_error.replace", lambda race, **changes: race)
    (row,) = time_to_error_rows(race, tuple(Setting(size, 0.1, 4) for size in (1, 2, 3)), n_finalists=2, n_seeds=3)
    assert (row.ours, row.theirs, row.ratio) == (2.0, 8.0, 4.0)
    assert "ours: minibatch 2," in row.setting
    assert row.agree.endswith("ratio 4.00 to 4.00 in 90 % of resamples of these orders")
    assert race.limits[:3] == [240.0, 1.5, 1.5]
    first, candidates, finals = 2 * 3, len(CANDIDATE_SEEDS) * (3 + 1), 3 * (2 + 1)
    assert len(race.limits) == first + candidates + finals


def test_seconds_of_runs_that_failed_count():
    attempts = [Attempt(9.0, {0.2: 2.0, 0.1: 8.0}), Attempt(7.0, {0.2: 3.0, 0.1: np.inf})]
    assert seconds_with_restarts(attempts, 0.2) == 2.5
    assert seconds_with_restarts(attempts, 0.1) == 15.0
    assert seconds_with_restarts(attempts[1:], 0.1) == np.inf


def attempts_that_took(*seconds, target=0.1):
    return [Attempt(min(s, 9.0), {target: s}) for s in seconds]


def test_the_interval_of_a_ratio_is_a_bootstrap_over_orders_of_both_sides():
    random = np.random.default_rng(1)
    ours, theirs = random.gamma(9.0, 0.2, size=8), random.gamma(9.0, 0.4, size=8)
    low, high = ratio_interval(attempts_that_took(*ours), attempts_that_took(*theirs), 0.1)
    drawn = np.random.default_rng(2).integers(8, size=(20_000, 8))
    expected = np.quantile(theirs[drawn].sum(axis=1) / ours[drawn].sum(axis=1), [0.05, 0.95])
    assert (low, high) == pytest.approx(expected, rel=0.04)
    assert low < theirs.sum() / ours.sum() < high


def test_orders_that_are_hard_for_both_sides_do_not_widen_the_interval():
    ours, theirs = (attempts_that_took(*np.array([1.0, 2.0, 1.0, 4.0]) * factor) for factor in (1.0, 2.0))
    assert ratio_interval(ours, theirs, 0.1) == pytest.approx((2.0, 2.0))


def test_failures_widen_the_interval_of_a_ratio():
    always, seldom = attempts_that_took(*[2.0] * 4), attempts_that_took(4.0, np.inf, np.inf, np.inf)
    low, high = ratio_interval(always, seldom, 0.1)
    assert 2.0 <= low < high == np.inf
    assert ratio_interval(seldom, always, 0.1)[0] == 0.0
    assert ratio_interval(seldom, seldom, 0.1) == (1.0, 1.0)


def test_a_target_that_a_side_does_not_reach_is_named(capsys):
    race = ScriptedRace({"hardzero": {1: (1.0, 1.0)}, "PyTorch": {1: (np.inf, np.inf)}})
    assert list(time_to_error_rows(race, (Setting(1, 0.1, 4),))) == []
    assert "10.0% was not reached by both sides" in capsys.readouterr().err


@needs_torch
def test_a_race_that_nobody_wins_is_not_blamed_on_pytorch(monkeypatch):
    monkeypatch.setattr(workloads, "mnist", lambda: datasets.load("digits"))
    monkeypatch.setattr(time_to_error, "time_to_error_rows", lambda race: iter([]))
    output = CliRunner().invoke(app, ["bench", "time-to-error"]).output
    assert "hardzero bench time-to-error: no rows, for the reasons given above" in output
    assert "skipped" not in output.split("time-to-error:")[1]


@needs_torch
def test_a_race_to_an_error_gives_seconds_for_each_target(digits, capsys):
    X, y = digits
    race = Race(X[:1400], y[:1400], X[1400:], y[1400:], (64,), targets=(0.3, 0.2), limit_seconds=20.0)
    rows = list(time_to_error_rows(race, (Setting(32, 0.1, 6), Setting(32, 1e-6, 6)), n_finalists=1, n_seeds=3))
    assert [row.work for row in rows] == ["seconds to 30.0% error", "seconds to 20.0% error"]
    for row in rows:
        assert 0 < row.ours < 20
        assert 0 < row.theirs < 20
        assert row.ratio == row.theirs / row.ours
        assert "ours: minibatch 32, rate 0.1 to 0 in 6 epochs, momentum 0.9; theirs: minibatch 32," in row.setting
    progress = capsys.readouterr().err
    assert "hardzero, minibatch 32, rate 0.1 to 0 in 6 epochs, momentum 0.9, seed 3" in progress
    assert "PyTorch, minibatch 32, rate 0.1 to 0 in 6 epochs, momentum 0.9, seed 3" in progress


@pytest.mark.parametrize("part", ["bag-of-words", "time-to-error", "import", "gpu"])
def test_without_pytorch_its_parts_are_skipped_by_name(monkeypatch, part):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(workloads, "mnist", pytest.fail)
    monkeypatch.setattr(workloads, "bag_of_words", pytest.fail)
    result = CliRunner().invoke(app, ["bench", part])
    assert result.exit_code == 0
    assert f"hardzero bench {part}: skipped" in result.output


def test_without_pytorch_training_is_compared_with_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(workloads, "mnist", lambda: datasets.load("digits"))
    monkeypatch.setattr(training, "scikit_learn_rows", lambda *_: [a_row("scikit-learn")])
    assert {row.peer for row in run.run_training()} == {"scikit-learn"}


def test_rows_are_written_after_each_part(tmp_path, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    for part, rows in (("import", lambda: [a_row("torch")]), ("scaling", lambda: None), ("gpu", interrupted)):
        monkeypatch.setitem(run.PARTS, part, rows)
    path = tmp_path / "table.csv"
    CliRunner().invoke(app, ["bench", "import", "scaling", "gpu", "-o", str(path)])
    assert path.exists()
    assert pd.read_csv(path)["peer"].tolist() == ["torch"]


def a_row(peer):
    return Row("work", "setting", peer, 2.0, 1.0, "s", 2.0)


def test_an_unknown_part_is_named_with_those_there_are():
    result = CliRunner().invoke(app, ["bench", "predictions"])
    assert result.exit_code == 2
    assert "no part named predictions" in result.output
    assert "bag-of-words" in result.output


def test_scaling_is_a_part_with_a_table_of_its_own(monkeypatch):
    point = ScalingPoint("width", 256, 128, 100.0, 1e-4, 3e-4)
    monkeypatch.setattr("hardzero.benchmarks.run.scaling_points", lambda: [point])
    result = CliRunner().invoke(app, ["bench", "scaling"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "3.00×" in result.output
    assert "scaling: skipped" not in result.output


def test_a_table_that_cannot_be_written_is_refused_before_the_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr("hardzero.benchmarks.run.scaling_points", pytest.fail)
    result = CliRunner().invoke(app, ["bench", "scaling", "-o", str(tmp_path / "no" / "table.csv")])
    assert result.exit_code == 2
    assert "there is no folder" in result.output
