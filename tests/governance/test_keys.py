"""Keys in their file: made, listed, taken back."""

import re
import sqlite3
import threading
from contextlib import closing

import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.governance import Finder, Role, Wanted, create, revoke, rows


def test_a_key_is_shown_once(tmp_path):
    """256 random bits behind a prefix that scanners find; no file holds them, whole or in part."""
    number, key = create(tmp_path, Wanted("ann"))

    assert re.fullmatch(r"gck_[A-Za-z0-9_-]{43}", key)
    assert key != create(tmp_path, Wanted("bob"))[1]
    assert 1 == number
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key[4:24].encode() not in kept
    assert key[-20:].encode() not in kept


def test_what_is_known_of_a_key(tmp_path):
    """Everything but the key; nothing where none was made, and looking makes no file."""
    assert [] == rows(tmp_path)
    assert [] == list(tmp_path.iterdir())
    wanted = Wanted("ann", frozenset({"hr", "it"}), "hr", Role.OPERATOR, frozenset({"policy-qa"}))
    create(tmp_path, wanted)

    (key,) = rows(tmp_path)

    caller = key.caller
    told = (caller.name, caller.groups, caller.team, caller.role, caller.cascades)
    assert (wanted.name, wanted.groups, wanted.team, wanted.role, wanted.cascades) == told
    assert (1, None, None) == (key.id, key.revoked, key.last_used)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", key.created)


def test_only_the_owner_reads_the_files(tmp_path):
    """They say who may see what."""
    create(tmp_path / "state", Wanted("ann"))

    assert {0o600} == {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()}


def test_one_name_has_one_good_key(tmp_path):
    """A second is refused; after a revocation the name is free, and ids are never given twice."""
    create(tmp_path, Wanted("ann"))
    with pytest.raises(ConfigError, match="ann has key 1 already; revoke it"):
        create(tmp_path, Wanted("ann"))

    revoke(tmp_path, "ann")

    assert 2 == create(tmp_path, Wanted("ann"))[0]
    assert [False, True] == [key.revoked is None for key in rows(tmp_path)]


def test_revoking_by_name_or_id(tmp_path):
    """Both find the key; an old key of the same name is left as it was."""
    create(tmp_path, Wanted("ann"))
    first = revoke(tmp_path, "1")
    create(tmp_path, Wanted("ann"))

    second = revoke(tmp_path, "ann")

    assert (1, 2) == (first.id, second.id)
    assert all(key.revoked for key in rows(tmp_path))


@pytest.mark.parametrize("which", ["bob", "2", "", "gck_" + "A" * 43])
def test_revoking_what_is_not_there(tmp_path, which):
    """A sentence that says where to look; also where no key was ever made."""
    create(tmp_path, Wanted("ann"))

    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigError, match="keys list"):
            revoke(folder, which)

    assert rows(tmp_path)[0].revoked is None


def test_revoking_twice(tmp_path):
    """The first time stays written."""
    create(tmp_path, Wanted("ann"))
    revoke(tmp_path, "ann")
    when = rows(tmp_path)[0].revoked

    with pytest.raises(ConfigError, match="key 1 was revoked at"):
        revoke(tmp_path, "ann")
    assert when == rows(tmp_path)[0].revoked


def test_many_make_the_first_key_at_once(tmp_path):
    """One secret comes of it, and every key is good."""
    made, start = [], threading.Barrier(8)

    def one(name):
        start.wait()
        made.append(create(tmp_path, Wanted(name))[1])

    threads = [threading.Thread(target=one, args=(f"ann{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    finder = Finder(tmp_path)
    assert {f"ann{n}" for n in range(8)} == {finder.find(key.encode()).name for key in made}
    finder.close()


def test_a_lost_secret(tmp_path):
    """No new one is made over good keys: they would all end without a word. Without any it is."""
    create(tmp_path, Wanted("ann"))
    (tmp_path / "keys.secret").unlink()
    with pytest.raises(ConfigError, match=r"keys\.secret is missing: .*in use: 1"):
        create(tmp_path, Wanted("bob"))

    revoke(tmp_path, "ann")

    assert 2 == create(tmp_path, Wanted("bob"))[0]


def test_a_file_that_is_not_ours(tmp_path):
    """Another program's, a newer one's, a damaged one: one sentence that names it."""
    path = tmp_path / "keys.db"
    path.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(ConfigError, match=r"keys\.db: it is not a SQLite database"):
        create(tmp_path, Wanted("ann"))
    for sql, told in (("CREATE TABLE x (y)", "another program"), ("PRAGMA user_version = 9", "schema 9")):
        path.unlink()
        with closing(sqlite3.connect(path)) as other:
            other.execute(sql)
        with pytest.raises(ConfigError, match=told):
            rows(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path):
    """A file where the folder should be."""
    (tmp_path / "state").write_text("")

    with pytest.raises(ConfigError, match=r"keys\.db cannot be used"):
        create(tmp_path / "state", Wanted("ann"))
