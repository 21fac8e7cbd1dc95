"""The engines of a configuration as live objects: processes, places, meters, clients."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Config, EngineConfig
from ..engines.child import EngineProcess
from ..engines.leased import Leased
from ..engines.meter import BusyMeter
from ..engines.openai_http import Address, OpenAIHttp
from ..engines.supervise import Fleet, State, Supervised
from ..errors import BOOT_RETRY_S, ConfigError
from ..events import EngineChanged, Event, Hook, Hooks
from ..launch import fake_engines, socket_folder, vllm_engines
from ..running import hold
from ..vram.leases import Standing, StaticLeases


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the file. `fake` puts scripted engines in place of vLLM."""

    api_key: str | None = None
    fake: bool = False
    script: Path | None = None


class Engines:
    """Every engine with its places and its meter; `leased` are the Answerers that cascades are made of."""

    def __init__(self, config: Config, processes: Collection[EngineProcess], hooks: Hooks) -> None:
        self._processes: Mapping[str, EngineProcess] = {process.name: process for process in processes}
        self.fleet = Fleet(_supervised(processes, hooks))
        places = {name: engine.max_num_seqs for name, engine in config.engines.items()}
        self._leases = StaticLeases(places, self.standing, config.gateway.max_queue)
        self._meters = {name: BusyMeter() for name in config.engines}
        self._clients = [
            OpenAIHttp(name, self._address(name, engine)) for name, engine in config.engines.items()
        ]
        self.leased = {
            client.name: Leased(client, self._leases, self._meters[client.name]) for client in self._clients
        }
        hooks.add(self._engine_changed)

    def standing(self, name: str) -> Standing:
        """Whether the engine takes requests. One that is attached to always does, as far as anyone knows."""
        process = self._processes.get(name)
        if process is None:
            return Standing(ready=True, version="remote")
        engine = self.fleet[name]
        if engine.state is State.READY:
            return Standing(ready=True, version=process.facts.version if process.facts else "unknown")
        why = (
            f"{engine.state.value}, {engine.detail.splitlines()[0]}" if engine.detail else engine.state.value
        )
        return Standing(ready=False, why=why, retry_after_s=BOOT_RETRY_S)

    def idle(self, name: str) -> bool:
        """Whether the engine is up, nobody waits for it, and at least half of its places are free."""
        running, places, waiting = self._leases.load(name)
        return self.standing(name).ready and not waiting and running * 2 <= places - 1

    def missing(self) -> list[str]:
        """The engines that cannot take requests, each with its reason."""
        standings = {name: self.standing(name) for name in self.leased}
        return [f"{name}: {standing.why}" for name, standing in standings.items() if not standing.ready]

    def state(self, name: str) -> dict[str, Any]:
        """What `GET /v1/cascade/state` shows of one engine."""
        running, places, waiting = self._leases.load(name)
        attached = name not in self._processes
        standing = self.standing(name)
        return {
            "state": "attached" if attached else self.fleet.state(name).value,
            "detail": standing.why,
            "version": standing.version,
            "running": running,
            "places": places,
            "waiting": waiting,
            "busy_s": round(self._meters[name].busy_s, 3),
        }

    async def close(self) -> None:
        """Drop the connections, then end the processes."""
        await asyncio.gather(*(client.close() for client in self._clients))
        await self.fleet.close()

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


@asynccontextmanager
async def engines_alone(config: Config, options: Options, *listeners: Hook) -> AsyncIterator[Engines]:
    """The engines booted, without a gateway: for who asks them from this process, as `calibrate` does."""
    async with AsyncExitStack() as stack:
        stack.enter_context(hold(config.state_dir))
        processes = start_with(config, options, stack.enter_context(socket_folder()))
        engines = Engines(config, processes, Hooks(*listeners))
        stack.push_async_callback(engines.close)
        engines.fleet.start()
        await engines.fleet.wait_ready()
        yield engines


def start_with(config: Config, options: Options, sockets: Path) -> list[EngineProcess]:
    """The processes of the engines that are started here."""
    if options.fake:
        return fake_engines(config, sockets, options.script)
    if any(engine.url is None for engine in config.engines.values()):
        return vllm_engines(config, sockets)
    return []


def _supervised(processes: Collection[EngineProcess], hooks: Hooks) -> list[Supervised]:
    """All boot under one lock: vLLM measures the whole device at boot, so boots race (vLLM #55827).

    Without a GPU they would fight for the cores as well.
    """
    lock = asyncio.Lock()
    return [Supervised(process, [lock], hooks) for process in processes]
