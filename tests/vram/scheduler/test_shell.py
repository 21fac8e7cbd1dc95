"""Places given to coroutines, moves done and witnessed: nobody is lost, whoever leaves when."""

import asyncio
import time

import pytest

from gpu_cascade.errors import BootError, Busy, ConfigError, DeadlineExceeded, EngineError, TierDown
from gpu_cascade.events import EngineChanged, EngineMoved, Hooks
from gpu_cascade.types import Request
from gpu_cascade.vram.scheduler.core import Core
from gpu_cascade.vram.scheduler.policy import Static, Turns
from gpu_cascade.vram.scheduler.shell import Scheduler
from gpu_cascade.vram.scheduler.words import HOST, Kind, Layout, Profile, State

ASK = Request([{"role": "user", "content": "?"}])
ONE = {"small": Profile(("gpu0",), 10)}
TWO = {name: Profile(("gpu0",), 10, 1, boot_s=0.01, sleep_s=0.01, wake_s=0.01) for name in ("small", "large")}
ALONE = (Layout({"small": 1}, {}),)
TURNS = (Layout({"small": 1}, {"large": State.ASLEEP}), Layout({"large": 1}, {"small": State.ASLEEP}))


class FakeHands:
    """Does every move at once, or when a test lets it; raises what a test has put there."""

    def __init__(self):
        self.done, self.errors, self.hold = [], {}, None

    async def do(self, move):
        if self.hold is not None:
            await self.hold.wait()
        self.done.append((move.engine, move.kind))
        if (move.engine, move.kind) in self.errors:
            raise self.errors[move.engine, move.kind]

    def version(self, engine):
        return f"{engine}-1"


def scheduler_of(profiles=ONE, layouts=ALONE, policy=None, max_queue=2, hands=None):
    core = Core(profiles, layouts, {"gpu0": 20, HOST: 0}, policy or Static(), max_queue)
    told = []
    made = Scheduler(core, hands or FakeHands(), Hooks(told.append))
    return made, told


@pytest.fixture
async def scheduler():
    made, _ = scheduler_of()
    made.start()
    await made.ready()
    yield made
    await made.close()


async def hold(scheduler, order, name, until, engine="small"):
    async with scheduler.lease(engine, ASK):
        order.append(name)
        await until.wait()


async def until(happened):
    while not happened():
        await asyncio.sleep(0)


def load(scheduler, engine="small"):
    desk = scheduler.core.engines[engine].desk
    return desk.taken, desk.places, desk.waiting


async def waiters(scheduler, count):
    await until(lambda: load(scheduler)[0] and scheduler.waiting == count)


async def test_places_are_given_in_the_order_of_arrival(scheduler):
    """The longest waiting is next."""
    order, go, tasks = [], asyncio.Event(), []
    for place, name in enumerate("abc"):
        tasks.append(asyncio.ensure_future(hold(scheduler, order, name, go)))
        await waiters(scheduler, place)

    assert (["a"], (1, 1, 2)) == (order, load(scheduler))
    go.set()
    await asyncio.gather(*tasks)

    assert (list("abc"), (0, 1, 0)) == (order, load(scheduler))


async def test_a_lease_says_version_and_wait(scheduler):
    """What an answer's record needs to know of it."""
    async with scheduler.lease("small", ASK) as granted:
        assert ("small", "small-1") == (granted.engine, granted.version)
        assert 0 <= granted.queue_s < 1


async def test_a_full_queue_says_when_to_come_back(scheduler):
    """One runs, two wait, the next is told so, with a time."""
    go, order = asyncio.Event(), []
    tasks = [asyncio.ensure_future(hold(scheduler, order, name, go)) for name in "abc"]
    await waiters(scheduler, 2)

    with pytest.raises(Busy, match="2 requests are waiting") as caught:
        async with scheduler.lease("small", ASK):
            pass

    assert 1 <= caught.value.retry_after_s <= 60
    go.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("given", [True, False])
async def test_a_waiter_that_leaves_loses_no_place(scheduler, given):
    """Cancelled in the very turn in which its place had come, or just before: the next one gets it."""
    go, order = asyncio.Event(), []
    first = asyncio.ensure_future(hold(scheduler, order, "a", go))
    await waiters(scheduler, 0)
    second = asyncio.ensure_future(hold(scheduler, order, "b", go))
    third = asyncio.ensure_future(hold(scheduler, order, "c", go))
    await waiters(scheduler, 2)

    go.set()
    if given:
        await waiters(scheduler, 1)  # the place was given to b, which has not run yet
    second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)

    assert (["a", "c"], (0, 1, 0)) == (order, load(scheduler))


async def test_waiting_ends_with_the_deadline(scheduler):
    """A request is not kept beyond the time it has."""
    go, order = asyncio.Event(), []
    task = asyncio.ensure_future(hold(scheduler, order, "a", go))
    await waiters(scheduler, 0)

    with pytest.raises(DeadlineExceeded, match="no place on small"):
        async with scheduler.lease("small", Request(ASK.messages, deadline=time.monotonic() + 0.02)):
            pass

    assert 0 == scheduler.waiting
    go.set()
    await task


