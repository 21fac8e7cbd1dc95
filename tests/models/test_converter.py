"""The parent's end of the conversion, with a scripted child."""

import os
import sys
import threading

import psutil
import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.models.converter import Converter

OBEDIENT = """
import json, os, pathlib, sys
for line in sys.stdin:
    job = json.loads(line)
    pathlib.Path(job["out"]).mkdir()
    pathlib.Path(job["out"], "child").write_text(str(os.getpid()))
    print(json.dumps({"done": 3, "total": 4}), flush=True)
    print(json.dumps({"finished": True}), flush=True)
"""


def child(script):
    return (sys.executable, "-c", script)


def convert(converter, tiny, tmp_path, name="out", report=lambda done, total: None):
    converter.convert(tiny, tmp_path / "model.gguf", tmp_path / name, report)


def test_one_child_for_all(tiny, tmp_path):
    """Its imports cost seconds: the second model goes to the same process, and it is gone in the end."""
    told = []
    with Converter(child(OBEDIENT)) as converter:
        convert(converter, tiny, tmp_path, "one", lambda done, total: told.append((done, total)))
        convert(converter, tiny, tmp_path, "two")

    pid = (tmp_path / "one" / "child").read_text()
    assert pid == (tmp_path / "two" / "child").read_text()
    assert [(3, 4)] == told
    assert not psutil.pid_exists(int(pid))


def test_its_error_is_ours(tiny, tmp_path):
    """What the child could not do is said with the model's name."""
    script = """import sys; sys.stdin.readline(); print('{"error": "OSError: No space left on device"}')"""
    with (
        Converter(child(script)) as converter,
        pytest.raises(ModelError, match=r"tiny .* No space left on device"),
    ):
        convert(converter, tiny, tmp_path)


def test_a_crash_is_told_by_its_last_line(tiny, tmp_path):
    """A child that dies unasked leaves its last words."""
    with (
        Converter(child("raise SystemExit('no torch here')")) as converter,
        pytest.raises(ModelError, match="could not be converted: no torch here"),
    ):
        convert(converter, tiny, tmp_path)


def test_a_kill_suggests_memory(tiny, tmp_path):
    """A child that was killed says nothing; too little memory is the likely reason."""
    script = "import os, sys; sys.stdin.readline(); os.kill(os.getpid(), 9)"
    with (
        Converter(child(script)) as converter,
        pytest.raises(ModelError, match=r"signal 9.*too little memory"),
    ):
        convert(converter, tiny, tmp_path)


def test_closing_breaks_off(tiny, tmp_path):
    """Whoever waits for a conversion is told at once, and no new child is started."""
    script = """import sys, time; sys.stdin.readline(); print('{"done": 0, "total": 1}', flush=True)
time.sleep(600)"""
    under_way, errors = threading.Event(), []

    def wait():
        try:
            convert(converter, tiny, tmp_path, report=lambda done, total: under_way.set())
        except ModelError as error:
            errors.append(error)

    with Converter(child(script)) as converter:
        thread = threading.Thread(target=wait)
        thread.start()
        assert under_way.wait(10)
        converter.close()
        thread.join(10)

    assert 1 == len(errors)
    with pytest.raises(ModelError, match="broken off"):
        converter.start()


def test_the_child_leaves_when_its_parent_is_gone():
    """The real child ends at the end of stdin, whatever it is doing: it would convert for nobody."""
    read, write = os.pipe()
    process = psutil.Popen([sys.executable, "-m", "gpu_cascade.models.convert"], stdin=read)
    os.close(read)
    os.close(write)

    assert 0 == process.wait(60)
