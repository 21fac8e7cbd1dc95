"""From a configuration to what the scheduler starts from: devices, who goes where, who is awake together."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from . import launch
from .config import Config
from .engines.child import Command
from .engines.vllm_build import Build, installed
from .engines.vllm_process import Launch, environment
from .errors import ConfigError, DoesNotFit
from .vram.footprint import GIB
from .vram.footprint.footprint import Footprint, footprint
from .vram.footprint.learned import Key, Learned, key_of
from .vram.footprint.readings import What, corrected
from .vram.gpu.host import HostRamProbe
from .vram.gpu.nvml import VISIBLE, NvmlProbe, list_gpus
from .vram.gpu.proc import machine_bytes
from .vram.gpu.reading import HOST as HOST_DEVICE
from .vram.gpu.reading import GpuProbe
from .vram.plan.plan import Placed, Plan, plan
from .vram.plan.rooms import Room, reserve, room_of
from .vram.plan.want import Mode, Want, tier_weights
from .vram.scheduler.policy import Policy, Static, Turns
from .vram.scheduler.words import HOST, Layout, Profile

Sessions = Callable[[], Collection[int]]
HOST_SHARE = 0.8  # of available RAM that sleeping weights may take
# Seconds that are expected of a move until it has been measured: the figures of examples/vram_loads.yaml.
GPU_BOOT_S, GPU_BOOT_GIB_S = 45.0, 0.4
SLEEP_S, SLEEP_GIB_S = 0.3, 0.65
WAKE_S, WAKE_GIB_S = 0.3, 0.14
CPU_BOOT_S = 50.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What engines can be put on. `probe` reads it; where RAM stands for VRAM, what their sessions hold."""

    build: Build
    rooms: tuple[Room, ...]
    host_ram_bytes: int
    probe: Callable[[Sessions], GpuProbe]


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


def machine(config: Config, build: Build) -> Machine:
    """This machine's GPUs, or its memory for the build that computes on the processor."""
    total, available = machine_bytes()
    if build.cpu:
        if config.vram.mode == "sleep":
            raise ConfigError("vram.mode: sleep needs a GPU: on a processor sleep frees nothing; use restart")
        budget = _budget(config) or total - reserve(total)
        room = Room("host memory", min(budget, total), 0, uuid=HOST_DEVICE)
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


def planned(config: Config, on: Machine) -> Plan:
    """Who goes where on that machine; a plan that does not fit says so itself."""
    return plan(wants(config, on), on.rooms, Mode(config.vram.mode), on.host_ram_bytes)


def wants(config: Config, on: Machine) -> list[Want]:
    """What each engine that is started here takes, and how much of the traffic reaches it."""
    return [want(config, name, taken(config, name, on), on) for name in launch.started(config)]


