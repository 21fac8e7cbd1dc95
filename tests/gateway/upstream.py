"""An engine at the level of bytes: what it sends, where the network splits that, and where it breaks."""

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from itertools import pairwise

import msgspec

from gpu_cascade.engines import fake_wire
from gpu_cascade.engines.fake_words import Word, written
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.types import Delta, Use

BAD_EVENTS = {
    "garbage": b"data: {oops\n\n",
    "error": b'data: {"error": {"message": "out of memory"}}\n\n',
}
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)


@dataclass
class Script:
    """One answer, `every` words in a chunk.

    `splits`: bytes at which it is cut in two, `breaks`: where the connection breaks; modulo its length.
    `bad`: in the place of the `breaks`-th event stands one that is none. `hangs`: from `breaks` on nothing
    comes, and the connection stays.
    """

    words: list[Word]
    reason: str = "stop"
    every: int = 1
    splits: list[int] = field(default_factory=list)
    breaks: int | None = None
    bad: str | None = None
    hangs: bool = False

    @property
    def final(self):
        """The answer that it is."""
        final = written("engine", self.words, self.reason, "", logprobs=True)
        return replace(final, uses=(Use("engine", 7, len(self.words)),))

    def stream(self, request):
        """Its bytes as a stream."""
        said = [self._delta(start) for start in range(0, len(self.words), self.every)]
        chunks = [*(fake_wire.chunk(delta, request) for delta in said)]
        chunks += [fake_wire.ending(self.final, request, None)]
        chunks += [{"choices": [], "usage": fake_wire.usage(self.final)}]
        events = [*map(fake_wire.event, chunks), b"data: [DONE]\n\n"]
        if self.bad:
            events[self.breaks % len(events)] = BAD_EVENTS[self.bad]
        return b"".join(events)

    def whole(self, request):
        """Its bytes as one body; a bad event makes it no JSON."""
        data = msgspec.json.encode(fake_wire.whole(self.final, request, None))
        return data[1:] if self.bad else data

    def parts(self, data):
        """The bytes that come, one by one."""
        end = len(data) if self.breaks is None or self.bad else self.breaks % len(data)
        at = sorted({0, end, *(split % len(data) for split in self.splits if split % len(data) < end)})
        return [data[a:b] for a, b in pairwise(at)], end == len(data)

    def _delta(self, start):
        words = self.words[start : start + self.every]
        calls = tuple(piece for word in words for piece in word.calls)
        return Delta("".join(w.text for w in words), tokens=tuple(w.token for w in words), tool_calls=calls)


class Upstream:
    """It, listening on a Unix socket. `open`: connections that somebody still holds, of all that it `met`."""

    def __init__(self, name, folder):
        self.name = name
        self.says = Script([])
        self.open = self.met = 0
        self.news = asyncio.Event()
        self._socket = folder / f"{name}.sock"
        self.client = OpenAIHttp(name, Address("http://engine/v1", name, self._socket))

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_unix_server(self._met, str(self._socket))
        async with server:
            yield self
            await self.client.close()

    async def until_open(self, count):
        """Until so many connections are held."""
        while self.open != count:
            self.news.clear()
            await self.news.wait()

    async def until_met(self):
        """Until it has been asked something."""
        while not self.met:
            self.news.clear()
            await self.news.wait()

    async def _met(self, reader, writer):
        self.met += 1
        self._count(1)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._count(-1)
            writer.close()

    async def _answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")
        )
        body = msgspec.json.decode(await reader.readexactly(length))
        request = fake_wire.request_of(body)
        script = self.says
        parts, ends = script.parts((script.stream if body.get("stream") else script.whole)(request))
        writer.write(HEAD)
        for part in parts:
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
            for _ in range(3):  # the reader's turn: what was written must not flow together
                await asyncio.sleep(0)
        if ends:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        elif script.hangs:
            await reader.read()  # until the client has left
        else:
            writer.transport.abort()

    def _count(self, change):
        self.open += change
        self.news.set()
