"""A worker's own credits: which are kept, which go back, and what becomes of a place that comes too late."""

import asyncio
import time

import pytest

from gpu_cascade.errors import DeadlineExceeded, TierDown
from gpu_cascade.types import Request
from gpu_cascade.vram.credits.purse import IDLE_S

from .house import House

ASK = Request(())


@pytest.fixture
async def house():
    return await House(workers=1).start()


async def full(house):
    """The engine has no place left, and none of them is the worker's."""
    held = [house.ask("large") for _ in range(2)]
    await house.deliver()
    return held


async def test_waiting_ends_with_the_deadline(house):
    """A request is not kept beyond the time it has, and waits nowhere any more."""
    await full(house)

    with pytest.raises(DeadlineExceeded, match="no place on large"):
        async with house.workers[0].purse.lease("large", Request((), deadline=time.monotonic() + 0.01)):
            pass
    await house.deliver()

    assert 0 == house.supervisor.waiting


async def test_who_leaves_waits_no_longer(house):
    """At the office too."""
    await full(house)
    task = house.ask("large", house.workers[0])
    await house.deliver()
    assert 1 == house.supervisor.waiting

    task.cancel()
    await house.deliver()

    assert 0 == house.supervisor.waiting


@pytest.mark.parametrize("heard", [True, False])
async def test_a_place_for_somebody_who_left_is_kept(house, heard):
    """Cancelled while the place was under way, or in the very turn in which it came: the next one has it."""
    worker = house.workers[0]
    task = house.ask("large", worker)
    await house.settle()
    worker.hear(worker.up)
    await house.settle()
    if heard:
        worker.hear(worker.down)

    task.cancel()
    await house.deliver()

    assert (1, 1) == (worker.idle("large"), house.supervisor.desk("large").taken)


async def test_a_place_for_somebody_who_left_goes_on_where_others_wait(house):
    """It is not kept then."""
    worker = house.workers[0]
    held = await full(house)
    task = house.ask("large", worker)
    await house.deliver()
    other = house.ask("large")
    await house.settle()

    house.requests[held[0]].set()
    await house.settle()
    task.cancel()
    await house.deliver()

    assert (0, 2) == (worker.idle("large"), house.local["large"])
    assert other in house.requests


async def test_no_more_lie_idle_than_were_used_at_once(house):
    """The last that came back goes out first, so those that are not needed grow old and go back."""
    worker = house.workers[0]
    tasks = [house.ask("large", worker) for _ in range(2)]
    await house.deliver()
    await house.done(*tasks)
    old = worker.purse.idle["large"][0][0]

    used = house.ask("large", worker)
    await house.settle()
    worker.purse.sweep(old + IDLE_S)
    await house.done(used)

    assert (1, 1) == (worker.idle("large"), house.supervisor.desk("large").taken)


async def test_without_an_office_nobody_waits(house):
    """Those who wait and those who come are told at once, with a time; a place in use ends quietly.

    An idle credit serves nobody any more: the office has it back.
    """
    worker = house.workers[0]
    kept, used = house.ask("draft", worker), house.ask("large", worker)
    waits = house.ask("huge", worker)
    await house.deliver()
    await house.done(kept)
    assert 1 == worker.idle("draft")

    house.kill(worker)
    await house.settle()
    with pytest.raises(TierDown, match="try again in 2 s"):
        async with worker.purse.lease("draft", ASK):
            pass

    assert [(TierDown, 2.0)] == [(type(error), error.retry_after_s) for error in house.refused]
    house.requests[used].set()
    await asyncio.wait([used, waits])
    assert 0 == worker.idle("large")
