"""Places that go over a process border: none is lost or given twice, and nobody waits for an idle one."""

import asyncio
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.errors import Busy, CascadeError, TierDown
from gpu_cascade.vram.credits.messages import Ask, Back
from gpu_cascade.vram.scheduler.desk import RATE_S
from gpu_cascade.vram.scheduler.words import State

from .house import PLACES, House

ENGINES = sorted(PLACES)
LONGEST = 60  # events


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_whatever_happens_no_place_is_lost_or_given_twice(seed):
    """Places taken are those that living workers hold, never more than there are, whatever is under way.

    When all is said nobody waits for an engine of which a credit lies idle; when all requests have ended and
    the credits were swept, everything is free.
    """
    asyncio.run(chance(random.Random(seed)))


async def chance(rng):
    house = await House().start()
    for _ in range(rng.randint(1, LONGEST)):
        happen(house, rng)
        if rng.random() < 0.7:
            await house.settle()
        house.check()
        if rng.random() < 0.1:
            await house.deliver()
            house.check_settled()
    await end_well(house)


def happen(house, rng):
    """One thing that can happen."""
    pipes = [(one, pipe) for one in house.workers for pipe in (one.up, one.down) if pipe.sent]
    what = rng.choices(
        ["ask", "local", "hear", "go", "cancel", "sweep", "join", "kill", "lose", "back"],
        [6, 1, 8 * bool(pipes), 4 * bool(house.requests), bool(house.requests), 0.5, 0.2, 0.2, 0.2, 0.4],
    )[0]
    engine = rng.choice(ENGINES)
    if what == "ask" and house.workers:
        house.ask(engine, rng.choice(house.workers), urgent=rng.random() < 0.5)
    elif what == "local":
        house.ask(engine)
    elif what == "hear":
        worker, pipe = rng.choice(pipes)
        worker.hear(pipe, rng.choice([None, None, 1, 5]))
    elif what == "go":
        rng.choice(list(house.requests.values())).set()
    elif what == "cancel":
        rng.choice(list(house.requests)).cancel()
    elif what == "sweep":
        house.sweep()
    elif what == "join":
        house.join()
    elif what == "kill" and house.workers:
        house.kill(rng.choice(house.workers))
    elif what in ("lose", "back"):
        getattr(house, what)(engine)


async def end_well(house):
    for engine in ENGINES:
        house.back(engine)
    for _ in range(100):
        await house.deliver()
        house.check_settled()
        if not house.requests:
            break
        for go in house.requests.values():
            go.set()
    assert not house.requests, f"{len(house.requests)} were never answered"
    house.sweep()
    await house.deliver()
    house.check_settled()
    assert [0] * len(ENGINES) == [house.supervisor.desk(engine).taken for engine in ENGINES]
    assert 0 == house.supervisor.waiting
    assert all(isinstance(error, TierDown) for error in house.refused)
    await house.supervisor.close()


@pytest.fixture
async def house():
    return await House().start()


def said(pipe):
    return len(pipe.sent)


async def test_a_credit_serves_the_next_request_without_a_word(house):
    """The place of a request that ended is used by the worker's next one, which has waited for nothing."""
    worker = house.workers[0]
    first = house.ask("large", worker)
    await house.deliver()
    await house.done(first)

    second = house.ask("large", worker)
    await house.settle()

    assert (0, 1, 1) == (said(worker.up), worker.used["large"], house.supervisor.desk("large").taken)
    await house.done(second)
    assert (0.0, "fake-1") == (second.result().queue_s, second.result().version)
    assert first.result().queue_s > 0


async def test_who_waits_gets_an_idle_credit_within_a_round_trip(house):
    """Two lie idle at one worker: the other's request needs one word to it and one back."""
    rich, poor = house.workers
    tasks = [house.ask("large", rich) for _ in range(2)]
    await house.deliver()
    await house.done(*tasks)
    assert 2 == rich.idle("large")

    house.ask("large", poor)
    await house.settle()
    poor.hear(poor.up)
    await house.settle()
    rich.hear(rich.down)
    rich.hear(rich.up)
    await house.settle()
    poor.hear(poor.down)
    await house.settle()

    assert (1, 0) == (poor.used["large"], rich.idle("large"))


async def test_while_somebody_waits_places_go_round_by_the_schedulers_order(house):
    """A place that comes back goes to the longest waiting, not to who had it."""
    rich, poor = house.workers
    held = [house.ask("large", rich) for _ in range(2)]
    await house.deliver()
    first, own = house.ask("large", poor), None
    await house.deliver()
    own = house.ask("large", rich)
    await house.deliver()

    await house.done(held[0])

    assert (1, 1) == (poor.used["large"], rich.used["large"])
    await house.done(first)
    assert (0, 2) == (poor.used["large"], rich.used["large"])
    assert own in house.requests


