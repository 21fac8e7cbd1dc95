"""From the key of a request to its caller, while keys are created and revoked by other processes."""

import logging
import os
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ConfigError, Unavailable
from . import secret
from .caller import Caller
from .keys import PREFIX, caller_of, lost
from .schema import NAME, connect, has_table, naming

log = logging.getLogger(__name__)

BUSY_S = 0.2  # the event loop waits for it
_KEY = re.compile(PREFIX.encode() + rb"[A-Za-z0-9_-]{43}")
_SELECT = """
    SELECT id, last_used, name, groups, team, role, cascades FROM keys WHERE mac = ? AND revoked IS NULL
"""
_COUNT = "SELECT count(*), count(*) - count(revoked) FROM keys"


@dataclass(slots=True)
class _Known:
    """A good key that was seen; `last_used` is the day that is written down, as far as is known."""

    id: int
    last_used: str | None
    caller: Caller


class Finder:
    """The keys of one state folder, for the one thread that answers requests.

    What another process changes in the file counts for the next request: each asks SQLite's `data_version`.
    A key is looked up by its MAC, which no one can compute without the secret, so how long a look takes says
    nothing about the keys there are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / NAME
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the open file
        self._version: int | None = None
        self._secret: bytes | None = None
        self._known: dict[bytes, _Known] = {}
        self._made = 0
        self._trouble = ""

    def find(self, key: bytes) -> Caller | None:
        """Who holds the key; None for a wrong one, a revoked one and what is no key at all.

        Raises `Unavailable` where the files cannot be used: nobody is let in then.
        """
        if not _KEY.fullmatch(key):
            return None
        try:
            self.refresh()
            return self._look(key)
        except ConfigError as error:
            raise self._closed(error) from error

    def made(self) -> bool:
        """Whether a key was ever made here, revoked ones too. Raises `Unavailable` as `find` does."""
        try:
            self.refresh()
        except ConfigError as error:
            raise self._closed(error) from error
        return self._made > 0

    def refresh(self) -> None:
        """Notice what others changed. Raises `ConfigError` where the files cannot be used."""
        if self._file is None and not os.access(self._path, os.F_OK):
            return  # no key was ever made: most gateways, and this is asked at each request
        with naming(self._path):
            self._follow()
            if self._connection is None:
                return
            version = self._connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._read_anew(self._connection)
                self._version = version

    def close(self) -> None:
        """Give the file back; the next look opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._file, self._version = None, None, None
        self._secret, self._made = None, 0
        self._known.clear()

    def _follow(self) -> None:
        """Open the file where it appeared or was replaced; let it go where it was deleted."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self.close()
            return
        if (status.st_dev, status.st_ino) != self._file:
            self.close()  # first: a closing connection deletes the write-ahead log by its name
            self._connection = connect(self._path, BUSY_S)
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a lost day of use is no harm, a sync is
            self._file = (status.st_dev, status.st_ino)

    def _read_anew(self, connection: sqlite3.Connection) -> None:
        self._version = None  # until all of it was read
        self._known.clear()
        self._made, live = 0, 0
        if has_table(connection, self._path):
            self._made, live = connection.execute(_COUNT).fetchone()
        self._secret = secret.read(self._folder)
        if live and self._secret is None:
            raise lost(self._folder, live)

    def _look(self, key: bytes) -> Caller | None:
        if self._secret is None or self._connection is None or not self._made:
            return None
        mac = secret.mac(self._secret, key)
        known = self._known.get(mac)
        if known is None:
            with naming(self._path):
                row = self._connection.execute(_SELECT, (mac,)).fetchone()
            if row is None:
                return None
            known = self._known[mac] = _Known(row[0], row[1], caller_of(*row[2:]))
        self._used(known, self._connection)
        return known.caller

    def _used(self, known: _Known, connection: sqlite3.Connection) -> None:
        """Write down the day, once for each key; one that cannot be written keeps nobody out."""
        today = datetime.now(UTC).date().isoformat()
        if known.last_used == today:
            return
        known.last_used = today
        try:
            connection.execute("UPDATE keys SET last_used = ? WHERE id = ?", (today, known.id))
        except sqlite3.Error as error:
            log.warning("%s: the use of key %d is not written down: %s", self._path, known.id, error)

    def _closed(self, error: ConfigError) -> Unavailable:
        """What a client is told; the log has the reason, once."""
        if error.message != self._trouble:
            self._trouble = error.message
            log.error("no key can be checked: %s", error.message)
        return Unavailable("keys cannot be checked now; the gateway's log says why", retry_after_s=5.0)
