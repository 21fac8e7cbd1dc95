"""An engine that answers what vLLM once did, and remembers what it was asked."""

import asyncio
import random
from contextlib import asynccontextmanager

import msgspec

ENDS = {200: "OK", 400: "Bad Request"}


class Replayed:
    """Answers with the bytes of `pair`, cut at odd places; `asked` has path and body of each request."""

    def __init__(self):
        self.pair = None
        self.asked = []

    async def answer(self, reader, writer):
        """One request of one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in lines if line)
        body = await reader.readexactly(int(named["content-length"]))
        self.asked.append((first.split()[1], msgspec.json.decode(body)))
        kind = "text/event-stream" if self.pair.answer.startswith("data:") else "application/json"
        start = f"HTTP/1.1 {self.pair.status} {ENDS[self.pair.status]}\r\ncontent-type: {kind}\r\n"
        writer.write(f"{start}transfer-encoding: chunked\r\n\r\n".encode())
        for piece in cut(self.pair.answer.encode(), self.pair.asked.name):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)  # whoever reads may get it alone
        writer.write(b"0\r\n\r\n")
        writer.close()


def cut(data, seed):
    """In pieces of 1 byte to an eighth of it, the same each time: inside of lines, events and characters."""
    chance, sizes = random.Random(seed), [1, 2, 7, len(data) // 8 + 1]
    while data:
        size = chance.choice(sizes)
        yield data[:size]
        data = data[size:]


@asynccontextmanager
async def replaying(socket):
    """It, listening."""
    engine = Replayed()
    server = await asyncio.start_unix_server(engine.answer, socket)
    async with server:
        yield engine
