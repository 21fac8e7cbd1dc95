"""The file: read by others while it is written, refused with a sentence where it cannot be used."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from gpu_cascade.errors import ConfigError, StoreFull
from gpu_cascade.traces import Traces, read
from gpu_cascade.traces.store import open_store

from ..records import record
from .conftest import locked, opened, put, wait_for

READER = """
import sys, pathlib
from gpu_cascade.traces import read, why
print(why(read(pathlib.Path(sys.argv[1]), sys.argv[2])))
"""

KILLED = """
import os, pathlib, signal, sys
from tests.records import record
from tests.traces.conftest import opened, put, wait_for
with opened(pathlib.Path(sys.argv[1])) as traces:
    put(traces, record("gc-1"))
    wait_for(traces, lambda health: health.pending == 0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(code, *arguments):
    """A Python of its own."""
    argv = [sys.executable, "-c", code, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_another_process_reads_while_serving(traces, path):
    """`gpu-cascade why` needs nothing from the one that serves."""
    kept = record()
    put(traces, kept)
    wait_for(traces, lambda health: health.pending == 0)
    told = run(READER, path, kept.id)
    assert told.stdout.startswith("The small model drafted 14 tokens."), told.stderr


def test_a_killed_process_leaves_what_was_written(path):
    """SIGKILL never loses what was committed, and the file opens again."""
    killed = run(KILLED, path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with opened(path) as traces:
        assert traces.get("gc-1").id == "gc-1"


def test_only_the_owner_may_read_the_file(traces, path):
    """Who asked what is nobody else's business."""
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


def newer(path):
    open_store(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


def foreign(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id)")


def torn(path):
    with opened(path) as traces:
        put(traces, record())
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)


UNUSABLE = {
    "newer": (newer, r"made by a newer gpu-cascade \(schema 99, this one knows 1\); upgrade"),
    "foreign": (foreign, "belongs to another program; name another file"),
    "no database": (lambda path: path.write_text("hello " * 100), "is not a SQLite database .*move it away"),
    "torn": (torn, "it is damaged .*move it away"),
}


@pytest.mark.parametrize(("spoil", "sentence"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_cannot_be_used_is_refused(path, spoil, sentence):
    """One sentence with the file and the cure, when it is opened and when it is read."""
    path.parent.mkdir()
    spoil(path)
    with pytest.raises(ConfigError, match=sentence) as refused:
        Traces(path, "refuse").open()
    assert str(path) in str(refused.value)
    with pytest.raises(ConfigError, match=sentence):
        read(path, "gc-1")


def test_a_place_where_no_file_can_be_is_refused(tmp_path):
    """A file where the folder should be, a folder where the file should be."""
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigError, match=r"state/traces.db cannot be written: "):
        Traces(tmp_path / "state" / "traces.db", "refuse").open()
    with pytest.raises(ConfigError, match=r"cannot be opened .*its folder"):
        Traces(tmp_path, "refuse").open()


def test_a_locked_file_may_be_free_later(path):
    """Not a mistake in the configuration: come again."""
    open_store(path).close()
    with locked(path), pytest.raises(StoreFull, match="another program holds its lock"):
        Traces(path, "refuse").open()


def test_reading_where_nothing_was_served(path):
    """`why` before the first `serve` says so, and makes no file."""
    with pytest.raises(ConfigError, match=r"no decisions are stored at .*has `gpu-cascade serve` run"):
        read(path, "gc-1")
    assert not path.exists()
