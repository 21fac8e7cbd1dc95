"""Keys are made, taken back and listed here. What is kept of a key cannot be turned back into it."""

import json
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import ConfigError
from . import secret
from .caller import Caller, Role
from .schema import NAME, changing
from .wanted import Wanted

PREFIX = "gck_"  # scanners for leaked secrets look for it
RANDOM_BYTES = 32

_COLUMNS = "id, name, groups, team, role, cascades, created, revoked, last_used"
_ALL = f"SELECT {_COLUMNS} FROM keys ORDER BY id"  # noqa: S608 - our own names
_LIVE = "SELECT id FROM keys WHERE name = ? AND revoked IS NULL"
_INSERT = """
    INSERT INTO keys (name, mac, groups, team, role, cascades, created) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key. Times are UTC; `last_used` is a day. `revoked` is None while it is good."""

    id: int
    caller: Caller
    created: str
    revoked: str | None
    last_used: str | None


def create(folder: Path, wanted: Wanted) -> tuple[int, str]:
    """A new key in that state folder: its id, and the key itself, which nobody can look up later.

    Raises `ConfigError` where that name has a key already, or where the files cannot be used.
    """
    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    with changing(folder) as connection:
        taken = connection.execute(_LIVE, (wanted.name,)).fetchone()
        if taken:
            raise ConfigError(f"{wanted.name} has key {taken[0]} already; revoke it, or use another name")
        mac = secret.mac(_secret(folder, connection), key.encode())
        row = connection.execute(_INSERT, (wanted.name, mac, *_told(wanted), _now()))
    assert row.lastrowid is not None
    return row.lastrowid, key


def revoke(folder: Path, which: str) -> Key:
    """Take a key back, by id or by the name of who holds it: from now on it opens nothing.

    Raises `ConfigError` where there is none, or where it was revoked before.
    """
    with changing(folder) as connection:
        found = [key for key in _rows(connection) if which in (str(key.id), key.caller.name)]
        live = [key for key in found if key.revoked is None]
        if not live:
            was = f": key {found[-1].id} was revoked at {found[-1].revoked}" if found else ""
            raise ConfigError(f"there is no good key {which[:80]!r}{was}; see `gpu-cascade keys list`")
        connection.execute("UPDATE keys SET revoked = ? WHERE id = ?", (_now(), live[0].id))
    return live[0]


def rows(folder: Path) -> list[Key]:
    """Every key that was ever made in that state folder, oldest first. Raises `ConfigError`."""
    if not (folder / NAME).exists():
        return []
    with changing(folder) as connection:
        return _rows(connection)


def caller_of(name: str, groups: str, team: str | None, role: str, cascades: str | None) -> Caller:
    """The caller from the columns of a row."""
    allowed = None if cascades is None else frozenset(json.loads(cascades))
    return Caller(name, frozenset(json.loads(groups)), team, Role(role), allowed)


def _rows(connection: sqlite3.Connection) -> list[Key]:
    return [_key(row) for row in connection.execute(_ALL)]


def _key(row: tuple[int, str, str, str | None, str, str | None, str, str | None, str | None]) -> Key:
    return Key(row[0], caller_of(*row[1:6]), *row[6:])


def _secret(folder: Path, connection: sqlite3.Connection) -> bytes:
    """The secret. A new one in place of a lost one would end every key that is out there, without a word."""
    live = connection.execute("SELECT count(*) FROM keys WHERE revoked IS NULL").fetchone()[0]
    if live and secret.read(folder) is None:
        raise lost(folder, live)
    return secret.made(folder)


def lost(folder: Path, live: int) -> ConfigError:
    """The error for keys without the secret that they were made with."""
    return ConfigError(
        f"{folder / secret.NAME} is missing: no key can be checked (in use: {live}); put it back "
        f"or revoke them"
    )


def _told(wanted: Wanted) -> tuple[str, str | None, str, str | None]:
    cascades = None if wanted.cascades is None else json.dumps(sorted(wanted.cascades))
    return json.dumps(sorted(wanted.groups)), wanted.team, wanted.role.value, cascades


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
