"""The file of decisions: SQLite in WAL mode, so that `gpu-cascade why` reads while `serve` writes."""

import logging
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from ..database import closed_on_error, passes, transaction, trouble
from ..errors import CascadeError, ConfigError, StoreFull
from .record import COLUMNS, Record, from_row, to_row

log = logging.getLogger(__name__)

SCHEMA = 1  # in the file's `user_version`; a change of COLUMNS raises it
BUSY_S = 1.0  # how long one try waits for another program's lock

_NAMES = ", ".join(COLUMNS)
_CREATE = "CREATE TABLE decisions (" + ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()) + ")"
# REPLACE: after an error nobody knows whether a COMMIT arrived, so a batch may be written twice.
_INSERT = f"INSERT OR REPLACE INTO decisions ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own names
_SELECT = f"SELECT {_NAMES} FROM decisions"  # noqa: S608 - our own names


class Store:
    """The writing end. One thread at a time may use it; errors of SQLite pass through `write` as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = _writer(path)
        self._inode = path.stat().st_ino

    def write(self, records: Iterable[Record]) -> None:
        """All of the records, durable when this returns, or none. Raises `sqlite3.Error` or `OSError`."""
        self._follow()
        with transaction(self.connection):
            self.connection.executemany(_INSERT, map(to_row, records))

    def _follow(self) -> None:
        """Make the file again where it was deleted or replaced: SQLite would write on into the void."""
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            inode = -1
        if inode != self._inode:
            log.warning("%s was deleted or replaced: decisions go to a new file there", self.path)
            self.connection.close()  # first: a closing connection deletes the write-ahead log by its name
            self.connection = _writer(self.path)
            self._inode = self.path.stat().st_ino

    def close(self) -> None:
        """Give the file back, its write-ahead log merged into it."""
        self.connection.close()


def open_store(path: Path) -> Store:
    """The store at `path`, made where missing. Raises `ConfigError`; `StoreFull` where waiting may help."""
    try:
        return Store(path)
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    except OSError as error:
        raise ConfigError(f"traces.store: {path} cannot be written: {error.strerror or error}") from error


def read(path: Path, id: str) -> Record | None:  # noqa: A002 - what everybody calls it
    """One record, also while `serve` writes; None where there is none of that id."""
    found = _select(path, f"{_SELECT} WHERE id = ?", id)
    return found[0] if found else None


def read_recent(path: Path, n: int) -> list[Record]:
    """The last `n` records, newest first."""
    return _select(path, f"{_SELECT} ORDER BY rowid DESC LIMIT ?", n)


def unusable(path: Path, error: sqlite3.Error) -> CascadeError:
    """The error for a store that cannot be used; `StoreFull` where the trouble may pass by itself."""
    sentence = f"traces.store: {trouble(str(path), error)}"
    if passes(error):
        return StoreFull(sentence, retry_after_s=5.0)
    return ConfigError(sentence)


def _writer(path: Path) -> sqlite3.Connection:
    """A connection that writes. Made by the thread that opens the store, used by the one that writes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # who asked what is nobody else's business; SQLite's side files follow suit
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    with closed_on_error(connection):
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit survives a power cut. One sync per batch, in a thread that nobody waits for.
        connection.execute("PRAGMA synchronous = FULL")
        with transaction(connection):  # says now, not at the first answer, that it cannot be written
            if _is_new(connection, path):
                connection.execute(_CREATE)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
    return connection


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is still empty; raises `ConfigError` where it is not ours to use."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version > SCHEMA:
        raise ConfigError(
            f"traces.store: {path} was made by a newer gpu-cascade (schema {version}, this one knows "
            f"{SCHEMA}); upgrade gpu-cascade or name another file"
        )
    if version == 0 and tables:
        raise ConfigError(f"traces.store: {path} belongs to another program; name another file")
    return not tables


def _select(path: Path, sql: str, value: str | int) -> list[Record]:
    """The records of one query, read without the right to write."""
    if not path.is_file():
        raise ConfigError(f"no decisions are stored at {path}; has `gpu-cascade serve` run with this file?")
    try:
        source = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True, timeout=BUSY_S)) as connection:
            if _is_new(connection, path):
                return []
            return [from_row(row) for row in connection.execute(sql, (value,))]
    except sqlite3.Error as error:
        raise unusable(path, error) from error
