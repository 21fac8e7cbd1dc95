"""What the scheduler can do to engines: boot, stop, put to sleep, wake; each seen to be done."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from ..engines.child import Command, EngineProcess
from ..engines.sleep import Sleeper
from ..engines.supervise import Fleet
from ..errors import EngineError
from ..vram.footprint.readings import What
from ..vram.gpu.reading import held_bytes
from ..vram.scheduler.words import Kind, Move, Profile, State
from ..vram.witness import Seen, Witness

TOOK = {Kind.BOOT: What.BOOT_S, Kind.SLEEP: What.SLEEP_S, Kind.WAKE: What.WAKE_S}
AFTER = {Kind.STOP: State.ABSENT, Kind.SLEEP: State.ASLEEP, Kind.RELEASE: State.KV_RELEASED}
# What an engine is sure to hold before a move, for where nobody sees it: its KV cache may have been released
# already, and who is stopped may hold nothing any more. Whoever boots next waits for room all the same.
THOUGHT = {Kind.STOP: State.ABSENT, Kind.SLEEP: State.KV_RELEASED, Kind.RELEASE: State.READY}


@dataclass(frozen=True, slots=True)
class Body:
    """One engine. `command` starts it with so many bytes of KV cache; `locks` are those of its devices."""

    process: EngineProcess
    sleeper: Sleeper
    command: Callable[[int], Command]
    profile: Profile
    locks: Sequence[asyncio.Lock]


class EngineHands:
    """`Hands` over supervised processes. Sleep level 1 keeps weights in host RAM, 2 drops them."""

    def __init__(
        self,
        fleet: Fleet,
        bodies: Mapping[str, Body],
        witness: Witness,
        sleep_level: int,
        learn: Callable[[str, What, float], None],
    ) -> None:
        self._fleet, self._bodies, self._witness = fleet, bodies, witness
        self._level, self._learn = sleep_level, learn

    async def close(self) -> None:
        """Drop the connections that put engines to sleep."""
        await asyncio.gather(*(body.sleeper.close() for body in self._bodies.values()))

    def version(self, engine: str) -> str:
        """What it said of itself at its boot; engines elsewhere are `remote`."""
        body = self._bodies.get(engine)
        if body is None:
            return "remote"
        return body.process.facts.version if body.process.facts else "unknown"

    async def do(self, move: Move) -> int | None:
        """The move, and what the engine then holds of its fullest device; how long it took is kept."""
        began, body = time.monotonic(), self._bodies[move.engine]
        left_bytes = await self._moved(move, body)
        if move.kind in TOOK:
            self._learn(move.engine, TOOK[move.kind], time.monotonic() - began)
        if move.kind is Kind.SLEEP and left_bytes is not None:
            self._learn(move.engine, What.ASLEEP_BYTES, left_bytes)
        return left_bytes

    async def _moved(self, move: Move, body: Body) -> int | None:
        if move.kind is Kind.BOOT:
            await self._boot(move, body)
            return None
        if move.kind is Kind.WAKE:
            await self._wake(body)
            return None
        before = await self._witness.look(move.engine)
        self._learn_more(move, body.profile, before)
        await self._rest(move, body)
        return await self._witness.back(move.engine, before, _gives(move, body.profile, before))

    def _learn_more(self, move: Move, profile: Profile, seen: Seen) -> None:
        """After its work an engine may hold more than was planned: the next plan has to know.

        That it holds less is not believed: what it needs at its peak may not have been asked for yet.
        """
        held = [held_bytes(seen.devices[uuid], seen.pids) or 0 for uuid in profile.devices]
        if (most := max(held) - move.kv_bytes) > profile.base_bytes:
            self._learn(move.engine, What.RESIDENT_BYTES, most)

    async def _boot(self, move: Move, body: Body) -> None:
        """The supervisor takes the devices' locks: vLLM measures the whole device while it boots."""
        await self._witness.room(move.engine, body.profile.takes(State.READY, move.kv_bytes))
        body.process.use(body.command(move.kv_bytes))
        self._fleet[move.engine].start()
        await self._fleet[move.engine].ready()

    async def _wake(self, body: Body) -> None:
        async with AsyncExitStack() as turns:
            for lock in body.locks:
                await turns.enter_async_context(lock)
            await body.sleeper.wake()

    async def _rest(self, move: Move, body: Body) -> None:
        if move.kind is Kind.SLEEP:
            await body.sleeper.sleep(self._level)
        elif move.kind is Kind.RELEASE:
            await body.sleeper.release_kv()
        elif left := await self._fleet[move.engine].stop():
            raise EngineError(
                f"{move.engine}: SIGKILL did not end {left}; reboot the machine to free its memory"
            )


def _gives(move: Move, profile: Profile, before: Seen) -> dict[str, int]:
    """What should come back of each device: what the engine was seen to hold, less what it keeps.

    Where the driver lists none of its processes (containers), what it is `THOUGHT` to hold counts: else
    nothing would be asked for, and any lie believed.
    """
    thought = profile.takes(THOUGHT[move.kind], move.kv_bytes)
    kept = profile.takes(AFTER[move.kind], move.kv_bytes)
    gives = {}
    for uuid in profile.devices:
        held = held_bytes(before.devices[uuid], before.pids) or thought.get(uuid, 0)
        gives[uuid] = max(0, held - kept.get(uuid, 0))
    return gives
