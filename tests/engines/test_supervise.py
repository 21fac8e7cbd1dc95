"""Engines kept alive: boots, losses, back-off, giving up."""

import asyncio

import pytest

from gpu_cascade.engines.supervise import Fleet, State
from gpu_cascade.errors import BootError, ConfigError, TierDown
from gpu_cascade.events import EngineChanged

from .scripted import PATIENCE, Hours, Scripted, Seen, Still, supervised


async def test_an_engine_becomes_ready_and_stops():
    """Each change of state is told, with the engine's name."""
    seen, engine = Seen(), Scripted("small")
    keeper = supervised(engine, seen)

    keeper.start()
    await keeper.ready()
    assert keeper.state is State.READY
    assert await keeper.stop() == []

    assert [e.state for e in seen.events] == ["booting", "booting", "ready", "stopped"]
    assert all(isinstance(e, EngineChanged) and e.engine == "small" for e in seen.events)
    assert engine.stopped >= 1


async def test_a_lost_engine_is_restarted():
    """An engine that dies is BOOTING at once, cleared away, and READY again; the detail says how it died."""
    seen, hours, engine = Seen(), Still(), Scripted("small")
    keeper = supervised(engine, seen, hours)
    keeper.start()
    await keeper.ready()

    engine.die.set()
    await seen.until("ready", times=2)

    assert engine.booted == 2
    assert engine.stopped == 1
    assert any("killed by signal 9" in e.detail for e in seen.events if e.state == "booting")
    assert hours.slept == [1.0]
    await keeper.stop()


async def test_the_back_off_doubles_to_a_minute():
    """An engine that keeps dying young is tried after 1, 2, 4 … 60 s."""
    seen, hours, engine = Seen(), Still(), Scripted("small")
    keeper = supervised(engine, seen, hours)
    keeper.start()
    for times in range(1, 10):
        await seen.until("ready", times)
        engine.die.set()
    await seen.until("ready", 10)

    assert hours.slept == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    await keeper.stop()


async def test_five_minutes_of_health_forgive():
    """After a long life the back-off starts anew."""
    seen, hours, engine = Seen(), Still(), Scripted("small")
    keeper = supervised(engine, seen, hours)
    keeper.start()
    for times in range(1, 4):
        await seen.until("ready", times)
        engine.die.set()
    await seen.until("ready", 4)
    hours.at += PATIENCE.steady_s
    engine.die.set()
    await seen.until("ready", 5)

    assert hours.slept == [1, 2, 4, 1]
    await keeper.stop()


async def test_five_failed_boots_in_a_row_are_given_up():
    """FAILED keeps the last reason; nobody boots it any more, and who waits for it hears the reason."""
    seen, hours = Seen(), Still()
    engine = Scripted("small", *[BootError(f"no room, try {n}") for n in range(1, 9)])
    keeper = supervised(engine, seen, hours)
    keeper.start()

    with pytest.raises(BootError, match="5 failed boots in a row: no room, try 5"):
        await keeper.ready()

    assert keeper.state is State.FAILED
    assert "no room, try 5" in keeper.detail
    assert hours.slept == [1, 2, 4, 8]
    assert engine.booted == 5
    await keeper.stop()


async def test_a_boot_that_succeeds_forgets_the_failed_ones():
    """Four failures, a success, four failures: not five in a row."""
    seen, bad = Seen(), [BootError("no room")] * 4
    engine = Scripted("small", *bad, None, *bad)
    keeper = supervised(engine, seen)
    keeper.start()
    await seen.until("ready")
    engine.die.set()
    await seen.until("ready", 2)

    assert engine.booted == 10
    await keeper.stop()


async def test_what_cannot_succeed_is_not_tried_again():
    """A refused command line gives the same answer each time: FAILED at once."""
    seen, engine = Seen(), Scripted("small", ConfigError("unrecognized arguments: --foo"))
    keeper = supervised(engine, seen)
    keeper.start()

    with pytest.raises(ConfigError, match="--foo"):
        await keeper.ready()

    assert engine.booted == 1
    await keeper.stop()


