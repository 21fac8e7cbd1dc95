"""What `serve` runs: gateway, engines, store; opened and closed in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from .. import __version__
from ..cascade.cascade import Cascade
from ..config import Config
from ..errors import ConfigError
from ..events import Hook, Hooks
from ..gateway.app import build
from ..gateway.guards import Door
from ..gateway.parts import Limits, Parts
from ..gateway.server import address, listen, serving
from ..governance import Finder, rows
from ..launch import socket_folder
from ..metrics import Metrics
from ..monitor import ShadowCollector
from ..recent import Recent
from ..running import announce, hold
from ..traces import Record, Traces
from ..vram.scheduler.series import SchedulerCollector
from .by_hand import by_hand
from .calibrated import Calibrated, by_calibration, checked, state
from .engines import Engines, Options, stage_of
from .models import door_of, models_of
from .monitored import Monitored, watches
from .supervisor import Owned, by_workers


@dataclass(slots=True)
class Opened:
    """A gateway that listens, and the engines behind it."""

    url: str
    ready: Callable[[], Coroutine[Any, Any, None]]  # until the engines answer; raises why one will not
    lasting: Callable[[], Coroutine[Any, Any, None]]  # raises why nobody serves any more


@asynccontextmanager
async def opened(config: Config, options: Options, *listeners: Hook) -> AsyncIterator[Opened]:
    """Everything that `serve` runs. The port, the lock and the store come first: they cost nothing to try."""
    async with AsyncExitStack() as stack:
        keys = Finder(config.state_dir)
        stack.callback(keys.close)
        door = door_of(config, options.api_key, keys)
        _check_keys(config, door)
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
        parts = house.parts(door)
        if config.gateway.workers > 1:
            ours = Owned(config, options.api_key, parts, engines, cascades, monitored, traces)
            lasting = await stack.enter_async_context(by_workers(ours, taken))
        else:
            await stack.enter_async_context(serving(build(parts), taken))
            lasting = _for_good
        announce(config.state_dir, address(taken))
        engines.start()
        yield Opened(address(taken), engines.scheduler.ready, lasting)


async def _for_good() -> None:
    await asyncio.Event().wait()


def _check_keys(config: Config, door: Door) -> None:
    """Raises `ConfigError` where a key is needed and nobody has one, or keys cannot be read."""
    assert door.keys is not None
    door.keys.refresh()
    if door.needs_key and door.key is None and all(key.revoked for key in rows(config.state_dir)):
        beyond = f"gateway.host is {door.host}, beyond loopback"
        why = "governance.keys is required" if door.required else beyond
        raise ConfigError(
            f"{why}: a key is needed, and there is none; make one with `gpu-cascade keys create`, "
            f"or set GPU_CASCADE_API_KEY"
        )


def _made(name: str, config: Config, engines: Engines, options: Options) -> Calibrated | Cascade:
    if config.cascades[name].calibration is None:
        return by_hand(name, config, engines)
    return by_calibration(name, config, engines, checked(name, config, fake=options.fake))


def _monitored(
    config: Config, engines: Engines, cascades: Mapping[str, Calibrated | Cascade], hooks: Hooks
) -> dict[str, Monitored]:
    """What watches the calibrated ones, where that is asked for."""
    return {
        name: Monitored(name, config, engines, made.cascade, made.artifact, hooks)
        for name, made in cascades.items()
        if isinstance(made, Calibrated) and watches(name, config, made.artifact)
    }


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
        shadows = {name: one.shadow for name, one in monitored.items()}
        self._models = models_of(config, cascades, shadows, engines)
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
            metrics=self.metrics,
            decision=self.decision,
        )

    async def metrics(self) -> tuple[bytes, str]:
        """What `GET /metrics` shows."""
        return self._metrics.render()

    async def decision(self, id: str) -> Record | None:  # noqa: A002 - what everybody calls it
        """What `GET /v1/cascade/decisions/{id}` shows."""
        return self._traces.get(id)

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
