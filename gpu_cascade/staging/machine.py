"""What engines can be put on: this machine's GPUs, or its memory."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from ..config import Config
from ..engines.vllm_build import Build
from ..errors import ConfigError
from ..vram import kvcached
from ..vram.footprint import GIB
from ..vram.gpu.host import HostRamProbe
from ..vram.gpu.nvml import VISIBLE, NvmlProbe, list_gpus
from ..vram.gpu.proc import machine_bytes
from ..vram.gpu.reading import HOST, GpuProbe
from ..vram.plan.rooms import Room, reserve, room_of

Sessions = Callable[[], Collection[int]]
HOST_SHARE = 0.8  # of available RAM that sleeping weights may take


@dataclass(frozen=True, slots=True)
class Machine:
    """What engines can be put on. `probe` reads it; where RAM stands for VRAM, what their sessions hold."""

    build: Build
    rooms: tuple[Room, ...]
    host_ram_bytes: int
    probe: Callable[[Sessions], GpuProbe]


def machine(config: Config, build: Build) -> Machine:
    """This machine's GPUs, or its memory for the build that computes on the processor."""
    if config.vram.mode == "kvcached":
        kvcached.refuse(build)
    total, available = machine_bytes()
    if build.cpu:
        if config.vram.mode == "sleep":
            raise ConfigError("vram.mode: sleep needs a GPU: on a processor sleep frees nothing; use restart")
        budget = budget_bytes(config) or total - reserve(total)
        room = Room("host memory", min(budget, total), 0, uuid=HOST)
        return Machine(build, (room,), 0, lambda sessions: HostRamProbe(room.total_bytes, sessions))
    gpus = list_gpus() or []
    if not gpus:
        raise ConfigError(
            f"vLLM {build.version} needs an NVIDIA GPU and none is found; `gpu-cascade doctor` says more, "
            f"GPU_CASCADE_DEVICE=cpu scripts/setup installs the build that needs none"
        )
    rooms = tuple(budgeted(config, room_of(gpu)) for gpu in gpus)
    visible = os.environ.get(VISIBLE)
    return Machine(build, rooms, int(HOST_SHARE * available), lambda _: NvmlProbe(visible))


def budgeted(config: Config, room: Room) -> Room:
    """With no more for engines than `vram.budget_gib`."""
    budget = budget_bytes(config)
    if budget is None:
        return room
    return replace(room, reserve_bytes=max(room.reserve_bytes, room.total_bytes - budget))


def budget_bytes(config: Config) -> int | None:
    """`vram.budget_gib` in bytes, None where it is not given."""
    return None if config.vram.budget_gib is None else int(config.vram.budget_gib * GIB)
