"""Both ends of a worker's socket, with what each was told."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from gpu_cascade.errors import GpuError
from gpu_cascade.events import Hooks
from gpu_cascade.traces import Traces
from gpu_cascade.workers.hub import Ends, Hub
from gpu_cascade.workers.link import Ears, Link, linked
from gpu_cascade.workers.messages import News, Standing
from gpu_cascade.workers.records import RemoteRecords


@dataclass
class House:
    """A hub over a store of eight places, four for each worker, and what it was told."""

    hub: Hub
    traces: Traces
    socket: object
    told: list
    offered: list
    serving: list
    standing: dict


@dataclass
class Worker:
    """A worker's end, and what it has heard."""

    link: Link = None
    news: list = field(default_factory=list)
    beside: list = field(default_factory=list)
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self, kept, on_full="refuse"):
        with RemoteRecords(self.link, on_full).reserve() as place:
            await place.keep(kept)


@asynccontextmanager
async def house(tmp_path, on_full="refuse", limit=8):
    traces = Traces(tmp_path / "traces.db", on_full, limit=limit, content=True)
    traces.open()
    told, offered, serving = [], [], []
    standing = {"large": Standing("0.32", awake=True)}

    async def decision(about):
        found = traces.get(about)
        return msgspec.msgpack.encode(found) if found else b""

    async def broken(_):
        raise GpuError("the driver does not answer")

    views = {"state": broken, "metrics": shown, "decision": decision}
    ends = Ends(
        traces,
        Hooks(told.append),
        4,
        lambda: News(dict(standing), [], []),
        views,
        offered.append,
        serving.append,
    )
    hub = Hub(ends)
    await hub.open(tmp_path / "hub.sock")
    try:
        yield House(hub, traces, tmp_path / "hub.sock", told, offered, serving, standing)
    finally:
        await hub.close()
        traces.close()


async def shown(_):
    return b"up 1"


@asynccontextmanager
async def worker(at):
    """One that has connected."""
    made = Worker()
    made.link = await linked(at.socket, Ears(made.news.append, made.beside.append, made.lost.set))
    try:
        yield made
    finally:
        made.link.leave()


async def until(happened):
    while not happened():
        await asyncio.sleep(0.002)
