"""Everything the doctor looks at, in the order in which it is told."""

from collections.abc import Iterator
from pathlib import Path

from ..config import Config, GatewayConfig, load, state_dir
from ..errors import ConfigError, ModelError
from ..launch import started
from .finding import Finding, fail, ok, warn
from .machine import (
    MODELS_GIB,
    STATE_GIB,
    check_disk,
    check_memory,
    check_port,
    check_sockets,
    look_for_gpus,
)
from .probes import Probes
from .software import check_python, check_torch, check_vllm


def examine(config_path: Path | None, probes: Probes | None = None) -> list[Finding]:
    """Look at this machine and at one configuration; None: there is no file, defaults are assumed.

    Never raises: what cannot be looked at is a finding too.
    """
    probes = probes or Probes()
    config, said = _check_config(config_path)
    state = state_dir(config_path.absolute().parent if config_path else Path.cwd())
    gpus, about_gpus = look_for_gpus(probes)
    findings = [check_python(probes)]
    if config is None or started(config):
        findings += [check_torch(probes), check_vllm(probes, gpus)]
    return [
        *findings,
        *about_gpus,
        *_machine(config, state, probes),
        said,
        *(_check_models(config, probes) if config else ()),
    ]


def _check_config(path: Path | None) -> tuple[Config | None, Finding]:
    if path is None:
        return None, warn("config", "no file", "serve --small ID --large ID, or write a models.yaml")
    try:
        config = load(path)
    except ConfigError as error:
        return None, fail("config", error.message, f"correct {path}; docs/configuration.md has every key")
    names = ", ".join(config.cascades)
    return config, ok("config", f"{path}: {len(config.engines)} engines, cascades: {names}")


def _machine(config: Config | None, state: Path, probes: Probes) -> Iterator[Finding]:
    gateway = config.gateway if config else GatewayConfig()
    yield check_memory(probes)
    yield check_disk(probes, "models", probes.models_dir(), MODELS_GIB)
    yield check_disk(probes, "state", state, STATE_GIB)
    yield check_sockets(probes, started(config) if config else ())
    yield check_port(probes, gateway.host, gateway.port)


def _check_models(config: Config, probes: Probes) -> Iterator[Finding]:
    for name, engine in started(config).items():
        check, model = f"model {name}", engine.model or ""
        try:
            yield ok(check, f"{model}: {probes.find_model(config, model)}")
        except ModelError as error:
            yield fail(check, error.message, f"pull it, or correct engines.{name}.model")
