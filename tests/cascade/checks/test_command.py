"""A command that judges drafts: what its exit says, what it may use, and that nothing of it stays."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gpu_cascade.cascade.checks.command import FILE_BYTES, Command, seen
from gpu_cascade.engines import guard
from gpu_cascade.engines.process import GuardedProcess

from ...engines.trees import script, tree, until
from .texts import draft, request

ASK = request("Is travel refundable?")


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Where working folders are made: it must be empty after each test."""
    path = tmp_path / "folders"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    yield path
    assert [] == list(path.iterdir())


def command(*argv, timeout_s=20.0, memory_mib=256, parallel=1):
    return Command(argv, timeout_s=timeout_s, memory_mib=memory_mib, parallel=parallel)


def shell(text, *arguments, **limits):
    return command("sh", "-c", text, "sh", *map(str, arguments), **limits)


def python(text, **limits):
    return command(sys.executable, "-I", "-S", "-c", text, **limits)


def alive(mark):
    """The living processes that have `mark` in their command line."""
    found = []
    for process in guard.processes():
        line = Path(f"/proc/{process.pid}/cmdline")
        if not process.zombie and line.exists() and str(mark).encode() in line.read_bytes():
            found.append(process.pid)
    return found


@pytest.mark.parametrize(
    ("code", "score", "evidence"),
    [
        (0, 1.0, "exit code 0"),
        (1, 0.0, "exit code 1"),
        (2, None, "exit code 2"),
        (126, None, "could not be run (exit code 126)"),
        (127, None, "could not be run (exit code 127)"),
        (137, None, "killed by signal 9"),
    ],
)
def test_only_exit_codes_0_and_1_say_something(code, score, evidence):
    """Any other end is a program that could not judge."""
    assert (score, evidence) == seen(code)


@pytest.mark.scripted
@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("exit 0", 1.0),
        ("exit 1", 0.0),
        ("exit 3", None),
        ("kill -9 $$", None),
        ('test "$(cat)" = "Yes; \\$(no) ?"', 1.0),
        ("yes | head -c 30000000", 1.0),
        ('test -z "$(ls -A)" && echo x > it && mkdir -p a/b', 1.0),
        ('test "$LANG" = C.UTF-8 && test -n "$PATH" && test -z "$GPU_CASCADE_STATE$HOME"', 1.0),
    ],
)
async def test_the_exit_code_of_a_program_that_reads_the_draft_is_the_score(text, score):
    """It has the draft as standard input, an empty folder, no environment, and may write as it likes."""
    outcome = await shell(text).check(ASK, draft("Yes; $(no) \ud800"))

    assert ("command", score) == (outcome.name, outcome.score)


@pytest.mark.scripted
@pytest.mark.parametrize("argv", [["no-such-program"], ["/etc/passwd"], ["/"]])
async def test_a_program_that_cannot_be_run_is_unknown(argv):
    """Missing, no program, or a folder."""
    outcome = await command(*argv).check(ASK, draft("Yes"))

    assert outcome.score is None
    assert outcome.evidence.startswith("could not be run (exit code 12")


async def test_a_start_that_fails_is_unknown(monkeypatch):
    """No process to be had is a reason to escalate, not an error for the client."""

    async def full(*_, **__):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(GuardedProcess, "start", full)

    outcome = await command("true").check(ASK, draft("Yes"))

    assert outcome.score is None
    assert outcome.evidence.startswith("could not be started: Resource temporarily unavailable after 0.")


@pytest.mark.scripted
async def test_a_long_draft_that_nobody_reads_is_no_obstacle():
    """A program may judge without reading to the end."""
    assert 1.0 == (await command("true").check(ASK, draft("x" * 5_000_000))).score


@pytest.mark.scripted
async def test_limits_bind_the_program():
    """Memory, processor time, size of files and core dumps are bounded, and cannot be raised again."""
    text = f"""
import resource as r, sys
hard = [r.getrlimit(what)[1] for what in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_CORE)]
sys.exit(0 if hard == [{300 << 20}, 20, {FILE_BYTES}, 0] else 4)
"""
    assert 1.0 == (await python(text, memory_mib=300).check(ASK, draft("Yes"))).score


