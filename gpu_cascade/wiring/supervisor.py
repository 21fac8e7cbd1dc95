"""Several gateway processes on one port: the side of the process that owns everything else."""

import pickle
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..calibrate.artifact import Artifact
from ..cascade.cascade import Cascade
from ..config import Config
from ..gateway.parts import Parts
from ..gateway.server import DRAIN_S
from ..launch import socket_folder
from ..traces import LIMIT, Traces
from ..types import Final
from ..vram.credits.office import Office
from ..workers.crew import Crew, Patience
from ..workers.hub import Ends, Hub
from ..workers.messages import News, Offered, Standing
from .calibrated import Calibrated
from .engines import Engines
from .monitored import Monitored

ARGV = (sys.executable, "-m", "gpu_cascade.wiring.worker")
OFFICE, HUB = "office.sock", "hub.sock"
STOP_S = DRAIN_S + 5.0


@dataclass(frozen=True, slots=True)
class Errand:
    """All that a worker is told. Pickled, over a pipe of our own: a configuration is no plain data.

    `folder` holds the supervisor's sockets, `sockets` are the engines'. The calibrations come along as they
    were checked: the files may have changed since.
    """

    config: Config
    number: int
    fd: int
    folder: Path
    sockets: Mapping[str, Path]
    artifacts: Mapping[str, Artifact]
    monitored: Sequence[str]
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Owned:
    """What the workers stand on."""

    config: Config
    api_key: str | None
    parts: Parts
    engines: Engines
    cascades: Mapping[str, Calibrated | Cascade]
    monitored: Mapping[str, Monitored]
    traces: Traces


class Supervisor:
    """What workers ask, and where what they tell goes."""

    def __init__(self, ours: Owned, taken: socket.socket, folder: Path) -> None:
        self._ours, self._fd, self._folder = ours, taken.fileno(), folder
        workers = ours.config.gateway.workers
        self.crew = Crew(workers, ARGV, self.errand, self._fd, Patience(stop_s=STOP_S))
        self.office = Office(ours.engines.scheduler)
        self.hub = Hub(
            Ends(
                traces=ours.traces,
                hooks=ours.parts.hooks,
                quota=LIMIT // workers,  # all places are shared out: no worker takes another's
                news=self.news,
                views={"state": self.state, "metrics": self.metrics, "decision": self.decision},
                offered=self.offered,
                serves=self.crew.serves,
            )
        )
        ours.engines.scheduler.listen(self.hub.look)

    def news(self) -> News:
        """How things stand."""
        engines, monitored = self._ours.engines, self._ours.monitored
        standings = {
            name: Standing(engines.version(name), engines.awake(name)) for name in self._ours.config.engines
        }
        stopped = [name for name, one in monitored.items() if one.stopped]
        return News(standings, engines.missing(), stopped)

    def offered(self, offered: Offered) -> None:
        """A worker's kept answer goes to the one who compares them."""
        final = Final(offered.text, "stop", offered.decision.tier, decision=offered.decision)
        self._ours.monitored[offered.cascade].shadow.offer(offered.request, final)

    async def state(self, _: str) -> bytes:
        """As one process shows it, with what the workers had of the engines, and the workers themselves."""
        shown = dict(await self._ours.parts.state())
        for name, engine in shown["engines"].items():
            engine["busy_s"] = round(engine["busy_s"] + self.hub.busy_s(name), 3)
        answered = self.hub.answered
        workers = [{**seat, "answered": answered[seat["number"]]} for seat in self.crew.state()]
        return msgspec.json.encode({**shown, "workers": workers})

    async def metrics(self, _: str) -> bytes:
        """Everything is counted here, whoever answered."""
        body, content_type = await self._ours.parts.metrics()
        return msgspec.json.encode((body.decode(), content_type))

    async def decision(self, id: str) -> bytes:  # noqa: A002 - what everybody calls it
        """One decision record."""
        record = await self._ours.parts.decision(id)
        return b"" if record is None else msgspec.msgpack.encode(record)

    def errand(self, number: int) -> bytes:
        """What the worker of that number is told when it starts."""
        cascades = self._ours.cascades.items()
        artifacts = {name: made.artifact for name, made in cascades if isinstance(made, Calibrated)}
        errand = Errand(
            config=self._ours.config,
            number=number,
            fd=self._fd,
            folder=self._folder,
            sockets=self._ours.engines.sockets,
            artifacts=artifacts,
            monitored=list(self._ours.monitored),
            api_key=self._ours.api_key,
        )
        return pickle.dumps(errand)


@asynccontextmanager
async def by_workers(
    ours: Owned, taken: socket.socket
) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
    """Workers answer at the socket while the block runs; yields what raises when nobody does any more.

    All accept from the one listening socket that was bound before them. With SO_REUSEPORT each had a queue
    of its own: one that dies loses the connections in it, and a foreign server could join the port.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(socket_folder())
        made = Supervisor(ours, taken, folder)
        stack.push_async_callback(made.office.close)
        await made.office.open(folder / OFFICE)
        stack.push_async_callback(made.hub.close)
        await made.hub.open(folder / HUB)
        stack.push_async_callback(made.crew.close)
        await made.crew.open()
        yield made.crew.lasting
