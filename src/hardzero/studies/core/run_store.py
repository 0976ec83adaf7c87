"""The store of runs: one SQLite file that several processes may work on and that no kill can spoil."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
BUSY_SECONDS = 60.0
"""How long a process waits for another one's transaction; these take milliseconds."""

OWN_COLUMNS = (
    "data",
    "version",
    "seed",
    "status",
    "seconds",
    "overhead_seconds",
    "attempts",
    "failure",
    "data_checksum",
    "revision",
    "settings",
    "key",
)
"""Columns of the table of runs besides settings and metrics."""

WITH_UNLABELED = "+"
"""Between the checksums of a data set and of the unlabeled one used with it."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY,
    study TEXT NOT NULL,
    revision INTEGER NOT NULL,
    settings TEXT NOT NULL,
    data TEXT,
    data_checksum TEXT,
    version TEXT NOT NULL,
    seed INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'failed')),
    owner TEXT,
    lease_until REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    started REAL,
    finished REAL,
    seconds REAL,
    metrics TEXT,
    error TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plans (
    study TEXT NOT NULL,
    scale TEXT NOT NULL,
    key TEXT NOT NULL REFERENCES runs (key),
    position INTEGER NOT NULL,
    PRIMARY KEY (study, scale, key)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines the result of a run.

    Attributes
    ----------
    study : str
    revision : int
        Revision of the study's protocol.
    settings : dict
        A point of the study's grid; JSON values only.
    data, data_checksum : str or None
        Name and content of the data set.
    version : str
        Version of hardzero.
    seed : int
    """

    study: str
    revision: int
    settings: Mapping[str, Any]
    data: str | None
    data_checksum: str | None
    version: str
    seed: int

    @property
    def key(self) -> str:
        """Hash of all attributes: the same run has the same key, in any process and on any machine."""
        text = json.dumps(self.__dict__, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class RunStore:
    """Runs, their status and their results, in one SQLite file in write-ahead mode.

    A run is *claimed* by one process in a transaction, so that no two processes measure it at once. A claim
    holds for `lease_seconds` and is renewed while its owner lives; the runs of a killed process are free again
    when the lease ends.

    Parameters
    ----------
    path : path-like
        Created where it does not exist.
    lease_seconds : float, default=30.0
        After a kill the runs in flight wait this long; must exceed the pauses of a busy machine.
    read_only : bool, default=False
        Only look at runs: then the file may lie where nothing can be written.

    Raises
    ------
    ValueError
        If the file is not a store of runs, or one of a newer version, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> store = RunStore(Path(tempfile.mkdtemp()) / "runs.sqlite")
    >>> store.plan("example", "quick", [RunSpec("example", 1, {"width": 3}, None, None, "0.1.0", 0)])
    >>> claimed = store.claim()
    >>> store.finish(claimed.key, {"error": 1.5}, seconds=0.1)
    True
    >>> store.counts()
    {'done': 1}
    """

    def __init__(self, path: str | os.PathLike[str], *, lease_seconds: float = 30.0, read_only: bool = False) -> None:
        self.path = Path(path)
        self.lease_seconds = lease_seconds
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._seconds_before: dict[str, float] = {}
        self._planned: dict[str, tuple[str, str, str, int]] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        writable = _is_writable(self.path)
        try:
            self._connection = self._open() if writable or not read_only else self._open_unchanged()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                reason = "" if writable else f": nothing can be written in {self.path.parent}, name another folder"
                raise ValueError(f"cannot open the store of runs {self.path} ({error}){reason}") from error
            raise ValueError(f"{self.path} is not a store of runs ({error}): name another file") from error

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        self._check_version(connection)
        for statement in SCHEMA.strip().split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
        return connection

    def _open_unchanged(self) -> sqlite3.Connection:
        """Open a file that cannot be written, nor any beside it."""
        # Without a log of changes nothing is missing in the file, and SQLite would want to make one.
        mode = "mode=ro" if Path(f"{self.path}-wal").exists() else "mode=ro&immutable=1"
        address = f"{self.path.absolute().as_uri()}?{mode}"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        self._check_version(connection)
        return connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA user_version").fetchone()[0] > SCHEMA_VERSION:
            connection.close()
            raise ValueError(f"{self.path} was written by a newer hardzero: upgrade, or name another file")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the store's write lock, among threads and processes."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # Ctrl-C may come right after the transaction has begun or ended.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def plan(self, study: str, scale: str, specs: Iterable[RunSpec]) -> None:
        """Make runs known as part of a study at some scale; results that are there stay, failed runs become pending.

        Runs without a result that were planned before for the same version, revision, data and seeds, and are not
        among these, are no longer part of it: the study's grid has changed.
        """
        specs = list(specs)
        with self._transaction() as connection:
            _drop_plans(connection, study, scale, specs)
            for position, spec in enumerate(specs):
                row = {**spec.__dict__, "settings": json.dumps(dict(spec.settings), sort_keys=True), "key": spec.key}
                connection.execute(
                    "INSERT OR IGNORE INTO runs (key, study, revision, settings, data, data_checksum, version, seed) "
                    "VALUES (:key, :study, :revision, :settings, :data, :data_checksum, :version, :seed)",
                    row,
                )
                self._planned[spec.key] = study, scale, spec.key, position
                connection.execute("INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)", self._planned[spec.key])
                connection.execute(
                    "UPDATE runs SET status='pending', deaths=0 WHERE key=? AND status='failed'",
                    (spec.key,),
                )

    def claim(self, keys: Sequence[str] | None = None) -> RunSpec | None:
        """Take the next free run, or None where there is none.

        Parameters
        ----------
        keys : sequence of str, optional
            Runs to choose from, in order of preference; all by default.

        Returns
        -------
        RunSpec or None
            A run that was pending, or whose owner let its lease end. What its earlier attempts took is counted on.
        """
        now = time.time()
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT key FROM runs WHERE status='pending' OR (status='running' AND lease_until < ? AND owner <> ?)",
                (now, self.owner),
            )
            free = dict.fromkeys(row["key"] for row in rows)
            chosen = next((key for key in (free if keys is None else keys) if key in free), None)
            if chosen is None:
                return None
            run = connection.execute("SELECT * FROM runs WHERE key=?", (chosen,)).fetchone()
            connection.execute(
                "UPDATE runs SET status='running', owner=?, lease_until=?, started=?, attempts=attempts+1, error=NULL "
                "WHERE key=?",
                (self.owner, now + self.lease_seconds, now, chosen),
            )
            self._seconds_before[chosen] = run["seconds"] or 0.0
        return _spec(run)

    def renew(self, keys: Iterable[str]) -> None:
        """Extend the lease of runs that this process has claimed, and record what they have taken so far."""
        now = time.time()
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE runs SET lease_until=?, seconds=?+max(0, ?-started) "
                "WHERE key=? AND owner=? AND status='running'",
                [(now + self.lease_seconds, self._seconds_before.get(key, 0.0), now, key, self.owner) for key in keys],
            )

    def finish(self, key: str, metrics: Mapping[str, Any], seconds: float) -> bool:
        """Record the result of a claimed run; return False if the claim was lost meanwhile.

        Raises
        ------
        ValueError
            If the store has no such run.
        """
        return self._end(key, "done", metrics=json.dumps(metrics), seconds=seconds)

    def fail(self, key: str, error: str, seconds: float) -> bool:
        """Record that a claimed run raised an error, whose first line is the reason; return, and raise, as `finish`."""
        return self._end(key, "failed", error=error, seconds=seconds)

    def _end(
        self, key: str, status: str, *, seconds: float, metrics: str | None = None, error: str | None = None
    ) -> bool:
        with self._transaction() as connection:
            cursor = connection.execute(
                "UPDATE runs SET status=?, metrics=?, error=?, seconds=?, finished=?, lease_until=NULL "
                "WHERE key=? AND owner=? AND status='running'",
                (status, metrics, error, self._seconds_before.get(key, 0.0) + seconds, time.time(), key, self.owner),
            )
            if cursor.rowcount == 0 and not connection.execute("SELECT 1 FROM runs WHERE key=?", (key,)).fetchone():
                raise ValueError(f"{self.path} has no run {key}: nothing can be recorded for it")
            if cursor.rowcount == 1 and status == "done" and key in self._planned:
                # Another process may have planned a grid without this run meanwhile.
                connection.execute("INSERT OR IGNORE INTO plans VALUES (?, ?, ?, ?)", self._planned[key])
        return cursor.rowcount == 1

    def release(self, keys: Iterable[str], *, died: bool = False, most_deaths: int = 5) -> None:
        """Give claimed runs back without a result; those that this process has not claimed stay as they are.

        Parameters
        ----------
        keys : iterable of str
        died : bool, default=False
            Whether a worker process died with them. A run with which `most_deaths` workers died counts as
            failed, so that one that takes too much memory does not keep a study from ending.
        most_deaths : int, default=5
        """
        now = time.time()
        with self._transaction() as connection:
            for key in keys:
                connection.execute(
                    "UPDATE runs SET status='pending', lease_until=NULL, deaths=deaths+?, seconds=?+max(0, ?-started) "
                    "WHERE key=? AND owner=? AND status='running'",
                    (int(died), self._seconds_before.get(key, 0.0), now, key, self.owner),
                )
                connection.execute(
                    "UPDATE runs SET status='failed', error=? WHERE key=? AND status='pending' AND deaths >= ?",
                    (f"the worker process died {most_deaths} times, perhaps for lack of memory", key, most_deaths),
                )

    def statuses(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the status of each of the given runs that the store knows."""
        with self._lock:
            known = dict(self._connection.execute("SELECT key, status FROM runs").fetchall())
        return {key: known[key] for key in keys if key in known}

    def counts(self) -> dict[str, int]:
        """Return the number of runs with each status."""
        with self._lock:
            return dict(self._connection.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall())

    def has_open_runs(self, version: str) -> bool:
        """Tell whether planned runs wait for this version of hardzero, or any are being measured."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM runs WHERE status='running' "
            "OR (status='pending' AND version=? AND key IN (SELECT key FROM plans)))"
        )
        with self._lock:
            return bool(self._connection.execute(query, (version,)).fetchone()[0])

    def given_up(self, study: str, revision: int, version: str) -> list[str]:
        """Return the keys of the runs that are not being measured and that no command goes on with.

        These are done or no longer planned, of another revision of a study than it has now, or failed in another
        version of hardzero than this one.
        """
        query = (
            "SELECT key FROM runs WHERE NOT (status='running' AND lease_until >= ?) AND (status='done' "
            "OR key NOT IN (SELECT key FROM plans) OR (study=? AND revision<>?) OR (status='failed' AND version<>?))"
        )
        with self._lock:
            rows = self._connection.execute(query, (time.time(), study, revision, version)).fetchall()
        return [row["key"] for row in rows]

    def studies(self) -> list[str]:
        """Return the names of the studies of which runs are planned."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT study FROM plans ORDER BY study").fetchall()
        return [row["study"] for row in rows]

    def scales(self, study: str) -> list[str]:
        """Return the scales at which runs of a study are planned."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT scale FROM plans WHERE study=?", (study,)).fetchall()
        return [row["scale"] for row in rows]

    def last_version(self, study: str, scale: str | None = None) -> str | None:
        """Return the version of the run of a study that was finished last, at a scale or any, None where none is."""
        query = (
            "SELECT version FROM runs JOIN plans USING (key) "
            "WHERE plans.study=? AND scale=coalesce(?, scale) AND status='done' ORDER BY finished DESC LIMIT 1"
        )
        with self._lock:
            row = self._connection.execute(query, (study, scale)).fetchone()
        return None if row is None else str(row["version"])

    def frame(self, study: str, scale: str | None = None) -> pd.DataFrame:
        """Return the runs of a study as a data frame.

        Parameters
        ----------
        study : str
        scale : str, optional
            Only runs planned at this scale.

        Returns
        -------
        pandas.DataFrame
            One row a run, in planned order, those of a data set together: ``data``, ``data_checksum``, ``version``,
            ``seed``, ``status``, a column for each setting and each metric, ``seconds`` (of the measurement; after
            several attempts of all of them, also of those that were lost), ``overhead_seconds`` (from claim to record,
            without the measurement; None after several attempts), ``attempts``, ``failure``, ``settings`` (as JSON) and
            ``key``.
        """
        import pandas as pd

        query = (
            "SELECT runs.* FROM runs JOIN plans USING (key) WHERE plans.study=? AND scale=coalesce(?, scale) "
            "GROUP BY key ORDER BY min(min(position)) OVER (PARTITION BY data, data_checksum), data, data_checksum, "
            "min(position), version, seed"
        )
        with self._lock:
            rows = self._connection.execute(query, (study, scale)).fetchall()
        return pd.DataFrame([_record(row) for row in rows])


