"""The store keeps its promises: one owner a run, no result twice, nothing lost by kills."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Timer

import numpy as np
import pytest

from hardzero.studies.core.run_store import OWN_COLUMNS, RunSpec, RunStore, check_names

NAPS = str(Path(__file__).with_name("naps.py"))


def spec(number=0, **changes):
    values = {
        "study": "example",
        "revision": 1,
        "settings": {"number": number},
        "data": None,
        "data_checksum": None,
        "version": "1",
        "seed": 0,
    }
    return RunSpec(**{**values, **changes})


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs.sqlite")
    yield store
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        {"study": "other"},
        {"revision": 2},
        {"settings": {"number": 0.5}},
        {"settings": {"digit": 0}},
        {"data": "digits"},
        {"data_checksum": "a"},
        {"version": "2"},
        {"seed": 1},
    ],
)
def test_the_key_follows_everything_that_determines_a_run(change):
    assert spec().key == spec().key
    assert spec(**change).key != spec().key


def test_the_key_does_not_depend_on_the_order_of_settings():
    assert spec(settings={"a": 1, "b": 2}).key == spec(settings={"b": 2, "a": 1}).key


def test_settings_that_have_no_value_as_json_are_refused():
    with pytest.raises(ValueError):
        spec(settings={"rate": float("nan")}).key  # noqa: B018


def test_a_finished_run_is_not_claimed_again_nor_planned_anew(store):
    store.plan("example", "quick", [spec()])
    claimed = store.claim()
    assert claimed == spec()
    assert store.finish(claimed.key, {"error": 1.0}, 0.5)
    store.plan("example", "quick", [spec()])
    assert store.claim() is None
    run = store.frame("example").iloc[0]
    assert (run["status"], run["error"], run["number"], run["seconds"]) == ("done", 1.0, 0, 0.5)


def test_nothing_is_recorded_for_a_run_that_the_store_does_not_know(store):
    store.plan("example", "quick", [spec()])
    store.claim()
    for record in (lambda: store.finish("unknown", {"error": 1.0}, 0.5), lambda: store.fail("unknown", "no", 0.5)):
        with pytest.raises(ValueError, match="has no run unknown"):
            record()
    assert store.counts() == {"running": 1}


def test_each_run_is_claimed_once_by_many_processes_and_threads(tmp_path):
    stores = [RunStore(tmp_path / "runs.sqlite") for _ in range(4)]
    stores[0].plan("example", "quick", [spec(number) for number in range(60)])

    def claim_all(store):
        claimed = []
        while (run := store.claim()) is not None:
            claimed.append(run.settings["number"])
        return claimed

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(claim_all, stores * 2))
    assert sorted(number for numbers in claims for number in numbers) == list(range(60))
    assert sum(bool(numbers) for numbers in claims) > 1


def test_a_claim_ends_with_its_lease_and_the_late_owner_cannot_record(tmp_path):
    late = RunStore(tmp_path / "runs.sqlite", lease_seconds=0.05)
    other = RunStore(tmp_path / "runs.sqlite")
    late.plan("example", "quick", [spec()])
    late.claim()
    assert other.claim() is None
    time.sleep(0.06)
    assert other.claim() == spec()
    assert not late.finish(spec().key, {"square": 1}, 0.1)
    assert other.finish(spec().key, {"square": 2}, 0.1)
    assert other.frame("example")["square"].tolist() == [2]


def test_a_renewed_claim_holds(tmp_path):
    owner = RunStore(tmp_path / "runs.sqlite", lease_seconds=0.2)
    other = RunStore(tmp_path / "runs.sqlite")
    owner.plan("example", "quick", [spec()])
    owner.claim()
    for _ in range(5):
        time.sleep(0.06)
        owner.renew([spec().key])
    assert other.claim() is None


def test_the_seconds_of_a_run_are_those_of_all_its_attempts(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("hardzero.studies.core.run_store.time.time", lambda: now)
    killed, interrupted, last = (RunStore(tmp_path / "runs.sqlite") for _ in range(3))
    killed.plan("example", "quick", [spec()])
    killed.claim()
    now += 20
    killed.renew([spec().key])
    now += 31
    interrupted.claim()
    now += 5
    interrupted.release([spec().key])
    now += 100
    last.claim()
    now += 10
    last.renew([spec().key])
    killed.renew([spec().key])
    killed.release([spec().key])
    assert not killed.finish(spec().key, {"error": 2.0}, 99.0)
    assert last.finish(spec().key, {"error": 1.0}, 10.5)
    run = last.frame("example").iloc[0]
    assert run["seconds"] == pytest.approx(20 + 5 + 10.5)
    assert run["overhead_seconds"] is None
    assert run["attempts"] == 3


def test_a_failed_run_that_is_tried_again_keeps_its_seconds(store):
    store.plan("example", "quick", [spec()])
    store.fail(store.claim().key, "ValueError: no", 7.0)
    store.plan("example", "quick", [spec()])
    store.finish(store.claim().key, {"error": 1.0}, 0.5)
    assert store.frame("example")["seconds"].tolist() == [7.5]


def test_a_process_that_slept_past_its_lease_does_not_claim_its_own_run(tmp_path):
    store = RunStore(tmp_path / "runs.sqlite", lease_seconds=0.01)
    store.plan("example", "quick", [spec()])
    store.claim()
    time.sleep(0.02)
    assert store.claim() is None
    assert store.finish(spec().key, {"error": 1.0}, 0.5)


def test_a_released_run_is_free_and_a_failed_one_is_tried_again_by_a_new_plan(store):
    store.plan("example", "quick", [spec()])
    store.release([store.claim().key])
    store.fail(store.claim().key, "ValueError: no", 0.1)
    assert store.claim() is None
    store.plan("example", "quick", [spec()])
    assert store.claim() == spec()


@pytest.mark.usefixtures("heeds_interrupts")
def test_interruption_while_another_process_writes_leaves_the_store_usable(tmp_path, store):
    store.plan("example", "quick", [spec()])
    claimed = store.claim()
    other = sqlite3.connect(tmp_path / "runs.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    Timer(0.6, other.execute, ["ROLLBACK"]).start()
    with pytest.raises(KeyboardInterrupt):
        store.renew([claimed.key])
    store.release([claimed.key])
    assert store.counts() == {"pending": 1}


def test_a_new_plan_takes_the_place_of_runs_without_a_result(tmp_path, store):
    other = RunStore(tmp_path / "runs.sqlite")
    done, failed, waiting, claimed = (spec(number) for number in range(4))
    kept = [spec(2, seed=1), spec(2, version="2"), spec(2, revision=2), spec(2, data="digits")]
    store.plan("example", "quick", [done, failed, waiting, claimed, *kept])
    store.plan("example", "full", [failed])
    store.finish(store.claim([done.key]).key, {"square": 0}, 0.1)
    store.fail(store.claim([failed.key]).key, "ValueError: no", 0.1)
    store.claim([claimed.key])
    other.plan("example", "quick", [spec(9)])
    shown = set(other.frame("example", "quick")["key"])
    assert shown == {run.key for run in (done, claimed, spec(9), *kept)}
    assert other.frame("example", "full")["key"].tolist() == [failed.key]
    # The process that planned it may still be at work.
    store.finish(store.claim([waiting.key]).key, {"square": 4}, 0.1)
    assert set(other.frame("example", "quick")["key"]) == {*shown, waiting.key}


def test_a_run_that_is_no_longer_planned_does_not_wait(store):
    store.plan("example", "quick", [spec(0)])
    store.plan("example", "quick", [spec(1)])
    store.finish(store.claim([spec(1).key]).key, {"square": 1}, 0.1)
    assert not store.has_open_runs("1")


def test_runs_that_no_command_goes_on_with_are_given_up(tmp_path, store):
    waiting, claimed, failed, done = (spec(number) for number in range(4))
    later = [spec(0, study="other", revision=2), spec(0, version="2")]
    others = [spec(5), spec(0, revision=2), spec(2, version="2")]
    store.plan("example", "quick", [others[0]])
    store.plan("example", "quick", [waiting, claimed, failed, done, *later, *others[1:]])
    store.claim([claimed.key])
    for run in (failed, others[2]):
        store.fail(store.claim([run.key]).key, "ValueError: no", 0.1)
    store.finish(store.claim([done.key]).key, {"square": 9}, 0.1)
    assert set(store.given_up("example", 1, "1")) == {run.key for run in (done, *others)}
    assert claimed.key not in store.given_up("example", 2, "1")


def test_a_run_that_kills_its_workers_fails_after_some_deaths(store):
    store.plan("example", "quick", [spec()])
    for _ in range(3):
        store.release([store.claim().key], died=True, most_deaths=3)
    assert store.counts() == {"failed": 1}
    assert "died 3 times" in store.frame("example")["failure"].iloc[0]
    store.plan("example", "quick", [spec()])
    store.release([store.claim().key], died=True, most_deaths=3)
    assert store.counts() == {"pending": 1}


def test_runs_are_claimed_in_the_order_asked_for(store):
    specs = [spec(number) for number in range(5)]
    store.plan("example", "quick", specs)
    wanted = [specs[3].key, specs[1].key]
    assert [store.claim(wanted).settings["number"] for _ in wanted] == [3, 1]
    assert store.claim(wanted) is None


@pytest.mark.parametrize("scale", ["quick", None])
def test_the_frame_has_the_runs_in_planned_order(store, scale):
    numbers = [3, 1, 4, 0, 5, 9, 2, 6]
    store.plan("example", "quick", [spec(number) for number in numbers])
    assert store.frame("example", scale)["number"].tolist() == numbers


def test_scales_share_runs(store):
    store.plan("example", "quick", [spec(0)])
    store.plan("example", "full", [spec(0), spec(1)])
    assert sorted(store.scales("example")) == ["full", "quick"]
    assert len(store.frame("example", "quick")) == 1
    assert len(store.frame("example", "full")) == len(store.frame("example")) == 2


def test_names_of_the_store_s_own_columns_are_kept_from_settings_and_metrics(store):
    store.plan("example", "quick", [spec(settings={"width": 3})])
    store.finish(store.claim().key, {"error": 1.0}, 0.5)
    own = set(store.frame("example")) - {"width", "error"}
    assert own == set(OWN_COLUMNS)
    for name in own:
        with pytest.raises(ValueError, match=f"a setting must not be named '{name}'"):
            check_names([name], "a setting")


def test_files_that_are_no_store_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database, and long enough to be taken for one" * 40)
    with pytest.raises(ValueError, match="is not a store of runs"):
        RunStore(tmp_path / "notes.txt")
    with sqlite3.connect(tmp_path / "newer.sqlite") as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(ValueError, match="newer hardzero"):
        RunStore(tmp_path / "newer.sqlite")


def test_a_store_that_cannot_be_written_can_be_read(tmp_path, store, monkeypatch):
    store.plan("example", "quick", [spec()])
    monkeypatch.setattr("hardzero.studies.core.run_store.os.access", lambda path, mode: False)
    reader = RunStore(store.path, read_only=True)
    assert reader.frame("example")["number"].tolist() == [0]
    reader.close()
    store.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"runs.sqlite"}
    reader = RunStore(store.path, read_only=True)
    assert reader.counts() == {"pending": 1}
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.claim()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_store_that_cannot_be_written_says_so(tmp_path, monkeypatch):
    def fails(connection):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr("hardzero.studies.core.run_store.os.access", lambda path, mode: False)
    monkeypatch.setattr("hardzero.studies.core.run_store._use_write_ahead_log", fails)
    with pytest.raises(ValueError, match=f"nothing can be written in {re.escape(str(tmp_path))}"):
        RunStore(tmp_path / "runs.sqlite")


def driver(folder, log, n_runs, lease_seconds=0.6):
    """Start a process that runs the naps study with two workers in a process group of its own."""
    code = (
        "import sys; from hardzero.studies.core import running, workers;"
        "from hardzero.studies.core.run_store import RunStore;"
        "running.open_store = lambda folder: RunStore(folder + '/runs.sqlite', lease_seconds=float(sys.argv[3]));"
        "running.run_study(sys.argv[1], n_seeds=1, folder=sys.argv[2], workers=workers.Workers(count=2))"
    )
    environment = {**os.environ, "NAPS": str(n_runs), "NAPS_LOG": str(log)}
    return subprocess.Popen(
        [sys.executable, "-c", code, NAPS, str(folder), str(lease_seconds)],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_group(process):
    """Kill a driver and its workers with a signal that nobody can catch."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_killing_everything_at_any_moment_loses_at_most_the_runs_in_flight(tmp_path):
    n_runs, n_kills = 80, 6
    log = tmp_path / "log"
    random = np.random.RandomState(0)
    kills = 0
    while kills < n_kills:
        done_before = RunStore(tmp_path / "runs.sqlite").counts().get("done", 0)
        process = driver(tmp_path, log, n_runs)
        measured = log.stat().st_size if log.exists() else 0
        while process.poll() is None and (log.stat().st_size if log.exists() else 0) == measured:
            time.sleep(0.01)
        time.sleep(random.uniform(0.0, 0.25))
        if process.poll() is not None:
            break
        kill_group(process)
        kills += 1
        store = RunStore(tmp_path / "runs.sqlite")
        with sqlite3.connect(tmp_path / "runs.sqlite") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.counts().get("done", 0) >= done_before
        store.close()
    assert kills >= 3
    assert driver(tmp_path, log, n_runs).wait(timeout=120) == 0
    store = RunStore(tmp_path / "runs.sqlite")
    assert store.counts() == {"done": n_runs}
    frame = store.frame("naps")
    np.testing.assert_array_equal(frame["square"], frame["number"] ** 2)
    measurements = [int(line.split()[0]) for line in log.read_text().splitlines()]
    assert set(measurements) == set(range(n_runs))
    assert len(measurements) <= n_runs + 2 * kills


