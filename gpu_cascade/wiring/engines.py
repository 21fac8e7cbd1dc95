"""The engines of a configuration as live objects: processes, places, meters, clients."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..cascade.budget import Load
from ..config import Config
from ..engines.base import Answerer
from ..engines.child import EngineProcess
from ..engines.leased import IfAwake, Leased
from ..engines.meter import BusyMeter
from ..engines.openai_http import Address, OpenAIHttp
from ..engines.probe import Probe
from ..engines.sleep import Sleeper
from ..engines.supervise import Fleet, Supervised
from ..errors import ConfigError
from ..events import EngineChanged, Event, Hook, Hooks
from ..launch import ranks, socket_folder
from ..running import hold
from ..staging.fake import staged_fake
from ..staging.stage import Stage, staged
from ..vram.scheduler import state
from ..vram.scheduler.core import Core
from ..vram.scheduler.shell import Scheduler
from ..vram.scheduler.words import State
from ..vram.witness import Witness
from .hands import Body, EngineHands
from .kv_watch import KvWatch


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the file. `fake` puts scripted engines in place of vLLM."""

    api_key: str | None = None
    fake: bool = False
    script: Path | None = None


class Tiers(Protocol):
    """What cascades are made of, in the process that owns the engines and in a worker."""

    @property
    def leased(self) -> Mapping[str, Answerer]:
        """The engines, each behind its places."""

    def judge(self, name: str) -> Answerer:
        """The engine for a second look: it is not woken for that."""

    def version(self, name: str) -> str:
        """The engine's, as it runs now; `unknown` before its first boot."""

    def load(self, name: str) -> Load:
        """What stands before an answer of it now."""


class Engines:
    """Every engine with its places and its meter; `leased` are the Answerers that cascades are made of."""

    def __init__(self, config: Config, stage: Stage, hooks: Hooks) -> None:
        self.mode = stage.mode
        self._processes = _processes(stage)
        self.sockets = {name: process.socket for name, process in self._processes.items()}
        locks = _locks(stage)
        self._fleet = Fleet(
            Supervised(process, locks[name], hooks) for name, process in self._processes.items()
        )
        self._witness = Witness(stage.probe(self._sessions), self._members)
        bodies = {name: self._body(name, stage, locks[name]) for name in self._processes}
        self._hands = EngineHands(self._fleet, bodies, self._witness, config.vram.sleep_level, stage.learn)
        core = Core(stage.profiles, stage.layouts, stage.capacity, stage.policy, config.gateway.max_queue)
        self.scheduler = Scheduler(core, self._hands, hooks)
        probes = {name: Probe(name, process.socket) for name, process in self._processes.items()}
        self._kv_watch = KvWatch(probes, self.awake, self.scheduler.pressed)
        self._meters = {name: BusyMeter() for name in config.engines}
        self._clients = [
            OpenAIHttp(name, engine_address(config, name, self.sockets.get(name))) for name in config.engines
        ]
        self.leased = {
            client.name: Leased(client, self.scheduler, self._meters[client.name]) for client in self._clients
        }
        hooks.add(self._engine_changed)

    def start(self) -> None:
        """Bring up those of the first layout."""
        self.scheduler.start()
        self._kv_watch.start()

    def version(self, name: str) -> str:
        """The engine's, as it runs now; `unknown` before its first boot."""
        return self._hands.version(name)

    def judge(self, name: str) -> Answerer:
        """The engine for a second look: it is not woken for that."""
        return IfAwake(self.leased[name], partial(self.awake, name))

    def idle(self, name: str) -> bool:
        """Whether the engine is awake, nobody waits for it, and at least half of its places are free."""
        one = self.scheduler.core.engines[name]
        return one.open and not one.desk.waiting and one.desk.taken * 2 <= one.desk.places - 1

    def awake(self, name: str) -> bool:
        """Whether it takes requests now, without waiting for anything but a place."""
        return self.scheduler.core.engines[name].open

    def load(self, name: str) -> Load:
        """What stands before an answer of it now. One that is away needs its own way back at least."""
        one = self.scheduler.core.engines[name]
        ahead = (one.desk.waiting + (one.desk.taken >= one.desk.places)) / one.desk.places
        rest = State.ABSENT if one.state is State.BOOTING else one.state
        return Load(ahead, one.profile.in_s(rest))

    def missing(self) -> list[str]:
        """The engines that requests can neither use nor wait for, each with its reason."""
        return self.scheduler.missing()

    def state(self, name: str) -> dict[str, Any]:
        """What `GET /v1/cascade/state` shows of one engine."""
        shown = state.engine(self.scheduler, name, time.monotonic())
        if name not in self._processes:
            shown["state"] = "attached"
        return {**shown, "version": self.version(name), "busy_s": round(self._meters[name].busy_s, 3)}

    async def memory(self) -> dict[str, Any]:
        """What it shows of devices, layouts and moves."""
        devices = await self._witness.devices()
        return {"mode": self.mode, **state.memory(self.scheduler, devices)}

    async def close(self) -> None:
        """Drop the connections, then end the processes."""
        await self.scheduler.close()
        await self._kv_watch.close()
        await asyncio.gather(*(client.close() for client in self._clients), self._hands.close())
        await self._fleet.close()

    def _engine_changed(self, event: Event) -> None:
        if isinstance(event, EngineChanged):
            self.scheduler.engine_changed(event)

    def _body(self, name: str, stage: Stage, locks: Sequence[asyncio.Lock]) -> Body:
        process = self._processes[name]
        sleeper = Sleeper(name, process.socket)
        return Body(process, sleeper, stage.commands[name], stage.profiles[name], locks)

    def _members(self) -> dict[str, list[int]]:
        return {name: process.members() for name, process in self._processes.items()}

    def _sessions(self) -> list[int]:
        found = (process.session for process in self._processes.values())
        return [session for session in found if session is not None]


