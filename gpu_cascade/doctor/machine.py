"""GPUs, disk, memory, sockets and the port: whether the machine has room for what is configured."""

import errno
from collections.abc import Iterable
from pathlib import Path

from ..engines.child import SOCKET_BYTES
from ..errors import GpuError
from ..vram.gpu.reading import GIB, Device
from .finding import Finding, fail, ok, warn
from .probes import Probes

MODELS_GIB = (1.0, 10.0)  # fail, warn: a 1.5B model takes 3 GiB, the demo pair 2
STATE_GIB = (0.1, 1.0)
RAM_GIB = (2.0, 6.0)  # a vLLM engine takes 3 GiB before its weights


def look_for_gpus(probes: Probes) -> tuple[list[Device] | None, list[Finding]]:
    """The GPUs, and one line about each, or one about why there is none."""
    try:
        gpus = probes.gpus()
    except GpuError as error:
        return None, [fail("gpu", error.message, "where nothing helps, reinstall the driver")]
    if gpus is None:
        return None, [warn("gpu", "no NVIDIA driver: CPU engines", "for a GPU, install the NVIDIA driver")]
    if not gpus:
        return gpus, [
            warn(
                "gpu",
                "a driver, but no GPU: CPU engines",
                "give this machine or container a GPU, or see CUDA_VISIBLE_DEVICES",
            )
        ]
    return gpus, [_check_gpu(gpu) for gpu in gpus]


def _check_gpu(gpu: Device) -> Finding:
    check = f"gpu {gpu.index}"
    detail = f"{gpu.name}: {gpu.free_bytes / GIB:.1f} of {gpu.total_bytes / GIB:.1f} GiB free"
    if gpu.free_bytes < gpu.total_bytes / 2:
        return warn(
            check, detail, "nvidia-smi names the processes that hold the rest; engines get what is free"
        )
    return ok(check, detail)


def check_disk(probes: Probes, what: str, folder: Path, limits_gib: tuple[float, float]) -> Finding:
    """Whether `folder` may be written and how much fits."""
    check = f"disk ({what})"
    try:
        free_gib = probes.free_gib(folder)
    except OSError as error:
        return fail(
            check, f"{folder}: {error.strerror or error}", "make it writable for this user, or name another"
        )
    detail = f"{free_gib:.1f} GiB free at {folder}"
    return _by_limits(
        check, detail, free_gib, limits_gib, "free some space, or name a folder on another disk"
    )


def check_memory(probes: Probes) -> Finding:
    """Whether engines can start without pushing the machine into swap."""
    found = probes.memory()
    detail = f"{found.available_gib:.1f} of {found.total_gib:.1f} GiB available"
    return _by_limits(
        "memory", detail, found.available_gib, RAM_GIB, "close other programs, or use smaller models"
    )


def _by_limits(check: str, detail: str, found: float, limits: tuple[float, float], cure: str) -> Finding:
    if found < limits[0]:
        return fail(check, detail, cure)
    return warn(check, detail, cure) if found < limits[1] else ok(check, detail)


def check_sockets(probes: Probes, engines: Iterable[str]) -> Finding:
    """Whether engines can listen: the path of their sockets is short enough and one can be made."""
    try:
        with probes.socket_folder() as folder:
            longest = folder / f"{max(engines, key=len, default='')}.sock"
            length = len(bytes(longest))
            if length > SOCKET_BYTES:
                return fail("sockets", f"{longest} has {length} bytes, {SOCKET_BYTES} are allowed", _SHORTER)
            probes.bind_unix(longest)
    except OSError as error:
        return fail(
            "sockets", f"{error.filename or 'the folder for them'}: {error.strerror or error}", _SHORTER
        )
    return ok("sockets", f"can be made in {folder.parent}")


_SHORTER = "set TMPDIR to a folder with a short path that this user may write in"


def check_port(probes: Probes, host: str, port: int) -> Finding:
    """Whether the gateway can listen; one of ours that already does is fine."""
    try:
        probes.bind_tcp(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and probes.is_gateway(host, port):
            return ok("port", f"{host}:{port}: gpu-cascade is serving there")
        return fail(
            "port",
            f"{host}:{port}: {error.strerror or error}",
            "stop what listens there, or set gateway.port",
        )
    return ok("port", f"{host}:{port} is free")
