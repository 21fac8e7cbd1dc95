"""Decision stores in a folder of their own."""

import sqlite3
from contextlib import closing, contextmanager

import pytest

from gpu_cascade.traces import Traces

WAIT_S = 10


@pytest.fixture
def path(tmp_path):
    """Where the store is made, its folder too."""
    return tmp_path / "state" / "traces.db"


@pytest.fixture
def traces(path):
    """An open store of five places."""
    with opened(path, limit=5) as store:
        yield store


@contextmanager
def opened(path, on_full="refuse", **more):
    store = Traces(path, on_full, **more)
    store.open()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def locked(path):
    """Another program holds the file's lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def put(traces, *records):
    for one in records:
        traces.reserve().put(one)


def wait_for(traces, state):
    """Until the store's health is as asked; the writer tells of every change."""
    with traces._changed:
        assert traces._changed.wait_for(lambda: state(traces.health()), WAIT_S), traces.health()
