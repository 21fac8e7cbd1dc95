"""The tables of the index, and opening its file."""

import sqlite3
from pathlib import Path

from ...database import closed_on_error, passes, transaction
from ...errors import CascadeError, ConfigError, Unavailable

SCHEMA = 1  # in the file's `user_version`; another one is made anew by `policy index`
OURS = 0x67635141  # in its `application_id`: no other program's file is written
BUSY_S = 5.0

# AUTOINCREMENT: the id of a document that is gone never names another one.
TABLES = (
    """CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,
        made_by TEXT NOT NULL, title TEXT NOT NULL, effective TEXT, version TEXT, own_groups TEXT)""",
    """CREATE TABLE access (
        document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, name TEXT NOT NULL,
        PRIMARY KEY (name, document)) WITHOUT ROWID""",
    "CREATE INDEX access_of ON access (document)",
    """CREATE TABLE passages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
        ordinal INTEGER NOT NULL, headings TEXT NOT NULL, page INTEGER, text TEXT NOT NULL,
        keys BLOB NOT NULL, counts BLOB NOT NULL, UNIQUE (document, ordinal))""",
    """CREATE TABLE sentences (
        passage INTEGER NOT NULL REFERENCES passages ON DELETE CASCADE, number INTEGER NOT NULL,
        start INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY (passage, number)) WITHOUT ROWID""",
    """CREATE TABLE vectors (
        passage INTEGER NOT NULL REFERENCES passages ON DELETE CASCADE, model TEXT NOT NULL,
        vector BLOB NOT NULL, PRIMARY KEY (passage, model)) WITHOUT ROWID""",
)


def writer(path: Path) -> sqlite3.Connection:
    """A connection that writes; the file is made where missing, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # it holds the text of restricted documents
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    with closed_on_error(connection):
        _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last documents, no more
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten
        with transaction(connection):
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for table in TABLES:
                    connection.execute(table)
                connection.execute(f"PRAGMA application_id = {OURS}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
    return connection


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads. Raises `ConfigError` where there is no index."""
    if not path.is_file():
        raise ConfigError(f"there is no index at {path}; make one with `gpu-cascade policy index DIR`")
    source = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(
        source, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    with closed_on_error(connection):
        _check(connection, path)
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ConfigError(f"the index at {path} is empty; fill it with `gpu-cascade policy index DIR`")
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `ConfigError` for a file that is not ours, or of another schema."""
    program = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and program != OURS:
        raise ConfigError(f"{path} belongs to another program; name another file for the index")
    if tables and version != SCHEMA:
        raise ConfigError(
            f"{path} has schema {version}, this gpu-cascade knows {SCHEMA}; delete it and index again"
        )


def unusable(path: Path, error: sqlite3.Error | OSError) -> CascadeError:
    """The sentence for an index that cannot be used; `Unavailable` where the trouble may pass by itself."""
    if isinstance(error, OSError):
        return ConfigError(
            f"the index {path} cannot be used: {error.strerror}; look at its rights and its folder"
        )
    if passes(error):
        return Unavailable(
            f"the index {path} cannot be used now: {error}; look at the disk, and for who locks it"
        )
    return ConfigError(f"the index {path} cannot be used: {error}; delete it and index again")
