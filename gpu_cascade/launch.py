"""From an engine's section of models.yaml to a process that can be supervised: files, bytes, sockets."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .config import Config, EngineConfig
from .engines import vllm_process
from .engines.child import Command
from .engines.vllm_process import Launch
from .models import resolve

DRAFT_INTERVAL = 8  # tokens of a draft that are read at once


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
    held = [c for c in cascades if c.stream != "commit"]
    early = [c for c in held if c.early_abort == "on" or (c.early_abort == "auto" and c.calibration)]
    return any(name in c.tiers[:-1] for c in early) and all(name != c.tiers[-1] for c in cascades)


def ranks(config: Config, name: str) -> bool:
    """Whether this engine serves by priority: escalated requests meet others there, and go first."""
    tops = {cascade.tiers[-1] for cascade in config.cascades.values()}
    return name in tops and "scheduling-policy" not in config.engines[name].args


def command(config: Config, launch: Launch, environment: Mapping[str, str]) -> Command:
    """What starts a vLLM engine."""
    name = launch.name
    limit_s = config.engines[name].boot_timeout_s
    return Command(
        name, vllm_process.argv(launch), environment, launch.socket, log_path(config, name), limit_s
    )


def secrets(config: Config) -> set[str]:
    """The variables that hold keys of ours, which no engine may see."""
    return {engine.api_key_env for engine in config.engines.values() if engine.api_key_env}


def fake_command(config: Config, name: str, socket: Path, script: Path | None) -> Command:
    """What starts a scripted engine in its place."""
    argv = [sys.executable, "-m", "gpu_cascade.engines.fake_server", "--uds", str(socket), "--name", name]
    argv += ["--script", str(script)] if script else []
    limit_s = config.engines[name].boot_timeout_s
    return Command(name, argv, os.environ, socket, log_path(config, name), limit_s)
