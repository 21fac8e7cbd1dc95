"""The index has one writer, and a file of its own."""

import sqlite3

import pytest

from gpu_cascade.errors import ConfigError, Unavailable
from gpu_cascade.policy_qa.index.reader import Reader
from gpu_cascade.policy_qa.index.store import Store

from .made import refresh, write


def test_one_writer(tmp_path):
    """A second program is told to wait, and may write when the first is done."""
    with Store(tmp_path / "i"), pytest.raises(Unavailable, match="another program writes"):
        Store(tmp_path / "i")
    with Store(tmp_path / "i") as store:
        assert 0 == store.passages()


def test_only_its_owner_reads_it(tmp_path):
    """The text of restricted documents stands in it."""
    with Store(tmp_path / "new" / "i"):
        assert 0o600 == (tmp_path / "new" / "i").stat().st_mode & 0o777


@pytest.mark.parametrize("opens", [Store, Reader])
def test_what_is_no_index(tmp_path, opens):
    """Another program's database, a newer schema and what is no database are refused and left alone."""
    other, newer, text, fine = (tmp_path / name for name in ("other", "newer", "text", "fine"))
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    refresh(write(tmp_path / "d", {"a.md": "Text"}), newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    text.write_text("words" * 1000)
    fine.mkdir()

    for path, why in (
        (other, "another program"),
        (newer, "schema 99"),
        (text, "not a database"),
        (fine, "index"),
    ):
        with pytest.raises(ConfigError, match=why):
            opens(path)


def test_there_is_none(tmp_path):
    """Reading makes no file, and says how to make one; an empty one says the same."""
    with pytest.raises(ConfigError, match="policy index DIR"):
        Reader(tmp_path / "i")
    assert not (tmp_path / "i").exists()
    (tmp_path / "i").touch()
    with pytest.raises(ConfigError, match="is empty"):
        Reader(tmp_path / "i")


def test_what_is_removed_is_overwritten(tmp_path):
    """Not even the file's free pages remember a document that is gone."""
    folder, index = (
        write(tmp_path / "d", {"a.md": "The canary sings. " * 200, "b.md": "Text"}),
        tmp_path / "i",
    )
    refresh(folder, index)
    assert b"canary" in index.read_bytes()
    (folder / "a.md").unlink()
    refresh(folder, index)

    assert b"canary" not in index.read_bytes()
