"""What gpu-cascade holds of memory: fresh, after many requests, and while many drafts are held."""

import asyncio
import resource
from contextlib import suppress
from dataclasses import replace

import aiohttp
import msgspec

from .client import session
from .engine import held
from .loads import LANES, LOADS, OURS, PATH
from .machine import rss_bytes
from .ours import gpu_cascade
from .rounds import Bench

LANE = next(lane for lane in LANES if lane.name == "gpu-cascade, kept")
HELD = LOADS["stream"].body("cascade", hard=False).replace(b"easy", b"held")
AT_ONCE = 200  # new connections: many more overflow the gateway's backlog, which resets some
LOOK_S = 0.1
HELD_S = 180.0
SPARE_FILES = 200  # what else the gateway has open
SLICE_S = 5.0


class Memory(msgspec.Struct, frozen=True):
    """Resident bytes of one worker. `held`: how many streams were open, each kept alive by comments."""

    fresh_bytes: int
    requests: int
    after_bytes: int
    held: int
    held_bytes: int


def measured(bench: Bench, requests: int, streams: int) -> Memory:
    """Of a `serve` of its own, beside those of the bench."""
    with gpu_cascade(bench.stub, bench.home("memory"), bench.cores.gateway) as gateway:
        assert gateway.pid is not None
        alone = replace(bench, gateways={OURS: gateway})
        fresh_bytes, done = rss_bytes(gateway.pid), 0
        while done < requests:
            done += alone.measure(LANE, LOADS["whole"], 0, SLICE_S).told.requests
        after_bytes = rss_bytes(gateway.pid)
        count = min(streams, most_streams())
        opened, held_bytes = asyncio.run(hold(f"{gateway.url}{PATH}", count, gateway.pid, bench.stub))
        return Memory(fresh_bytes, done, after_bytes, opened, held_bytes)


def most_streams() -> int:
    """How many the limit on open files allows: the gateway needs two for each, and it inherits our limit."""
    return (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES) // 2


async def hold(url: str, count: int, pid: int, stub: str) -> tuple[int, int]:
    """How many streams were opened in time, and the gateway's resident bytes after a comment on each."""
    told: asyncio.Queue[bool] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []
    opened = 0
    async with session({}) as client:
        with suppress(TimeoutError):
            async with asyncio.timeout(HELD_S):
                for number in range(count):
                    if number % AT_ONCE == 0:
                        await _until_held(stub, number - AT_ONCE)
                    tasks.append(asyncio.create_task(_opened(client, url, told)))
                for _ in range(count):
                    opened += await told.get()
        held_bytes = rss_bytes(pid)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return opened, held_bytes


async def _until_held(stub: str, count: int) -> None:
    while await asyncio.to_thread(held, stub) < count:  # noqa: ASYNC110 - another process, which has no events
        await asyncio.sleep(LOOK_S)


async def _opened(client: aiohttp.ClientSession, url: str, told: asyncio.Queue[bool]) -> None:
    try:
        async with client.post(url, data=HELD) as response:
            await response.content.readany()
            told.put_nowait(response.status == 200)
            await asyncio.Event().wait()
    except aiohttp.ClientError:
        told.put_nowait(False)
