"""The parts of the guard, and its log under a full disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_cascade.engines import guard
from gpu_cascade.engines.guard import RotatingLog


def test_the_log_is_rotated_by_size(tmp_path):
    """Three files of at most the limit: the newest lines are in the first, the oldest are gone."""
    log = RotatingLog(tmp_path / "it.log", limit_bytes=100, files=3)

    for number in range(40):
        log.write(f"line {number:04}\n".encode())

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["it.log", "it.log.1", "it.log.2"]
    assert all(file.stat().st_size <= 100 for file in files)
    assert files[0].read_text().endswith("line 0039\n")
    assert "line 0000" not in "".join(file.read_text() for file in files)


def test_each_start_begins_a_new_file(tmp_path):
    """The end of a log is about this start; the start before is in `.1`."""
    RotatingLog(tmp_path / "it.log", 100, 3).write(b"first\n")

    RotatingLog(tmp_path / "it.log", 100, 3).write(b"second\n")

    assert (tmp_path / "it.log").read_text() == "second\n"
    assert (tmp_path / "it.log.1").read_text() == "first\n"


def test_only_the_owner_reads_the_log(tmp_path):
    """Engines may log what users sent."""
    RotatingLog(tmp_path / "it.log", 100, 3).write(b"x")

    assert (tmp_path / "it.log").stat().st_mode & 0o077 == 0


def test_a_full_disk_loses_lines_and_nothing_else(tmp_path):
    """Writes that fail are dropped, and the log goes on when there is room again."""
    path = tmp_path / "it.log"
    path.symlink_to("/dev/full")
    log = RotatingLog.__new__(RotatingLog)
    log._path, log._limit_bytes, log._files, log._fd, log._size = path, 10_000, 3, None, 0

    log.write(b"lost\n")
    os.dup2(os.open(tmp_path / "room", os.O_WRONLY | os.O_CREAT), log._fd)
    log.write(b"kept\n")

    assert (tmp_path / "room").read_text() == "kept\n"


def test_the_logs_folder_is_made(tmp_path):
    """The first start in a folder has nobody else to make it."""
    RotatingLog(tmp_path / "logs" / "it.log", 100, 3).write(b"kept\n")

    assert (tmp_path / "logs" / "it.log").read_text() == "kept\n"


def test_a_folder_that_cannot_be_made_loses_lines_and_nothing_else(tmp_path):
    """The engine is not ended for want of a log."""
    (tmp_path / "logs").write_text("a file in its place")
    log = RotatingLog(tmp_path / "logs" / "it.log", 100, 3)
    log.write(b"lost\n")
    (tmp_path / "logs").unlink()
    log.write(b"kept\n")

    assert (tmp_path / "logs" / "it.log").read_text() == "kept\n"


def test_names_with_brackets_do_not_confuse_the_process_table(tmp_path):
    """vLLM names its processes freely; the table is read from behind the name."""
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([program, "60"], start_new_session=True)
    try:
        assert guard.members(process.pid) == [process.pid]
    finally:
        process.kill()
        process.wait()
    assert guard.members(process.pid) == []


def test_resource_trackers_are_killed_last():
    """They remove the shared memory of the killed, then end by themselves; a second later they must."""
    code = "import sys, time; time.sleep(60)"
    argv = [sys.executable, "-c", code, "multiprocessing.resource_tracker"]
    tracker = subprocess.Popen(argv)
    try:
        subprocess.run(["true"], check=True)
        assert guard.doomed([os.getpid(), tracker.pid], since_s=0.5) == [os.getpid()]
        assert guard.doomed([tracker.pid], since_s=1.5) == [tracker.pid]
    finally:
        tracker.kill()
        tracker.wait()


def test_the_guard_needs_nothing_of_ours():
    """It runs without site-packages: heavy imports would cost every engine memory and a second."""
    code = f"import runpy, sys; runpy.run_path({guard.__file__!r}); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)

    assert not {"gpu_cascade", "asyncio", "aiohttp", "psutil"} & set(ran.stdout.split())


@pytest.mark.parametrize(("code", "shown"), [(0, 0), (3, 3), (-9, 137), (None, 127)])
def test_exit_codes_are_those_of_a_shell(code, shown):
    """Killed by a signal is 128 + its number."""
    assert guard._shell_code(code) == shown


def test_the_table_holds_ourselves():
    """/proc is read right."""
    ours = next(p for p in guard.processes() if p.pid == os.getpid())

    assert (ours.parent, ours.session) == (os.getppid(), os.getsid(0))
    assert Path(f"/proc/{ours.pid}").exists()
