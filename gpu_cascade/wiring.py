"""The one place where everything meets: from a configuration to live objects, opened and closed in order."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import __version__
from .cascade.cascade import Cascade
from .cascade.direct import Direct
from .cascade.rules import Fixed, Rule
from .config import CascadeConfig, Config, EngineConfig
from .engines.base import Answerer
from .engines.child import EngineProcess
from .engines.leased import Leased
from .engines.meter import BusyMeter
from .engines.openai_http import Address, OpenAIHttp
from .engines.supervise import Fleet, State, Supervised
from .errors import BOOT_RETRY_S, ConfigError
from .events import EngineChanged, Event, Hook, Hooks
from .gateway.app import build
from .gateway.guards import LOOPBACK, Door
from .gateway.parts import Limits, Parts
from .gateway.server import address, listen, serving
from .launch import fake_engines, socket_folder, vllm_engines
from .metrics import Metrics
from .running import announce, hold
from .traces import Traces
from .vram.leases import Standing, StaticLeases


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the file. `fake` puts scripted engines in place of vLLM."""

    api_key: str | None = None
    fake: bool = False
    script: Path | None = None


@dataclass(slots=True)
class Opened:
    """A gateway that listens, and the engines behind it."""

    url: str
    fleet: Fleet


@asynccontextmanager
async def opened(config: Config, options: Options, *listeners: Hook) -> AsyncIterator[Opened]:
    """Everything that `serve` runs. The port, the lock and the store come first: they cost nothing to try."""
    door = _door(config, options)
    async with AsyncExitStack() as stack:
        stack.enter_context(hold(config.state_dir))
        taken = listen(config.gateway.host, config.gateway.port)
        stack.callback(taken.close)
        traces = Traces(config.traces_path, config.traces.on_full, content=config.traces.content)
        traces.open()
        stack.callback(traces.close)
        hooks = Hooks(*listeners)
        processes = _processes(config, options, stack.enter_context(socket_folder()))
        fleet = Fleet(_supervised(processes, hooks))
        stack.push_async_callback(fleet.close)
        house = _House(config, fleet, traces, hooks, {process.name: process for process in processes})
        stack.push_async_callback(house.close)
        await stack.enter_async_context(serving(build(house.parts(door)), taken))
        announce(config.state_dir, address(taken))
        fleet.start()
        yield Opened(address(taken), fleet)


def _door(config: Config, options: Options) -> Door:
    host = config.gateway.host
    if host not in LOOPBACK and options.api_key is None:
        raise ConfigError(
            f"gateway.host is {host}: beyond loopback a key is needed; "
            f"set GPU_CASCADE_API_KEY (or --api-key), or listen on 127.0.0.1"
        )
    return Door(host, options.api_key, config.gateway.cors)


def _processes(config: Config, options: Options, sockets: Path) -> list[EngineProcess]:
    if options.fake:
        return fake_engines(config, sockets, options.script)
    if any(engine.url is None for engine in config.engines.values()):
        return vllm_engines(config, sockets)
    return []


def _supervised(processes: list[EngineProcess], hooks: Hooks) -> list[Supervised]:
    """All boot under one lock: vLLM measures the whole device at boot, so boots race (vLLM #55827).

    Without a GPU they would fight for the cores as well.
    """
    lock = asyncio.Lock()
    return [Supervised(process, [lock], hooks) for process in processes]


