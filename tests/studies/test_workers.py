"""Runs are carried out once, in parallel, on any backend, and errors end a run and not a study."""

import os
import resource
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import hardzero
from hardzero import RectifierClassifier, datasets
from hardzero.checkpoint import Checkpoint
from hardzero.denoising_trainer import DenoisingTrainer
from hardzero.studies import get_study, study_code, study_names
from hardzero.studies.core import clusters, networks, processes
from hardzero.studies.core import workers as workers_module
from hardzero.studies.core.pool import call_in_pool
from hardzero.studies.core.run_store import RunSpec, RunStore
from hardzero.studies.core.running import make_plan, open_store, run_study
from hardzero.studies.core.study import Context
from hardzero.studies.core.study_data import checksum_of, load_data
from hardzero.studies.core.workers import Workers, carry_out, measure_run
from hardzero.training import Trainer

ONE = Workers(count=1)


@pytest.mark.parametrize("count", [1, 2])
def test_a_study_is_run_to_its_end_and_not_repeated(tmp_path, monkeypatch, naps, count):
    monkeypatch.setenv("NAPS_LOG", str(tmp_path / "log"))
    seen = []
    for _ in range(2):
        store = run_study(
            naps, folder=tmp_path, workers=Workers(count=count), on_outcome=lambda spec, outcome: seen.append(spec)
        )
    assert store.counts() == {"done": 24}
    assert len((tmp_path / "log").read_text().splitlines()) == 24
    assert sorted((spec.seed, spec.settings["number"]) for spec in seen) == [(s, n) for s in (0, 1) for n in range(12)]


def test_more_seeds_add_runs_to_those_that_are_there(tmp_path, monkeypatch, naps):
    monkeypatch.setenv("NAPS_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("NAPS", "3")
    run_study(naps, n_seeds=1, folder=tmp_path, workers=ONE)
    run_study(naps, n_seeds=2, folder=tmp_path, workers=ONE)
    assert (tmp_path / "log").read_text().split("\n")[:-1] == ["0 0", "1 0", "2 0", "0 1", "1 1", "2 1"]


def test_all_data_sets_are_measured_at_a_seed_before_the_next_seed(monkeypatch):
    monkeypatch.setattr("hardzero.studies.core.running.checksum_of", lambda name, study: name)
    specs = make_plan("sparsity-error", data=["digits", "mnist"], n_seeds=2).specs
    order = list(dict.fromkeys((spec.seed, spec.data) for spec in specs))
    assert order == [(0, "digits"), (0, "mnist"), (1, "digits"), (1, "mnist")]


def test_a_run_that_the_grid_has_twice_is_planned_once(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN.format(1).replace('[{"n": 1}]', '[{"n": 1}, {"n": 2}, {"n": 1}, {"n": 1.0}]'))
    assert [spec.settings["n"] for spec in make_plan(str(path), n_seeds=2).specs] == [1, 2, 1.0] * 2


def test_an_error_is_recorded_and_the_next_call_tries_again(tmp_path, monkeypatch, naps):
    monkeypatch.setenv("NAPS", "4")
    monkeypatch.setenv("NAPS_FAILS_AT", "2")
    store = run_study(naps, n_seeds=1, folder=tmp_path, workers=ONE)
    assert store.counts() == {"done": 3, "failed": 1}
    assert "this nap was cut short" in store.frame("naps").set_index("number").loc[2, "failure"]
    monkeypatch.delenv("NAPS_FAILS_AT")
    assert run_study(naps, n_seeds=1, folder=tmp_path, workers=ONE).counts() == {"done": 4}


@pytest.mark.slow
@pytest.mark.parametrize(("n_runs", "count"), [(4, 2), (1, 1)])
def test_a_run_that_always_kills_its_worker_fails_alone(tmp_path, monkeypatch, naps, n_runs, count):
    monkeypatch.setenv("NAPS", str(n_runs))
    monkeypatch.setenv("NAPS_DIES_AT", "0")
    frame = run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(count=count)).frame("naps")
    failed, *others = frame.sort_values("number").to_dict("records")
    assert failed["status"] == "failed"
    assert "died 5 times" in failed["failure"]
    assert [(run["status"], run["attempts"]) for run in others] == [("done", 1)] * (n_runs - 1)