def check_names(names: Iterable[str], kind: str) -> None:
    """Raise a `ValueError` if a setting or metric would share its column with what the store says of a run."""
    for name in names:
        if name in OWN_COLUMNS:
            raise ValueError(f"{kind} must not be named {name!r}: the table of runs has a column of that name itself")


def check_keys(value: Any) -> None:
    """Raise a `ValueError` if a dict in a setting has a key that JSON, in which settings are kept, turns into text."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(
                    f"settings are kept as JSON, where a key is a str, and {key!r} is none: "
                    "write it as one, and turn it back in measure"
                )
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            check_keys(part)


def _drop_plans(connection: sqlite3.Connection, study: str, scale: str, specs: Sequence[RunSpec]) -> None:
    """Take runs without a result out of a plan, where it now has others in their place."""
    keys = {spec.key for spec in specs}
    places = {(spec.version, spec.revision, spec.data, spec.seed) for spec in specs}
    rows = connection.execute(
        "SELECT key, version, revision, data, seed FROM runs JOIN plans USING (key) WHERE plans.study=? AND scale=? "
        "AND (status IN ('pending', 'failed') OR (status='running' AND lease_until < ?))",
        (study, scale, time.time()),
    ).fetchall()
    dropped = [(study, scale, key) for key, *place in rows if key not in keys and tuple(place) in places]
    connection.executemany("DELETE FROM plans WHERE study=? AND scale=? AND key=?", dropped)


def _spec(row: sqlite3.Row) -> RunSpec:
    return RunSpec(
        row["study"],
        row["revision"],
        json.loads(row["settings"]),
        row["data"],
        row["data_checksum"],
        row["version"],
        row["seed"],
    )


def _record(row: sqlite3.Row) -> dict[str, Any]:
    overhead = None
    if row["status"] == "done" and row["attempts"] == 1:
        overhead = max(0.0, row["finished"] - row["started"] - row["seconds"])
    return {
        "data": row["data"],
        "version": row["version"],
        "seed": row["seed"],
        "status": row["status"],
        **json.loads(row["settings"]),
        **json.loads(row["metrics"] or "{}"),
        "seconds": row["seconds"],
        "overhead_seconds": overhead,
        "attempts": row["attempts"],
        "failure": row["error"],
        "data_checksum": row["data_checksum"],
        "revision": row["revision"],
        "settings": row["settings"],
        "key": row["key"],
    }


def _is_writable(path: Path) -> bool:
    """Tell whether a file, if it is there, can be written, and those that SQLite makes beside it."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Turn on WAL; SQLite does not wait by itself while another process does the same to a new file."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
