"""How the doctor touches the machine: every look outside is here, so that tests can play a machine."""

import errno
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ..config import Config
from ..engines.vllm_build import Build, installed
from ..launch import find_model, socket_folder
from ..models import Store
from ..vram.gpu.nvml import list_gpus
from ..vram.gpu.proc import machine_bytes
from ..vram.gpu.reading import Device

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Memory:
    """RAM of this machine, or of the container where that has less."""

    total_gib: float
    available_gib: float


def version(distribution: str) -> str | None:
    """The installed version, read from its metadata: importing torch costs seconds, vLLM more."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def torch_device() -> str:
    """What torch was built for, such as `CPU`, `CUDA 12.8`, `ROCm 6.4`, read from its version file."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return "an unknown device"
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return "an unknown device"
    for name, word in (("cuda", "CUDA"), ("hip", "ROCm"), ("xpu", "XPU")):
        built = re.search(rf"^{name}\b.*= '(.+)'", text, re.MULTILINE)
        if built:
            return f"{word} {built[1]}"
    return "CPU"


def free_gib(folder: Path) -> float:
    """Free disk where `folder` is or will be. Raises `PermissionError` where nothing may be written."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))
    return shutil.disk_usage(there).free / GIB


def memory() -> Memory:
    """What is there and what is free, inside the limit of a container."""
    total, available = machine_bytes()
    return Memory(total / GIB, available / GIB)


def bind_unix(path: Path) -> None:
    """Listen where an engine would. Raises `OSError` where that cannot be."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(bytes(path))
    path.unlink()


def bind_tcp(host: str, port: int) -> None:
    """Take the address and let it go. Raises `OSError` where another process has it."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as taken:
        taken.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the gateway does: old connections do not count
        taken.bind(address)


def is_gateway(host: str, port: int) -> bool:
    """Whether a gpu-cascade gateway answers there."""
    at = f"[{host}]" if ":" in host else host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{at}:{port}/readyz", timeout=1) as answer:
            return "missing" in json.loads(answer.read(65536))
    except urllib.error.HTTPError as error:
        return error.code == 503 and b'"missing"' in error.read(65536)  # it boots
    except (OSError, ValueError):
        return False


def models_dir() -> Path:
    """Where fetched models lie."""
    return Store.default().root


@dataclass(frozen=True, slots=True)
class Probes:
    """The real machine, unless told otherwise."""

    python: tuple[int, int, int] = sys.version_info[:3]
    version: Callable[[str], str | None] = version
    torch_device: Callable[[], str] = torch_device
    vllm: Callable[[], Build] = installed
    gpus: Callable[[], list[Device] | None] = list_gpus
    memory: Callable[[], Memory] = memory
    free_gib: Callable[[Path], float] = free_gib
    models_dir: Callable[[], Path] = models_dir
    find_model: Callable[[Config, str], Path] = find_model
    socket_folder: Callable[[], AbstractContextManager[Path]] = socket_folder
    bind_unix: Callable[[Path], None] = bind_unix
    bind_tcp: Callable[[str, int], None] = bind_tcp
    is_gateway: Callable[[str, int], bool] = is_gateway
