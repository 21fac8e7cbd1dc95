"""The scripted engine asleep: what becomes of requests, of the device, and of what it starts."""

import asyncio
import json
import os
import signal

import msgspec
import pytest

from gpu_cascade.engines import fake_sleep
from gpu_cascade.engines.child import Command, EngineProcess
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.engines.fake_sleep import NOISE, Calls, Drowsy, boot
from gpu_cascade.engines.fake_vram import KV, WEIGHTS, Memory, OutOfMemoryError, Vram
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.errors import EngineError
from gpu_cascade.types import Request

from .napping import SIZES, TOTAL, calls, command, napping, used
from .trees import commands, until

QUESTION = Request([{"role": "user", "content": "Well?"}], logprobs=0)
LONG = Request([{"role": "user", "content": "A long answer, please."}])
ORPHAN = msgspec.structs.replace(SIZES, orphan=True)


@pytest.fixture
def vram(tmp_path):
    """An empty device."""
    return Vram.create(tmp_path / "vram.json", TOTAL)


@pytest.fixture
def drowsy(vram):
    """One that sleeps, in this process."""
    memory = Memory(vram, os.getpid(), SIZES)
    memory.load(WEIGHTS, KV)
    return Drowsy(Fake("small", Line(text="one two three", token_s=0.001)), memory)


async def test_requests_wait_for_the_wake_without_a_word(drowsy):
    """They are neither running nor refused; the wake lets them through."""
    await drowsy.pause("wait")
    waiting = asyncio.create_task(drowsy.answer(QUESTION))
    await until(lambda: drowsy.parked == 1)
    assert 0 == drowsy.running

    drowsy.resume()

    assert "one two three" == (await waiting).text
    assert 0 == drowsy.parked


async def test_a_wake_that_is_taken_back_lets_nobody_through(drowsy):
    """Who was about to run waits on: it would find the memory gone."""
    await drowsy.pause("wait")
    waiting = asyncio.create_task(drowsy.answer(QUESTION))
    await until(lambda: drowsy.parked == 1)

    drowsy.resume()
    await drowsy.pause("wait")
    drowsy.memory.sleep(1)
    for _ in range(10):  # turns of the loop: more than a woken request needs
        await asyncio.sleep(0)
    assert (1, 0) == (drowsy.parked, drowsy.running)

    drowsy.memory.wake(())
    drowsy.resume()
    assert "one two three" == (await waiting).text


async def test_a_waiting_request_whose_client_leaves_is_forgotten(drowsy):
    """Nothing of it is left for the wake."""
    await drowsy.pause("wait")
    waiting = asyncio.create_task(drowsy.answer(QUESTION))
    await until(lambda: drowsy.parked == 1)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert 0 == drowsy.parked


async def test_a_pause_waits_for_those_under_way(drowsy):
    """Their answers are whole."""
    pieces = drowsy.stream(QUESTION)
    await anext(pieces)
    pause = asyncio.create_task(drowsy.pause("wait"))

    rest = [piece async for piece in pieces]

    await pause
    assert ("one two three", "stop") == (rest[-1].text, rest[-1].finish_reason)


async def test_an_aborting_pause_cuts_them(drowsy):
    """What had come by then, and `abort` as its reason."""
    pieces = drowsy.stream(QUESTION)
    await anext(pieces)
    pause = asyncio.create_task(drowsy.pause("abort"))
    await until(lambda: drowsy._aborts)

    rest = [piece async for piece in pieces]

    await pause
    assert ("one", "abort") == (rest[-1].text.split()[0], rest[-1].finish_reason)
    assert "one two three" != rest[-1].text


async def test_wrong_weights_talk_noise(drowsy):
    """So does an engine that was made to go on with memory missing."""
    drowsy.memory.sleep(1)
    assert NOISE.text == (await drowsy.answer(QUESTION)).text

    drowsy.memory.wake(())
    assert "one two three" == (await drowsy.answer(QUESTION)).text


@pytest.fixture
async def call(engine):
    """Makes one call to it; `engine` is as after its boot."""
    async with calls(engine) as call:
        yield call


@pytest.fixture
async def client(engine):
    """Who asks it."""
    client = OpenAIHttp("small", Address("http://engine/v1", "small", engine.socket))
    yield client
    await client.close()


