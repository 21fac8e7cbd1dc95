"""Scripted engines on one modelled device of 100 GiB, and the hands over them."""

import asyncio
import contextlib
import itertools
import os
from dataclasses import dataclass, field

from gpu_cascade.engines.child import Command, EngineProcess
from gpu_cascade.engines.fake_vram import Sizes, Vram
from gpu_cascade.engines.sleep import Limits, Sleeper
from gpu_cascade.engines.supervise import Fleet, Supervised
from gpu_cascade.events import Hooks
from gpu_cascade.vram.gpu.reading import GIB, Device, Process
from gpu_cascade.vram.scheduler.words import Profile
from gpu_cascade.vram.witness import Witness
from gpu_cascade.wiring.hands import Body, EngineHands

from ..engines.napping import command

GPU = "GPU-0"
TOTAL_BYTES, KV_BYTES = 100 * GIB, 30 * GIB
SIZES = Sizes(40 * GIB, KV_BYTES, other_bytes=10 * GIB, residue_bytes=(5 * GIB, 2 * GIB))
PROFILE = Profile((GPU,), 50 * GIB, 5 * GIB, 40 * GIB, places=2, boot_s=0.01, sleep_s=0.01, wake_s=0.01)
USUAL, SHORT = Limits(), Limits(sleep_s=2, wake_s=2)
ELSEWHERE = 10_000_000  # more than any pid here


@dataclass
class Driver:
    """A `GpuProbe` of the device. `hides`: it calls processes by other numbers, as it does in a container."""

    vram: Vram
    hides: bool = False

    def devices(self):
        reading = self.vram.read()
        shift = ELSEWHERE if self.hides else 0
        held = tuple(Process(pid + shift, size) for pid, size in reading.held)
        return [Device(GPU, 0, "H200", reading.total_bytes, reading.free_bytes, held)]


@dataclass
class Bench:
    """What there is to work on. `learned`: what the hands told; `strays`: pids that count as small's, too."""

    vram: Vram
    processes: dict[str, EngineProcess]
    limits: Limits
    profile: Profile
    hooks: Hooks = field(default_factory=Hooks)
    learned: list[tuple] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)

    def __post_init__(self):
        self.driver = Driver(self.vram)
        self.fleet = Fleet(Supervised(process, [], self.hooks) for process in self.processes.values())
        # Each look at this clock takes it a second further: what may take 10 s is looked at ten times.
        witness = Witness(self.driver, self.members, itertools.count().__next__)
        lock = asyncio.Lock()
        bodies = {
            name: _body(process, self.limits, lock, self.profile) for name, process in self.processes.items()
        }
        self.hands = EngineHands(self.fleet, bodies, witness, 1, lambda *told: self.learned.append(told))

    def members(self):
        """The living processes of each engine."""
        found = {name: process.members() for name, process in self.processes.items()}
        return {**found, "small": [*found["small"], *self.strays]}


@contextlib.asynccontextmanager
async def bench(folder, *names, limits=USUAL, profile=PROFILE):
    """Engines of these names, not booted yet; none is left at the end."""
    vram = Vram.create(folder / "vram.json", TOTAL_BYTES)
    made = Bench(vram, {name: EngineProcess(_command(folder, name)) for name in names}, limits, profile)
    try:
        yield made
    finally:
        await made.hands.close()
        await made.fleet.close()


def _command(folder, name):
    (folder / name).mkdir()
    argv = command(folder / name, folder / "vram.json", SIZES)
    return Command(name, argv, dict(os.environ), folder / name / "it.sock", folder / f"{name}.log", 60)


def _body(process, limits, lock, profile):
    sleeper = Sleeper(process.name, process.socket, limits)
    return Body(process, sleeper, lambda _: process._command, profile, [lock])
