"""What the hands tell the scheduler: moves that were done, and every way in which one was not."""

import asyncio
import os
from dataclasses import replace

import pytest

from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.errors import EngineError, GpuError
from gpu_cascade.types import Request
from gpu_cascade.vram import witness
from gpu_cascade.vram.footprint.readings import What
from gpu_cascade.vram.gpu.reading import GIB
from gpu_cascade.vram.scheduler.core import Core
from gpu_cascade.vram.scheduler.policy import Turns
from gpu_cascade.vram.scheduler.shell import Scheduler
from gpu_cascade.vram.scheduler.words import HOST, Kind, Layout, Move, State

from ..engines.napping import faulty, used
from .bench import GPU, KV_BYTES, PROFILE, SHORT, TOTAL_BYTES, USUAL, bench

pytestmark = pytest.mark.scripted

ASK = Request([{"role": "user", "content": "Well?"}])


@pytest.fixture(autouse=True)
def _looks_at_once(monkeypatch):
    monkeypatch.setattr(witness, "LOOK_S", 0)


@pytest.fixture
async def small(tmp_path, request):
    """One engine, booted; its calls have as long as the test says."""
    async with bench(tmp_path, "small", limits=getattr(request, "param", USUAL)) as made:
        await do(made, Kind.BOOT)
        made.learned.clear()
        yield made


@pytest.mark.parametrize(("planned", "told"), [(45, [50]), (50, []), (55, [])])
async def test_a_plan_that_was_too_small_is_corrected(tmp_path, planned, told):
    """By what the engine holds after its work; that it holds less is not believed."""
    profile = replace(PROFILE, base_bytes=planned * GIB)
    async with bench(tmp_path, "small", profile=profile) as made:
        await do(made, Kind.BOOT)
        await do(made, Kind.STOP)

    assert told == [value / GIB for _, what, value in made.learned if what is What.RESIDENT_BYTES]


async def do(made, kind, engine="small"):
    return await made.hands.do(Move(engine, kind, KV_BYTES, "a test"))


def learned(made):
    return [what for _, what, _ in made.learned]


async def test_each_move_tells_what_the_engine_then_holds(small):
    """As seen: a residue asleep, all but the KV cache released, nothing after its end; times are kept."""
    assert 5 * GIB == await do(small, Kind.SLEEP)
    assert await do(small, Kind.WAKE) is None
    assert 50 * GIB == await do(small, Kind.RELEASE)
    assert 5 * GIB == await do(small, Kind.SLEEP)
    assert 0 == await do(small, Kind.STOP)

    assert 0 == used(small.vram)
    asleep = [What.SLEEP_S, What.ASLEEP_BYTES]
    assert [*asleep, What.WAKE_S, *asleep] == learned(small)
    assert ("small", What.ASLEEP_BYTES, 5 * GIB) in small.learned


@pytest.mark.parametrize(("kind", "hides"), [(Kind.SLEEP, False), (Kind.SLEEP, True), (Kind.RELEASE, True)])
async def test_a_200_that_lies_is_an_error(small, kind, hides):
    """Nothing came back, so nothing is learned of it; also where a container hides whose the bytes are."""
    small.driver.hides = hides
    await faulty(small.processes["small"], lies=True)

    with pytest.raises(EngineError, match=r"small said .* after 10 s 0\.0 of .* GiB are back on GPU 0"):
        await do(small, kind)

    assert [] == small.learned
    assert 80 * GIB == used(small.vram)


async def test_hidden_in_a_container_moves_are_done_all_the_same(small):
    """The whole device says that memory came back; what the engine still holds of it nobody can say."""
    small.driver.hides = True

    assert [None] * 4 == [await do(small, kind) for kind in (Kind.RELEASE, Kind.SLEEP, Kind.WAKE, Kind.STOP)]

    assert [What.SLEEP_S, What.WAKE_S] == learned(small)


@pytest.mark.parametrize("small", [SHORT], indirect=True)
async def test_a_sleep_that_hangs_is_an_error(small):
    """After its limit, with nothing learned; the engine can be ended for all that."""
    await faulty(small.processes["small"], hang=("sleep",))

    with pytest.raises(EngineError, match=r"did not answer POST /sleep.* in 2 s"):
        await do(small, Kind.SLEEP)

    assert [] == small.learned
    assert 0 == await do(small, Kind.STOP)


