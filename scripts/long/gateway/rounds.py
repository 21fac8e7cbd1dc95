"""The rounds: every lane under every load, one after the other, so that all see the same machine."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gpu_cascade.errors import CascadeError

from . import client, wrk
from .client import Told
from .engine import asked
from .loads import LANES, LOADS, PATH, Lane, Load
from .machine import Cores, cpu_s, wide_awake
from .process import Gateway

CHECK_S = 0.3
SETTLE_S = 0.2  # until a gateway has ended what wrk broke off: on its core the next one is measured


class Slice(msgspec.Struct, frozen=True):
    """One lane under one load in one round. `cpu_s`: of the gateway; None for the stub asked directly."""

    lane: str
    load: str
    round: int
    told: Told
    cpu_s: float | None
    asked: dict[str, int]  # what the stub was asked for meanwhile, by model


@dataclass(frozen=True, slots=True)
class Bench:
    """All that is measured, running. `by_wrk`: whole answers and unpaced streams are asked by wrk."""

    stub: str
    gateways: Mapping[str, Gateway]
    cores: Cores
    folder: Path
    by_wrk: bool

    def home(self, name: str) -> Path:
        """A new folder for a gateway."""
        (made := self.folder / name).mkdir()
        return made

    def pairs(self) -> list[tuple[Lane, Load]]:
        """What can be measured here, load by load."""
        there = [lane for lane in LANES if lane.gateway in self.gateways]
        return [(lane, load) for load in LOADS.values() for lane in there if load.name in lane.loads]

    def check(self, lane: Lane, load: Load) -> None:
        """Raises `CascadeError` where an answer of this pair is wrong; warms it up as well."""
        told = self._by_client(lane, load, CHECK_S)
        if told.bad:
            raise CascadeError(f"{told.bad} of {told.requests} answers were wrong or failed")

    def measure(self, lane: Lane, load: Load, number: int, seconds: float) -> Slice:
        """One slice."""
        pid = self.gateways[lane.gateway].pid
        before, used_s = asked(self.stub), cpu_s(pid) if pid else 0.0
        by_wrk = self.by_wrk and not load.paced and not lane.by_client
        told = self._by_wrk(lane, load, seconds) if by_wrk else self._by_client(lane, load, seconds)
        spent_s = cpu_s(pid) - used_s if pid else None
        more = {model: count - before[model] for model, count in asked(self.stub).items()}
        time.sleep(SETTLE_S)
        return Slice(lane.name, load.name, number, told, spent_s, more)

    def _by_client(self, lane: Lane, load: Load, seconds: float) -> Told:
        to = self.gateways[lane.gateway]
        body = load.body(lane.model, hard=lane.hard)
        asking = client.ask(f"{to.url}{PATH}", body, to.headers, load.connections, seconds, lane.says)
        return asyncio.run(asking)

    def _by_wrk(self, lane: Lane, load: Load, seconds: float) -> Told:
        to = self.gateways[lane.gateway]
        file = self.folder / "body.json"
        file.write_bytes(load.body(lane.model, hard=lane.hard))
        return wrk.ask(f"{to.url}{PATH}", file, to.headers, load.connections, seconds)


def slices(bench: Bench, left_out: dict[str, str], number: int, seconds: float) -> Iterator[Slice]:
    """One round; a pair that breaks is left out from then on.

    Each round begins with another lane: what runs first finds other caches than what runs last.
    """
    for load in LOADS.values():
        lanes = [
            lane for lane, its in bench.pairs() if its is load and pair(lane.name, load.name) not in left_out
        ]
        first = number % max(len(lanes), 1)
        with wide_awake(bench.cores) if load.connections == 1 else nullcontext():
            for lane in (*lanes[first:], *lanes[:first]):
                try:
                    yield bench.measure(lane, load, number, seconds)
                except CascadeError as error:
                    left_out[pair(lane.name, load.name)] = error.message


def pair(lane: str, load: str) -> str:
    """What a pair is called where it is left out."""
    return f"{lane}: {load}"
