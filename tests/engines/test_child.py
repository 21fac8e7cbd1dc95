"""A boot from start to stop, tried with small servers in place of vLLM."""

import asyncio
import os
import sys

import pytest

from gpu_cascade.engines import guard
from gpu_cascade.engines.child import Command, EngineProcess
from gpu_cascade.engines.probe import Facts
from gpu_cascade.errors import BootError, ConfigError

from .trees import until

pytestmark = pytest.mark.scripted


@pytest.fixture
async def child(tmp_path):
    """Makes engines out of a command, the scripted server by default; all are stopped at the end."""
    made = []

    def make(argv=None, socket="it.sock", limit_s=30):
        folder, env = tmp_path, dict(os.environ)
        argv = argv or fake_server(folder)
        made.append(EngineProcess(Command("small", argv, env, folder / socket, folder / "it.log", limit_s)))
        return made[-1]

    yield make
    for engine in made:
        await engine.stop()


@pytest.fixture
def engine(child):
    """The scripted server as an engine."""
    return child()


def fake_server(folder, *more):
    module = "gpu_cascade.engines.fake_server"
    return [sys.executable, "-m", module, "--uds", str(folder / "it.sock"), "--name", "small", *more]


def python(code):
    return [sys.executable, "-S", "-c", code]


async def test_ready_means_that_it_has_answered(engine):
    """After `boot` it is healthy and has said what it is."""
    await engine.boot()

    assert await engine.healthy()
    assert engine.facts == Facts("fake", blocks=1024, block_tokens=16)


async def test_a_stopped_engine_boots_again(engine):
    """Stop leaves no process and no socket file; the next boot is a boot like the first."""
    await engine.boot()
    session = engine._process.session

    assert await engine.stop() == []
    assert guard.members(session) == []
    assert not engine.socket.exists()
    assert not await engine.healthy()

    await engine.boot()
    assert await engine.healthy()


async def test_a_socket_left_by_a_killed_engine_is_no_obstacle(engine):
    """A stale file at the socket's path is replaced."""
    engine.socket.touch()

    await engine.boot()

    assert await engine.healthy()


async def test_the_end_of_a_ready_engine_is_seen(engine):
    """`wait_exit` tells how it ended."""
    await engine.boot()
    server = next(pid for pid in engine._process.members() if pid != engine._process.session)

    os.kill(server, 9)

    assert await asyncio.wait_for(engine.wait_exit(), 10) == "it was killed by signal 9"


async def test_a_boot_that_ends_early_tells_cause_and_last_lines(child, tmp_path):
    """The error names the exception, the log file and its last lines."""
    engine = child(python("print('loading'); raise MemoryError('3 GiB more are needed')"))

    with pytest.raises(BootError) as caught:
        await engine.boot()

    text = str(caught.value)
    assert "small did not start: it ended with exit code 1: MemoryError: 3 GiB more are needed" in text
    assert str(tmp_path / "it.log") in text
    assert "loading" in text


async def test_a_refused_command_line_is_a_wrong_configuration(child):
    """argparse's exit code 2 would be the same at every try: not a `BootError`."""
    refusal = "print('api_server.py: error: unrecognized arguments: --foo')"
    engine = child(python(f"import sys; {refusal}; sys.exit(2)"))

    with pytest.raises(ConfigError, match=r"unrecognized arguments: --foo; change engines\.small"):
        await engine.boot()


async def test_a_boot_that_takes_too_long_is_ended(child):
    """After `boot_timeout_s` nothing of it is left, and the error says how long that was."""
    engine = child(python("import time; time.sleep(600)"), limit_s=0.5)

    with pytest.raises(BootError, match=r"not ready after 0.5 s \(boot_timeout_s\)"):
        await engine.boot()

    assert guard.members(engine._process.session) == []


async def test_an_engine_whose_first_answer_fails_is_not_ready(child, tmp_path):
    """Healthy alone is not enough: an error to the canary is a failed boot."""
    (tmp_path / "script.json").write_text('[{"fault": "error"}]')
    engine = child(fake_server(tmp_path, "--script", str(tmp_path / "script.json")))

    with pytest.raises(BootError, match=r"small did not start: .*out of memory"):
        await engine.boot()

    assert guard.members(engine._process.session) == []


async def test_an_engine_without_logprobs_is_not_ready(child, tmp_path):
    """The cascade decides on logprobs: a server that sends none is refused at boot."""
    (tmp_path / "script.json").write_text('[{"fault": "no_logprobs"}]')
    engine = child(fake_server(tmp_path, "--script", str(tmp_path / "script.json")))

    with pytest.raises(BootError, match="without logprobs"):
        await engine.boot()


async def test_a_cancelled_boot_leaves_nothing(child):
    """Ctrl-C while booting: the process is ended before the cancellation goes on."""
    engine = child(python("import time; print('up', flush=True); time.sleep(600)"))
    boot = asyncio.create_task(engine.boot())
    await until(lambda: engine._process.tail(1))

    boot.cancel()
    with pytest.raises(asyncio.CancelledError):
        await boot

    assert guard.members(engine._process.session) == []


async def test_a_socket_path_that_is_too_long_is_named(child):
    """The kernel's limit of 107 bytes is told before anything is started."""
    engine = child(socket="x" * 200)

    with pytest.raises(ConfigError, match="107"):
        await engine.boot()
