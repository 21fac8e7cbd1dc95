"""Our engine client beside the library's, by turns against the stub: what a request costs each of them."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import uvloop

from gpu_cascade.engines.http_client import Client, HttpClient
from gpu_cascade.engines.http_library import LibraryClient

from .engine import stub_engine
from .loads import LOADS, Load
from .machine import Cores, described

ROUNDS, SLICE_S = 5, 1.0
MEASURED = ("whole", "alone", "plain", "stream")
CLIENTS: Mapping[str, Callable[[str], Client]] = {
    "ours": lambda url: HttpClient(url, None, {}),
    f"aiohttp {aiohttp.__version__}": lambda url: LibraryClient(url, {}),
}

Found = dict[tuple[str, str], list[tuple[float, float]]]  # load and client: CPU µs and requests/s, by round


def compared(both: Cores) -> str:
    """The table, medians of the rounds; the client has the gateway's core for itself."""
    with TemporaryDirectory() as folder, stub_engine(Path(folder), both.load) as stub:
        os.sched_setaffinity(0, {both.gateway})
        found: Found = {}
        for number in range(ROUNDS):
            for load in MEASURED:
                for name in (*CLIENTS,)[:: 1 if number % 2 else -1]:
                    told = uvloop.run(_slice(CLIENTS[name](f"{stub}/v1"), LOADS[load]))
                    found.setdefault((load, name), []).append(told)
    return _table(found)


async def _slice(client: Client, load: Load) -> tuple[float, float]:
    """CPU µs of a request, and requests a second."""
    body, done = load.body("small", hard=False), 0
    begun, used_s = time.perf_counter(), time.process_time()

    async def again_and_again() -> None:
        nonlocal done
        while time.perf_counter() < begun + SLICE_S:
            await _one(client, body)
            done += 1

    await asyncio.gather(*(again_and_again() for _ in range(load.connections)))
    spent_s, took_s = time.process_time() - used_s, time.perf_counter() - begun
    await client.close()
    return 1e6 * spent_s / done, done / took_s


async def _one(client: Client, body: bytes) -> None:
    answer = await client.post("chat/completions", body, 60.0)
    assert answer.status == 200, f"the stub answered {answer.status}"
    while await answer.some():
        pass
    answer.close()


def _table(found: Found) -> str:
    lines = [f"{name}: {value}" for name, value in described().items()]
    lines += [f"{ROUNDS} rounds of {SLICE_S:.0f} s, medians; CPU of the client alone", ""]
    lines.append(f"{'load':8}{'client':18}{'CPU µs/request':>16}{'requests/s':>13}")
    for (load, name), rounds in sorted(found.items(), key=lambda item: MEASURED.index(item[0][0])):
        cpu_us, rate = (statistics.median(values) for values in zip(*rounds, strict=True))
        lines.append(f"{load:8}{name:18}{cpu_us:16,.0f}{rate:13,.0f}")
    for load in MEASURED:
        ours, theirs = (statistics.median([cpu for cpu, _ in found[load, name]]) for name in CLIENTS)
        lines.append(f"{load}: the library takes {theirs / ours:.1f} times as much")
    return "\n".join(lines) + "\n"
