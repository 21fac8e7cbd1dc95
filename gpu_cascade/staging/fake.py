"""The same for scripted engines, which take nothing worth a plan."""

from collections.abc import Callable
from pathlib import Path

from .. import launch
from ..config import Config
from ..engines.child import Command
from ..vram.footprint import GIB
from ..vram.gpu.host import HostRamProbe
from ..vram.gpu.proc import machine_bytes
from ..vram.gpu.reading import HOST as HOST_DEVICE
from ..vram.plan.want import Mode
from ..vram.scheduler.policy import Static, Turns
from ..vram.scheduler.words import HOST, Layout, Profile
from .machine import budget_bytes
from .stage import Stage


def staged_fake(config: Config, sockets: Path, script: Path | None) -> Stage:
    """For scripted engines: each takes one GiB, of `vram.budget_gib` or as many as there are engines."""
    here = list(launch.started(config))
    profiles = {
        name: Profile((HOST_DEVICE,) if name in here else (), GIB, places=engine.max_num_seqs, boot_s=1)
        for name, engine in config.engines.items()
    }
    budget = budget_bytes(config) or GIB * max(1, len(here))
    fit = max(1, budget // GIB)
    sets = [here[:fit], *([*here[: fit - 1], name] for name in here[fit:])]
    layouts = [Layout(dict.fromkeys(names, 0), {}) for names in sets]
    turns = len(sets) > 1
    commands = {name: _starter(config, name, sockets, script) for name in here}
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


def _starter(config: Config, name: str, sockets: Path, script: Path | None) -> Callable[[int], Command]:
    return lambda _: launch.fake_command(config, name, sockets / f"{name}.sock", script)
