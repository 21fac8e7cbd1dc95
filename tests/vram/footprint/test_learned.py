"""Readings in a file: kept, found again, shared by processes, and never a reason to fail."""

import logging
import multiprocessing
import sqlite3
from contextlib import closing

import pytest

from gpu_cascade.config import EngineConfig, KvConfig
from gpu_cascade.vram.footprint.learned import KEPT, Key, Learned, key_of
from gpu_cascade.vram.footprint.readings import Readings, What

from .files import write_config, write_tensors

KEY = Key("model", "{}", "H100", "0.33.0")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "footprints.db"


def test_what_was_measured_is_found_again(file):
    """By kind, newest first, by whoever opens the file next; its folder is made."""
    for value in (10, 12.5):
        Learned(file).record(KEY, What.BOOT_S, value)
    Learned(file).record(KEY, What.RESIDENT_BYTES, 2**40)

    found = Learned(file).recall(KEY)

    assert {What.BOOT_S: Readings((12.5, 10.0)), What.RESIDENT_BYTES: Readings((2.0**40,))} == found


def test_nothing_is_known_at_first(file):
    """No readings, and no error."""
    assert {} == Learned(file).recall(KEY)


@pytest.mark.parametrize("changes", [{"model": "x"}, {"flags": "x"}, {"device": "x"}, {"vllm": "x"}])
def test_readings_belong_to_one_key(file, changes):
    """Another file, flag, GPU or version of vLLM starts anew."""
    Learned(file).record(KEY, What.BOOT_S, 10)

    other = Key(**{name: getattr(KEY, name) for name in ("model", "flags", "device", "vllm")} | changes)

    assert {} == Learned(file).recall(other)


def test_only_the_last_few_are_kept(file):
    """Of each kind on its own."""
    learned = Learned(file)
    learned.record(KEY, What.WAKE_S, 1)
    for value in range(1, KEPT + 4):
        learned.record(KEY, What.BOOT_S, value)

    found = learned.recall(KEY)

    assert Readings(tuple(float(value) for value in range(KEPT + 3, 3, -1))) == found[What.BOOT_S]
    assert Readings((1.0,)) == found[What.WAKE_S]


@pytest.mark.parametrize("value", [0, -5, float("nan"), float("inf")])
def test_a_failed_reading_is_not_kept(file, caplog, value):
    """A probe that says nothing sensible, with a warning."""
    Learned(file).record(KEY, What.ASLEEP_BYTES, value)

    assert {} == Learned(file).recall(KEY)
    assert f"asleep_bytes of model was read as {value}" in caplog.text


@pytest.mark.parametrize("damage", [b"not a database", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_moved_aside(file, caplog, damage):
    """And said so; the next reading goes into a new file, and the old one is still there."""
    file.parent.mkdir()
    file.write_bytes(damage)

    Learned(file).record(KEY, What.BOOT_S, 10)

    assert {What.BOOT_S: Readings((10.0,))} == Learned(file).recall(KEY)
    [aside] = file.parent.glob("footprints.db.damaged-*")
    assert damage == aside.read_bytes()
    assert "is damaged: moved to footprints.db.damaged-" in caplog.text


def test_damage_inside_a_file_is_found(file, caplog):
    """Pages of noise behind a good first one."""
    learned = Learned(file)
    for value in range(1, 9):
        learned.record(Key("m" * 4000, *"abc"), What.BOOT_S, value)
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xab" * (len(data) - 4096)
    file.write_bytes(data)

    learned.record(KEY, What.BOOT_S, 10)

    assert {What.BOOT_S: Readings((10.0,))} == learned.recall(KEY)


def test_a_file_that_another_program_holds_is_let_be(file, caplog, monkeypatch):
    """Its lock stays: nothing is remembered this time, and that is a warning."""
    monkeypatch.setattr("gpu_cascade.vram.footprint.learned.BUSY_S", 0.01)
    Learned(file).record(KEY, What.BOOT_S, 10)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert {} == Learned(file).recall(KEY)

    assert "database is locked" in caplog.text
    assert {What.BOOT_S: Readings((10.0,))} == Learned(file).recall(KEY)


def test_a_newer_file_is_let_be(file, caplog):
    """It is not damaged, and not ours to change."""
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("PRAGMA user_version = 99")

    Learned(file).record(KEY, What.BOOT_S, 10)

    assert "made by a newer gpu-cascade (schema 99)" in caplog.text
    assert [file] == list(file.parent.iterdir())


def test_a_place_that_cannot_be_written(tmp_path, caplog):
    """A file where the folder should be: a warning, and all is computed."""
    (tmp_path / "state").write_text("")

    Learned(tmp_path / "state" / "footprints.db").record(KEY, What.BOOT_S, 10)

    assert "computed instead of remembered" in caplog.text
    assert logging.WARNING == caplog.records[-1].levelno


def test_a_damaged_file_that_cannot_be_moved(file, caplog, monkeypatch):
    """A folder without the right to rename: a warning, and nothing is remembered."""
    file.parent.mkdir()
    file.write_bytes(b"not a database")

    def refuse(self, target):
        raise PermissionError(13, "denied")

    monkeypatch.setattr("pathlib.Path.rename", refuse)

    assert {} == Learned(file).recall(KEY)
    assert "file is not a database; what engines took is computed" in caplog.text


def write_many(file, device):
    for value in range(1, KEPT + 1):
        Learned(file).record(Key("m", "", device, ""), What.BOOT_S, value)


def test_two_processes_lose_nothing(file):
    """Both write at once; every reading is there."""
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(file, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [KEPT, KEPT] == [
        len(Learned(file).recall(Key("m", "", name, ""))[What.BOOT_S].values) for name in "ab"
    ]


def test_two_processes_may_find_the_same_damage(file):
    """One moves the file, the other finds a good one: no reading of either is lost."""
    file.parent.mkdir()
    file.write_bytes(b"not a database")
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(file, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert 1 == len(list(file.parent.glob("*.damaged-*")))
    assert (
        min(len(Learned(file).recall(Key("m", "", name, ""))[What.BOOT_S].values) for name in "ab")
        >= KEPT - 1
    )


def test_a_key_is_what_memory_depends_on(tmp_path):
    """Files and flags; not how much KV cache there is, nor what it costs."""
    folder = write_config(tmp_path / "m", {"hidden_size": 1})
    write_tensors(folder / "model.safetensors", {"a": ("F32", (4,))})

    def key(**changes):
        return key_of(EngineConfig(model="m", **changes), folder, "H100", "0.33.0")

    first = key()
    assert first == key(kv=KvConfig(min_tokens=5), price_per_gpu_hour=2, boot_timeout_s=5)
    assert first != key(args={"enforce-eager": True})
    assert first != key(dtype="float32")
    assert ("H100", "0.33.0") == (first.device, first.vllm)
    assert first.model.startswith("m ")

    write_tensors(folder / "model.safetensors", {"a": ("F32", (5,))})
    assert first != key()