async def test_a_failed_engine_can_be_started_again():
    """`start` after FAILED begins anew."""
    seen, engine = Seen(), Scripted("small", ConfigError("wrong"))
    keeper = supervised(engine, seen)
    keeper.start()
    await seen.until("failed")

    keeper.start()
    await keeper.ready()

    assert keeper.state is State.READY
    await keeper.stop()


async def test_a_hung_engine_is_lost():
    """One that lives but does not answer for 30 s is stopped and booted again."""
    seen, hours, engine = Seen(), Hours(), Scripted("small")
    keeper = supervised(engine, seen, hours)
    keeper.start()
    await keeper.ready()

    engine.answers = False
    lost = await seen.until("booting", times=3)
    engine.answers = True
    await seen.until("ready", times=2)

    assert "did not answer for 30 s" in lost.detail
    assert engine.stopped == 1
    await keeper.stop()


async def test_a_slow_answer_is_not_a_hang():
    """An answer within the 30 s counts: the engine stays READY."""
    hours, engine, looks = Hours(), Scripted("small"), []

    async def every_third_time():
        looks.append(hours.at)
        if len(looks) == 60:
            engine.die.set()
        return len(looks) % 3 == 0

    engine.healthy = every_third_time
    seen = Seen()
    keeper = supervised(engine, seen, hours)
    keeper.start()
    lost = await seen.until("booting", times=3)

    assert "killed by signal 9" in lost.detail
    await keeper.stop()


async def test_one_boot_at_a_time_on_a_device():
    """Two engines of one device boot in the order given; one of another device does not wait."""
    seen, gates = Seen(), [asyncio.Event() for _ in range(3)]
    engines = [Scripted(name, gate) for name, gate in zip(("a", "b", "c"), gates, strict=True)]
    first, second = asyncio.Lock(), asyncio.Lock()
    locks = {"a": [first], "b": [first], "c": [second]}
    fleet = Fleet(supervised(engine, seen, locks=locks[engine.name]) for engine in engines)

    fleet.start()
    gates[2].set()
    await fleet.wait_ready(["c"])
    assert [engine.booted for engine in engines] == [1, 0, 1]

    gates[0].set()
    await fleet.wait_ready(["a"])
    gates[1].set()
    await fleet.wait_ready()

    assert [engine.booted for engine in engines] == [1, 1, 1]
    assert await fleet.close() == {}


async def test_waiting_for_the_fleet_ends_with_the_first_failure():
    """Nobody waits for a slow boot when another one has already failed."""
    seen, never = Seen(), asyncio.Event()
    slow, broken = Scripted("slow", never), Scripted("broken", ConfigError("wrong"))
    fleet = Fleet([supervised(slow, seen), supervised(broken, seen)])
    fleet.start()

    with pytest.raises(ConfigError, match="wrong"):
        await fleet.wait_ready()

    assert fleet.state("slow") is State.BOOTING
    await fleet.close()
    assert fleet.state("slow") is State.STOPPED


async def test_waiting_for_a_stopped_engine_says_so():
    """An engine that was never started is down, not waited for."""
    fleet = Fleet([supervised(Scripted("small"), Seen())])

    with pytest.raises(TierDown, match="small is stopped: not started"):
        await fleet.wait_ready()


async def test_what_survives_a_stop_is_named():
    """Processes that even SIGKILL did not end are reported by engine and pid."""
    seen, engine = Seen(), Scripted("small")

    async def stop():
        return [4711]

    engine.stop = stop
    fleet = Fleet([supervised(engine, seen)])
    fleet.start()
    await fleet.wait_ready()

    assert await fleet.close() == {"small": [4711]}
    assert "4711" in seen.events[-1].detail


async def test_a_fault_of_ours_is_not_taken_for_health():
    """An error nobody foresaw makes the engine FAILED and stops it, instead of READY for ever."""
    seen, engine = Seen(), Scripted("small")

    async def wait_exit():
        raise RuntimeError("a bug")

    engine.wait_exit = wait_exit
    keeper = supervised(engine, seen)
    keeper.start()
    failed = await seen.until("failed")

    assert "a bug" in failed.detail
    assert engine.stopped == 1
    await keeper.stop()
