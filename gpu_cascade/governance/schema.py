"""The file of keys, state/keys.db: SQLite in WAL mode, so that `serve` reads while a key is created."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..database import transaction, trouble
from ..errors import ConfigError

NAME = "keys.db"
SCHEMA = 1  # in the file's `user_version`
BUSY_S = 5.0  # how long a command waits for another one

_CREATE = """
    CREATE TABLE keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        mac BLOB NOT NULL UNIQUE,
        groups TEXT NOT NULL,
        team TEXT,
        role TEXT NOT NULL,
        cascades TEXT,
        created TEXT NOT NULL,
        revoked TEXT,
        last_used TEXT
    )
"""
_ONE_LIVE = "CREATE UNIQUE INDEX live ON keys (name) WHERE revoked IS NULL"


@contextmanager
def changing(folder: Path) -> Iterator[sqlite3.Connection]:
    """All of it or nothing, durable at the end; the file is made if need be. Raises `ConfigError`."""
    path = folder / NAME
    with naming(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # SQLite's side files follow suit
        with closing(connect(path, BUSY_S)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with transaction(connection):
                if not has_table(connection, path):
                    connection.execute(_CREATE)
                    connection.execute(_ONE_LIVE)
                    connection.execute(f"PRAGMA user_version = {SCHEMA}")
                yield connection


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """A connection to a file that is there. Raises `sqlite3.Error`."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", busy_s, isolation_level=None, uri=True)


def has_table(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether keys were ever kept in it. Raises `ConfigError` for a file that is not ours to use."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise ConfigError(
            f"{path} was made by a newer gpu-cascade (schema {version}, this one knows {SCHEMA}); upgrade it"
        )
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version == 0 and tables:
        raise ConfigError(f"{path} belongs to another program; move it away, or set GPU_CASCADE_STATE")
    return bool(version)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """What SQLite and the system say of the file becomes a `ConfigError` that names it and the cure."""
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigError(trouble(str(path), error)) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be used: {error.strerror or error}; look at its rights") from error
