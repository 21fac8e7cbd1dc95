"""A scripted engine that sleeps and wakes: its boot, vLLM's calls, what becomes of requests meanwhile."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from ..types import Delta, Final, Request
from .base import Answerer, Pieces, break_off, collect
from .fake import Fake, Line
from .fake_vram import KV, OTHER, WEIGHTS, Faults, Memory, OutOfMemoryError, Sizes, Vram

NOISE = Line(text="%% ## %%", logprob=-9.0)  # what wrong weights say, whatever they are asked
HOLDER = "import signal; signal.pause()"


def boot(vram: Vram, sizes: Sizes) -> Memory:
    """Take what the engine needs; raises `OutOfMemoryError` where it does not fit, and nothing is left."""
    pid = os.getpid()
    if sizes.orphan:
        pid = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", HOLDER], os.environ)
    memory = Memory(vram, pid, sizes)
    try:
        memory.load(WEIGHTS)
        time.sleep(sizes.boot_s)
        memory.load(KV, OTHER)
    except OutOfMemoryError:
        end(memory)
        raise
    return memory


def end(memory: Memory) -> None:
    """End the child that holds the memory, where there is one, and see it gone."""
    if memory.pid != os.getpid():
        os.kill(memory.pid, signal.SIGKILL)
        os.waitpid(memory.pid, 0)


class Drowsy:
    """An Answerer that sleeps now and then.

    Requests that come meanwhile wait without a word and are in no metric, as in vLLM 0.32; those under way
    end first, or as they are (finish_reason `abort`).
    """

    def __init__(self, awake: Answerer, memory: Memory) -> None:
        self.name = awake.name
        self.memory = memory
        self.running = self.parked = 0
        self._awake, self._noise = awake, Fake(awake.name, NOISE)
        self._open, self._idle = asyncio.Event(), asyncio.Event()
        self._open.set()
        self._idle.set()
        self._aborts = 0

    @property
    def sleeping(self) -> bool:
        """What `/is_sleeping` says: paused, or not all awake."""
        return not self._open.is_set() or bool(self.memory.asleep)

    async def answer(self, request: Request) -> Final:
        """The whole of `stream`."""
        return await collect(self.stream(request))

    async def stream(self, request: Request) -> Pieces:
        """The scripted answer, once awake; noise where memory is missing or wrong."""
        await self._turn()
        async with self._run(), aclosing(self._brain().stream(request)) as pieces:
            aborts = self._aborts
            async for piece in pieces:
                yield piece
                if self._aborts > aborts and isinstance(piece, Delta):
                    final = await break_off(pieces)
                    assert final is not None
                    yield replace(final, finish_reason="abort")
                    return

    async def pause(self, mode: str) -> None:
        """Take no request any more, and wait for the end of those under way; `abort` ends them."""
        self._open.clear()
        self._aborts += mode == "abort"
        await self._idle.wait()

    def resume(self) -> None:
        """Take requests again, the parked ones first."""
        self._open.set()

    def _brain(self) -> Answerer:
        return self._noise if self.memory.garbled or self.memory.asleep else self._awake

    async def _turn(self) -> None:
        self.parked += 1
        try:
            while not self._open.is_set():  # it may sleep again before a woken request has its turn
                await self._open.wait()
        finally:
            self.parked -= 1

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        self.running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.running -= 1
            if not self.running:
                self._idle.set()


class CallFailed(Exception):
    """A call that vLLM answers with 500."""


class Calls:
    """The HTTP calls, each as vLLM 0.32 does it; and `/fake`, which shows how it is and sets its faults."""

    def __init__(self, engine: Drowsy) -> None:
        self.engine = engine

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """In order to the end: the child that holds the memory, if there is one, ends as well."""
        yield
        end(self.engine.memory)

    def routes(self) -> list[Route]:
        """What is added to the engine's own."""
        posts = {
            "/sleep": self.sleep,
            "/wake_up": self.wake_up,
            "/pause": self.pause,
            "/resume": self.resume,
            "/release_kv_cache_memory": self.release,
            "/collective_rpc": self.reload,
            "/reset_prefix_cache": self.reset,
        }
        return [
            *(Route(path, call, methods=["POST"]) for path, call in posts.items()),
            Route("/is_sleeping", self.is_sleeping),
            Route("/fake", self.fake, methods=["GET", "POST"]),
        ]

    async def sleep(self, http: HttpRequest) -> Response:
        """Level 0 only pauses."""
        level = int(http.query_params.get("level", 1))
        await self._hang("sleep")
        await self.engine.pause(http.query_params.get("mode", "abort"))
        if level:
            await asyncio.sleep(self.engine.memory.sizes.sleep_s)
            self.engine.memory.sleep(level)
        return reply({"status": "sleeping", "level": level})

    async def wake_up(self, http: HttpRequest) -> Response:
        """In part with `tags`; requests are taken again when nothing is asleep any more."""
        tags, memory = http.query_params.getlist("tags"), self.engine.memory
        await self._hang("wake")
        await asyncio.sleep(memory.sizes.wake_s)
        try:
            if tags != ["scheduling"]:
                memory.wake([tag for tag in tags if tag != "scheduling"])
        except OutOfMemoryError as error:
            raise CallFailed(f"CUDA out of memory: {error}") from error
        if not memory.asleep:
            self.engine.resume()
        return reply({"status": "sleeping" if memory.asleep else "awake", "tags": tags or None})

    async def pause(self, http: HttpRequest) -> Response:
        """`wait` or `abort`."""
        await self.engine.pause(http.query_params.get("mode", "abort"))
        return reply({"status": "paused"})

    async def resume(self, _: HttpRequest) -> Response:
        """Whatever is asleep stays asleep."""
        self.engine.resume()
        return reply({"status": "resumed"})

    async def release(self, _: HttpRequest) -> Response:
        """Only while paused and with everything mapped."""
        await self._hang("release")
        if not self.engine.sleeping or self.engine.running:
            raise CallFailed("pause first")
        if self.engine.memory.asleep:
            raise CallFailed(f"{sorted(self.engine.memory.asleep)} must be awake first")
        self.engine.memory.release()
        return reply({"status": "kv_cache_released"})

    async def reload(self, http: HttpRequest) -> Response:
        """`reload_weights`, and no other method."""
        method = msgspec.json.decode(await http.body())["method"]
        if method != "reload_weights":
            raise CallFailed(f"no method {method}")
        try:
            self.engine.memory.reload()
        except OutOfMemoryError as error:
            raise CallFailed(str(error)) from error
        return reply({"results": [None]})

    async def reset(self, _: HttpRequest) -> Response:
        """It has no prefix cache."""
        return reply({"success": True})

    async def is_sleeping(self, _: HttpRequest) -> Response:
        """True as well while paused."""
        return reply({"is_sleeping": self.engine.sleeping})

    async def fake(self, http: HttpRequest) -> Response:
        """POST replaces the faults."""
        engine = self.engine
        if http.method == "POST":
            engine.memory.faults = msgspec.json.decode(await http.body(), type=Faults)
        return reply({"running": engine.running, "parked": engine.parked, "faults": engine.memory.faults})

    async def _hang(self, call: str) -> None:
        if call in self.engine.memory.faults.hang:
            await asyncio.Event().wait()


def reply(payload: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(payload), status, media_type="application/json")


async def told(_: HttpRequest, error: Exception) -> Response:
    """What vLLM answers to a call that broke. The server then closes the connection, without saying so."""
    return reply({"error": {"message": str(error), "type": "InternalServerError", "param": None}}, 500)
