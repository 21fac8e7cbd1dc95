"""The commands about keys, as they are typed."""

import json
import re

import pytest
from typer.testing import CliRunner

from gpu_cascade.cli.governing import cli
from gpu_cascade.errors import ConfigError
from gpu_cascade.governance import Finder


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """What a command prints; raises what it raises."""
    monkeypatch.delenv("GPU_CASCADE_STATE", raising=False)
    config = ("--config", str(tmp_path / "models.yaml"))
    return lambda *words: CliRunner().invoke(cli, ("keys", *words, *config), catch_exceptions=False).stdout


def test_create_list_revoke(typed, tmp_path):
    """The key stands on a line of its own, whole, and works; later nothing shows it."""
    more = ["--groups", "hr,it", "--team", "hr", "--role", "user", "--cascades", "policy-qa"]
    *_, warning, _, key = typed("create", "--name", "ann", *more).splitlines()
    assert "operators" in warning
    finder = Finder(tmp_path / "state")
    assert "ann" == finder.find(key.encode()).name

    (listed,) = json.loads(typed("list", "--json"))
    assert ("ann", "user", "hr", ["hr", "it"], ["policy-qa"]) == tuple(listed.values())[1:6]
    assert "ann" in typed("list")
    assert key[4:] not in typed("list") + typed("list", "--json")

    assert "key 1 of ann" in typed("revoke", "ann")
    assert finder.find(key.encode()) is None
    finder.close()


def test_create_as_json(typed):
    """For scripts: id, name and key."""
    made = json.loads(typed("create", "--name", "ann", "--json"))

    assert (1, "ann") == (made["id"], made["name"])
    assert re.fullmatch(r"gck_[\w-]{43}", made["key"])


def test_wrong_words(typed):
    """Sentences, with exit code 2."""
    with pytest.raises(ConfigError, match="begins with a letter"):
        typed("create", "--name", "7")
    with pytest.raises(ConfigError, match="user or operator"):
        typed("create", "--name", "ann", "--role", "root")
    with pytest.raises(ConfigError, match="keys list"):
        typed("revoke", "bob")
    assert 2 == ConfigError.exit_code


def test_the_state_folder_may_be_elsewhere(typed, tmp_path, monkeypatch):
    """Where `serve` looks for keys."""
    monkeypatch.setenv("GPU_CASCADE_STATE", str(tmp_path / "elsewhere"))

    typed("create", "--name", "ann")

    assert (tmp_path / "elsewhere" / "keys.db").exists()