@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize("count", [1, 2])
def test_interruption_gives_the_runs_in_flight_back(tmp_path, monkeypatch, naps, count):
    monkeypatch.setenv("NAPS_INTERRUPTS_AT", "3")
    with pytest.raises(KeyboardInterrupt):
        run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(count=count))
    before = open_store(tmp_path)
    assert "running" not in before.counts()
    assert before.statuses([spec.key for spec in make_plan(naps, n_seeds=1).specs][3:4]).popitem()[1] == "pending"
    monkeypatch.delenv("NAPS_INTERRUPTS_AT")
    store = run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(count=count))
    assert store.counts() == {"done": 12}
    assert store.frame("naps").set_index("number").loc[3, "attempts"] == 2


def test_interruption_right_after_a_claim_gives_the_run_back(tmp_path, monkeypatch, naps):
    claim = RunStore.claim

    def interrupted(store, keys):
        claim(store, keys)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunStore, "claim", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(naps, n_seeds=1, folder=tmp_path, workers=ONE)
    assert open_store(tmp_path).counts() == {"pending": 12}


def test_a_training_that_is_interrupted_is_no_finished_run(monkeypatch):
    epochs, ended = [], Trainer._epoch

    def interrupted(self, *arguments):
        epochs.append(ended(self, *arguments))
        if len(epochs) > 1:
            raise KeyboardInterrupt
        return epochs[0]

    monkeypatch.setattr(Trainer, "_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure_run("sparsity-error", make_plan("sparsity-error", data=["digits"]).specs[0], 1, None)
    assert len(epochs) == 2


def test_the_overhead_of_a_run_is_recorded(tmp_path, naps):
    frame = run_study(naps, n_seeds=1, folder=tmp_path, workers=ONE).frame("naps")
    assert (frame["overhead_seconds"] >= 0).all()
    assert (frame["seconds"] >= 0.02).all()


@pytest.mark.parametrize(("cores", "count", "n_runs", "expected"), [
    (8, None, 100, (8, 1)),
    (8, 3, 100, (3, 2)),
    (8, None, 2, (2, 4)),
    (8, 16, 100, (16, 1)),
    (1, None, 5, (1, 1)),
])  # fmt: skip
def test_threads_times_workers_never_exceeds_the_cores_unless_more_workers_are_asked_for(
    monkeypatch, cores, count, n_runs, expected
):
    monkeypatch.setattr(workers_module, "usable_cores", lambda: cores)
    with Workers(count=count).start(n_runs) as (_, *shares):
        assert tuple(shares) == expected
        assert shares[0] * shares[1] <= max(cores, count or 0)


INFINITY = resource.RLIM_INFINITY


@pytest.mark.parametrize(("limits", "n_wanted", "raised", "expected"), [
    ((1024, 4096), 120, None, 120),
    ((1024, 4096), 144, (1216, 4096), 144),
    ((1024, 1100), 144, (1100, 1100), 129),
    ((1024, INFINITY), 1000, (8064, INFINITY), 1000),
    ((INFINITY, INFINITY), 1000, None, 1000),
    ((60, 60), 2, (60, 60), 1),
])  # fmt: skip
def test_the_limit_of_open_files_is_raised_or_kept_to(monkeypatch, limits, n_wanted, raised, expected):
    calls = []
    monkeypatch.setattr(processes, "open_files", lambda: 0)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda kind, new: calls.append(new))
    told = nullcontext() if expected == n_wanted else pytest.warns(UserWarning, match=f"only {expected} of {n_wanted} ")
    with told, Workers(count=n_wanted).start(n_wanted) as (_, count, _):
        assert count == expected
    assert calls == ([] if raised is None else [raised])


