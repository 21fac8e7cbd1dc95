"""Asks over and over on several connections, reads every answer, and says what came when."""

import asyncio
import re
import statistics
import time
from collections.abc import Mapping, Sequence

import aiohttp
import msgspec

TOKEN = re.compile(rb'"content": ?"[^"]')  # in a stream: a piece of text
PIECE = re.compile(rb'"content": ?" ?(small|large)\d\d')  # what the stub says, see stub/answers.c


class Told(msgspec.Struct):
    """What a load saw; None where nobody looked. `bad`: broken, refused, or with another model's text."""

    requests: int
    bad: int
    seconds: float
    p50_ms: float | None
    p99_ms: float | None
    first_p50_ms: float | None = None
    first_p99_ms: float | None = None
    pieces: int | None = None  # of text, in all streams together


class Seen(msgspec.Struct):
    """One answer."""

    right: bool
    total_s: float
    first_s: float | None
    pieces: int


async def ask(
    url: str, body: bytes, headers: Mapping[str, str], connections: int, seconds: float, says: str
) -> Told:
    """Ask for so long on so many connections; what is under way at the end is read to its end."""
    seen: list[Seen] = []
    begun = time.perf_counter()
    async with session(headers) as client:

        async def again_and_again() -> None:
            while not seen or time.perf_counter() < begun + seconds:
                seen.append(await one(client, url, body, says))

        await asyncio.gather(*(again_and_again() for _ in range(connections)))
    return told(seen, time.perf_counter() - begun)


def session(headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """As many connections as are asked for."""
    kinds = {"content-type": "application/json", **headers}
    timeout = aiohttp.ClientTimeout(total=300)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=kinds, timeout=timeout)


async def one(client: aiohttp.ClientSession, url: str, body: bytes, says: str) -> Seen:
    """A single answer, and whether its text is that of the model `says`."""
    begun = time.perf_counter()
    got, first_s, status = bytearray(), None, 0
    try:
        async with client.post(url, data=body) as response:
            status = response.status
            async for data in response.content.iter_any():
                got += data
                if first_s is None and TOKEN.search(got):
                    first_s = time.perf_counter() - begun
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    total_s = time.perf_counter() - begun
    return Seen(status == 200 and is_from(bytes(got), says), total_s, first_s, len(TOKEN.findall(got)))


def is_from(answer: bytes, model: str) -> bool:
    """Whether the text is that model's to the last token, and no piece of it anybody else's."""
    said = {word.decode() for word in PIECE.findall(answer)}
    return said == {model} and f"{model}63".encode() in answer


def told(seen: Sequence[Seen], seconds: float) -> Told:
    """The figures of these answers."""
    first = [one.first_s for one in seen if one.first_s is not None]
    return Told(
        requests=len(seen),
        bad=sum(not one.right for one in seen),
        seconds=seconds,
        p50_ms=percentile_ms([one.total_s for one in seen], 50),
        p99_ms=percentile_ms([one.total_s for one in seen], 99),
        first_p50_ms=percentile_ms(first, 50),
        first_p99_ms=percentile_ms(first, 99),
        pieces=sum(one.pieces for one in seen),
    )


def percentile_ms(times_s: Sequence[float], percent: int) -> float | None:
    """Of seconds, in milliseconds; None of none."""
    if len(times_s) < 2:
        return 1e3 * times_s[0] if times_s else None
    return 1e3 * statistics.quantiles(times_s, n=100, method="inclusive")[percent - 1]
