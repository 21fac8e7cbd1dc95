"""Rest and wake of an engine: done, seen to be done, and refused where vLLM would do nothing."""

import asyncio
import contextlib
import math
import os
from functools import partial

import aiohttp.web
import pytest

from gpu_cascade.engines.probe import Canary
from gpu_cascade.engines.sleep import TOLERANCE, Limits, Sleeper, compare
from gpu_cascade.errors import EngineError, EngineLost

from .napping import faulty, fresh, used

USUAL = Limits()


@pytest.fixture
async def sleeper(engine):
    """Who puts it to rest."""
    async with sleeping(engine.socket) as sleeper:
        yield sleeper


@contextlib.asynccontextmanager
async def sleeping(socket, limits=USUAL):
    sleeper = Sleeper("small", socket, limits)
    yield sleeper
    await sleeper.close()


@pytest.mark.scripted
@pytest.mark.parametrize(("level", "left"), [(1, 50), (2, 20)])
async def test_asleep_it_has_given_back_all_but_its_residue(engine, sleeper, level, left):
    """Awake again it answers as before: level 2 has read its weights anew."""
    await sleeper.sleep(level)
    assert await sleeper.is_sleeping()
    assert left == used(engine.vram)

    await sleeper.wake()
    assert not await sleeper.is_sleeping()
    assert 800 == used(engine.vram)


@pytest.mark.scripted
async def test_the_kv_cache_alone(engine, sleeper):
    """Given back and taken again; what was released can also go to sleep."""
    await sleeper.release_kv()
    assert (True, 500) == (await sleeper.is_sleeping(), used(engine.vram))

    await sleeper.wake()
    assert (False, 800) == (await sleeper.is_sleeping(), used(engine.vram))

    await sleeper.release_kv()
    await sleeper.sleep(1)
    assert 50 == used(engine.vram)
    await sleeper.wake()
    assert 800 == used(engine.vram)


@pytest.mark.scripted
async def test_what_would_do_nothing_is_refused(engine, sleeper):
    """Asleep, vLLM answers 200 to another level and keeps what it has."""
    await sleeper.sleep(1)

    with pytest.raises(EngineError, match="small sleeps already"):
        await sleeper.sleep(2)
    with pytest.raises(EngineError, match="wake it first"):
        await sleeper.release_kv()


@pytest.mark.scripted
async def test_a_wake_without_room_may_be_tried_again(engine, sleeper):
    """What it mapped stays mapped: no sleep then, but a wake when others have made room."""
    await sleeper.sleep(1)
    engine.vram.take(os.getpid(), 600)
    with pytest.raises(
        EngineError, match=r"answered 500 to POST /wake_up \(.*memory.*free memory on its device"
    ):
        await sleeper.wake()
    assert 1000 == used(engine.vram)

    with pytest.raises(EngineError, match="would keep what it has"):
        await sleeper.sleep(1)

    engine.vram.give(os.getpid(), 600)
    await sleeper.wake()
    assert 800 == used(engine.vram)


@pytest.mark.scripted
async def test_level_2_goes_on_where_its_wake_broke_off(engine, sleeper):
    """The KV cache did not fit: the weights that are there already are no obstacle."""
    await sleeper.sleep(2)
    engine.vram.take(os.getpid(), 300)
    with pytest.raises(EngineError, match="tags=kv_cache"):
        await sleeper.wake()

    engine.vram.give(os.getpid(), 300)
    await sleeper.wake()

    assert 800 == used(engine.vram)


@pytest.mark.scripted
async def test_it_believes_the_engine_and_not_its_memory(engine, sleeper):
    """An engine that was booted since the failed wake goes to sleep as any other."""
    await sleeper.sleep(1)
    await faulty(engine, wake_oom=1)
    with pytest.raises(EngineError):
        await sleeper.wake()
    await fresh(engine)

    await sleeper.sleep(1)

    assert 50 == used(engine.vram)


@pytest.mark.scripted
async def test_a_lie_is_seen_on_the_device_alone(engine, sleeper):
    """The engine says 200 and that it sleeps, and has given nothing back."""
    await faulty(engine, lies=True)

    await sleeper.sleep(1)

    assert await sleeper.is_sleeping()
    assert 800 == used(engine.vram)


@pytest.mark.scripted
async def test_other_weights_are_an_error(engine, sleeper):
    """The canary's token and logprob are compared with those before the rest."""
    await sleeper.sleep(1)
    await faulty(engine, gibberish=True)

    with pytest.raises(EngineError, match=r"'All' at -0.2500 nats and is '%%' at -9.0000"):
        await sleeper.wake()


