"""From an engine's section of models.yaml to a process that can be supervised: files, bytes, sockets."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .config import Config, EngineConfig
from .engines import vllm_process
from .engines.child import Command, EngineProcess
from .engines.vllm_build import Build, installed
from .engines.vllm_process import Launch
from .errors import ConfigError, ModelError
from .models import resolve
from .vram.footprint import GIB, kv_bytes_per_token, kv_cache_bytes, utilization, weights_bytes
from .vram.gpu import list_gpus

# Activations, CUDA graphs and context beside weights and KV cache. Generous: vLLM reserves none of it
# where KV bytes are given, and refuses to boot when less than the stated share is free.
OVERHEAD_GIB = {"cpu": 1.0, "cuda": 3.0}
DRAFT_INTERVAL = 8  # tokens of a draft that are read at once
DTYPE_BYTES = {"float32": 4, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}


@dataclass(frozen=True, slots=True)
class Device:
    """What engines share."""

    name: str
    total_bytes: int


def device(build: Build, count: int = 1) -> Device:
    """The first GPU, the smallest of the first `count`, or the machine's memory for the build without one."""
    if build.cpu:
        return Device("this machine's memory", psutil.virtual_memory().total)
    gpus = list_gpus() or []
    if len(gpus) < count:
        raise ConfigError(
            f"vLLM {build.version} needs {count} NVIDIA GPU(s) here and {len(gpus)} are found; `gpu-cascade "
            f"doctor` says more, GPU_CASCADE_DEVICE=cpu scripts/setup installs the build that needs none"
        )
    smallest = min(gpus[:count], key=lambda gpu: gpu.total_gib)
    return Device(f"GPU {smallest.index} ({smallest.name})", int(smallest.total_gib * GIB))


def vllm_engines(config: Config, sockets: Path) -> list[EngineProcess]:
    """A process for each engine that is started here; raises before the first one is."""
    build = installed()
    secrets = {engine.api_key_env for engine in config.engines.values() if engine.api_key_env}
    env = vllm_process.environment(build, os.environ, secrets)
    processes = []
    for name, engine in started(config).items():
        assert engine.model is not None
        where = device(build, engine.tensor_parallel)
        plan = _launch(config, name, find_model(config, engine.model), build, where, sockets)
        log = log_path(config, name)
        processes.append(
            EngineProcess(
                Command(name, vllm_process.argv(plan), env, plan.socket, log, engine.boot_timeout_s)
            )
        )
    return processes


def fake_engines(config: Config, sockets: Path, script: Path | None) -> list[EngineProcess]:
    """A scripted process in place of each of them."""
    processes = []
    for name, engine in started(config).items():
        socket = sockets / f"{name}.sock"
        argv = [sys.executable, "-m", "gpu_cascade.engines.fake_server", "--uds", str(socket), "--name", name]
        argv += ["--script", str(script)] if script else []
        command = Command(name, argv, os.environ, socket, log_path(config, name), engine.boot_timeout_s)
        processes.append(EngineProcess(command))
    return processes


def started(config: Config) -> dict[str, EngineConfig]:
    """The engines that are started here; the others are attached to."""
    return {name: engine for name, engine in config.engines.items() if engine.url is None}


def log_path(config: Config, engine: str) -> Path:
    """Where an engine's output goes."""
    return config.state_dir / "logs" / f"{engine}.log"


@contextmanager
def socket_folder() -> Iterator[Path]:
    """A folder that only we can enter, short enough for a socket's path, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="gpu-cascade-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def find_model(config: Config, model: str) -> Path:
    """The folder of a model that is here: a path as models.yaml means it, or what `models pull` has fetched.

    Raises `ModelError` where it is not here.
    """
    local = config.resolve(model)
    is_path = model.startswith(("/", "./", "../", "~"))
    return resolve(str(local) if is_path or local.is_dir() else model)


def only_read(config: Config, name: str) -> bool:
    """Whether this engine's streams are read by us alone: drafts that may be broken off, and no last answers.

    A piece for each token would cost the gateway more than the tokens that it saves.
    """
    cascades = config.cascades.values()
    early = [c for c in cascades if c.early_abort == "on" or (c.early_abort == "auto" and c.calibration)]
    return any(name in c.tiers[:-1] for c in early) and all(name != c.tiers[-1] for c in cascades)


def _launch(config: Config, name: str, model_dir: Path, build: Build, where: Device, sockets: Path) -> Launch:
    """The engine's share of the device, from its files."""
    engine = config.engines[name]
    shape = _shape(model_dir)
    kv_bytes = kv_cache_bytes(
        engine.kv.min_tokens,
        int(engine.args.get("block-size") or build.block_tokens),
        kv_bytes_per_token(shape, _kv_dtype_bytes(engine, shape), engine.tensor_parallel),
        engine.max_model_len or int(shape.get("max_position_embeddings", 0)),
    )
    overhead = int(OVERHEAD_GIB["cpu" if build.cpu else "cuda"] * GIB)
    weights = weights_bytes(model_dir) // engine.tensor_parallel
    share = utilization(weights, kv_bytes, overhead, where.total_bytes)
    if share > 1:
        raise ConfigError(
            f"{name} needs {(weights + kv_bytes + overhead) / GIB:.1f} GiB ({weights / GIB:.1f} weights, "
            f"{kv_bytes / GIB:.1f} KV cache, {overhead / GIB:.1f} overhead) and {where.name} has "
            f"{where.total_bytes / GIB:.1f}; lower engines.{name}.kv.min_tokens or max_model_len"
        )
    interval = DRAFT_INTERVAL if only_read(config, name) else 1
    return Launch(name, engine, model_dir, sockets / f"{name}.sock", kv_bytes, share, build, interval)


def _shape(model_dir: Path) -> dict[str, Any]:
    try:
        shape = json.loads((model_dir / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{model_dir} has no readable config.json ({error}); is it a model's folder?"
        ) from error
    return dict(shape)


def _kv_dtype_bytes(engine: EngineConfig, shape: Mapping[str, Any]) -> int:
    """The KV cache follows the model's type unless told otherwise; 16 bits where nobody says."""
    cache = str(engine.args.get("kv-cache-dtype") or "auto")
    model = engine.dtype if engine.dtype != "auto" else str(shape.get("dtype") or shape.get("torch_dtype"))
    # vLLM's "auto" runs float32 checkpoints in 16 bits on a GPU; the larger estimate is the safe one.
    return DTYPE_BYTES.get(cache if cache != "auto" else model, 2)
