"""A real vLLM under its guard. One full boot (about 20 s on two cores), and two that are killed half-way."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from gpu_cascade.config import EngineConfig, KvConfig
from gpu_cascade.engines import guard
from gpu_cascade.engines.child import Command, EngineProcess
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.engines.sleep import Sleeper
from gpu_cascade.engines.vllm_build import installed
from gpu_cascade.engines.vllm_process import Launch, argv, environment
from gpu_cascade.errors import BootError, EngineError
from gpu_cascade.models import resolve
from gpu_cascade.types import Request
from gpu_cascade.vram.footprint.footprint import footprint, utilization

from ..serving import cmdline, listening
from .trees import until

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
MIN_TOKENS = 4000
GONE_WITHIN_S = 10


def command(folder):
    """SmolLM2 as `serve` would start it where engines sleep."""
    build, model_dir = installed(), resolve(MODEL)
    config = EngineConfig(
        model=MODEL, dtype="bfloat16", max_model_len=2048, kv=KvConfig(min_tokens=MIN_TOKENS), max_num_seqs=4
    )
    ram = psutil.virtual_memory().total
    found = footprint(config, model_dir, cpu=True, block_tokens=build.block_tokens, device_bytes=ram)
    kv_bytes = found.kv.bytes_for(MIN_TOKENS, 2048)
    share = utilization(found.resident(kv_bytes), ram)
    plan = Launch("small", config, model_dir, folder / "small.sock", kv_bytes, share, build)
    return Command(
        "small",
        argv(plan),
        environment(build, os.environ, sleeps=True),
        plan.socket,
        folder / "small.log",
        240,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory):
    """The engine that is booted once."""
    process = EngineProcess(command(tmp_path_factory.mktemp("engine")))
    await process.boot()
    yield process
    await process.stop()


def shared_memory(session):
    """The files of shared memory that a session's processes use; a killed engine may leave 400 MB of them."""
    found = set()
    for pid in guard.members(session):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/maps").read_text().split()
            found |= {word for word in words if word.startswith("/dev/shm/")}
    return found


def part(session, name):
    """The pid of the process of a session whose command line holds `name`, None without one."""
    return next((pid for pid in guard.members(session) if name in cmdline(pid)), None)


async def gone(session, used):
    """Wait until no process of the session is left, nor shared memory that they `used` or yet come to use."""

    def ended():
        used.update(shared_memory(session))
        return not guard.members(session)

    await until(ended, GONE_WITHIN_S)
    await until(lambda: not any(Path(file).exists() for file in used), GONE_WITHIN_S)


async def test_the_footprint_predicts_the_blocks(engine):
    """KV blocks and tokens are exactly those that were asked for."""
    build = installed()

    assert engine.facts.version.startswith(build.version.split("+")[0])
    assert engine.facts.block_tokens == build.block_tokens
    assert engine.facts.blocks == -(-MIN_TOKENS // build.block_tokens) + 1


async def test_the_warm_up_is_paid(engine):
    """The first user waits hardly longer than the second: the canary bore the seconds of warm-up."""
    client = OpenAIHttp("small", Address("http://engine/v1", "small", engine.socket))
    try:
        spent = []
        for question in ("Name a fruit.", "Name a tree.", "Name a bird."):
            began = time.monotonic()
            params = {"max_tokens": 8, "temperature": 0}
            final = await client.answer(Request([{"role": "user", "content": question}], params, logprobs=0))
            spent.append(time.monotonic() - began)
            assert final.tokens
            assert all(token.logprob <= 0 for token in final.tokens)
        assert spent[0] < min(spent[1:]) + 2.0
    finally:
        await client.close()


async def test_no_http_on_tcp(engine):
    """The API listens on the socket alone; vLLM's own ports are on loopback, and none of them speaks HTTP."""
    ports = listening(guard.members(engine._process.session))

    assert {address for address, _ in ports} <= {"0100007F", "00000000000000000000000001000000"}
    answers = await asyncio.gather(*(asyncio.to_thread(ask_http, port) for _, port in ports))
    assert not [answer for answer in answers if b"HTTP/" in answer]
    assert await engine.healthy()


def ask_http(port):
    with socket.create_connection(("127.0.0.1", port), 2) as connection:
        connection.settimeout(0.5)
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            return connection.recv(100)
        except OSError:
            return b""


async def test_what_users_ask_is_not_in_the_log(engine):
    """Neither question nor answer is written."""
    client = OpenAIHttp("small", Address("http://engine/v1", "small", engine.socket))
    question = Request([{"role": "user", "content": "Say kumquat twice."}], {"max_tokens": 8})
    try:
        final = await client.answer(question)
    finally:
        await client.close()
    log = "\n".join(engine._process.tail(10_000))

    assert "kumquat" not in log
    assert final.text not in log
    assert re.search(r"Application startup complete", log)


@pytest.mark.parametrize("level", [1, 2])
async def test_the_calls_of_sleep_mode_answer(engine, level):
    """On a processor nothing is freed; the calls answer all the same, and the engine wakes as it was.

    The sleeper itself holds the first token after the wake, with its logprob, against the one before.
    """
    sleeper = Sleeper("small", engine.socket)
    try:
        await sleeper.sleep(level)
        assert await sleeper.is_sleeping()

        await sleeper.wake()

        assert not await sleeper.is_sleeping()
    finally:
        await sleeper.close()


async def test_a_kv_cache_that_cannot_be_given_back_is_told(engine):
    """vLLM refuses that on a processor: the error says so, and a wake brings the engine back."""
    sleeper = Sleeper("small", engine.socket)
    try:
        with pytest.raises(EngineError, match="answered 500 to POST /release_kv_cache_memory"):
            await sleeper.release_kv()

        await sleeper.wake()

        assert not await sleeper.is_sleeping()
    finally:
        await sleeper.close()


async def test_the_end_of_its_core_is_its_end(engine):
    """SIGKILL of EngineCore: the API server notices, and within 10 s nothing is left."""
    session = engine._process.session
    used = shared_memory(session)
    assert used
    os.kill(part(session, "EngineCore"), signal.SIGKILL)

    await asyncio.wait_for(engine.wait_exit(), GONE_WITHIN_S)

    await gone(session, used)


async def test_stopping_leaves_nothing(engine):
    """Booted again and stopped as `serve` does it: no process, no shared memory, no socket file."""
    await engine.boot()
    session = engine._process.session
    used = shared_memory(session)
    assert used

    assert await engine.stop() == []

    await gone(session, used)
    assert not engine.socket.exists()


@pytest.mark.parametrize("victim", ["api_server", "guard.py"])
async def test_killing_server_or_guard_leaves_nothing(tmp_path, victim):
    """SIGKILL of either, with EngineCore already there: within 10 s all is gone and the boot has failed."""
    process = EngineProcess(command(tmp_path))
    boot = asyncio.create_task(process.boot())
    await until(lambda: process._process._guard is not None)
    session = process._process.session
    await until(lambda: part(session, "EngineCore"), 120)

    used = shared_memory(session)
    # The guard's command line ends with the engine's own.
    os.kill(session if victim == "guard.py" else api_server(session), signal.SIGKILL)

    with pytest.raises(BootError, match="killed by signal 9"):
        await asyncio.wait_for(boot, GONE_WITHIN_S)
    await gone(session, used)


def api_server(session):
    return next(p.pid for p in guard.processes() if p.session == session and p.parent == session)
