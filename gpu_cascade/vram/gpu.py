"""What the NVIDIA driver says about its GPUs. The only file that reads NVML."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pynvml

from ..errors import GpuError

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as the driver sees it now; `free_gib` is what no process holds."""

    index: int
    name: str
    uuid: str
    total_gib: float
    free_gib: float


def list_gpus(nvml: Any = pynvml) -> list[Gpu] | None:
    """Every GPU of this machine; None where there is no NVIDIA driver.

    Raises `GpuError` where there is a driver and it does not answer properly.
    """
    try:
        with _driver(nvml):
            return [_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded):
        return None
    except nvml.NVMLError as error:
        raise GpuError(f"the NVIDIA driver answered: {error}; see whether nvidia-smi works") from error


@contextmanager
def _driver(nvml: Any) -> Iterator[None]:
    nvml.nvmlInit()
    try:
        yield
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        index,
        nvml.nvmlDeviceGetName(handle),
        nvml.nvmlDeviceGetUUID(handle),
        round(memory.total / GIB, 2),
        round(memory.free / GIB, 2),
    )
