"""The machine that is planned for: this one as `serve` would find it, or GPUs by name."""

import re
from collections.abc import Collection
from dataclasses import replace

import psutil

from .. import running
from ..config import Config
from ..engines.vllm_build import Build, installed
from ..errors import ConfigError
from ..staging.machine import Machine, budgeted, machine
from ..vram import kvcached
from ..vram.footprint import GIB
from ..vram.gpu.reading import held_bytes
from ..vram.gpu.scripted import ScriptedProbe
from ..vram.plan.rooms import Room, named_rooms, reserve

BY_NAME = Build("by name", cpu=False)  # no vLLM need be here to plan for GPUs that are elsewhere


def named(config: Config, gpus: str, host_ram: str | None = None) -> Machine:
    """GPUs such as `2xH100`. Without `host_ram`, such as `256GiB`, as much RAM as the GPUs have together."""
    if config.vram.mode == "kvcached":
        kvcached.refuse(None)
    rooms = tuple(budgeted(config, room) for room in named_rooms(gpus))
    host_ram_bytes = _size(host_ram) if host_ram else sum(room.total_bytes for room in rooms)
    return Machine(BY_NAME, rooms, host_ram_bytes, lambda _: ScriptedProbe())


def here(config: Config, host_ram: str | None = None) -> Machine:
    """This machine, less what others hold; what `serve` of this configuration holds of GPUs counts as free.

    Sleepers get what `serve` would give them, unless `host_ram` says how much. Raises `ConfigError` where
    there is no vLLM, or one for GPUs and none of them.
    """
    found = machine(config, installed())
    pids = [] if found.build.cpu else _serving(config)
    if pids:
        found = replace(found, rooms=_without(config, found, pids))
    return replace(found, host_ram_bytes=_size(host_ram)) if host_ram else found


def _serving(config: Config) -> list[int]:
    """The processes of the `serve` that runs with this configuration; none where none does."""
    found = running.find(config.state_dir)
    if found is None:
        return []
    try:
        return [found.pid, *(child.pid for child in psutil.Process(found.pid).children(recursive=True))]
    except psutil.NoSuchProcess:  # it has just ended
        return []


def _without(config: Config, on: Machine, pids: Collection[int]) -> tuple[Room, ...]:
    """As if these processes were gone; where the driver hides what they hold, as it is."""
    held = {device.uuid: held_bytes(device, pids) or 0 for device in on.probe(tuple).devices()}
    return tuple(
        budgeted(config, replace(room, reserve_bytes=_left(room, held.get(room.uuid, 0))))
        for room in on.rooms
    )


def _left(room: Room, held: int) -> int:
    return max(reserve(room.total_bytes), room.reserve_bytes - held)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?GiB", text.strip(), re.IGNORECASE)
    if found is None:
        raise ConfigError(f"--host-ram {text} is no size; write it as 128GiB")
    return int(float(found[1]) * GIB)