async def test_a_lost_engine_grants_nothing_and_keeps_nobody(scheduler):
    """New requests and waiters alike are told at once, with the reason; when it is back they are served."""
    go, order = asyncio.Event(), []
    running = asyncio.ensure_future(hold(scheduler, order, "a", go))
    await waiters(scheduler, 0)
    waiting = asyncio.ensure_future(hold(scheduler, order, "b", go))
    await waiters(scheduler, 1)

    scheduler.engine_changed(EngineChanged("small", "booting", "it was killed by signal 9"))

    with pytest.raises(TierDown, match="killed by signal 9"):
        await waiting
    with pytest.raises(TierDown) as caught:
        async with scheduler.lease("small", ASK):
            pass
    assert 20 == caught.value.retry_after_s
    go.set()
    await running
    assert (0, 1, 0) == load(scheduler)
    scheduler.engine_changed(EngineChanged("small", "ready"))
    async with scheduler.lease("small", ASK):
        assert (1, 1, 0) == load(scheduler)


async def test_ready_raises_what_went_wrong():
    """The very error of the boot, so that its exit code stays."""
    hands = FakeHands()
    hands.errors["small", Kind.BOOT] = ConfigError("the command line was refused")
    made, told = scheduler_of(hands=hands)
    made.start()

    with pytest.raises(ConfigError, match="was refused"):
        await made.ready()

    assert [
        EngineMoved("small", "boot", "the first layout", told[0].took_s, "the command line was refused")
    ] == told


async def test_engines_take_turns_for_who_waits():
    """Who waits for a sleeper gets it, after the other has gone to sleep."""
    hands = FakeHands()
    made, told = scheduler_of(TWO, TURNS, Turns(), hands=hands)
    made.start()
    await made.ready()

    async with made.lease("large", ASK) as granted:
        assert "large-1" == granted.version
    async with made.lease("small", ASK):
        pass
    await made.close()

    moves = [("small", Kind.BOOT), ("small", Kind.SLEEP), ("large", Kind.BOOT)]
    assert [*moves, ("large", Kind.SLEEP), ("small", Kind.WAKE)] == hands.done
    assert ["the first layout", "large is asked for, small is idle"] == [event.why for event in told[:2]]


async def test_time_alone_ends_a_turn():
    """Nothing happens but time: who has been patient for long gets its turn when the other's request ends."""
    made, _ = scheduler_of(TWO, TURNS, Turns(patience_s=0.05, least_turns=0))
    made.start()
    await made.ready()
    go, order = asyncio.Event(), []
    busy = asyncio.ensure_future(hold(made, order, "a", go))
    await waiters(made, 0)
    patient = asyncio.ensure_future(hold(made, order, "b", go, "large"))

    await until(lambda: made.core.engines["small"].state is State.DRAINING)
    go.set()
    await asyncio.gather(busy, patient)
    await made.close()

    assert ["a", "b"] == order


async def test_a_fault_of_ours_is_not_a_move_for_ever():
    """An exception that nobody foresaw is a failed move, with its type in the log only."""
    hands = FakeHands()
    hands.errors["small", Kind.BOOT] = ZeroDivisionError("secret")
    made, told = scheduler_of(hands=hands)
    made.start()

    with pytest.raises(TierDown, match="gpu-cascade itself failed: ZeroDivisionError"):
        await made.ready()
    assert "secret" not in told[0].wrong


async def test_a_sleep_that_fails_ends_the_engine():
    """And who waits for its memory is served once it is gone."""
    hands = FakeHands()
    hands.errors["small", Kind.SLEEP] = EngineError("9.0 GiB are still held")
    made, told = scheduler_of(TWO, TURNS, Turns(), hands=hands)
    made.start()
    await made.ready()

    async with made.lease("large", ASK):
        pass
    await made.close()

    moves = [("small", Kind.BOOT), ("small", Kind.SLEEP), ("small", Kind.STOP), ("large", Kind.BOOT)]
    assert moves == hands.done
    assert "9.0 GiB are still held" == told[1].wrong


async def test_given_up_is_told_to_all():
    """Whoever waits when an engine is given up hears why."""
    hands = FakeHands()
    hands.hold = asyncio.Event()
    made, _ = scheduler_of(TWO, TURNS, Turns(), hands=hands)
    made.start()
    waiting = asyncio.ensure_future(hold(made, [], "a", asyncio.Event()))
    await until(lambda: made.waiting == 1)

    hands.errors["small", Kind.BOOT] = BootError("gave up after 5 failed boots")
    hands.hold.set()

    with pytest.raises(TierDown, match="gave up after 5"):
        await waiting
    await made.close()


async def test_closing_ends_what_moves():
    """No task of a scheduler outlives it."""
    hands = FakeHands()
    hands.hold = asyncio.Event()
    made, _ = scheduler_of(hands=hands)
    made.start()
    await asyncio.sleep(0)

    await made.close()

    assert [] == [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