def want(config: Config, name: str, found: Footprint, on: Machine) -> Want:
    """What the planner is asked for an engine that takes `found`."""
    engine, tiers = config.engines[name], [cascade.tiers for cascade in config.cascades.values()]
    length = engine.max_model_len or found.kv.max_model_len
    return Want(
        name=name,
        footprint=replace(found, asleep_host=0) if config.vram.sleep_level == 2 else found,
        min_tokens=engine.kv.min_tokens,
        max_model_len=length,
        # RAM is not filled: there a KV cache is what models.yaml asks for.
        max_num_seqs=max(1, engine.kv.min_tokens // length) if on.build.cpu else engine.max_num_seqs,
        tensor_parallel=engine.tensor_parallel,
        weight=tier_weights(tiers).get(name, 1.0),
        drafts=any(name == names[0] for names in tiers),
    )


def taken(config: Config, name: str, on: Machine) -> Footprint:
    """An engine's footprint: computed from its files, and corrected by what was measured."""
    room = on.rooms[0]
    found = footprint(
        config.engines[name],
        model_folder(config, name),
        cpu=on.build.cpu,
        block_tokens=on.build.block_tokens,
        device_bytes=room.total_bytes,
        device_name=room.name,
    )
    return corrected(found, learned(config).recall(_key(config, name, on)))


def model_folder(config: Config, name: str) -> Path:
    """Where an engine's model lies; raises `ModelError` where it is not here."""
    model = config.engines[name].model
    assert model is not None
    return launch.find_model(config, model)


def learned(config: Config) -> Learned:
    """What engines were seen to take."""
    return Learned(config.state_dir / "footprints.db")


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
    policy = Static() if found.mode is Mode.STATIC else Turns(config.vram.patience_s)
    commands = {one.name: _starter(config, one, on, sockets, found.mode) for one in found.engines}
    learn = partial(_learn, config, on)
    return Stage(found.mode, profiles | elsewhere, found.layouts, capacity, policy, commands, on.probe, learn)


def staged_fake(config: Config, sockets: Path, script: Path | None) -> Stage:
    """For scripted engines: each takes one GiB, of `vram.budget_gib` or as many as there are engines."""
    here = list(launch.started(config))
    profiles = {
        name: Profile((HOST_DEVICE,) if name in here else (), GIB, places=engine.max_num_seqs, boot_s=1)
        for name, engine in config.engines.items()
    }
    budget = _budget(config) or GIB * max(1, len(here))
    fit = max(1, budget // GIB)
    sets = [here[:fit], *([*here[: fit - 1], name] for name in here[fit:])]
    layouts = [Layout(dict.fromkeys(names, 0), {}) for names in sets]
    turns = len(sets) > 1
    commands = {name: _fake_starter(config, name, sockets, script) for name in here}
    return Stage(
        Mode.RESTART if turns else Mode.STATIC,
        profiles,
        layouts,
        {HOST_DEVICE: budget, HOST: 0},
        Turns(config.vram.patience_s) if turns else Static(),
        commands,
        lambda sessions: HostRamProbe(max(budget, machine_bytes()[0]), sessions),
        lambda _name, _what, _value: None,
    )


def _learn(config: Config, on: Machine, name: str, what: What, value: float) -> None:
    learned(config).record(_key(config, name, on), what, value)


def _key(config: Config, name: str, on: Machine) -> Key:
    return key_of(config.engines[name], model_folder(config, name), on.rooms[0].name, on.build.version)


def _budget(config: Config) -> int | None:
    return None if config.vram.budget_gib is None else int(config.vram.budget_gib * GIB)


def budgeted(config: Config, room: Room) -> Room:
    """With no more for engines than `vram.budget_gib`."""
    budget = _budget(config)
    if budget is None:
        return room
    return replace(room, reserve_bytes=max(room.reserve_bytes, room.total_bytes - budget))


def _profile(config: Config, placed: Placed, on: Machine) -> Profile:
    engine = config.engines[placed.name]
    gib = placed.weights_bytes * len(placed.devices) / GIB
    took = learned(config).recall(_key(config, placed.name, on))

    def seconds(what: What, computed: float) -> float:
        return (took[what].believed() if what in took else None) or computed

    return Profile(
        devices=tuple(on.rooms[device].uuid for device in placed.devices),
        base_bytes=placed.weights_bytes + placed.overhead_bytes,
        asleep_bytes=placed.asleep_bytes,
        asleep_host_bytes=placed.asleep_host_bytes if config.vram.sleep_level == 1 else 0,
        places=engine.max_num_seqs if on.build.cpu else placed.max_num_seqs,
        boot_s=seconds(What.BOOT_S, CPU_BOOT_S if on.build.cpu else GPU_BOOT_S + GPU_BOOT_GIB_S * gib),
        sleep_s=seconds(What.SLEEP_S, SLEEP_S + SLEEP_GIB_S * gib),
        wake_s=seconds(What.WAKE_S, WAKE_S + WAKE_GIB_S * gib),
    )


def _starter(
    config: Config, placed: Placed, on: Machine, sockets: Path, mode: Mode
) -> Callable[[int], Command]:
    """What boots the engine, on its devices alone."""
    name, engine = placed.name, config.engines[placed.name]
    sleeps = mode is Mode.SLEEP
    env = environment(on.build, os.environ, launch.secrets(config), sleeps=sleeps)
    if not on.build.cpu:
        env[VISIBLE] = ",".join(on.rooms[device].uuid for device in placed.devices)
        engine = engine.model_copy(update={"max_num_seqs": placed.max_num_seqs})
    interval = launch.DRAFT_INTERVAL if launch.only_read(config, name) else 1

    def start(kv_bytes: int) -> Command:
        one = Launch(
            name,
            engine,
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


def _fake_starter(config: Config, name: str, sockets: Path, script: Path | None) -> Callable[[int], Command]:
    return lambda _: launch.fake_command(config, name, sockets / f"{name}.sock", script)


def _does_not_fit(found: Plan) -> str:
    """The planner's sentence and its cures."""
    helps = "; ".join(f"{cure.what} frees {cure.saves_bytes / GIB:.1f} GiB" for cure in found.cures)
    return f"{found.why}. {helps}" if helps else found.why