@pytest.mark.scripted
async def test_asleep_the_metrics_are_stale(call, client):
    """A request hangs, /health is well, and no gauge knows of it."""
    await call("POST", "sleep")
    hanging = asyncio.create_task(client.answer(QUESTION))
    await has(call, "parked")

    metrics = (await call("GET", "metrics"))[1]
    assert "vllm:num_requests_running 0.0" in metrics
    assert "vllm:num_requests_waiting 0.0" in metrics
    assert 200 == (await call("GET", "health"))[0]
    assert not hanging.done()

    await call("POST", "wake_up")
    assert "All right." == (await hanging).text


async def has(call, what):
    """Until the engine has a request that is `running` or `parked`."""
    async with asyncio.timeout(10):
        while not json.loads((await call("GET", "fake"))[1])[what]:
            await asyncio.sleep(0.01)


@pytest.mark.scripted
@pytest.mark.parametrize("streamed", [True, False])
async def test_an_aborted_request_comes_back_with_200(call, client, streamed):
    """And `abort` as its finish reason, which the client takes for what it is."""
    running = asyncio.create_task(drain(client) if streamed else client.answer(LONG))
    await has(call, "running")

    assert (200, '{"status":"sleeping","level":1}') == await call("POST", "sleep")

    with pytest.raises(EngineError, match="small aborted its answer"):
        await running


async def drain(client):
    async for _ in client.stream(LONG):
        pass


@pytest.mark.scripted
async def test_a_call_out_of_turn_is_refused(call):
    """The KV cache goes only while paused and awake; no other method than reloading is called."""
    assert 500 == (await call("POST", "release_kv_cache_memory"))[0]
    assert 500 == (await call("POST", "collective_rpc", {"method": "else"}))[0]

    await call("POST", "sleep?level=2")

    assert 500 == (await call("POST", "release_kv_cache_memory"))[0]
    assert 500 == (await call("POST", "collective_rpc", {"method": "reload_weights"}))[0]


@pytest.mark.scripted
async def test_level_0_only_pauses(engine, call):
    """No byte comes back; `scheduling` is the tag that wakes."""
    await call("POST", "sleep?level=0&mode=wait")
    assert (200, '{"is_sleeping":true}') == await call("GET", "is_sleeping")
    assert 800 == used(engine.vram)

    await call("POST", "wake_up?tags=scheduling")

    assert (200, '{"is_sleeping":false}') == await call("GET", "is_sleeping")


def test_a_boot_takes_its_weights_first(vram, monkeypatch):
    """And the KV cache `boot_s` later: two that boot at once race for it."""
    waits = []
    monkeypatch.setattr(fake_sleep.time, "sleep", lambda wait_s: waits.append((wait_s, used(vram))))

    boot(vram, msgspec.structs.replace(SIZES, boot_s=9.0))

    assert [(9.0, 400)] == waits
    assert 800 == used(vram)


def test_a_boot_that_does_not_fit_leaves_nothing(vram):
    """It says what lacks, as the log of a vLLM that ran out of memory does."""
    vram.take(os.getpid(), 400)

    with pytest.raises(OutOfMemoryError, match="100 of 300 bytes of kv_cache do not fit"):
        boot(vram, ORPHAN)

    assert 400 == used(vram)


async def test_an_orderly_end_leaves_nothing(vram):
    """The server ends what it started before it goes."""
    calls_of = Calls(Drowsy(Fake("small"), boot(vram, ORPHAN)))
    assert 800 == used(vram)

    async with calls_of.lifespan(None):
        pass

    assert 0 == used(vram)


@pytest.mark.scripted
async def test_a_killed_server_leaves_an_orphan(tmp_path):
    """The bytes are the orphan's, and stay while it lives."""
    with napping(tmp_path, ORPHAN) as engine:
        ((orphan, _),) = engine.vram.read().held

        engine.process.kill()
        engine.process.wait()

        assert 800 == used(engine.vram)
        os.kill(orphan, signal.SIGKILL)
        await until(lambda: used(engine.vram) == 0)


@pytest.mark.scripted
async def test_the_guard_ends_the_orphan(vram, tmp_path):
    """Under it nothing is left on the device when the server is killed."""
    argv = command(tmp_path, tmp_path / "vram.json", ORPHAN)
    env, log = dict(os.environ), tmp_path / "it.log"
    engine = EngineProcess(Command("small", argv, env, tmp_path / "it.sock", log, 60))
    try:
        await engine.boot()
        assert 800 == used(vram)

        os.kill(server_of(engine), signal.SIGKILL)
        await engine.wait_exit()

        assert 0 == used(vram)
    finally:
        await engine.stop()


def server_of(engine):
    """The pid of its server; the guard's command line names it as well, the orphan's does not."""
    session = engine._process.session
    found = [pid for pid, line in commands(session).items() if "fake_server" in line and pid != session]
    return found[0]
