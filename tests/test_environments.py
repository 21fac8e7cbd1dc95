"""Environments that are made on first use: once, anew when what they are made of changes, never by half."""

import os
import sys
from pathlib import Path

import pytest

from gpu_cascade.errors import Unavailable

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "long"))
from environments import node


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Stands in for npm: appends a line to the file for each call, and fails while `fails` lies beside it."""
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\ntest ! -e {tmp_path}/fails\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return lambda: len(calls.read_text().splitlines()) if calls.exists() else 0


def test_it_is_made_once_and_anew_for_another_lock(npm, tmp_path):
    """The same package and lock are not installed again; another lock is, in the same folder."""
    folder = tmp_path / "clients" / "sdk"

    assert folder == node(folder, "{}", "1") == node(folder, "{}", "1")
    assert 1 == npm()
    node(folder, "{}", "2")
    assert 2 == npm()
    assert "2" == (folder / "package-lock.json").read_text()


def test_what_failed_is_a_sentence_and_tried_again(npm, tmp_path):
    """A half-made environment does not count, even where an older one was whole."""
    folder = tmp_path / "sdk"
    node(folder, "{}", "1")
    (tmp_path / "fails").touch()

    with pytest.raises(Unavailable, match="sdk could not be installed: npm ended with 1"):
        node(folder, "{}", "2")
    (tmp_path / "fails").unlink()
    node(folder, "{}", "1")

    assert 3 == npm()


def test_a_missing_program_is_named(tmp_path, monkeypatch):
    """Without npm the sentence says so."""
    monkeypatch.setenv("PATH", "")

    with pytest.raises(Unavailable, match="sdk needs npm, which is missing: install it first"):
        node(tmp_path / "sdk", "{}", "1")
