"""The machine that is planned for: this one as it is now, or GPUs by name."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from .. import running
from ..engines.vllm_build import GPU_BLOCK_TOKENS, Build, installed
from ..errors import ConfigError
from ..vram.footprint import GIB
from ..vram.gpu.nvml import list_gpus
from ..vram.gpu.proc import machine_bytes, pss_bytes
from ..vram.gpu.reading import HOST, Device, held_bytes
from ..vram.plan.rooms import Room, named_rooms, room_of


@dataclass(frozen=True, slots=True)
class Machine:
    """Where engines are to run. `host_ram_bytes` is for the weights of sleepers; None: nobody can sleep.

    `cpu`: engines compute on the processor, in the machine's memory, which is the one room.
    """

    rooms: tuple[Room, ...]
    cpu: bool
    block_tokens: int
    host_ram_bytes: int | None


@dataclass(frozen=True, slots=True)
class Probes:
    """How this machine is looked at; tests put others in their place."""

    gpus: Callable[[], list[Device] | None] = list_gpus
    ram: Callable[[], tuple[int, int]] = machine_bytes
    build: Callable[[], Build] = installed


def named(gpus: str, host_ram: str | None) -> Machine:
    """GPUs such as `2xH100`. Without `host_ram`, such as `256GiB`, as much RAM as the GPUs have together."""
    rooms = tuple(named_rooms(gpus))
    host_bytes = _size(host_ram) if host_ram else sum(room.total_bytes for room in rooms)
    return Machine(rooms, cpu=False, block_tokens=GPU_BLOCK_TOKENS, host_ram_bytes=host_bytes)


def here(state_dir: Path, host_ram: str | None, probes: Probes) -> Machine:
    """This machine, less what others hold now. What our own `serve` from `state_dir` holds counts as free.

    Sleepers get the RAM that is available, unless `host_ram` says how much. Raises `ConfigError` where there
    is no vLLM, or one for GPUs and none of them.
    """
    pids = _serving(state_dir)
    total_bytes, available_bytes = probes.ram()
    available_bytes = min(total_bytes, available_bytes + sum(pss_bytes(pid) or 0 for pid in pids))
    build = probes.build()
    if build.cpu:
        memory = room_of(Device(HOST, 0, "host memory", total_bytes, available_bytes))
        return Machine((memory,), cpu=True, block_tokens=build.block_tokens, host_ram_bytes=None)
    gpus = probes.gpus() or []
    if not gpus:
        raise ConfigError(
            "no NVIDIA GPU is found here; `gpu-cascade doctor` says more, --gpus 1xH200 plans for one by name"
        )
    rooms = tuple(room_of(_without(gpu, pids)) for gpu in gpus)
    host_ram_bytes = _size(host_ram) if host_ram else available_bytes
    return Machine(rooms, cpu=False, block_tokens=build.block_tokens, host_ram_bytes=host_ram_bytes)


def _serving(state_dir: Path) -> list[int]:
    """The processes of the `serve` that runs with this configuration; none where none does."""
    found = running.find(state_dir)
    if found is None:
        return []
    try:
        return [found.pid, *(child.pid for child in psutil.Process(found.pid).children(recursive=True))]
    except psutil.NoSuchProcess:  # it has just ended
        return []


def _without(gpu: Device, pids: Collection[int]) -> Device:
    """As if these processes were gone; where the driver hides what they hold, as it is."""
    return replace(gpu, free_bytes=min(gpu.total_bytes, gpu.free_bytes + (held_bytes(gpu, pids) or 0)))


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?GiB", text.strip(), re.IGNORECASE)
    if found is None:
        raise ConfigError(f"--host-ram {text} is no size; write it as 128GiB")
    return int(float(found[1]) * GIB)
