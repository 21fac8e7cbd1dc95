"""What a lease costs over a process border, and what the scheduler's core costs per event.

    .venv/bin/python scripts/long/lease_cost.py        (half a minute on a free core)

A second process is the gateway worker. Each figure is the best of several repetitions: what it costs where
nothing else wants the processor.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import uvloop  # noqa: E402 - the repository has to be found first

from gpu_cascade.events import Hooks  # noqa: E402
from gpu_cascade.types import Request  # noqa: E402
from gpu_cascade.vram.credits.office import Office  # noqa: E402
from gpu_cascade.vram.credits.worker import CreditLeases  # noqa: E402
from gpu_cascade.vram.scheduler.core import Core  # noqa: E402
from gpu_cascade.vram.scheduler.policy import Turns  # noqa: E402
from gpu_cascade.vram.scheduler.shell import Scheduler  # noqa: E402
from gpu_cascade.vram.scheduler.words import HOST, Grant, Kind, Layout, Move, Profile, State, Ticket  # noqa: E402

INSIDE_US, FETCH_US = 20.0, 300.0  # what is promised
CORE_US = {32: 30.0, 1000: 100.0}  # for an event, by how many wait
REPEATS, FETCHES, REUSES, EVENTS = 30, 20, 500, 300
RARE = "an engine is lost, or back (not in the mean)"
ASK = Request(())
GPU = "gpu0"
PROFILES = {
    "draft": Profile((GPU,), 10, 2, 10, places=4),
    "large": Profile((GPU,), 50, 5, 50, places=2),
    "huge": Profile((GPU,), 60, 6, 60, places=2),
}
LAYOUTS = (
    Layout({"draft": 10, "large": 20}, {"huge": State.ASLEEP}),
    Layout({"draft": 10, "huge": 10}, {"large": State.ASLEEP}),
)
CAPACITY = {GPU: 100, HOST: 120}


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {sys.version.split()[0]}, uvloop")
    for name, (best_us, median_us, bound_us) in uvloop.run(lease_costs(REPEATS)).items():
        print(f"{name}: {best_us:.1f} µs of {bound_us:.0f}; half of them took at most {median_us:.1f} here")
    for waiting, bound_us in CORE_US.items():
        costs = core_costs(waiting, REPEATS)
        print(f"an event of the core, {waiting} waiting: {mean_us(costs):.1f} µs of {bound_us:.0f}, namely")
        print("\n".join(f"    {name}: {cost_us:.1f}" for name, cost_us in costs.items()))


class Hands:
    """Every move is done at once."""

    async def do(self, _move: Move) -> None:
        """It is done."""

    def version(self, _engine: str) -> str:
        """The engine's."""
        return "0.32.0"


async def lease_costs(repeats: int) -> dict[str, tuple[float, float, float]]:
    """The best, the median and what is promised, seen by a worker in a process of its own."""
    engines = {"large": Profile((GPU,), places=FETCHES)}
    core = Core(engines, (Layout({"large": 0}, {}),), {GPU: 0}, Turns(), 100)
    scheduler = Scheduler(core, Hands(), Hooks())
    scheduler.start()
    await scheduler.ready()
    office = Office(scheduler)
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder) / "office.sock"
        await office.open(socket)
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, str(socket), str(repeats)), stdout=asyncio.subprocess.PIPE
        )
        told, _ = await worker.communicate()
        await office.close()
    await scheduler.close()
    return dict(json.loads(told))


async def work(socket: Path, repeats: int) -> dict[str, tuple[float, float, float]]:
    """The worker: a new connection has no credits, so its first leases are fetched."""
    fetch_us, inside_us = [], []
    for _ in range(repeats):
        leases = await connected(socket)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(leases.lease("large", ASK))  # the one that `connected` left
            for _ in range(FETCHES - 1):
                begun = time.perf_counter()
                await stack.enter_async_context(leases.lease("large", ASK))
                fetch_us.append(1e6 * (time.perf_counter() - begun))
        begun = time.perf_counter()
        for _ in range(REUSES):
            async with leases.lease("large", ASK):
                pass
        inside_us.append(1e6 * (time.perf_counter() - begun) / REUSES)
        await leases.close()
    return {
        "a lease inside a credit": (min(inside_us), statistics.median(inside_us), INSIDE_US),
        "fetching one": (min(fetch_us), statistics.median(fetch_us), FETCH_US),
    }


async def connected(socket: Path) -> CreditLeases:
    """The office has seen the new worker."""
    leases = CreditLeases(socket)
    await leases.open()
    async with leases.lease("large", ASK):
        return leases


def core_costs(waiting: int, repeats: int) -> dict[str, float]:
    """One event of each kind in a core where so many wait; processor time, half the events took at most.

    Kind after kind in each repetition: a second in which the machine is slow then spoils none of them.
    """
    kinds: dict[str, Callable[[Core], Iterator[float]]] = {
        "a place comes back and goes to the next": _given_back,
        "one comes to wait for an engine that is awake": partial(_asked, engine="large"),
        "one comes to wait for one that is not": partial(_asked, engine="huge"),
        "one who waits leaves": _left,
        "time passes": _ticked,
        RARE: _lost,
    }
    rounds = [
        {name: statistics.median(cost(_crowded(waiting))) for name, cost in kinds.items()}
        for _ in range(repeats)
    ]
    return {name: min(one[name] for one in rounds) for name in kinds}


def mean_us(costs: dict[str, float]) -> float:
    """Of an event, where each kind is as frequent; that of hours is left out."""
    return statistics.fmean(cost_us for name, cost_us in costs.items() if name != RARE)


def _crowded(waiting: int) -> Core:
    """`large` is awake and full; half of those who wait want it, half `huge`, which is absent."""
    core = Core(PROFILES, LAYOUTS, CAPACITY, Turns(patience_s=1e9, least_turns=1e9), 10**6)
    core.start(0.0)
    for name in ("draft", "large"):
        core.moved(name, Kind.BOOT, 0.0)
    for number in range(waiting + 2):
        core.ask(Ticket("huge" if number >= 2 and number % 2 else "large", 0.0, number % 3 == 0), 0.0)
    assert waiting == core.waiting
    return core


def _given_back(core: Core) -> Iterator[float]:
    for _ in range(EVENTS):
        core.ask(Ticket("large", 0.0), 0.0)
        begun = time.thread_time()
        actions = core.give_back("large", 0.0)
        yield _since(begun)
        assert isinstance(actions[0], Grant)


def _asked(core: Core, engine: str) -> Iterator[float]:
    for _ in range(EVENTS):
        ticket = Ticket(engine, 0.0)
        begun = time.thread_time()
        core.ask(ticket, 0.0)
        yield _since(begun)
        core.leave(ticket)


def _left(core: Core) -> Iterator[float]:
    for _ in range(EVENTS):
        ticket = Ticket("large", 0.0)
        core.ask(ticket, 0.0)
        begun = time.thread_time()
        core.leave(ticket)
        yield _since(begun)


def _ticked(core: Core) -> Iterator[float]:
    for _ in range(EVENTS):
        begun = time.thread_time()
        core.tick(0.0)
        yield _since(begun)


def _lost(core: Core) -> Iterator[float]:
    """`draft`, which nobody waits for: those who do would be sent away, each for itself."""
    for _ in range(EVENTS):
        begun = time.thread_time()
        core.lost("draft", "killed by signal 9", 0.0)
        core.back("draft", 0.0)
        yield _since(begun) / 2


def _since(begun: float) -> float:
    return 1e6 * (time.thread_time() - begun)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(uvloop.run(work(Path(sys.argv[1]), int(sys.argv[2])))))
    else:
        main()
