"""A gateway that runs sees at once what becomes of keys, and lets nobody in where it cannot tell."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gpu_cascade.errors import ConfigError, Unavailable
from gpu_cascade.governance import Finder, Wanted, create, revoke, rows


@pytest.fixture
def finder(tmp_path):
    """One that was there before any key."""
    found = Finder(tmp_path)
    assert not found.made()
    yield found
    found.close()


def made(folder, name="ann", **more):
    return create(folder, Wanted(name, **more))[1].encode()


def test_new_and_revoked_keys_count_at_once(finder, tmp_path):
    """The next request after the command, without a restart: the first key, a second, a revocation."""
    ann = made(tmp_path, groups=frozenset({"hr"}))
    assert ("ann", {"hr"}) == (finder.find(ann).name, finder.find(ann).groups)
    bob = made(tmp_path, "bob")
    assert "bob" == finder.find(bob).name

    revoke(tmp_path, "ann")

    assert finder.find(ann) is None
    assert "bob" == finder.find(bob).name
    assert finder.made()


def test_a_name_with_a_new_key(finder, tmp_path):
    """The old key stays closed."""
    old = made(tmp_path)
    revoke(tmp_path, "ann")
    new = made(tmp_path)

    assert (None, "ann") == (finder.find(old), finder.find(new).name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(key=st.binary(max_size=60))
@example(key=b"")
@example(key="gck_ключ".encode())
@example(key=b"gck_" + b"A" * 43)
@example(key=b"gck_" + b"A" * (1 << 20))
@example(key=b"gck_" + b"A" * 42 + b"\n")
@example(key=b"\xff\x00")
def test_what_is_no_key_finds_nobody(finder, tmp_path, key):
    """Any bytes: empty, not ASCII, a megabyte, the right shape."""
    if not rows(tmp_path):
        made(tmp_path)

    assert finder.find(key) is None


def test_a_part_of_a_key_is_none(finder, tmp_path):
    """Nor is one with more behind it, or in other letters."""
    key = made(tmp_path)

    assert finder.find(key)
    for other in (key[:-1], key + b"A", key.swapcase(), b" " + key):
        assert finder.find(other) is None


def test_the_day_of_use_is_kept(finder, tmp_path):
    """Once a day and key, and the cache does not fall for our own note."""
    key = made(tmp_path)

    assert finder.find(key) is finder.find(key)

    assert datetime.now(UTC).date().isoformat() == rows(tmp_path)[0].last_used


def test_a_day_that_cannot_be_written_keeps_nobody_out(finder, tmp_path):
    """Another program holds the lock."""
    key = made(tmp_path)
    with closing(sqlite3.connect(tmp_path / "keys.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "ann" == finder.find(key).name
        other.execute("ROLLBACK")
    assert rows(tmp_path)[0].last_used is None


def test_files_that_are_moved_away(finder, tmp_path):
    """Their keys are over; those of new files in their place count."""
    old = made(tmp_path)
    assert finder.find(old)
    for file in tmp_path.iterdir():
        file.unlink()
    assert (None, False) == (finder.find(old), finder.made())

    new = made(tmp_path)

    assert (None, "ann") == (finder.find(old), finder.find(new).name)


def test_a_secret_that_others_may_read(finder, tmp_path, caplog):
    """Nobody is let in, the client hears no path, the log has the cure once, and no key in it."""
    key = made(tmp_path)
    (tmp_path / "keys.secret").chmod(0o644)

    for _ in range(3):
        with pytest.raises(Unavailable) as told:
            finder.find(key)
    with pytest.raises(Unavailable):
        finder.made()

    assert str(tmp_path) not in told.value.message
    assert 1 == caplog.text.count("chmod 600")
    assert key.decode()[4:] not in caplog.text + told.value.message
    (tmp_path / "keys.secret").chmod(0o600)
    assert "ann" == finder.find(key).name


def test_what_serve_is_told_at_its_start(finder, tmp_path):
    """The whole sentence, with file and cure, for a lost secret and for a damaged file."""
    made(tmp_path)
    (tmp_path / "keys.secret").unlink()
    with pytest.raises(ConfigError, match="put it back"):
        finder.refresh()

    finder.close()
    (tmp_path / "keys.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="not a SQLite database"):
        finder.refresh()
