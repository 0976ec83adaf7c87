import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hardzero.datasets import DatasetNotFound, data_directories
from hardzero.datasets.directory import RemoteFile, find, find_or_fetch, read_unpacked, without_fetching

CONTENT = b"four words of content"
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    """Serve a folder, as `server.folder`, at `server.address`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        running.folder = folder
        running.address = f"http://127.0.0.1:{running.server_address[1]}/"
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_the_named_folder_comes_before_the_cache(data_directory, cache):
    assert data_directories() == [data_directory, cache]
    file = RemoteFile("set/file.bin")
    for folder, content in ((cache, b"cached"), (data_directory, b"named")):
        (folder / "set").mkdir(parents=True)
        (folder / "set" / "file.bin").write_bytes(content)
    assert find(file).read_bytes() == b"named"


def test_without_the_variable_only_the_cache_is_searched(monkeypatch, cache):
    monkeypatch.delenv("HARDZERO_DATA", raising=False)
    assert data_directories() == [cache]


def test_a_variable_that_names_no_folder_is_reported(monkeypatch, tmp_path):
    monkeypatch.setenv("HARDZERO_DATA", str(tmp_path / "typo"))
    with pytest.raises(ValueError, match=r"HARDZERO_DATA is .*typo"):
        data_directories()


def test_an_unpacked_file_stands_for_a_packed_one(data_directory):
    (data_directory / "file.bin").write_bytes(CONTENT)
    file = RemoteFile("file.bin.gz", unpacked_md5=MD5)
    assert read_unpacked(find(file), file) == CONTENT


def test_a_file_is_fetched_once_and_kept_in_the_cache(data_directory, cache, server):
    (server.folder / "file.bin").write_bytes(CONTENT)
    file = RemoteFile("set/file.bin", (server.address + "file.bin",), f"md5:{MD5}")
    path = find_or_fetch(file)
    assert path == cache / "set" / "file.bin"
    assert path.read_bytes() == CONTENT
    (server.folder / "file.bin").unlink()
    assert find_or_fetch(file) == path


def test_a_mirror_that_delivers_something_else_is_passed_over(data_directory, cache, server):
    (server.folder / "good").write_bytes(CONTENT)
    (server.folder / "bad").write_bytes(b"an error page")
    file = RemoteFile(
        "file.bin", (server.address + "gone", server.address + "bad", server.address + "good"), f"md5:{MD5}"
    )
    assert find_or_fetch(file).read_bytes() == CONTENT


def test_a_broken_download_leaves_nothing_and_says_what_to_do(data_directory, cache, server):
    (server.folder / "bad").write_bytes(b"cut off")
    file = RemoteFile("set/file.bin", (server.address + "bad",), f"md5:{MD5}")
    with pytest.raises(DatasetNotFound) as caught:
        find_or_fetch(file)
    message = str(caught.value)
    assert "file.bin" in message
    assert server.address + "bad" in message
    assert str(data_directory / "set" / "file.bin") in message
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_no_network_is_said_so(data_directory):
    file = RemoteFile("file.bin", ("http://127.0.0.1:1/file.bin",), f"md5:{MD5}")
    with pytest.raises(DatasetNotFound, match="no connection to this address"):
        find_or_fetch(file)


def test_nothing_is_fetched_where_that_is_not_wanted(data_directory, server):
    (server.folder / "file.bin").write_bytes(CONTENT)
    file = RemoteFile("file.bin", (server.address + "file.bin",), f"md5:{MD5}")
    with without_fetching(), pytest.raises(DatasetNotFound, match="was not to be fetched"):
        find_or_fetch(file)
    assert find_or_fetch(file).read_bytes() == CONTENT


def test_an_absent_set_is_a_missing_file():
    assert issubclass(DatasetNotFound, FileNotFoundError)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(CONTENT)[:-6], "cannot be unpacked"),
        (gzip.compress(b"other"), "not the published file"),
        (b"other", "not the published file"),
    ],
)
def test_a_damaged_file_is_refused_by_name(data_directory, content, complaint):
    path = data_directory / "file.bin.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as caught:
        read_unpacked(path, RemoteFile("file.bin.gz", unpacked_md5=MD5))
    assert str(path) in str(caught.value)
