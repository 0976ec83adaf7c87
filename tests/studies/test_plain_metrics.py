"""Metrics reach the store as plain values, or end their run with a message that names them."""

import numpy as np
import pytest

from hardzero.studies.core.run_store import RunStore
from hardzero.studies.core.running import open_store, run_study
from hardzero.studies.core.workers import Workers

STUDY = """
import numpy as np

from hardzero.studies import Study


class Own(Study):
    name = "own"
    title = claim = "x"

    def grid(self, scale, data):
        return [{{"number": 1}}, {{"number": 2}}]

    def measure(self, settings, context):
        return {{"square": settings["number"] ** 2}} if settings["number"] == 1 else {metrics}

    def tables(self, runs):
        return []
"""


@pytest.fixture
def runs_with(tmp_path):
    """Run a study whose second run returns these metrics; give its runs by number."""

    def run(metrics):
        path = tmp_path / "own.py"
        path.write_text(STUDY.format(metrics=metrics))
        store = run_study(str(path), n_seeds=1, folder=tmp_path, workers=Workers(count=1))
        return store.frame("own").set_index("number")

    return run


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("np.int64(3)", 3),
        ("np.float32(0.5)", 0.5),
        ("np.bool_(True)", True),
        ("np.array([1.5, 2.0])", [1.5, 2.0]),
        ("[np.float32(0.5), np.int8(1)]", [0.5, 1]),
        ("{'test': np.int64(3)}", {"test": 3}),
    ],
)
def test_numbers_of_numpy_are_kept_as_numbers(runs_with, value, kept):
    assert runs_with(f"{{'error': {value}}}").loc[2, "error"] == kept


def test_nan_is_kept(runs_with):
    assert np.isnan(runs_with("{'error': np.float32('nan')}").loc[2, "error"])


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("{'odd': object()}", "the metric 'odd' of own cannot be kept (object is no value of JSON)"),
        ("{'odd': [1, {2}]}", "the metric 'odd' of own cannot be kept (set is no value of JSON)"),
        ("{'odd': np.array([1j])}", "the metric 'odd' of own cannot be kept (complex is no value of JSON)"),
        ("{np.int64(3): 1}", "the metric np.int64(3) of own cannot be kept (keys must be str"),
        (
            "{'seconds': 1.0}",
            "a metric of own must not be named 'seconds': the table of runs has a column of that name",
        ),
        (
            "{'number': 5}",
            "the metric 'number' of own would take the place of the setting of that name in the table of runs: rename",
        ),
        ("3.0", "measure of own returned 3.0: it must return a dict of numbers"),
    ],
)
def test_what_cannot_be_kept_fails_its_run_and_no_other(runs_with, metrics, message):
    runs = runs_with(metrics)
    assert runs["status"].to_dict() == {1: "done", 2: "failed"}
    assert message in runs.loc[2, "failure"]


def test_a_result_that_cannot_be_recorded_gives_its_run_back(tmp_path, naps, monkeypatch):
    def full_disk(*_, **__):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "finish", full_disk)
        with pytest.raises(OSError, match="no space left"):
            run_study(naps, n_seeds=1, folder=tmp_path, workers=Workers(count=1))
    assert set(open_store(tmp_path).counts()) == {"pending"}
