"""When KV caches are shared out otherwise."""

import pytest

from gpu_cascade.vram.scheduler.desk import Desk
from gpu_cascade.vram.scheduler.policy import STAY, Turns, View
from gpu_cascade.vram.scheduler.splits import Splits
from gpu_cascade.vram.scheduler.standing import Standing
from gpu_cascade.vram.scheduler.words import Kind, State, Ticket

from .world import EVEN, PROFILES, TILTED, TWO, World

RESTARTS_S = sum(one.stop_s + one.boot_s for one in TWO.values())


@pytest.fixture
def engines():
    """Both are asked for once a second; `draft` uses a tenth of its KV cache."""
    found = {name: Standing(name, one, Desk(one.places), State.READY) for name, one in TWO.items()}
    for one in found.values():
        one.pressure.seen(0.1, 0, 0, 0.0)
    return found


def chosen(engines, now):
    for one in engines.values():
        for second in range(60):
            one.desk.came(now - 60 + second)
    return Splits(Turns()).choose(View((EVEN, TILTED), 0, 0.0, engines), now)


def test_who_is_short_for_long_gets_more(engines):
    """Once what it gains outweighs the restarts; the reason names it."""
    engines["large"].pressure.seen(0.95, 0, 0, 0.0)
    pays_s = 1.25 * RESTARTS_S / (1 - 20 / 35)

    assert STAY == chosen(engines, pays_s - 20)
    choice = chosen(engines, pays_s + 20)
    assert (1, "large short of KV cache") == (choice.layout, choice.why)


def test_nobody_gives_what_it_needs(engines):
    """A peak that would fill more than four fifths of what it would be left with, or no word at all."""
    engines["large"].pressure.seen(0.95, 0, 0, 0.0)
    engines["draft"].pressure.seen(0.5, 0, 0, 0.0)
    assert STAY == chosen(engines, 500.0)

    engines["draft"].pressure.forget()

    assert STAY == chosen(engines, 500.0)


def test_without_shortness_nothing_is_restarted(engines):
    """However unlike the split is."""
    assert STAY == chosen(engines, 1e5)


def test_a_wait_for_a_sleeper_comes_first(engines):
    """Who is not awake is a matter of turns."""
    engines["large"].pressure.seen(0.95, 0, 0, 0.0)
    engines["huge"] = Standing("huge", PROFILES["huge"], Desk(1), State.ASLEEP)
    engines["huge"].desk.add(Ticket("huge", 0.0))

    assert STAY == chosen(engines, 500.0)


def test_who_gives_restarts_first_and_who_gets_serves_meanwhile():
    """One after the other, each after its requests ended; nothing is ever over."""
    world = World(TWO, (EVEN, TILTED), policy=Splits(Turns()))
    world.run()
    core = world.core
    core.mover.head_for(1)

    world.wait(1.0)
    assert {"draft": Kind.STOP} == {name: move.kind for name, move in world.moves.items()}
    assert core.engines["large"].open
    running = world.ask("large")
    assert running in world.granted
    world.end("draft")
    assert {"draft": Kind.BOOT} == {name: move.kind for name, move in world.moves.items()}
    assert core.engines["large"].open
    world.end("draft")
    assert (State.DRAINING, {}) == (core.engines["large"].state, world.moves)
    world.give_back(running)
    world.run()

    assert {"draft": State.READY, "large": State.READY} == world.states()
    assert {"draft": 5, "large": 35} == {name: one.kv_bytes for name, one in core.engines.items()}
