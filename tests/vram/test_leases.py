"""Places in an engine's batch: who gets one, in which order, and that none is ever lost."""

import asyncio
import time

import pytest

from gpu_cascade.errors import Busy, DeadlineExceeded, TierDown
from gpu_cascade.types import Request
from gpu_cascade.vram.leases import Standing, StaticLeases

ASK = Request([{"role": "user", "content": "?"}])


class Stand:
    """An engine's standing that a test can change."""

    def __init__(self):
        self.now = Standing(ready=True, version="fake-1")

    def __call__(self, engine):
        return self.now


@pytest.fixture
def stand():
    return Stand()


@pytest.fixture
def leases(stand):
    return StaticLeases({"small": 1}, stand, max_queue=2)


async def hold(leases, order, name, until):
    async with leases.lease("small", ASK):
        order.append(name)
        await until.wait()


async def until(happened):
    while not happened():
        await asyncio.sleep(0)


async def waiters(leases, count):
    await until(lambda: leases.load("small")[0] and leases.waiting == count)


async def test_places_are_given_in_the_order_of_arrival(leases):
    """The longest waiting is next."""
    order, go = [], asyncio.Event()
    tasks = []
    for place, name in enumerate("abc"):
        tasks.append(asyncio.ensure_future(hold(leases, order, name, go)))
        await waiters(leases, place)

    assert (["a"], (1, 1, 2)) == (order, leases.load("small"))
    go.set()
    await asyncio.gather(*tasks)

    assert (list("abc"), (0, 1, 0)) == (order, leases.load("small"))


async def test_a_full_queue_says_when_to_come_back(leases):
    """One runs, two wait, the next is told so, with a time."""
    go, order = asyncio.Event(), []
    tasks = [asyncio.ensure_future(hold(leases, order, name, go)) for name in "abc"]
    await waiters(leases, 2)

    with pytest.raises(Busy, match="2 requests are waiting") as caught:
        async with leases.lease("small", ASK):
            pass

    assert 1 <= caught.value.retry_after_s <= 60
    go.set()
    await asyncio.gather(*tasks)


async def test_a_waiter_that_leaves_loses_no_place(leases):
    """Cancelled while waiting, or in the very turn in which its place came: the next one gets it."""
    go, order = asyncio.Event(), []
    first = asyncio.ensure_future(hold(leases, order, "a", go))
    await waiters(leases, 0)
    second = asyncio.ensure_future(hold(leases, order, "b", go))
    third = asyncio.ensure_future(hold(leases, order, "c", go))
    await waiters(leases, 2)

    go.set()
    await waiters(leases, 1)  # the place has been assigned to b, which has not run yet
    second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)

    assert (["a", "c"], (0, 1, 0)) == (order, leases.load("small"))


async def test_waiting_ends_with_the_deadline(leases):
    """A request is not kept beyond the time it has."""
    go, order = asyncio.Event(), []
    task = asyncio.ensure_future(hold(leases, order, "a", go))
    await waiters(leases, 0)

    with pytest.raises(DeadlineExceeded, match="no place on small"):
        async with leases.lease("small", Request(ASK.messages, deadline=time.monotonic() + 0.02)):
            pass

    assert 0 == leases.waiting
    go.set()
    await task


async def test_an_engine_that_is_down_grants_nothing_and_keeps_nobody(leases, stand):
    """New requests and waiters alike are told at once, with the reason."""
    go, order = asyncio.Event(), []
    running = asyncio.ensure_future(hold(leases, order, "a", go))
    await waiters(leases, 0)
    waiting = asyncio.ensure_future(hold(leases, order, "b", go))
    await waiters(leases, 1)

    stand.now = Standing(ready=False, why="lost, restarting", retry_after_s=20)
    leases.engine_down("small")

    with pytest.raises(TierDown, match="lost, restarting"):
        await waiting
    with pytest.raises(TierDown) as caught:
        async with leases.lease("small", ASK):
            pass
    assert 20 == caught.value.retry_after_s
    go.set()
    await running
    assert (0, 1, 0) == leases.load("small")