class _House:
    """The objects of one `serve`, joined."""

    def __init__(
        self,
        config: Config,
        fleet: Fleet,
        traces: Traces,
        hooks: Hooks,
        processes: Mapping[str, EngineProcess],
    ) -> None:
        self._config, self._fleet, self._traces, self._hooks = config, fleet, traces, hooks
        self._processes = processes
        places = {name: engine.max_num_seqs for name, engine in config.engines.items()}
        self._leases = StaticLeases(places, self.standing, config.gateway.max_queue)
        self._meters = {name: BusyMeter() for name in config.engines}
        self._clients = [
            OpenAIHttp(name, self._address(name, engine)) for name, engine in config.engines.items()
        ]
        leased = {c.name: Leased(c, self._leases, self._meters[c.name]) for c in self._clients}
        self._models: dict[str, Answerer] = {
            **{name: _cascade(name, cascade, leased) for name, cascade in config.cascades.items()},
            **{name: Direct(engine) for name, engine in leased.items()},
        }
        self._metrics = Metrics(list(self._models), __version__, traces.health)
        hooks.add(self._metrics)
        hooks.add(self._engine_changed)

    def parts(self, door: Door) -> Parts:
        """What the gateway stands on."""
        gateway = self._config.gateway
        return Parts(
            models=self._models,
            traces=self._traces,
            hooks=self._hooks,
            limits=Limits(gateway.deadline_s, gateway.hold_s, self._config.traces.content),
            door=door,
            state=self.state,
            missing=self.missing,
            metrics=self._metrics.render,
        )

    def standing(self, name: str) -> Standing:
        """Whether the engine takes requests. One that is attached to always does, as far as anyone knows."""
        process = self._processes.get(name)
        if process is None:
            return Standing(ready=True, version="remote")
        engine = self._fleet[name]
        if engine.state is State.READY:
            return Standing(ready=True, version=process.facts.version if process.facts else "unknown")
        why = (
            f"{engine.state.value}, {engine.detail.splitlines()[0]}" if engine.detail else engine.state.value
        )
        return Standing(ready=False, why=why, retry_after_s=BOOT_RETRY_S)

    def missing(self) -> list[str]:
        """The engines that cannot take requests, each with its reason."""
        standings = {name: self.standing(name) for name in self._config.engines}
        return [f"{name}: {standing.why}" for name, standing in standings.items() if not standing.ready]

    def state(self) -> dict[str, Any]:
        """What `GET /v1/cascade/state` shows."""
        cascades = {
            name: {"tiers": cascade.tiers, "threshold": cascade.threshold, "certified": False}
            for name, cascade in self._config.cascades.items()
        }
        engines = {name: self._engine_state(name) for name in self._config.engines}
        store = self._traces.health()
        return {"version": __version__, "engines": engines, "cascades": cascades, "traces": store}

    async def close(self) -> None:
        """Drop the engines' connections."""
        await asyncio.gather(*(client.close() for client in self._clients))

    def _engine_state(self, name: str) -> dict[str, Any]:
        running, places, waiting = self._leases.load(name)
        attached = name not in self._processes
        standing = self.standing(name)
        return {
            "state": "attached" if attached else self._fleet.state(name).value,
            "detail": standing.why,
            "version": standing.version,
            "running": running,
            "places": places,
            "waiting": waiting,
            "busy_s": round(self._meters[name].busy_s, 3),
        }

    def _engine_changed(self, event: Event) -> None:
        if isinstance(event, EngineChanged) and event.state != State.READY:
            self._leases.engine_down(event.engine)

    def _address(self, name: str, engine: EngineConfig) -> Address:
        if engine.url is None:
            return Address("http://engine/v1", name, self._processes[name].socket)
        key = os.environ.get(engine.api_key_env) if engine.api_key_env else None
        if engine.api_key_env and not key:
            raise ConfigError(f"engines.{name}.api_key_env names {engine.api_key_env}, which is not set")
        return Address(engine.url.rstrip("/"), engine.name or name, key=key)


def _cascade(name: str, cascade: CascadeConfig, engines: Mapping[str, Answerer]) -> Cascade:
    threshold = cascade.threshold
    assert threshold is not None, "refused at load"
    rule = Rule(Fixed(threshold) if isinstance(threshold, str) else threshold)
    return Cascade(name, [engines[tier] for tier in cascade.tiers], rule, cascade.sampling)
