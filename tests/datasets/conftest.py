"""A data directory of its own for each test, an empty cache, and no network."""

from __future__ import annotations

import gzip

import pytest

from hardzero.datasets import directory


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache; nothing can be fetched unless the test serves it."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(directory, "cache_directory", lambda: folder)
    monkeypatch.setattr("hardzero.datasets.norb.cache_directory", lambda: folder)
    return folder


@pytest.fixture
def data_directory(tmp_path, monkeypatch, cache):
    """An empty folder that HARDZERO_DATA names."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("HARDZERO_DATA", str(folder))
    return folder


@pytest.fixture
def write(tmp_path):
    """Write a user's file, gzipped if its name ends so."""

    def write_file(name, content):
        data = content if isinstance(content, bytes) else content.encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_file