def test_a_limit_of_open_files_that_cannot_be_raised_is_kept_to(monkeypatch):
    def refused(kind, new):
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(processes, "open_files", lambda: 0)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refused)
    with pytest.warns(UserWarning, match="only 24 of 100 "):
        assert processes.affordable_processes(100) == 24


@pytest.mark.slow
@pytest.mark.parametrize("n_open", [0, 120])
def test_more_workers_than_the_limit_of_open_files_has_room_for(tmp_path, naps, n_open):
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(n_open)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.open(os.devnull, os.O_RDONLY) for _ in range(25)]
    for number in free:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, before[1]))
    try:
        assert run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(count=4)).counts() == {"done": 12}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in opened:
            os.close(number)


@pytest.mark.parametrize(("timed", "threads"), [(False, 3), (True, 6)], ids=["runs side by side", "one at a time"])
def test_workers_are_told_their_threads(tmp_path, monkeypatch, naps, timed, threads):
    monkeypatch.setattr(workers_module, "usable_cores", lambda: 6)
    monkeypatch.setattr(type(get_study(naps)), "timed", timed)
    monkeypatch.setenv("NAPS", "3")
    frame = run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(count=2)).frame("naps")
    assert (frame["threads"] == threads).all()


@pytest.mark.parametrize(("arguments", "message"), [
    ({"backend": "slurm"}, "unknown backend"),
    ({"count": 0}, "must be positive"),
    ({"address": "tcp://somewhere"}, "address needs backend"),
])  # fmt: skip
def test_wrong_workers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Workers(**arguments)


def test_wrong_studies_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown study 'tabel1': choose one of"):
        get_study("tabel1")
    with pytest.raises(ValueError, match="there is no study file"):
        get_study("missing.py")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="defines 0 studies"):
        get_study(str(tmp_path / "empty.py"))
    with pytest.raises(ValueError, match="number of seeds"):
        make_plan("response-curves", n_seeds=0)
    with pytest.raises(ValueError, match="unknown scale 'medium' of response-curves: choose one of quick, full"):
        make_plan("response-curves", "medium")
    with pytest.raises(ValueError, match="uses no data set"):
        make_plan("response-curves", data=["digits"])


OWN = """
from hardzero.studies import Study

class Own(Study):
    name = "own"
    title = claim = "x"
    revision = {0}
    def grid(self, scale, data):
        return [{{"n": 1}}]
    def measure(self, settings, context):
        return {{"measured": {0}}}
    def tables(self, runs):
        return []
"""


def outcome_of(path, measured, checkpoints=None, attributes=""):
    """Carry out the run of a study that measures what an expression says."""
    path.write_text(OWN.replace("revision = {0}", attributes).format(measured))
    return measure_run(str(path), make_plan(str(path)).specs[0], 1, checkpoints)


def test_linear_algebra_has_the_threads_of_its_run(tmp_path):
    threads = "max(pool['num_threads'] for pool in __import__('threadpoolctl').threadpool_info())"
    with threadpool_limits(2):
        assert outcome_of(tmp_path / "own.py", threads).metrics == {"measured": 1}


@pytest.mark.parametrize(("result", "kept"), [("1", False), ("1 / 0", True)], ids=["finished", "failed"])
def test_checkpoints_are_kept_until_their_run_is_recorded(tmp_path, monkeypatch, result, kept):
    path, there, finish = tmp_path / "own.py", [], RunStore.finish
    saved = f"(context.checkpoints.mkdir(parents=True), {result})"
    path.write_text(OWN.replace("revision = {0}", "").format(saved))
    folder = tmp_path / "checkpoints" / make_plan(str(path), n_seeds=1).specs[0].key

    def seen_and_finished(*arguments):
        there.append(folder.exists())
        return finish(*arguments)

    monkeypatch.setattr(RunStore, "finish", seen_and_finished)
    run_study(str(path), n_seeds=1, folder=tmp_path, workers=ONE)
    assert there == ([] if kept else [True])
    assert folder.exists() is kept