@pytest.mark.scripted
@pytest.mark.parametrize("what", ["sleep", "wake", "release"])
async def test_a_call_that_hangs_is_given_up(engine, what):
    """After its limit, and it is said that nobody knows how the engine stands."""
    async with sleeping(engine.socket, Limits(**{f"{what}_s": 0.3})) as sleeper:
        if what == "wake":
            await sleeper.sleep(1)
        await faulty(engine, hang=(what,))

        call = {"sleep": partial(sleeper.sleep, 1), "wake": sleeper.wake, "release": sleeper.release_kv}[what]
        with pytest.raises(EngineError, match=r"in 0\.3 s and may be at it still; end it"):
            await call()


async def test_nobody_there_is_an_engine_lost(tmp_path):
    """As for requests."""
    async with sleeping(tmp_path / "none.sock") as sleeper:
        with pytest.raises(EngineLost, match="small broke off at GET /is_sleeping"):
            await sleeper.sleep(1)


@contextlib.asynccontextmanager
async def scripted(folder, answers, limits=USUAL):
    """A server that answers each path as scripted, others with 404; a path without answer hangs."""

    async def answer(request):
        said = answers.get(request.path, aiohttp.web.HTTPNotFound())
        if said is None:
            await asyncio.Event().wait()
        if isinstance(said, Exception):
            raise said
        return aiohttp.web.json_response(said.pop(0) if isinstance(said, list) else said)

    app = aiohttp.web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = aiohttp.web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await aiohttp.web.UnixSite(runner, str(folder / "it.sock")).start()
    try:
        async with sleeping(folder / "it.sock", limits) as sleeper:
            yield sleeper
    finally:
        await runner.cleanup()


AWAKE, ASLEEP = {"is_sleeping": False}, {"is_sleeping": True}
TOKEN = {"token": "All", "logprob": -0.25, "bytes": None, "top_logprobs": []}
CHAT = {
    "choices": [{"message": {"content": "All"}, "logprobs": {"content": [TOKEN]}, "finish_reason": "stop"}]
}
WELL = {"/reset_prefix_cache": {}, "/v1/chat/completions": CHAT, "/sleep": {}, "/wake_up": {}}


async def test_an_engine_that_stays_awake_is_not_asleep(tmp_path):
    """Whatever it answered to the call."""
    async with scripted(tmp_path, WELL | {"/is_sleeping": AWAKE}) as sleeper:
        with pytest.raises(EngineError, match="answered 200 to POST /sleep and says that it is awake"):
            await sleeper.sleep(1)


async def test_an_engine_that_stays_asleep_is_not_awake(tmp_path):
    """Nor is it asked for its canary, which would hang."""
    async with scripted(tmp_path, WELL | {"/is_sleeping": ASLEEP}) as sleeper:
        with pytest.raises(EngineError, match="answered 200 to POST /wake_up and says that it still sleeps"):
            await sleeper.wake()


async def test_awake_and_dumb_is_not_awake(tmp_path):
    """The canary has its time."""
    answers = WELL | {"/is_sleeping": AWAKE, "/v1/chat/completions": None}
    async with scripted(tmp_path, answers, Limits(canary_s=0.3)) as sleeper:
        with pytest.raises(EngineError, match=r"did not answer the canary in 0\.3 s"):
            await sleeper.wake()


@pytest.mark.parametrize("answers", [{}, {"/is_sleeping": {"status": "well"}}])
async def test_an_engine_without_the_calls_says_how_to_have_them(tmp_path, answers):
    """It was started without the variable, or is something else."""
    async with scripted(tmp_path, answers) as sleeper:
        with pytest.raises(EngineError, match="VLLM_SERVER_DEV_MODE=1"):
            await sleeper.is_sleeping()


@pytest.mark.parametrize(
    ("after", "same"),
    [
        (Canary("All", -0.25), True),
        (Canary("All", -0.25 + TOLERANCE / 2), True),
        (Canary("All", -0.25 - 2 * TOLERANCE), False),
        (Canary("All", math.nan), False),
        (Canary("Any", -0.25), False),
    ],
)
def test_the_same_token_as_sure_as_before(after, same):
    """A little more or less of the logprob is the same; another token or no number is not."""
    with contextlib.nullcontext() if same else pytest.raises(EngineError, match="woke with other weights"):
        compare("small", Canary("All", -0.25), after, TOLERANCE)
