"""SQLite as our stores use it: all or nothing, and what its errors mean to people."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

_PASSING = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space"),
    sqlite3.SQLITE_IOERR: ("the disk cannot be read or written", "look at the disk and at its free space"),
    sqlite3.SQLITE_BUSY: ("another program holds its lock", "stop that program"),
    sqlite3.SQLITE_LOCKED: ("another program holds its lock", "stop that program"),
}
_LASTING = {
    sqlite3.SQLITE_NOTADB: ("it is not a SQLite database", "move it away and a new one is made"),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "move it away and a new one is made"),
    sqlite3.SQLITE_READONLY: ("it is read-only", "give this user the right to write it"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "look at the rights of the file and its folder"),
}


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside, or nothing. The connection commits by itself (`isolation_level=None`)."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # it was not committed, and SQLite has not rolled back by itself
            connection.execute("ROLLBACK")


@contextmanager
def closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """The connection stays open where the block ends well, and is closed where it does not."""
    with ExitStack() as stack:
        stack.enter_context(closing(connection))
        yield
        stack.pop_all()


def trouble(file: str, error: Exception) -> str:
    """What is wrong with the file and what to do about it."""
    known = (_PASSING | _LASTING).get(code(error))
    return f"{file}: {known[0]} ({error}); {known[1]}" if known else f"{file}: {error}"


def passes(error: Exception) -> bool:
    """Whether the trouble may pass by itself: who wrote may wait, and try again."""
    return code(error) in _PASSING


def code(error: Exception) -> int:
    """SQLite's primary code, 0 for other errors; the upper bits only refine it."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
