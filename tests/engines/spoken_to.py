"""A scripted engine in a process of its own, over a Unix socket, and how it is asked."""

import asyncio
import contextlib
import sys

import msgspec

from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.errors import EngineLost
from gpu_cascade.types import Request


@contextlib.asynccontextmanager
async def engine_process(folder, lines):
    """The client of an engine that answers by these lines; both closed at the end."""
    script, socket = folder / "script.json", folder / "engine.sock"
    script.write_bytes(msgspec.json.encode(lines))
    module = "gpu_cascade.engines.fake_server"
    argv = ["-m", module, "--uds", str(socket), "--name", "small", "--script", str(script)]
    process = await asyncio.create_subprocess_exec(sys.executable, *argv)
    client = OpenAIHttp("small", Address("http://engine/v1", "small", socket))
    try:
        await answering(client)
        yield client
    finally:
        await client.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def answering(client):
    async with asyncio.timeout(30):
        while True:
            try:
                return await client.answer(ask())
            except EngineLost:
                await asyncio.sleep(0.02)


def ask(text="Capital of France?", **more):
    return Request([{"role": "user", "content": text}], **more)