@pytest.mark.scripted
async def test_a_program_that_wants_too_much_memory_does_not_get_it():
    """Its allocation fails; the machine does not notice."""
    text = "import sys\ntry: bytearray(400 << 20)\nexcept MemoryError: sys.exit(7)"

    assert "exit code 7" in (await python(text).check(ASK, draft("Yes"))).evidence


@pytest.mark.scripted
async def test_a_busy_program_is_stopped_in_time(tmp_path):
    """A tree that ignores SIGTERM and hides in groups of its own is gone when its time is up."""
    began = time.monotonic()
    outcome = await command(*tree(tmp_path, 3, "deaf"), timeout_s=3.0).check(ASK, draft("Yes"))

    assert 3.0 <= time.monotonic() - began < 7.0
    assert (tmp_path / "up").exists()
    assert outcome.score is None
    assert outcome.evidence.startswith("not done after ")
    assert [] == alive(tmp_path)


@pytest.mark.scripted
async def test_what_a_program_leaves_behind_is_ended(tmp_path):
    """It has judged; its daemon, in a session of its own, goes all the same."""
    daemon = script(tmp_path, "import os, sys, time\nos.setsid()\nopen(sys.argv[1], 'w')\ntime.sleep(600)")
    text = '"$1" -S "$2" "$3" & while ! test -e "$3"; do :; done; exit 0'

    outcome = await shell(text, sys.executable, daemon, tmp_path / "up").check(ASK, draft("Yes"))

    assert 1.0 == outcome.score
    assert [] == alive(tmp_path)


@pytest.mark.scripted
async def test_a_cancelled_request_leaves_nothing(tmp_path):
    """However often it is cancelled: when it is over, the deaf tree is gone and the place is free again."""
    check = command(*tree(tmp_path, 2, "deaf"))
    work = asyncio.ensure_future(check.check(ASK, draft("Yes")))
    await until((tmp_path / "up").exists)

    while not work.done():
        work.cancel()
        await asyncio.sleep(0)

    assert work.cancelled()
    assert [] == alive(tmp_path)
    assert not check._places.locked()


@pytest.mark.scripted
@pytest.mark.parametrize("steps", range(0, 30, 3))
async def test_a_request_may_be_cancelled_at_any_moment(tmp_path, steps):
    """While waiting, while the process is being started, or just after."""
    work = asyncio.ensure_future(shell("sleep 600", tmp_path).check(ASK, draft("Yes")))
    for _ in range(steps):
        await asyncio.sleep(0)

    work.cancel()
    await asyncio.wait([work])

    assert work.cancelled()
    assert [] == alive(tmp_path)


@pytest.mark.scripted
async def test_a_request_may_be_cancelled_while_its_process_is_being_made(monkeypatch, tmp_path):
    """A process that nobody holds yet is not lost: it is waited for, then ended."""
    make, made, told = asyncio.create_subprocess_exec, asyncio.Event(), asyncio.Event()

    async def slowly(*argv, **how):
        process = await make(*argv, **how)
        made.set()
        await told.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    work = asyncio.ensure_future(shell("sleep 600", tmp_path).check(ASK, draft("Yes")))
    await made.wait()

    work.cancel()
    await asyncio.sleep(0)
    told.set()
    await asyncio.wait([work])

    assert work.cancelled()
    assert [] == alive(tmp_path)


@pytest.mark.scripted
async def test_no_more_run_at_once_than_may(tmp_path):
    """With one place the others wait: each finds the lock free."""
    check = shell('mkdir "$1/lock" && sleep 0.1 && rmdir "$1/lock"', tmp_path)

    outcomes = await asyncio.gather(*(check.check(ASK, draft("Yes")) for _ in range(3)))

    assert [1.0] * 3 == [outcome.score for outcome in outcomes]
