"""One engine alone on the GPU, in the hands that serve, and what the driver says of it after each move."""

import asyncio
import time

import msgspec

from gpu_cascade.engines.base import Answerer
from gpu_cascade.engines.child import EngineProcess
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.engines.sleep import Sleeper
from gpu_cascade.engines.supervise import Fleet, Patience, Supervised
from gpu_cascade.errors import CascadeError
from gpu_cascade.events import Hooks
from gpu_cascade.staging.stage import Stage
from gpu_cascade.types import Final, Request
from gpu_cascade.vram import witness
from gpu_cascade.vram.footprint.readings import What
from gpu_cascade.vram.gpu.reading import NOTICEABLE_BYTES, hidden, taken_bytes
from gpu_cascade.vram.scheduler.words import Kind, Move, State
from gpu_cascade.wiring.hands import AFTER, Body, EngineHands

from .record import Line

LEVEL = 1  # of sleep; weights that are random are not read from a disk, so level 2 would time nothing
TARGET = 0.03  # how far from the plan an engine that works may be
AT_ONCE, ROUNDS = 32, 2
LONG = "word and another thing " * 300  # about 1,200 tokens: 32 of them fill the largest step


class Alone:
    """Booted, put to rest, woken and ended one move at a time. `close` ends it in any case."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self._process = EngineProcess(stage.commands[name](0))
        self._sleeper = Sleeper(name, self._process.socket)
        self._client = OpenAIHttp(name, Address("http://engine/v1", name, self._process.socket))
        self._locks = [asyncio.Lock()]
        self._fleet = Fleet([Supervised(self._process, self._locks, Hooks(), Patience(boots=1))])
        self._witness = witness.Witness(stage.probe(self._sessions), lambda: {name: self._process.members()})
        self._before: witness.Seen | None = None
        self.use(stage)

    def use(self, stage: Stage) -> None:
        """Go by that plan from now on; only while it is not there."""
        self.stage, self._profile = stage, stage.profiles[self.name]
        self._kv_bytes = next(one.awake[self.name] for one in stage.layouts if self.name in one.awake)
        start = stage.commands[self.name]
        body = Body(self._process, self._sleeper, start, self._profile, self._locks)
        self._hands = EngineHands(self._fleet, {self.name: body}, self._witness, LEVEL, stage.learn)

    async def do(self, kind: Kind) -> Line:
        """One move, seen to be done; after a rest the engine may hold no more than planned.

        Raises `CascadeError` where it was not done.
        """
        self._before = self._before or await self._witness.look(self.name)
        began = time.monotonic()
        await self._hands.do(Move(self.name, kind, self._kv_bytes, "gpu_check"))
        return await self._line(kind.value, AFTER.get(kind), time.monotonic() - began)

    async def work(self) -> Line:
        """Asked until it has taken all that it takes, it holds what was planned."""
        began = time.monotonic()
        answers = [await asked(self._client, AT_ONCE, turn) for turn in range(ROUNDS)]
        line = await self._line("work", State.READY, time.monotonic() - began)
        wrong = next((str(one) for turn in answers for one in turn if isinstance(one, CascadeError)), "")
        return msgspec.structs.replace(line, right=False, note=wrong) if wrong else line

    def learn(self, held_bytes: int) -> None:
        """Have the next plan go by what it held at work."""
        self.stage.learn(self.name, What.RESIDENT_BYTES, held_bytes - self._kv_bytes)

    async def close(self) -> None:
        """End it."""
        await asyncio.gather(self._client.close(), self._hands.close())
        await self._fleet.close()

    async def _line(self, what: str, state: State | None, took_s: float) -> Line:
        """What it holds against the plan for `state`, where given; memory may take a while to settle."""
        until = time.monotonic() + witness.BACK_S
        while True:
            held, note = await self._held()
            planned = self._profile.takes(state or State.READY, self._kv_bytes).get(self._device, 0)
            right = state is None or is_right(state, planned, held)
            if right or time.monotonic() > until:
                return Line(self.name, what, right, planned, held, round(took_s, 3), note)
            await asyncio.sleep(witness.LOOK_S)

    async def _held(self) -> tuple[int, str]:
        """Bytes, and what makes them less sure."""
        assert self._before is not None, "nothing was done with it yet"
        now = await self._witness.look(self.name)
        devices = self._before.devices[self._device], now.devices[self._device]
        return taken_bytes(*devices, now.pids), hidden(*devices, now.pids) or ""

    def _sessions(self) -> list[int]:
        return [] if self._process.session is None else [self._process.session]

    @property
    def _device(self) -> str:
        return self._profile.devices[0]


def is_right(state: State, planned_bytes: int, held_bytes: int) -> bool:
    """At work an engine holds what was planned, give or take `TARGET`; at rest that is the most it may."""
    if state is State.READY:
        return abs(held_bytes - planned_bytes) <= TARGET * planned_bytes
    return held_bytes <= (1 + TARGET) * planned_bytes + NOTICEABLE_BYTES


async def asked(answerer: Answerer, count: int, turn: int) -> list[Final | CascadeError]:
    """So many long prompts at once, each new to the prefix cache, and what became of them."""

    async def one(number: int) -> Final | CascadeError:
        content = f"{turn} {number} {LONG}"
        request = Request([{"role": "user", "content": content}], {"max_tokens": 32, "temperature": 0}, 0)
        try:
            return await answerer.answer(request)
        except CascadeError as error:
            return error

    return await asyncio.gather(*map(one, range(count)))