def engine_address(config: Config, name: str, socket: Path | None) -> Address:
    """Where an engine answers: its `socket` where it is started here, else what the file says."""
    engine = config.engines[name]
    if engine.url is None:
        return Address("http://engine/v1", name, socket, ranks=ranks(config, name))
    key = os.environ.get(engine.api_key_env) if engine.api_key_env else None
    if engine.api_key_env and not key:
        raise ConfigError(f"engines.{name}.api_key_env names {engine.api_key_env}, which is not set")
    return Address(engine.url.rstrip("/"), engine.name or name, key=key)


@asynccontextmanager
async def engines_alone(config: Config, options: Options, *listeners: Hook) -> AsyncIterator[Engines]:
    """The engines booted, without a gateway: for who asks them from this process, as `calibrate` does."""
    async with AsyncExitStack() as stack:
        stack.enter_context(hold(config.state_dir))
        stage = stage_of(config, options, stack.enter_context(socket_folder()))
        engines = Engines(config, stage, Hooks(*listeners))
        stack.push_async_callback(engines.close)
        engines.start()
        await engines.scheduler.ready()
        yield engines


def stage_of(config: Config, options: Options, sockets: Path) -> Stage:
    """Who goes where; raises before anything is started where it cannot be."""
    return staged_fake(config, sockets, options.script) if options.fake else staged(config, sockets)


def _processes(stage: Stage) -> dict[str, EngineProcess]:
    """One for each engine that is started here; what starts it is set anew at each boot."""
    return {name: EngineProcess(command(0)) for name, command in stage.commands.items()}


def _locks(stage: Stage) -> dict[str, list[asyncio.Lock]]:
    """Those of each engine's devices, in an order common to all: boots and wakes go one at a time.

    vLLM measures the whole device at boot, so boots race (vLLM #55827); without a GPU they would fight for
    the cores as well.
    """
    devices = {device: asyncio.Lock() for device in sorted(stage.capacity)}
    return {
        name: [devices[device] for device in sorted(stage.profiles[name].devices)] for name in stage.commands
    }
