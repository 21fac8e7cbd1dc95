"""A gateway worker: a process that answers at the shared port, over engines that the supervisor owns.

`python -m gpu_cascade.wiring.worker`, with its errand on standard input. It ends with the supervisor.
"""

import asyncio
import math
import os
import pickle
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import uvloop

from ..cascade import budget
from ..cascade.cascade import Cascade
from ..config import MonitorConfig
from ..engines.base import Answerer
from ..engines.leased import IfAwake, Leased
from ..engines.meter import BusyMeter
from ..engines.openai_http import OpenAIHttp
from ..errors import CascadeError
from ..events import Hooks
from ..gateway.app import build
from ..gateway.parts import Limits, Parts
from ..gateway.server import serving
from ..governance import Finder
from ..monitor import chosen, vouched
from ..types import Final, Request
from ..vram.credits.worker import CreditLeases
from ..workers.link import Ears, Link, linked
from ..workers.messages import Beside, Hello, Load, Loads, News, Offered, Serving
from ..workers.records import RemoteRecords
from .by_hand import by_hand
from .calibrated import Calibrated, by_calibration
from .engines import engine_address
from .models import door_of, models_of
from .supervisor import HUB, OFFICE, Errand

TELL_S = 0.1  # how often it says what runs; shares of an engine's busy time are that old
ORPHANED = 3  # the exit code where the supervisor is gone


class WorkerEngines:
    """The engines as a worker has them: clients of its own, places by credit, and what the news say."""

    def __init__(self, errand: Errand, leases: CreditLeases) -> None:
        names = errand.config.engines
        self.news = News({}, [], [])
        self.meters = {name: BusyMeter() for name in names}
        self._clients = [
            OpenAIHttp(name, engine_address(errand.config, name, errand.sockets.get(name))) for name in names
        ]
        self.leased: dict[str, Answerer] = {
            client.name: Leased(client, leases, self.meters[client.name]) for client in self._clients
        }

    def judge(self, name: str) -> Answerer:
        """The engine for a second look: it is not woken for that."""
        return IfAwake(self.leased[name], lambda: self.news.engines[name].awake)

    def version(self, name: str) -> str:
        """The engine's, as the last news have it."""
        return self.news.engines[name].version

    def load(self, name: str) -> budget.Load:
        """Who waits there for other workers is not known here; one that is away may be so for long."""
        return budget.Load(away_s=0.0 if self.news.engines[name].awake else math.inf)

    def beside(self, told: Beside) -> None:
        """So much runs there for other workers."""
        now = time.monotonic()
        for name, count in told.running.items():
            self.meters[name].beside(count, now)

    def loads(self) -> dict[str, Load]:
        """What runs here, and what it has had so far."""
        return {name: Load(meter.running, meter.busy_s) for name, meter in self.meters.items()}

    async def close(self) -> None:
        """Drop the connections."""
        await asyncio.gather(*(client.close() for client in self._clients))


class Offers:
    """A monitor's way to the supervisor: what it would choose goes there, with its text."""

    def __init__(self, link: Link, cascade: str, asked: MonitorConfig | None) -> None:
        assert asked is not None, "the supervisor watches what is to be watched"
        self._link, self._cascade, self._share = link, cascade, asked.share

    def offer(self, request: Request, final: Final) -> None:
        """An answer went out."""
        decision = final.decision
        if decision is not None and vouched(decision) and chosen(request.id, self._cascade, self._share):
            self._link.send(Offered(self._cascade, request, final.text, decision))


@asynccontextmanager
async def working(errand: Errand, orphaned: Callable[[], None]) -> AsyncIterator[None]:
    """Answers at the port while the block runs; then those under way may finish."""
    async with AsyncExitStack() as stack:
        leases = CreditLeases(errand.folder / OFFICE)
        engines = WorkerEngines(errand, leases)
        stack.push_async_callback(engines.close)
        await leases.open()
        stack.push_async_callback(leases.close)
        cascades = {name: _made(name, errand, engines) for name in errand.config.cascades}
        ears = Ears(partial(_heed, engines, cascades), engines.beside, orphaned)
        link = await linked(errand.folder / HUB, ears)
        link.send(Hello(errand.number))
        stack.callback(link.leave)
        stack.callback(lambda: link.send(Loads(engines.loads())))  # the last word, after the last answer
        telling = asyncio.create_task(_tell(engines, link), name="loads")
        stack.callback(telling.cancel)
        keys = Finder(errand.config.state_dir)
        stack.callback(keys.close)
        parts = _parts(errand, engines, cascades, link, keys)
        await stack.enter_async_context(serving(build(parts), socket.socket(fileno=errand.fd)))
        link.send(Serving())
        yield


def _made(name: str, errand: Errand, engines: WorkerEngines) -> Calibrated | Cascade:
    if name in errand.artifacts:
        return by_calibration(name, errand.config, engines, errand.artifacts[name])
    return by_hand(name, errand.config, engines)


def _heed(engines: WorkerEngines, cascades: Mapping[str, Calibrated | Cascade], news: News) -> None:
    engines.news = news
    for name in news.stopped:
        made = cascades[name]
        (made.cascade if isinstance(made, Calibrated) else made).stop_drafting()


def _parts(
    errand: Errand,
    engines: WorkerEngines,
    cascades: Mapping[str, Calibrated | Cascade],
    link: Link,
    keys: Finder,
) -> Parts:
    config = errand.config
    gateway = config.gateway
    offers = {name: Offers(link, name, config.cascades[name].monitor) for name in errand.monitored}
    return Parts(
        models=models_of(config, cascades, offers, engines),
        traces=RemoteRecords(link, config.traces.on_full),
        hooks=Hooks(link.tell),
        limits=Limits(gateway.deadline_s, gateway.hold_s, config.traces.content),
        door=door_of(config, errand.api_key, keys),
        state=partial(_state, link),
        missing=lambda: engines.news.missing,
        metrics=partial(_metrics, link),
        decision=link.find,
    )


async def _state(link: Link) -> dict[str, Any]:
    return msgspec.json.decode(await link.view("state"), type=dict[str, Any])


async def _metrics(link: Link) -> tuple[bytes, str]:
    text, content_type = msgspec.json.decode(await link.view("metrics"), type=tuple[str, str])
    return text.encode(), content_type


async def _tell(engines: WorkerEngines, link: Link) -> None:
    told: dict[str, Load] = {}
    while True:
        loads = engines.loads()
        if loads != told:
            link.send(Loads(loads))
            told = loads
        await asyncio.sleep(TELL_S)


async def work(errand: Errand) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with working(errand, _orphaned):
        await stop.wait()


def _orphaned() -> None:
    """No answer may go out without its record, and nothing of ours has to be put in order: end here."""
    os._exit(ORPHANED)


def main() -> int:
    """The exit code; what went wrong is said on standard error."""
    errand = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the supervisor, over its own pipe
    try:
        uvloop.run(work(errand))
    except CascadeError as error:
        sys.stderr.write(f"worker {errand.number}: {error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
