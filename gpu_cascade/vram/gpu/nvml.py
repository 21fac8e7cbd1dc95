"""What the NVIDIA driver says about its GPUs. The only file that reads NVML."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, TypeVar

import pynvml as nvml

from ...errors import GpuError
from .reading import Device, Process
from .visible import Slot, visible

T = TypeVar("T")
VISIBLE = "CUDA_VISIBLE_DEVICES"

NO_DRIVER = (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded)
UNCORRECTED = (nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC)
DEAD = (nvml.NVMLError_GpuIsLost, nvml.NVMLError_ResetRequired)
LOOK = "see whether nvidia-smi works"
CURES = {
    nvml.NVML_ERROR_GPU_IS_LOST: f"reboot the machine, or leave this one out with {VISIBLE}; "
    "the kernel's log (dmesg) names the cause as an Xid",
    nvml.NVML_ERROR_RESET_REQUIRED: "end all processes that use it, then `nvidia-smi --gpu-reset -i {index}`",
    nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the driver was updated while in use: reboot the machine",
    nvml.NVML_ERROR_NO_PERMISSION: "give this user access to /dev/nvidia*",
    nvml.NVML_ERROR_NOT_SUPPORTED: "a GPU without memory of its own cannot be shared out: start that engine "
    "yourself and name its address (`url`) in models.yaml",
}


def list_gpus() -> list[Device] | None:
    """What this process may use, read once; None where there is no NVIDIA driver, [] with no GPU to use.

    Raises `GpuError` where there is a driver and it does not answer properly.
    """
    with closing(NvmlProbe(os.environ.get(VISIBLE))) as probe:
        return probe.devices() if probe.open() else None


class NvmlProbe:
    """A `GpuProbe` over NVML, opened at the first reading. `visible`: a CUDA_VISIBLE_DEVICES, None for all.

    A GPU in MIG mode is not offered, its instances are. After an error the next reading opens NVML anew: a
    driver may come back.
    """

    def __init__(self, visible: str | None) -> None:
        self._visible = visible
        self._is_open = False

    def open(self) -> bool:
        """Whether there is a driver. Raises `GpuError` where it is there and does not answer."""
        try:
            if not self._is_open:
                nvml.nvmlInit()
                self._is_open = True
        except NO_DRIVER:
            return False
        except nvml.NVMLError as error:
            raise _trouble("the NVIDIA driver", error) from error
        return True

    def close(self) -> None:
        """Let the driver go; nothing happens where it was not held."""
        if self._is_open:
            self._is_open = False
            with suppress(nvml.NVMLError):  # a driver that has gone cannot be let go
                nvml.nvmlShutdown()

    def devices(self) -> list[Device]:
        """Every device that may be used, as it is now; [] also where there is no driver."""
        if not self.open():
            return []
        try:
            return self._read()
        except nvml.NVMLError as error:
            self.close()
            raise _trouble("the NVIDIA driver", error) from error
        except GpuError:
            self.close()
            raise

    def _read(self) -> list[Device]:
        found: dict[Slot, Any] = {}
        for index in range(nvml.nvmlDeviceGetCount()):
            found |= _gpu(index)
        return [_device(slot, found[slot]) for slot in visible(self._visible, found)]


def _gpu(index: int) -> dict[Slot, Any]:
    """What can be used of one GPU with its NVML handle, or with the error that whoever uses it gets."""
    slot = Slot(index, "")
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(index)
        slot = Slot(index, nvml.nvmlDeviceGetUUID(gpu))
        mode = _told(lambda: nvml.nvmlDeviceGetMigMode(gpu)[0])
        if mode != nvml.NVML_DEVICE_MIG_ENABLE:
            return {slot: gpu}
        return _instances(slot, gpu) or {slot: _no_instance(slot)}
    except nvml.NVMLError as error:
        return {slot: _trouble(_label(slot), error, index)}


def _instances(gpu: Slot, handle: Any) -> dict[Slot, Any]:
    found = {}
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
        except nvml.NVMLError_NotFound:  # places have gaps
            continue
        found[Slot(gpu.index, nvml.nvmlDeviceGetUUID(instance), gpu.uuid)] = instance
    return found


def _device(slot: Slot, handle: Any) -> Device:
    if isinstance(handle, GpuError):
        raise handle
    try:
        return _reading(slot, handle)
    except nvml.NVMLError as error:
        raise _trouble(_label(slot), error, slot.index) from error


def _reading(slot: Slot, handle: Any) -> Device:
    # Version 1: its total is free and used, and used holds the driver's reserve. Version 2 shows the
    # reserve by itself, and NVIDIA's pages disagree on whether its `used` still holds it.
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Device(
        slot.uuid,
        slot.index,
        nvml.nvmlDeviceGetName(handle),
        int(memory.total),
        int(memory.free),
        _processes(handle),
        utilisation=_told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100),
        power_w=_told(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000),
        energy_j=_told(lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000),
        temperature_c=_temperature(handle),
        ecc_errors=_told(lambda: nvml.nvmlDeviceGetTotalEccErrors(handle, *UNCORRECTED)),
        parent=slot.parent,
    )


def _processes(handle: Any) -> tuple[Process, ...] | None:
    """Who computes or draws on it. The _v3 calls: every driver that CUDA 12 runs on has them."""
    computing = _told(lambda: nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle))
    if computing is None:
        return None
    drawing = _told(lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle)) or []
    # A process that does both stands in both lists, each time with all that it holds.
    held = {process.pid: process.usedGpuMemory for process in (*drawing, *computing)}
    return tuple(Process(pid, used) for pid, used in sorted(held.items()))


def _temperature(handle: Any) -> float | None:
    """The newer call where driver and binding have it: the older one ends with CUDA 14."""
    return _told(
        lambda: float(nvml.nvmlDeviceGetTemperatureV(handle, nvml.NVML_TEMPERATURE_GPU)),
        lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
    )


def _told(*calls: Callable[[], T]) -> T | None:
    """What the first of these calls says that has an answer; None where none has.

    A GPU that is lost has no answers any more: that is an error, and no unknown figure.
    """
    for call in calls:
        try:
            return call()
        except DEAD:
            raise
        except (nvml.NVMLError, AttributeError):  # the binding, too, may be older than the call
            continue
    return None


def _label(slot: Slot) -> str:
    return f"GPU {slot.index} ({slot.uuid or 'UUID unknown'})"


def _no_instance(slot: Slot) -> GpuError:
    return GpuError(
        f"{_label(slot)} is in MIG mode and has no instance: make one (`nvidia-smi mig -cgi PROFILE -C "
        f"-i {slot.index}`), or end the mode (`nvidia-smi -i {slot.index} -mig 0`)"
    )


def _trouble(where: str, error: Any, index: int | None = None) -> GpuError:
    cure = CURES.get(error.value, LOOK).format(index=index)
    return GpuError(f"{where} answers {str(error)!r}: {cure}")
