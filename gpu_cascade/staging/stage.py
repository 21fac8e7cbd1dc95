"""All that a scheduler starts from, for vLLM engines."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .. import launch
from ..config import Config
from ..engines.child import Command
from ..engines.vllm_build import installed
from ..engines.vllm_process import Launch, environment
from ..errors import DoesNotFit
from ..vram.footprint import GIB
from ..vram.footprint.readings import What
from ..vram.gpu.nvml import VISIBLE
from ..vram.gpu.reading import GpuProbe
from ..vram.plan.plan import Placed, Plan, plan
from ..vram.plan.want import Mode
from ..vram.scheduler.policy import Policy, Static, Turns
from ..vram.scheduler.splits import Splits
from ..vram.scheduler.words import HOST, Layout, Profile
from .machine import Machine, Sessions, machine
from .wants import key, learned, model_folder, wants

# Seconds that are expected of a move until it has been measured: the figures of examples/vram_loads.yaml.
GPU_BOOT_S, GPU_BOOT_GIB_S = 45.0, 0.4
SLEEP_S, SLEEP_GIB_S = 0.3, 0.65
WAKE_S, WAKE_GIB_S = 0.3, 0.14
CPU_BOOT_S = 50.0


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a scheduler starts from. `commands` start an engine with so many bytes of KV cache."""

    mode: Mode
    profiles: Mapping[str, Profile]
    layouts: Sequence[Layout]
    capacity: Mapping[str, int]
    policy: Policy
    commands: Mapping[str, Callable[[int], Command]]
    probe: Callable[[Sessions], GpuProbe]
    learn: Callable[[str, What, float], None]  # keep what was measured of an engine


def planned(config: Config, on: Machine) -> Plan:
    """Who goes where on that machine; a plan that does not fit says so itself."""
    return plan(wants(config, on), on.rooms, Mode(config.vram.mode), on.host_ram_bytes)


def staged(config: Config, sockets: Path) -> Stage:
    """For vLLM; raises `DoesNotFit` before anything is started."""
    on = machine(config, installed())
    found = planned(config, on)
    if not found.fits:
        raise DoesNotFit(_does_not_fit(found))
    elsewhere = {
        name: Profile((), places=engine.max_num_seqs)
        for name, engine in config.engines.items()
        if engine.url is not None
    }
    profiles = {one.name: _profile(config, one, on) for one in found.engines}
    capacity = {room.uuid: room.free_bytes for room in on.rooms} | {HOST: on.host_ram_bytes}
    commands = {
        one.name: _starter(config, one, on, sockets, found.mode, profiles[one.name]) for one in found.engines
    }
    layouts = (*found.layouts, *found.splits)
    learn = partial(_learn, config, on, {one.name: one.devices[0] for one in found.engines})
    policy = _policy(config, layouts)
    return Stage(found.mode, profiles | elsewhere, layouts, capacity, policy, commands, on.probe, learn)


def _policy(config: Config, layouts: Sequence[Layout]) -> Policy:
    return Static() if len(layouts) == 1 else Splits(Turns(config.vram.patience_s))


def _learn(
    config: Config, on: Machine, devices: Mapping[str, int], name: str, what: What, value: float
) -> None:
    learned(config).record(key(config, name, on, on.rooms[devices[name]]), what, value)


def _profile(config: Config, placed: Placed, on: Machine) -> Profile:
    engine = config.engines[placed.name]
    gib = placed.weights_bytes * len(placed.devices) / GIB
    took = learned(config).recall(key(config, placed.name, on, on.rooms[placed.devices[0]]))

    def seconds(what: What, computed: float) -> float:
        return (took[what].believed() if what in took else None) or computed

    return Profile(
        devices=tuple(on.rooms[device].uuid for device in placed.devices),
        base_bytes=placed.weights_bytes + placed.overhead_bytes,
        asleep_bytes=placed.asleep_bytes,
        asleep_host_bytes=placed.asleep_host_bytes if config.vram.sleep_level == 1 else 0,
        places=engine.max_num_seqs,
        place_bytes=0 if on.build.cpu else placed.kv_bytes // max(1, placed.holds_usual),
        boot_s=seconds(What.BOOT_S, CPU_BOOT_S if on.build.cpu else GPU_BOOT_S + GPU_BOOT_GIB_S * gib),
        sleep_s=seconds(What.SLEEP_S, SLEEP_S + SLEEP_GIB_S * gib),
        wake_s=seconds(What.WAKE_S, WAKE_S + WAKE_GIB_S * gib),
    )


def _starter(
    config: Config, placed: Placed, on: Machine, sockets: Path, mode: Mode, profile: Profile
) -> Callable[[int], Command]:
    """What boots the engine, on its devices alone."""
    name, engine = placed.name, config.engines[placed.name]
    sleeps = mode is Mode.SLEEP
    env = environment(on.build, os.environ, launch.secrets(config), sleeps=sleeps)
    if not on.build.cpu:
        env[VISIBLE] = ",".join(on.rooms[device].uuid for device in placed.devices)
    interval = launch.DRAFT_INTERVAL if launch.only_read(config, name) else 1

    def start(kv_bytes: int) -> Command:
        one = Launch(
            name,
            engine.model_copy(update={"max_num_seqs": profile.places_with(kv_bytes)}),
            model_folder(config, name),
            sockets / f"{name}.sock",
            kv_bytes,
            placed.utilization,
            on.build,
            interval,
            sleeps,
            launch.ranks(config, name),
        )
        return launch.command(config, one, env)

    return start


def _does_not_fit(found: Plan) -> str:
    """The planner's sentence and its cures."""
    helps = "; ".join(f"{cure.what} frees {cure.saves_bytes / GIB:.1f} GiB" for cure in found.cures)
    return f"{found.why}. {helps}" if helps else found.why
