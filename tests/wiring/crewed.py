"""A serve with two workers over scripted engines, and requests over connections of their own."""

import asyncio
import json
import re
from pathlib import Path

import aiohttp

from ..serving import cmdline, scripted

PLACES = {"small": 3, "large": 2}
YAML = """
engines:
  small: {model: any-small, max_num_seqs: 3}
  large: {model: any-large, max_num_seqs: 2}
cascades:
  cascade: {tiers: [small, large], threshold: -0.9}
"""
SCRIPT = [
    {"match": "slow", "text": "word " * 40, "token_s": 0.05},
    {"match": "hard", "text": "Who knows.", "logprob": -3.0, "token_s": 0.005},
    {"match": "", "text": "Within 30 days.", "token_s": 0.005},
]


def start(folder):
    """A serve with two workers, ready to answer."""
    return scripted(folder, YAML, SCRIPT, "--workers", "2").ready(100)


def engine(served, name):
    """The process of an engine, the youngest of those that name its socket."""
    return max(pid for pid in served.sessions() if f"{name}.sock" in cmdline(pid))


async def said(served, name, metric):
    """What the scripted engine itself says: `most_running` is the most requests that it ever had at once."""
    path = next(word for word in cmdline(engine(served, name)).split() if word.endswith(f"{name}.sock"))
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        text = await (await session.get("http://it/metrics")).text()
    return int(re.search(rf"{metric} (\d+)", text)[1])


async def ask(session, url, body):
    async with session.post(f"{url}/v1/chat/completions", json=body) as response:
        return response.status, response.headers, await response.text()


def body(text, number, **more):
    return {"model": "cascade", "messages": [{"role": "user", "content": f"{text} {number}"}], **more}


class Raw:
    """One request over a connection of its own, to be found in the kernel's tables by its port."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.local_port = writer.get_extra_info("sockname")[1]

    @classmethod
    async def asking(cls, served, what):
        host, port = served.url.removeprefix("http://").split(":")
        one = cls(*await asyncio.open_connection(host, int(port)))
        data = json.dumps(what).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        one.writer.write(head.encode() + data)
        return one

    async def end(self):
        """All that comes; empty where the connection broke."""
        try:
            return await self.reader.read(-1)
        except ConnectionError:
            return b""
        finally:
            self.writer.close()


def peers_of(pid):
    """The ports at the other end of a process' TCP connections."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = str(entry.readlink())
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[9] in inodes}
