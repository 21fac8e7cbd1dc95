"""`gpu-cascade plan`: who goes where on this machine, or on GPUs by name."""

from ..config import Config
from ..vram.plan.plan import Plan, plan
from ..vram.plan.want import Mode
from .machine import Machine, Probes, here, named
from .wants import wants


def plan_command(
    config: Config, gpus: str | None = None, host_ram: str | None = None, probes: Probes | None = None
) -> Plan:
    """The plan for models.yaml on `gpus`, or on this machine. `host_ram`, such as `128GiB`, is for sleepers.

    Raises `ConfigError` where there is no GPU or its name is not known, `ModelError` for a model that is
    neither here nor known.
    """
    machine = named(gpus, host_ram) if gpus else here(config.state_dir, host_ram, probes or Probes())
    return planned(config, machine)


def planned(config: Config, machine: Machine) -> Plan:
    """The same for a machine that has been looked at."""
    mode = Mode(config.vram.mode)
    found = plan(wants(config, machine), machine.rooms, mode, machine.host_ram_bytes)
    if found.fits:
        return found
    # What engines could be made into is computed only where it is needed: it takes six times as long.
    return plan(wants(config, machine, varied=True), machine.rooms, mode, machine.host_ram_bytes)
