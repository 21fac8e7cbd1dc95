"""A guarded process, with real process trees that are as stubborn as vLLM's."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from gpu_cascade.engines import guard
from gpu_cascade.engines import process as process_module
from gpu_cascade.engines.process import GuardedProcess

from .trees import commands, script, tree, until

pytestmark = pytest.mark.scripted


@contextlib.asynccontextmanager
async def running(folder, argv, **how):
    """`argv` under a guard; whatever happens, stopped at the end."""
    process = GuardedProcess("it", folder / "it.log", **{"grace_s": 0.5} | how)
    await process.start(argv, dict(os.environ))
    try:
        yield process
    finally:
        await process.stop()


@contextlib.asynccontextmanager
async def grown(folder, depth=2, manner="polite", **how):
    """A tree that is fully up."""
    async with running(folder, tree(folder, depth, manner), **how) as process:
        await until((folder / "up").exists)
        yield process


def the(process, depth):
    """The pid of the tree's process that has `depth` more below it."""
    return next(pid for pid, command in commands(process.session).items() if f"tree.py {depth} " in command)


async def test_stop_ends_the_whole_tree(tmp_path):
    """The server ends on SIGTERM, what it leaves behind is killed, and the proof is an empty session."""
    async with grown(tmp_path) as process:
        assert len(process.members()) == 4

        assert await process.stop() == []

        assert guard.members(process.session) == []
        assert process.exited.is_set()


async def test_stop_kills_what_ignores_sigterm(tmp_path):
    """A tree deaf to SIGTERM is killed once the grace is over, and not before."""
    async with grown(tmp_path, manner="deaf", grace_s=0.3) as process:
        began = time.monotonic()

        assert await process.stop() == []

        assert 0.3 <= time.monotonic() - began < 3.0
        assert process.returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("depth", [2, 1, 0])
async def test_killing_any_part_ends_all(tmp_path, depth):
    """SIGKILL of the server ends core and worker too; of another, stopping the server ends the rest."""
    async with grown(tmp_path, manner="deaf", grace_s=0.1) as process:
        os.kill(the(process, depth), signal.SIGKILL)
        if depth < 2:
            assert not process.exited.is_set()
            await process.stop()

        await asyncio.wait_for(process.wait(), 5)

        assert guard.members(process.session) == []


async def test_killing_the_guard_ends_all(tmp_path):
    """Without its guard a tree is killed by whoever watches the guard, found by its session."""
    async with grown(tmp_path, manner="deaf") as process:
        os.kill(process.session, signal.SIGKILL)

        assert await asyncio.wait_for(process.wait(), 5) == 128 + signal.SIGKILL

        assert guard.members(process.session) == []


SUPERVISOR = """
import asyncio, os, sys
from pathlib import Path
from gpu_cascade.engines.process import GuardedProcess

async def main():
    process = GuardedProcess("it", Path(sys.argv[1]), grace_s=0.2)
    await process.start(sys.argv[2:], dict(os.environ))
    if os.fork() == 0:  # a forked worker holds every descriptor of ours, the guard's pipe too
        import time
        time.sleep(30)
        os._exit(0)
    Path(sys.argv[0]).with_name("session").write_text(str(process.session))
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_killing_the_supervisor_ends_all(tmp_path):
    """SIGKILL of the supervisor leaves nothing, even where a fork of it still holds the guard's pipe open."""
    (tmp_path / "supervisor.py").write_text(SUPERVISOR)
    argv = [str(tmp_path / "supervisor.py"), str(tmp_path / "it.log"), *tree(tmp_path, manner="deaf")]
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        start_new_session=True,
        env=dict(os.environ) | {"PYTHONPATH": str(Path.cwd())},
    )
    try:
        await until((tmp_path / "up").exists)
        await until(lambda: (tmp_path / "session").exists() and (tmp_path / "session").read_text())
        session = int((tmp_path / "session").read_text())
        assert len(guard.members(session)) == 4

        supervisor.kill()

        await until(lambda: not guard.members(session))
    finally:
        os.killpg(supervisor.pid, signal.SIGKILL)
        await supervisor.wait()


async def test_a_guard_that_does_not_move_is_no_shelter(tmp_path, monkeypatch):
    """Stopped (SIGSTOP) it can end nobody: after a while it is killed with all the others."""
    monkeypatch.setattr(process_module, "KILL_S", 0.2)
    async with grown(tmp_path, manner="deaf", grace_s=0.1) as process:
        os.kill(process.session, signal.SIGSTOP)

        assert await process.stop() == []

        assert guard.members(process.session) == []


async def test_a_daemon_of_the_engine_does_not_escape(tmp_path):
    """A grandchild that made itself a session of its own is still below the guard, and ends with it."""
    text = """
        import os, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                print(os.getpid(), flush=True)
                time.sleep(600)
            os._exit(0)
        time.sleep(600)
    """
    async with running(tmp_path, [sys.executable, "-S", str(script(tmp_path, text))]) as process:
        await until(lambda: process.tail(1))
        daemon = int(process.tail(1)[0])
        assert daemon not in process.members()

        await process.stop()

        assert daemon not in {p.pid for p in guard.processes()}


async def test_the_end_of_the_process_is_seen_with_its_code(tmp_path):
    """A process that ends by itself sets `exited`; its code and its last words are kept."""
    text = "import sys; print('one'); print('two'); sys.exit(3)"
    async with running(tmp_path, [sys.executable, "-c", text]) as process:
        assert await process.wait() == 3
        assert process.tail(5) == ["one", "two"]
        assert process.tail(1) == ["two"]


async def test_a_command_that_cannot_run_says_so(tmp_path):
    """A missing program is an end with 127 and a line in the log, not a crash of ours."""
    async with running(tmp_path, [str(tmp_path / "nothing")]) as process:
        assert await process.wait() == 127
        assert process.tail(1) == [f"cannot start {tmp_path / 'nothing'}: No such file or directory"]


async def test_the_socket_file_is_removed(tmp_path):
    """What a killed server leaves on disk would block the next start: the guard removes it."""
    socket = tmp_path / "it.sock"
    text = f"open({str(socket)!r}, 'w'); import time; time.sleep(600)"
    process = GuardedProcess("it", tmp_path / "it.log", grace_s=2)
    await process.start([sys.executable, "-c", text], dict(os.environ), unlink=socket)
    await until(socket.exists)

    await process.stop()

    assert not socket.exists()


async def test_stop_before_start_is_no_work(tmp_path):
    """Nothing was started, nothing is left."""
    assert await GuardedProcess("it", tmp_path / "it.log").stop() == []
