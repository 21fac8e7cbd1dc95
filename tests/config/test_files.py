"""Files that are no configuration: each is one sentence, soon."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.config import Config, load
from gpu_cascade.errors import ConfigError

from .texts import GOOD, refusal


def test_a_file_that_is_not_there(tmp_path):
    """The error says what to do instead."""
    assert "does not exist; name another file with --config" in refusal(tmp_path / "none.yaml")


def test_a_folder_is_no_file(tmp_path):
    """A folder is named as one."""
    assert "is a folder, not a file" in refusal(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    """Reading a pipe that nobody writes would hang."""
    os.mkfifo(tmp_path / "pipe")

    assert "is a pipe or device, not a file" in refusal(tmp_path / "pipe")


def test_a_file_that_may_not_be_read(write, monkeypatch):
    """The system's reason is told. Played, because tests may run as root, who may read anything."""
    path = write(GOOD)

    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert "cannot be read: Permission denied" in refusal(path)


def test_a_path_that_cannot_exist():
    """A NUL in a path is a sentence too."""
    assert "cannot be read" in refusal(Path("a\0b"))


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but words\n", "---\n"])
def test_an_empty_file(write, text):
    """Nothing in the file is told as that."""
    told = refusal(write(text))

    assert "empty" in told or "must be a mapping" in told


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"engines: \xe9\n"])
def test_other_encodings(write, data):
    """Latin-1 and UTF-16 are told as what they are not."""
    assert "is not UTF-8 text" in refusal(write(data))


@pytest.mark.parametrize("text", ["a: \0", "\x1b[31mred", "@", "%YAML 9.9\n---\na", "a: b: c", "\ta: 1"])
def test_what_no_yaml_reader_takes(write, text):
    """Control characters and broken syntax are one sentence."""
    told = refusal(write(text))

    assert "not YAML" in told
    assert "\n" not in told


def test_a_huge_file_is_not_read(write):
    """100 MB are refused by their size."""
    path = write("")
    with path.open("wb") as file:
        file.truncate(100_000_000)
    assert "has 95.4 MiB; at most 1 MiB is read" in refusal(path)


def test_a_bomb_of_aliases_does_not_go_off(write):
    """Ten levels of ten aliases would be ten thousand million values."""
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 11)
    )

    assert "aliases make it larger than 20000 values" in refusal(write(bomb))


def test_an_alias_inside_what_it_names(write):
    """A value that contains itself ends, too."""
    assert "aliases make it larger" in refusal(write("a: &a [*a]\n"))


@pytest.mark.parametrize("text", ["[" * 500_000, "- " * 500_000, "{a: " * 200_000, "? " * 200_000])
def test_deep_nesting(write, text):
    """Half a million brackets are one sentence and no recursion."""
    assert "nested deeper than 32 levels" in refusal(write(text))


@pytest.mark.parametrize(
    "text", ["a: 1\n" * 200_000, "- 1\n" * 250_000, '"' + "a" * 1_000_000, "#" * 1_000_000]
)
def test_large_files_end_in_time(write, text):
    """A megabyte of keys, items, one string or one comment ends within the second."""
    refusal(write(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    ),
    st.sampled_from(
        ["engines", "engines.small", "engines.small.kv", "cascades.policy", "gateway", "traces", ""]
    ),
)
def test_whatever_stands_there_load_ends_in_a_config_or_a_config_error(
    tmp_path_factory, value: Any, place: str
):
    """No value anywhere makes `load` fail in another way."""
    data = yaml.safe_load(GOOD)
    inner = data
    *way, last = place.split(".")
    for part in way:
        inner = inner[part]
    inner[last] = value
    path = tmp_path_factory.mktemp("any", numbered=True) / "models.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    try:
        ended: Config | ConfigError = load(path)
    except ConfigError as error:
        ended = error
    assert isinstance(ended, Config) or ended.message.startswith(str(path))