def test_claims_are_renewed_after_the_store_was_held_by_another_program(tmp_path, monkeypatch):
    path, renewed, beats, renew = tmp_path / "own.py", tmp_path / "renewed", [], RunStore.renew
    waits_for_it = f"any(time.sleep(0.05) or os.path.exists({str(renewed)!r}) for _ in range(400))"
    path.write_text("import os, time\n" + OWN.replace("revision = {0}", "").format(waits_for_it))
    plan = make_plan(str(path), n_seeds=1)
    store = RunStore(tmp_path / "runs.sqlite", lease_seconds=0.6)
    store.plan("own", "quick", plan.specs)

    def locked_at_first(store, keys):
        beats.append(keys)
        if len(beats) == 1:
            raise sqlite3.OperationalError("database is locked")
        renew(store, keys)
        renewed.touch()

    monkeypatch.setattr(RunStore, "renew", locked_at_first)
    carry_out(store, plan.study, str(path), plan.specs, ONE)
    assert store.frame("own")["measured"].tolist() == [True]


def test_the_claim_of_a_run_is_renewed_before_another_process_may_take_it(tmp_path, monkeypatch):
    path, renewed, claims, renew = tmp_path / "own.py", tmp_path / "renewed", [], RunStore.renew
    waits_for_it = f"any(time.sleep(0.05) or os.path.exists({str(renewed)!r}) for _ in range(400))"
    path.write_text("import os, time\n" + OWN.replace("revision = {0}", "").format(waits_for_it))
    plan = make_plan(str(path), n_seeds=1)
    store, other = (RunStore(tmp_path / "runs.sqlite", lease_seconds=1.5) for _ in range(2))
    store.plan("own", "quick", plan.specs)

    def tried_and_renewed(store, keys):
        claims.append(other.claim())
        renew(store, keys)
        renewed.touch()

    monkeypatch.setattr(RunStore, "renew", tried_and_renewed)
    carry_out(store, plan.study, str(path), plan.specs, ONE)
    assert set(claims) == {None}
    assert store.frame("own")["measured"].tolist() == [True]


@pytest.mark.parametrize(("unlabeled", "given"), [("digits", True), ("absent.csv", False)])
def test_a_run_is_given_the_unlabeled_data_where_they_are_at_hand(tmp_path, unlabeled, given):
    attributes = f"data = ['digits']; unlabeled_data = {unlabeled!r}"
    outcome = outcome_of(tmp_path / "own.py", "context.unlabeled is not None", attributes=attributes)
    assert outcome.metrics == {"measured": given}


def test_an_edited_study_is_measured_as_it_is_planned(tmp_path):
    path = tmp_path / "own.py"
    for revision in (1, 2):
        path.write_text(OWN.format(revision))
        store = run_study(str(path), n_seeds=1, folder=tmp_path, workers=ONE)
    assert store.frame("own")[["revision", "measured"]].to_numpy().tolist() == [[1, 1], [2, 2]]


def test_workers_measure_what_the_file_of_the_study_held_when_they_were_given_it(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN.format(1))
    spec, code = make_plan(str(path)).specs[0], study_code(str(path))
    path.unlink()
    assert measure_run(str(path), spec, 1, None, code).metrics == {"measured": 1}


