"""How many threads a value of n_jobs stands for."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from hardzero import threads
from hardzero.threads import ONE_BLAS_THREAD, resolve_n_jobs, usable_cores


@pytest.mark.parametrize(("n_jobs", "expected"), [(1, 1), (3, 3), (None, 8), (-1, 8), (-2, 7), (-20, 1)])
def test_n_jobs_counts_as_in_scikit_learn(monkeypatch, n_jobs, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "available_cores", lambda: 8)
    assert resolve_n_jobs(n_jobs) == expected


def test_the_threads_of_a_larger_machine_are_cut_to_the_cores_of_this_one(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(threads, "available_cores", lambda: 2)
    assert [resolve_n_jobs(n_jobs) for n_jobs in (1, 2, 3, 64)] == [1, 2, 2, 2]


def test_no_threads_at_all_are_refused():
    with pytest.raises(ValueError, match="n_jobs=0 has no meaning"):
        resolve_n_jobs(0)


def test_the_limit_of_a_container_is_kept(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(1000)), raising=False)
    assert usable_cores() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5})
    assert usable_cores() == 1


def test_a_limit_set_for_nested_parallelism_is_kept(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = usable_cores()
    assert cores >= 1
    for limit, expected in [
        ("1", 1),
        (" 1 ", 1),
        ("1,2", 1),
        ("100000", cores),
        ("0", cores),
        ("²", cores),
        ("many", cores),
        ("", cores),
    ]:
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
        assert usable_cores() == expected


def test_a_limit_of_blas_is_set_by_the_first_and_lifted_by_the_last(monkeypatch):
    done = []

    class Limits:
        def __init__(self, limits, user_api):
            done.append((limits, user_api))

        def restore_original_limits(self):
            done.append("restored")

    monkeypatch.setattr(threads, "threadpool_limits", Limits)
    first, second = ExitStack(), ExitStack()
    first.enter_context(ONE_BLAS_THREAD)
    second.enter_context(ONE_BLAS_THREAD)
    first.close()
    assert done == [(1, "blas")]
    second.close()
    assert done == [(1, "blas"), "restored"]
