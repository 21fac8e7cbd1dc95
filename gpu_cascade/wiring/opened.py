"""What `serve` runs: gateway, engines, store; opened and closed in order."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from .. import __version__
from ..cascade.cascade import Cascade
from ..cascade.direct import Direct
from ..cascade.sticky import Remembered, Sticking
from ..config import Config
from ..engines.base import Answerer
from ..errors import ConfigError
from ..events import Hook, Hooks
from ..gateway.app import build
from ..gateway.guards import Door
from ..gateway.parts import Limits, Parts
from ..gateway.server import address, listen, serving
from ..governance import Finder, rows
from ..launch import socket_folder
from ..metrics import Metrics
from ..monitor import ShadowCollector, Watched
from ..recent import Recent
from ..running import announce, hold
from ..traces import Traces
from ..types import Sticky
from ..vram.scheduler.series import SchedulerCollector
from .by_hand import by_hand
from .calibrated import Calibrated, by_calibration, state
from .engines import Engines, Options, stage_of
from .monitored import Monitored, watches


@dataclass(slots=True)
class Opened:
    """A gateway that listens, and the engines behind it."""

    url: str
    ready: Callable[[], Coroutine[Any, Any, None]]  # until the engines answer; raises why one will not


@asynccontextmanager
async def opened(config: Config, options: Options, *listeners: Hook) -> AsyncIterator[Opened]:
    """Everything that `serve` runs. The port, the lock and the store come first: they cost nothing to try."""
    async with AsyncExitStack() as stack:
        keys = Finder(config.state_dir)
        stack.callback(keys.close)
        door = _door(config, options, keys)
        stack.enter_context(hold(config.state_dir))
        taken = listen(config.gateway.host, config.gateway.port)
        stack.callback(taken.close)
        traces = Traces(config.traces_path, config.traces.on_full, content=config.traces.content)
        traces.open()
        stack.callback(traces.close)
        hooks = Hooks(*listeners)
        stage = stage_of(config, options, stack.enter_context(socket_folder()))
        engines = Engines(config, stage, hooks)
        stack.push_async_callback(engines.close)
        cascades = {name: _made(name, config, engines, options) for name in config.cascades}
        monitored = _monitored(config, engines, cascades, hooks)
        for one in monitored.values():
            stack.push_async_callback(one.close)
        house = _House(config, engines, cascades, monitored, traces, hooks)
        await stack.enter_async_context(serving(build(house.parts(door)), taken))
        announce(config.state_dir, address(taken))
        engines.start()
        yield Opened(address(taken), engines.scheduler.ready)


def _door(config: Config, options: Options, keys: Finder) -> Door:
    """Who may come in. Raises `ConfigError` where a key is needed and nobody has one."""
    keys.refresh()
    host, required = config.gateway.host, config.governance.keys == "required"
    static = options.api_key or None  # an empty variable is none: it would let in who sends nothing
    door = Door(host, static, config.gateway.cors, keys, required)
    if door.needs_key and static is None and all(key.revoked for key in rows(config.state_dir)):
        why = "governance.keys is required" if required else f"gateway.host is {host}, beyond loopback"
        raise ConfigError(
            f"{why}: a key is needed, and there is none; make one with `gpu-cascade keys create`, "
            f"or set GPU_CASCADE_API_KEY"
        )
    return door


def _made(name: str, config: Config, engines: Engines, options: Options) -> Calibrated | Cascade:
    if config.cascades[name].calibration is None:
        return by_hand(name, config, engines)
    return by_calibration(name, config, engines, fake=options.fake)


def _monitored(
    config: Config, engines: Engines, cascades: Mapping[str, Calibrated | Cascade], hooks: Hooks
) -> dict[str, Monitored]:
    """What watches the calibrated ones, where that is asked for."""
    return {
        name: Monitored(name, config, engines, made.cascade, made.artifact, hooks)
        for name, made in cascades.items()
        if isinstance(made, Calibrated) and watches(name, config, made.artifact)
    }


def _models(
    config: Config,
    cascades: Mapping[str, Calibrated | Cascade],
    monitored: Mapping[str, Monitored],
    engines: Engines,
) -> dict[str, Answerer]:
    """What clients may name: cascades first."""
    models: dict[str, Answerer] = {}
    secret = os.urandom(32)
    for name, made in cascades.items():
        sticky = config.cascades[name].sticky
        answerer = Sticking(
            made.cascade if isinstance(made, Calibrated) else made,
            Sticky(sticky.mode),
            Remembered(sticky.ttl_s),
            secret,
        )
        models[name] = Watched(answerer, monitored[name].shadow) if name in monitored else answerer
    return models | {name: Direct(engine) for name, engine in engines.leased.items()}


class _House:
    """The objects of one `serve`, joined."""

    def __init__(
        self,
        config: Config,
        engines: Engines,
        cascades: Mapping[str, Calibrated | Cascade],
        monitored: Mapping[str, Monitored],
        traces: Traces,
        hooks: Hooks,
    ) -> None:
        self._config, self._engines, self._traces, self._hooks = config, engines, traces, hooks
        self._cascades, self._monitored = cascades, monitored
        self._models = _models(config, cascades, monitored, engines)
        self._metrics = Metrics(list(self._models), __version__, traces.health)
        self._metrics.registry.register(ShadowCollector([one.shadow for one in monitored.values()]))
        self._metrics.registry.register(SchedulerCollector(engines.scheduler))
        self._recent = Recent()
        hooks.add(self._metrics)
        hooks.add(self._recent)

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
            missing=self._engines.missing,
            metrics=self._metrics.render,
        )

    async def state(self) -> dict[str, Any]:
        """What `GET /v1/cascade/state` shows."""
        cascades = {name: self._cascade_state(name) for name in self._cascades}
        engines = {name: self._engines.state(name) for name in self._config.engines}
        store = self._traces.health()
        told = {"version": __version__, "engines": engines, "cascades": cascades, "traces": store}
        return {**told, "vram": await self._engines.memory()}

    def _cascade_state(self, name: str) -> dict[str, Any]:
        made, written = self._cascades[name], self._config.cascades[name]
        recent = {"recent": asdict(self._recent.rate(name))}
        if isinstance(made, Calibrated):
            watched = self._monitored.get(name)
            monitor = {} if watched is None else {"monitor": watched.shadow.state()}
            return {"tiers": written.tiers, **state(made.artifact), **monitor, **recent}
        return {"tiers": written.tiers, "threshold": written.threshold, "certified": False, **recent}
