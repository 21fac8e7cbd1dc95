"""Sees what engines really hold: memory is back when it is seen to be back, whatever an engine answers."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ..errors import EngineError, GpuError
from .gpu.reading import GIB, Device, GpuProbe, held_bytes, hidden, taken_bytes

BACK_S = 10.0  # how long memory may take to come back: a driver frees a killed process' within seconds
ROOM_S = 60.0  # how long to wait for what others hold before a boot
LOOK_S = 0.1
SHARE = 0.5  # of what should come back; less is a lie, more is an estimate that was wrong


@dataclass(frozen=True, slots=True)
class Seen:
    """Devices at one moment, by uuid; the processes of the engine then, and those of all our engines."""

    devices: Mapping[str, Device]
    pids: frozenset[int]
    ours: frozenset[int]


class Witness:
    """Reads `probe` in a thread, one reading at a time. `members`: each engine's living processes."""

    def __init__(
        self,
        probe: GpuProbe,
        members: Callable[[], Mapping[str, Collection[int]]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe, self._members, self._clock = probe, members, clock
        self._reading = asyncio.Lock()

    async def devices(self) -> list[Device]:
        """What the probe says now."""
        async with self._reading:
            return await asyncio.to_thread(self._probe.devices)

    async def look(self, engine: str) -> Seen:
        """Before a move: to be held against what is seen after it."""
        devices = {device.uuid: device for device in await self.devices()}
        members = self._members()
        ours = frozenset(pid for pids in members.values() for pid in pids)
        return Seen(devices, frozenset(members.get(engine, ())), ours)

    async def back(self, engine: str, before: Seen, wanted: Mapping[str, int]) -> int | None:
        """Wait until `engine` gave back what it should of each device; what it still holds of one, at most.

        None where nobody can say what it holds. Raises `EngineError` where less than half came back in time.
        """
        until = self._clock() + BACK_S
        while lacking := _lacking(before, after := await self.look(engine), wanted):
            if self._clock() > until:
                raise EngineError(
                    f"{engine} said that it gave its memory back, and after {BACK_S:g} s {lacking}"
                )
            await asyncio.sleep(LOOK_S)
        return _held(before, after, wanted)

    async def room(self, engine: str, needed: Mapping[str, int]) -> None:
        """Wait until every device has the bytes that `engine` is about to take; raises `GpuError` in the end.

        Our own books say that they are free: what is missing, a stranger holds.
        """
        until = self._clock() + ROOM_S
        while short := _short(seen := await self.look(engine), needed):
            if self._clock() > until:
                raise GpuError(f"{engine} cannot be started: {short}; {_others(seen)}")
            await asyncio.sleep(LOOK_S)


def _lacking(before: Seen, after: Seen, wanted: Mapping[str, int]) -> str:
    """Which device got too little back, in words; empty where none did."""
    pids = before.pids | after.pids
    for uuid, size in wanted.items():
        was, now = before.devices[uuid], after.devices[uuid]
        given = -taken_bytes(was, now, pids)
        if given < SHARE * size:
            return f"{given / GIB:.1f} of {size / GIB:.1f} GiB are back on {now.label}"
    return ""


def _held(before: Seen, after: Seen, wanted: Mapping[str, int]) -> int | None:
    found = []
    for uuid in wanted:
        was, now = before.devices[uuid], after.devices[uuid]
        held = None if hidden(was, now, before.pids | after.pids) else held_bytes(now, after.pids)
        if held is None:
            return None
        found.append(held)
    return max(found, default=None)


def _short(seen: Seen, needed: Mapping[str, int]) -> str:
    for uuid, size in needed.items():
        device = seen.devices.get(uuid)
        if device is None:
            return f"device {uuid} is gone; see `gpu-cascade doctor`"
        if device.free_bytes < size:
            return f"{device.label} has {device.free_bytes / GIB:.1f} GiB free, {size / GIB:.1f} are needed"
    return ""


def _others(seen: Seen) -> str:
    processes = [process for device in seen.devices.values() for process in device.processes or ()]
    named = ", ".join(str(process.pid) for process in processes if process.pid not in seen.ours)
    return f"end what else runs there (processes {named})" if named else "end what else runs there"
