"""What a GPU is and how full, as read at one moment; whose the bytes are. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

GIB = 2**30
HOST = "host"  # stands as uuid where a budget of RAM plays the GPU
# Below this a change is no engine's doing: the smallest CUDA context takes more, the driver's own
# bookkeeping less.
NOTICEABLE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Process:
    """What one process holds on a device; `used_bytes` is None where the driver hides it (containers)."""

    pid: int
    used_bytes: int | None


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU, one MIG instance, or a budget of the machine's memory, as it is now. None: nobody says.

    `index` counts as nvidia-smi does; a MIG instance bears its GPU's, whose uuid is `parent`. `free_bytes` is
    what nobody holds, not even the driver. `utilisation` is a share of time, 0 to 1, `power_w` what it draws
    now; `energy_j` and `ecc_errors`, the uncorrected ones, count since the driver was loaded.
    """

    uuid: str
    index: int
    name: str
    total_bytes: int
    free_bytes: int
    processes: tuple[Process, ...] | None = None
    utilisation: float | None = None
    power_w: float | None = None
    energy_j: float | None = None
    temperature_c: float | None = None
    ecc_errors: int | None = None
    parent: str | None = None

    @property
    def used_bytes(self) -> int:
        """What processes and the driver hold; more than the processes' sum, even on an idle GPU."""
        return self.total_bytes - self.free_bytes

    @property
    def label(self) -> str:
        """The device in an error or on a screen."""
        if self.uuid == HOST:
            return self.name
        which = self.name if self.parent is None else f"{self.name}, {self.uuid}"
        return f"GPU {self.index} ({which})"


class GpuProbe(Protocol):
    """Whoever can say what devices there are, and how full."""

    def devices(self) -> list[Device]:
        """Every device that engines may use, as it is now; [] where there is none.

        Raises `GpuError` where there is a driver and it does not answer.
        """


def held_bytes(device: Device, pids: Collection[int]) -> int | None:
    """Bytes of `device` that these processes hold; None where the driver does not say.

    A process that is not listed holds nothing, as far as the list can be believed: `hidden` says.
    """
    if device.processes is None:
        return None
    held = 0
    for process in device.processes:
        if process.pid in pids:
            if process.used_bytes is None:
                return None
            held += process.used_bytes
    return held


def hidden(before: Device, after: Device, pids: Collection[int]) -> str | None:
    """Why what these processes hold cannot be told from the list of processes; None where it can.

    `before` and `after` are two readings of one device, `pids` are ours that lived at either.
    """
    moved_bytes = abs(after.used_bytes - before.used_bytes)
    if held_bytes(before, pids) is None or held_bytes(after, pids) is None:
        why = "does not say what each process holds"
    elif moved_bytes < NOTICEABLE_BYTES or _lists(before, pids) or _lists(after, pids):
        return None
    else:
        # NVML gives the host's process ids, whatever the namespace: NVIDIA/nvidia-docker issue 1483.
        why = f"changed by {moved_bytes / GIB:.1f} GiB and lists none of our {len(pids)} processes"
    return (
        f"{after.label} {why}: in a container it takes --pid=host to see them; "
        "until then the change of the whole device is taken for theirs"
    )


def taken_bytes(before: Device, after: Device, pids: Collection[int]) -> int:
    """Bytes that these processes took between two readings of one device; negative: gave back.

    Where the driver hides them it is the change of the whole device: right while nobody else moves.
    """
    was, now = held_bytes(before, pids), held_bytes(after, pids)
    if was is None or now is None or hidden(before, after, pids):
        return after.used_bytes - before.used_bytes
    return now - was


def _lists(device: Device, pids: Collection[int]) -> bool:
    return any(process.pid in pids for process in device.processes or ())
