"""`gpu-cascade plan`: who goes where on this machine, or on GPUs by name."""

from ..config import Config
from ..staging.machine import Machine
from ..vram.plan.plan import Plan, plan
from ..vram.plan.want import Mode
from .machine import here, named
from .wants import wants


def plan_command(config: Config, gpus: str | None = None, host_ram: str | None = None) -> Plan:
    """The plan for models.yaml on `gpus`, or on this machine. `host_ram`, such as `128GiB`, is for sleepers.

    Raises `ConfigError` where there is no GPU or its name is not known, `ModelError` for a model that is
    neither here nor known.
    """
    return planned(config, named(config, gpus, host_ram) if gpus else here(config, host_ram))


def planned(config: Config, on: Machine) -> Plan:
    """The same for a machine that has been looked at."""
    mode = Mode(config.vram.mode)
    found = plan(wants(config, on), on.rooms, mode, on.host_ram_bytes)
    if found.fits:
        return found
    # What engines could be made into is computed only where it is needed: it takes six times as long.
    return plan(wants(config, on, varied=True), on.rooms, mode, on.host_ram_bytes)