@pytest.mark.parametrize(
    ("small", "fault", "said"),
    [
        (SHORT, {"hang": ("wake",)}, r"did not answer POST /wake_up in 2 s"),
        (USUAL, {"wake_oom": 1}, r"answered 500 to POST /wake_up .*free memory on its device"),
        (USUAL, {"gibberish": True}, r"woke with other weights: its canary was 'All' at -0\.2500 nats"),
    ],
    indirect=["small"],
)
async def test_a_wake_that_is_none_is_an_error(small, fault, said):
    """It hangs, has no room, or answers otherwise than before; its time is not that of a wake."""
    await do(small, Kind.SLEEP)
    small.learned.clear()
    await faulty(small.processes["small"], **fault)

    with pytest.raises(EngineError, match=said):
        await do(small, Kind.WAKE)

    assert [] == small.learned


async def test_an_orphan_that_keeps_memory_is_told(small):
    """The engine was ended, and a process that was of its session still holds 15 GiB."""
    small.vram.take(os.getpid(), 15 * GIB)
    small.strays.append(os.getpid())

    assert 15 * GIB == await do(small, Kind.STOP)


async def test_an_orphan_that_keeps_it_all_is_an_error(small, monkeypatch):
    """The engine has ended, and what it held has not come back."""
    small.strays.append(os.getpid())
    real = small.processes["small"].stop

    async def stopped():
        left = await real()
        small.vram.take(os.getpid(), 80 * GIB)
        return left

    monkeypatch.setattr(small.processes["small"], "stop", stopped)
    with pytest.raises(EngineError, match=r"after 10 s 0\.0 of 80\.0 GiB are back"):
        await do(small, Kind.STOP)


async def test_who_outlives_sigkill_is_named(small, monkeypatch):
    """The memory may never come back: the machine has to be booted."""
    real = small.processes["small"].stop

    async def stopped():
        return [*await real(), 4711]

    monkeypatch.setattr(small.processes["small"], "stop", stopped)
    with pytest.raises(EngineError, match=r"SIGKILL did not end \[4711\]; reboot the machine"):
        await do(small, Kind.STOP)


async def test_a_boot_without_room_names_the_stranger(small):
    """Nothing is started where somebody else holds the memory that our books say is free."""
    await do(small, Kind.STOP)
    small.vram.take(os.getpid(), 30 * GIB)

    with pytest.raises(GpuError, match=rf"70\.0 GiB free, 80\.0 are needed.*processes {os.getpid()}"):
        await do(small, Kind.BOOT)

    assert [] == small.processes["small"].members()


async def answer(made, scheduler, engine):
    """As a request goes: a place, then the engine's answer."""
    client = OpenAIHttp(engine, Address("http://engine/v1", engine, made.processes[engine].socket))
    try:
        async with scheduler.lease(engine, ASK):
            return (await client.answer(ASK)).text
    finally:
        await client.close()


TURNS = (
    Layout({"small": KV_BYTES}, {"large": State.ASLEEP}),
    Layout({"large": KV_BYTES}, {"small": State.ASLEEP}),
)
BOOTED_ANEW = ["boot", "sleep", "wake wrong", "wake wrong", "stop", "boot"]


@pytest.mark.parametrize(
    ("fault", "moves"),
    [
        ({"lies": True}, ["boot", "sleep wrong", "stop", "boot"]),
        ({"hang": ("sleep",)}, ["boot", "sleep wrong", "stop", "boot"]),
        ({"wake_oom": 1}, ["boot", "sleep", "wake wrong", "wake"]),
        ({"hang": ("wake",)}, BOOTED_ANEW),
        ({"gibberish": True}, BOOTED_ANEW),
    ],
)
async def test_whatever_goes_wrong_every_request_is_answered(tmp_path, fault, moves):
    """Two that do not fit together take turns, and one fails at it: it tries again, or is booted anew."""
    limits = SHORT if "hang" in fault else USUAL
    async with bench(tmp_path, "small", "large", limits=limits) as made:
        profiles = dict.fromkeys(("small", "large"), PROFILE)
        core = Core(profiles, TURNS, {GPU: TOTAL_BYTES, HOST: TOTAL_BYTES}, Turns(0.1), 100)
        scheduler = Scheduler(core, made.hands, made.hooks)
        scheduler.start()
        await scheduler.ready()
        await faulty(made.processes["small"], **fault)

        asked = ["small", "large", "small", "small", "large", "small"]
        answers = await asyncio.gather(*(answer(made, scheduler, engine) for engine in asked))
        last = await answer(made, scheduler, "small")
        await scheduler.close()

    assert ["All right."] * 7 == [*answers, last]
    done = [move for move in scheduler.moves if move.engine == "small"]
    assert moves == [f"{move.kind} wrong" if move.wrong else move.kind for move in done]
