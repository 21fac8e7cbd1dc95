"""Devices that are what a script says."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .reading import Device, Process

if TYPE_CHECKING:
    from ...errors import GpuError


class ScriptedProbe:
    """A `GpuProbe` over devices that are set and changed. While `error` is set, reading raises it."""

    def __init__(self, *devices: Device) -> None:
        self.error: GpuError | None = None
        self._devices = {device.uuid: device for device in devices}

    def devices(self) -> list[Device]:
        """The devices as they were last set."""
        if self.error is not None:
            raise self.error
        return list(self._devices.values())

    def change(self, uuid: str, **fields: Any) -> None:
        """Give a device's fields other values."""
        self._devices[uuid] = replace(self._devices[uuid], **fields)

    def hold(self, uuid: str, pid: int, used_bytes: int) -> None:
        """From now on the process holds so much of the device: 0 ends it. Free goes along."""
        device = self._devices[uuid]
        held = {process.pid: process.used_bytes or 0 for process in device.processes or ()}
        free_bytes = device.free_bytes + held.pop(pid, 0) - used_bytes
        if used_bytes:
            held[pid] = used_bytes
        processes = tuple(Process(*item) for item in held.items())
        self.change(uuid, free_bytes=free_bytes, processes=processes)