async def test_when_nobody_waits_any_more_credits_are_kept_again(house):
    """The two that were out while somebody waited come back, the one that went out after that stays."""
    worker = house.workers[0]
    tasks = [house.ask("large", worker) for _ in range(3)]
    await house.deliver()
    assert 1 == house.supervisor.waiting

    await house.done(*tasks)

    assert (1, 1) == (worker.idle("large"), house.supervisor.desk("large").taken)


async def test_an_engine_that_has_to_go_is_not_kept_by_idle_credits(house):
    """Another engine is asked for: the idle credits come back, and the engine drains."""
    worker = house.workers[0]
    task = house.ask("large", worker)
    await house.deliver()
    await house.done(task)
    assert 1 == worker.idle("large")

    house.ask("huge", worker)
    await house.deliver()

    assert (0, 1) == (worker.idle("large"), worker.used["huge"])
    assert State.ABSENT is house.supervisor.core.engines["large"].state


async def test_a_lost_engine_ends_its_credits(house):
    """Who asks then is told so at once."""
    worker = house.workers[0]
    task = house.ask("large", worker)
    await house.deliver()
    await house.done(task)

    house.lose("large")
    await house.deliver()
    house.ask("large", worker)
    await house.deliver()

    assert (0, 0) == (worker.idle("large"), house.supervisor.desk("large").taken)
    assert ["engine large is not ready: booting, killed by signal 9"] == [e.message for e in house.refused]


async def test_a_dead_workers_credits_come_back(house):
    """Those in use, the idle ones, and its place in the queue."""
    dead, other = house.workers
    used, idle = house.ask("large", dead), house.ask("draft", dead)
    await house.deliver()
    await house.done(idle)
    house.ask("large", dead)
    await house.deliver()
    house.ask("large", dead)
    waits = house.ask("large", other)
    await house.deliver()
    assert (2, 1) == (house.supervisor.waiting, dead.idle("draft"))

    house.kill(dead)
    await house.deliver()

    assert (0, 0) == (house.supervisor.waiting, house.supervisor.desk("draft").taken)
    assert (1, 1) == (other.used["large"], house.supervisor.desk("large").taken)
    assert waits in house.requests
    assert used in house.requests  # the dead worker's own business


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\0\0\2no",
        b"\xff\xff\xff\xff",
        [Back("large", 2, 0)],
        [Back("nobody", 0, 1)],
        [Ask(7, "huge", False)] * 2,
    ],
)
async def test_a_worker_that_says_nonsense_loses_its_places(house, sent):
    """Broken bytes, a length beyond reason, places that it has not, one question twice: it counts as dead."""
    worker = house.workers[0]
    house.ask("large", worker)
    await house.deliver()

    if isinstance(sent, bytes):
        worker.account.data_received(sent)
    else:
        for message in sent:
            worker.purse.send(message)
    await house.deliver()

    assert (False, 0) == (worker.alive, house.supervisor.desk("large").taken)
    assert 0 == house.supervisor.waiting


async def test_what_credits_serve_is_told(house):
    """The scheduler weighs engines by what is asked of them."""
    worker, desk = house.workers[0], house.supervisor.desk("large")
    for _ in range(4):
        task = house.ask("large", worker)
        await house.deliver()
        await house.done(task)
    now = time.monotonic()
    assert 1 == round(desk.rate(now) * RATE_S)

    house.sweep()
    await house.deliver()

    assert 4 == round(desk.rate(now) * RATE_S)
    assert 0 == desk.taken


async def test_refusals_cross_the_border():
    """A full queue is the same error there; a fault of ours keeps nobody waiting."""
    house = await House(max_queue=0).start()
    worker = house.workers[0]
    for engine in ("large", "large", "large", "nobody"):
        house.ask(engine, worker)
    await house.deliver()

    assert [Busy, CascadeError] == [type(error) for error in house.refused]
    assert 1.0 == house.refused[0].retry_after_s
    assert "gpu-cascade itself failed: KeyError" == house.refused[1].message


async def test_closing_the_office_frees_everything(house):
    """And its workers are told."""
    worker = house.workers[0]
    house.ask("large", worker)
    house.ask("huge", worker)
    await house.deliver()

    await house.office.close()
    await house.settle()

    assert (0, 0) == (house.supervisor.desk("large").taken, house.supervisor.waiting)
    assert [TierDown] == [type(error) for error in house.refused]