@pytest.mark.slow
def test_killing_single_workers_does_not_end_a_study(tmp_path):
    process = driver(tmp_path, tmp_path / "log", 60)
    kills = 0
    while process.poll() is None and kills < 4:
        time.sleep(0.7)
        for worker in workers_of(process.pid)[:1]:
            os.kill(worker, signal.SIGKILL)
            kills += 1
    assert process.wait(timeout=120) == 0
    assert kills
    assert RunStore(tmp_path / "runs.sqlite").counts() == {"done": 60}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(tmp_path, number):
    log = tmp_path / "log"
    process = driver(tmp_path, log, 4000)
    try:
        while not log.exists():
            time.sleep(0.05)
        assert workers_of(process.pid)
        process.send_signal(number)
        assert process.wait(timeout=60) == -number
        deadline = time.monotonic() + 20
        while workers_of(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert workers_of(process.pid) == []
    finally:
        with suppress(ProcessLookupError):
            kill_group(process)


def workers_of(group):
    """Return the processes of a group that are loky's workers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group and b"popen_loky_posix" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


@pytest.mark.slow
def test_two_processes_share_a_study(tmp_path):
    log = tmp_path / "log"
    processes = [driver(tmp_path, log, 60, lease_seconds=20) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    measurements = sorted(int(line.split()[0]) for line in log.read_text().splitlines())
    assert measurements == list(range(60))
