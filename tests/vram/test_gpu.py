"""What the NVIDIA driver says, and what is said when there is none. The driver is played: CI has no GPU."""

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from gpu_cascade.errors import GpuError
from gpu_cascade.vram.gpu import Gpu, list_gpus

GIB = 2**30


class Driver:
    """NVML with the real library's exceptions; `trouble` is what it answers to the call of that name."""

    NVMLError = pynvml.NVMLError
    NVMLError_LibraryNotFound = pynvml.NVMLError_LibraryNotFound
    NVMLError_DriverNotLoaded = pynvml.NVMLError_DriverNotLoaded

    def __init__(self, call: str = "", code: int = 0) -> None:
        self.call, self.code = call, code
        self.open = False

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvml"):
            raise AttributeError(name)

        def answer(*args: Any) -> Any:
            if name == self.call:
                raise pynvml.NVMLError(self.code)
            return getattr(self, "_" + name)(*args)

        return answer

    def _nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        self.open = True

    def _nvmlShutdown(self) -> None:  # noqa: N802
        self.open = False

    def _nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def _nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def _nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return f"Card {handle}"

    def _nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}"

    def _nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(total=80 * GIB, free=(79 - handle) * GIB)


def test_every_gpu_with_its_memory():
    """Index, name, identity, total and free GiB; the driver is let go again."""
    driver = Driver()

    assert list_gpus(driver) == [Gpu(0, "Card 0", "GPU-0", 80.0, 79.0), Gpu(1, "Card 1", "GPU-1", 80.0, 78.0)]
    assert not driver.open


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED])
def test_no_driver_is_no_error(code):
    """A machine without the library, or without the kernel's half of the driver, has no GPUs to ask about."""
    assert list_gpus(Driver("nvmlInit", code)) is None


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo"])
def test_a_driver_that_does_not_answer_is_a_sentence(call):
    """What NVML calls it, and where to look; nothing stays open."""
    driver = Driver(call, pynvml.NVML_ERROR_GPU_IS_LOST)

    with pytest.raises(GpuError, match=r"the NVIDIA driver answered: .*nvidia-smi"):
        list_gpus(driver)
    assert not driver.open