def test_a_run_that_exits_fails_alone(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("import sys\n" + OWN.replace("revision = {0}", "").format("sys.exit('no licence')"))
    outcome = measure_run(str(path), make_plan(str(path)).specs[0], 1, None)
    assert outcome.metrics is None
    assert outcome.error.strip().endswith("SystemExit: no licence")


@pytest.mark.parametrize("change", [{"version": "99.0.0"}, {"revision": 99}])
def test_a_worker_with_another_version_or_study_is_told_so(change):
    planned = replace(make_plan("response-curves").specs[0], **change)
    outcome = measure_run("response-curves", planned, 1, None)
    assert outcome.metrics is None
    assert f"{next(iter(change))} of" in outcome.error
    assert f"{next(iter(change.values()))} in the plan: give all machines the same hardzero" in outcome.error


def test_a_study_file_may_define_dataclasses(tmp_path):
    path = tmp_path / "own.py"
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    path.write_text(head + "@dataclass\nclass Point:\n    x: int\n" + OWN.format("Point(1).x"))
    assert get_study(str(path)).revision == 1


def test_functions_of_a_study_file_reach_processes_of_its_own(tmp_path):
    path = tmp_path / "own.py"
    helper = "from joblib import Parallel, delayed\ndef square(n):\n    return n * n\n"
    measured = "Parallel(n_jobs=2, backend='loky')(delayed(square)(n) for n in (1, 2))"
    path.write_text(helper + OWN.replace("revision = {0}", "").format(measured))
    spec = make_plan(str(path)).specs[0]
    assert measure_run(str(path), spec, 2, None).metrics == {"measured": [1, 4]}


def test_a_study_with_the_name_of_a_built_in_one_is_refused(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from hardzero.studies.table1 import Table1\n\n\nclass Mine(Table1):\n    pass\n")
    with pytest.raises(ValueError, match=r"study Mine in .*mine\.py has the name of a built-in study, 'table1'"):
        get_study(str(path))


def test_a_worker_with_other_data_is_told_so():
    spec = make_plan("sparsity-error", data=["digits"]).specs[0]
    other = type(spec)(**{**spec.__dict__, "data_checksum": "another"})
    outcome = measure_run("sparsity-error", other, 1, None)
    assert outcome.metrics is None
    assert "is not what it was when the study was planned" in outcome.error


@pytest.mark.usefixtures("several_cores")
@pytest.mark.parametrize("n_epochs", [3, 4])
def test_a_killed_run_does_not_repeat_its_pretraining(tmp_path, monkeypatch, n_epochs):
    """Killed in the last of the four epochs of pre-training two layers, and after all of them."""

    settings = {
        "hidden_layer_sizes": [20, 10],
        "activation": "signed_relu",
        "activation_l1": 1e-4,
        "pretrained": True,
        "pretraining_epochs": 2,
        "max_iter": 2,
        "train_samples": 200,
    }
    study, digits = get_study("table1"), datasets.load("digits")
    uninterrupted = study.measure(settings, Context(digits, 0))
    monkeypatch.setattr(networks, "Checkpoint", lambda path, **_: Checkpoint(path, every_epochs=1))
    epoch = DenoisingTrainer._epoch

    def run(allowed, **context):
        seen = []

        def counted(*arguments):
            if len(seen) == allowed:
                raise MemoryError
            seen.append(1)
            return epoch(*arguments)

        monkeypatch.setattr(DenoisingTrainer, "_epoch", counted)
        return study.measure(settings, Context(digits, 0, checkpoints=tmp_path / "run", **context))

    with monkeypatch.context() as patched:
        patched.setattr(RectifierClassifier, "fit", out_of_memory)
        with pytest.raises(MemoryError):
            run(n_epochs)
    assert run(4 - n_epochs, n_jobs=2) == uninterrupted


def out_of_memory(*_, **__):
    raise MemoryError


def test_runs_of_a_version_that_start_from_the_same_pretraining_share_it(tmp_path, monkeypatch):
    settings = {
        "hidden_layer_sizes": [20, 10],
        "activation": "signed_relu",
        "activation_l1": 1e-4,
        "pretrained": True,
        "pretraining_epochs": 2,
        "batch_size": 20,
        "steps": 30,
    }
    study, digits = get_study("semi-supervised"), datasets.load("digits")
    alone = [study.measure({**settings, "labels": labels}, Context(digits, 0)) for labels in (50, 100)]
    epochs, epoch = [], DenoisingTrainer._epoch

    def counted(*arguments):
        epochs.append(1)
        return epoch(*arguments)

    monkeypatch.setattr(DenoisingTrainer, "_epoch", counted)
    for i, labels in enumerate((50, 100)):
        context = Context(digits, 0, checkpoints=tmp_path / str(i))
        assert study.measure({**settings, "labels": labels}, context) == alone[i]
        assert len(epochs) == 4
    other = Context(digits, 1, checkpoints=tmp_path / "other")
    study.measure({**settings, "labels": 50}, other)
    assert len(epochs) == 8
    monkeypatch.setattr("hardzero.__version__", "99.0.0")
    study.measure({**settings, "labels": 100}, Context(digits, 0, checkpoints=tmp_path / "later"))
    assert len(epochs) == 12


def test_what_runs_have_shared_is_removed_with_the_last_of_them(tmp_path, monkeypatch, naps):
    monkeypatch.setenv("NAPS_LOG", str(tmp_path / "log"))
    shared = Context(None, 0, checkpoints=tmp_path / "checkpoints" / "run").shared_checkpoints
    shared.mkdir(parents=True)
    (shared / "pretrained").write_bytes(b"state")
    (shared / "stacks").mkdir()
    (shared / "stacks" / "pretrained").write_bytes(b"state")
    for version in (hardzero.__version__, "0.0.1"):
        open_store(tmp_path).plan("other", "quick", [RunSpec("other", 1, {}, None, None, version, 0)])
    run_study(naps, folder=tmp_path, workers=Workers(count=1))
    assert (shared / "pretrained").exists()
    store = open_store(tmp_path)
    waiting = RunSpec("other", 1, {}, None, None, hardzero.__version__, 0).key
    store.finish(store.claim([waiting]).key, {}, 0.0)
    run_study(naps, folder=tmp_path, n_seeds=9, workers=Workers(count=1))
    assert list(shared.iterdir()) == []


def test_data_sets_are_named_as_the_catalog_does():
    plan = make_plan("sparsity-error", data=["Digits", "digits", "DIGITS"], n_seeds=1)
    assert [spec.key for spec in plan.specs] == [
        spec.key for spec in make_plan("sparsity-error", data=["digits"], n_seeds=1).specs
    ]


def test_more_labels_than_rows_are_refused():
    study, digits = get_study("semi-supervised"), datasets.load("digits")
    with pytest.raises(ValueError, match=r"only 1,077 training rows, too few for 5,000 labels"):
        study.measure(next(run for run in study.grid("quick", "digits") if run["labels"] == 5000), Context(digits, 0))


def test_data_that_are_absent_are_named_and_the_rest_is_planned(tmp_path, monkeypatch):
    plan = make_plan("sparsity-error", data=["digits", str(tmp_path / "absent.csv")])
    assert list(plan.missing_data) == [str(tmp_path / "absent.csv")]
    assert {spec.data for spec in plan.specs} == {"digits"}


@pytest.mark.parametrize(("name", "line", "reason"), [
    ("table1", "{row},{row}.5", "table1 needs data for classification, and these are for regression"),
    ("table2", "{row},{row}.5", "table2 learns from texts, and these data are numbers"),
    ("table2", "{row},{class_}", "table2 needs data for regression, and these are for classification"),
    ("initial-sparsity", "{row},{row}.5", None),
])  # fmt: skip
def test_data_that_do_not_suit_a_study_are_named_and_not_planned(tmp_path, name, line, reason):
    path = tmp_path / "own.csv"
    rows = [line.format(row=row, class_=row % 2) for row in range(40)]
    path.write_text("\n".join(["width,target", *rows]))
    plan = make_plan(name, data=[str(path)], n_seeds=1)
    assert plan.missing_data.get(str(path)) == reason
    assert bool(plan.specs) == (reason is None)


def test_features_of_a_file_are_scaled_by_its_training_part(tmp_path):
    wide, narrow = tmp_path / "wide.csv", tmp_path / "narrow.csv"
    wide.write_text("\n".join(["width,target", *(f"{1000.0 * row},{row % 2}" for row in range(40))]))
    data, plain = load_data(str(wide)), datasets.load(wide)
    mean, deviation = plain.train.X.mean(), plain.train.X.std()
    for part in ("train", "validation", "test"):
        expected = (getattr(plain, part).X - mean) / deviation
        np.testing.assert_allclose(getattr(data, part).X, expected, atol=1e-5)
    assert checksum_of(str(wide)) == data.checksum != plain.checksum
    narrow.write_text("\n".join(["width,target", *(f"{row % 2 * row / 40},{row % 2}" for row in range(40))]))
    assert checksum_of(str(narrow)) == datasets.load(narrow).checksum
    assert checksum_of("digits") == datasets.load("digits").checksum


def test_a_study_of_one_s_own_takes_any_data_unless_it_says_which(tmp_path):
    path, data = tmp_path / "own.py", tmp_path / "own.csv"
    data.write_text("\n".join(["width,target", *(f"{row},{row}.5" for row in range(40))]))
    path.write_text(OWN.format(1).replace("revision", "data = ('digits',)\n    revision"))
    assert make_plan(str(path), data=[str(data)]).specs
    path.write_text(path.read_text().replace("revision", "task = 'classification'\n    revision"))
    assert list(make_plan(str(path), data=["digits", str(data)]).missing_data) == [str(data)]


@pytest.mark.parametrize("name", study_names())
def test_every_study_has_a_grid_of_distinct_runs_at_every_scale(name):
    study = get_study(name)
    assert study.name == name
    assert {"quick", "full"} <= set(study.scales)
    for scale in study.scales:
        assert study.seeds[scale] > 0
        data = study.data[0] if study.data else None
        plan = [tuple(sorted(map(str, settings.items()))) for settings in study.grid(scale, data)]
        assert len(plan) == len(set(plan)) > 0


def own_process(frame):
    """Tell whether runs were measured in other processes than this one."""
    return os.getpid() not in set(frame["process"])


@pytest.mark.slow
def test_a_local_dask_cluster_carries_out_a_study(tmp_path, monkeypatch, naps):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("NAPS_LOG", str(tmp_path / "log"))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = Workers(backend="dask", address=cluster.scheduler_address)
        store = run_study(naps, folder=tmp_path, workers=workers)
    assert store.counts() == {"done": 24}
    assert len((tmp_path / "log").read_text().splitlines()) == 24
    assert (store.frame("naps")["threads"] == 1).all()
    assert store.frame("naps")["process"].nunique() == 2


@pytest.mark.slow
def test_a_dask_cluster_that_starts_its_workers_when_they_are_needed(tmp_path, monkeypatch, naps):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("NAPS", "3")
    with distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None) as cluster:
        cluster.adapt(minimum=0, maximum=1, interval="100ms")
        workers = Workers(backend="dask", address=cluster.scheduler_address)
        store = run_study(naps, n_seeds=1, folder=tmp_path, workers=workers)
    assert store.counts() == {"done": 3}
    assert own_process(store.frame("naps"))


@pytest.mark.slow
def test_a_run_that_kills_workers_of_a_dask_cluster_fails_alone(tmp_path, monkeypatch, naps):
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    monkeypatch.setenv("NAPS", "3")
    monkeypatch.setenv("NAPS_DIES_AT", "1")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        workers = Workers(backend="dask", address=cluster.scheduler_address)
        frame = run_study(naps, n_seeds=1, folder=tmp_path, workers=workers).frame("naps").set_index("number")
    assert frame["status"].tolist() == ["done", "failed", "done"]
    assert "died 5 times" in frame.loc[1, "failure"]


def unknown_module(*arguments, **options):
    raise ModuleNotFoundError("No module named 'hardzero'")


@pytest.mark.slow
def test_workers_that_cannot_take_up_a_run_end_the_study(tmp_path, monkeypatch, naps):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(workers_module, "measure_run", unknown_module)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        workers = Workers(backend="dask", address=cluster.scheduler_address)
        with pytest.raises(ValueError, match=r"could not carry out a run \(.*No module named 'hardzero'\)"):
            run_study(naps, n_seeds=1, folder=tmp_path, workers=workers)
    assert open_store(tmp_path).counts() == {"pending": 12}


@pytest.mark.slow
def test_a_dask_cluster_without_workers_is_named(tmp_path, monkeypatch, naps):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(clusters, "WORKER_SECONDS", 1.0)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        workers = Workers(backend="dask", address=cluster.scheduler_address)
        with pytest.raises(ValueError, match=r"has had no worker for 1 s: start some, with 'dask worker"):
            run_study(naps, n_seeds=1, folder=tmp_path, workers=workers)


def test_a_dask_cluster_that_is_busy_is_not_taken_for_one_without_workers(monkeypatch):
    class Busy:
        def nthreads(self):
            return {"tcp://worker": 2}

        def submit(self, *arguments, **options):
            raise AssertionError("would wait for the runs of others")

    clusters._await_worker(Busy())


@pytest.fixture
def pool():
    started = processes.Processes(n_threads=1)
    yield started
    started.stop()


def test_processes_start_as_there_are_tasks_for_them(monkeypatch, pool):
    monkeypatch.setattr(processes, "_Process", lambda n_threads: pytest.fail("a process without a task"))
    assert list(call_in_pool(pool, 4, lambda: None, abs)) == []


def test_a_free_process_is_given_a_task_that_comes_up_while_another_is_busy(pool):
    tasks = iter([5.0, None, 0.0])
    assert [task for task, _ in call_in_pool(pool, 2, lambda: next(tasks, None), time.sleep)] == [0.0, 5.0]


def test_a_process_that_dies_with_its_task_is_replaced_for_the_next_one(pool):
    tasks = iter([1, 0, 2])

    def divided(task):
        return 2 / task if task else os._exit(1)

    assert list(call_in_pool(pool, 1, lambda: next(tasks, None), divided)) == [(1, 2.0), (0, None), (2, 1.0)]


def test_a_process_that_was_being_given_a_task_is_stopped_too(monkeypatch, pool):
    stopped = []

    def interrupted(self, call, task):
        raise KeyboardInterrupt

    monkeypatch.setattr(processes._Process, "submit", interrupted)
    monkeypatch.setattr(processes._Process, "stop", lambda process: stopped.append(process))
    with pytest.raises(KeyboardInterrupt):
        next(call_in_pool(pool, 1, lambda: 1, abs))
    pool.stop()
    assert len(stopped) == 1


def test_threads_may_load_a_study_at_the_same_time(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(
        "from __future__ import annotations\nimport time\ntime.sleep(0.2)\nfrom dataclasses import dataclass\n"
        "from hardzero.studies import Study\n@dataclass\nclass Point:\n    x: int\n"
        "class Own(Study):\n    name = 'own'; title = claim = 'x'\n"
        "    def grid(self, scale, data): return [{}]\n    def measure(self, settings, context): return {'x': 1}\n"
        "    def tables(self, runs): return []\n"
    )
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(get_study, [str(path)] * 4))
    assert {study.name for study in found} == {"own"}
    assert len(found) == 1


@contextmanager
def ray_of_two():
    """Start a cluster of Ray, whose workers have the environment of this moment."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_a_local_ray_cluster_carries_out_a_study(tmp_path, monkeypatch, naps):
    monkeypatch.setenv("NAPS_LOG", str(tmp_path / "log"))
    with ray_of_two():
        store = run_study(naps, folder=tmp_path, workers=Workers(backend="ray"))
    assert store.counts() == {"done": 24}
    assert len((tmp_path / "log").read_text().splitlines()) == 24
    assert own_process(store.frame("naps"))


@pytest.mark.slow
def test_a_run_that_kills_its_worker_of_a_ray_cluster_fails_alone(tmp_path, monkeypatch, naps):
    monkeypatch.setenv("NAPS", "3")
    monkeypatch.setenv("NAPS_DIES_AT", "1")
    with ray_of_two():
        store = run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(backend="ray", count=1))
    frame = store.frame("naps").set_index("number")
    assert frame["status"].tolist() == ["done", "failed", "done"]
    assert "died 5 times" in frame.loc[1, "failure"]
    assert own_process(frame)
