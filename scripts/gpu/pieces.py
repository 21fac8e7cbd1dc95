"""The pieces of the check, each on a GPU that is free at its beginning and must be free at its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from gpu_cascade.config import Config
from gpu_cascade.errors import CascadeError
from gpu_cascade.events import Hooks
from gpu_cascade.launch import socket_folder
from gpu_cascade.staging.stage import Stage
from gpu_cascade.types import Final
from gpu_cascade.vram import witness
from gpu_cascade.vram.gpu.reading import NOTICEABLE_BYTES, GpuProbe
from gpu_cascade.vram.scheduler.words import Kind, State
from gpu_cascade.wiring.engines import Engines

from .alone import Alone, asked
from .record import Line, Piece

LIMIT_S = 480.0  # of a piece: three of them stay under 25 minutes
LOOK_S = 0.1
REQUESTS = 16
TURNS = (("small", "large"), ("small",), ("large",))  # who is asked at once; then the next ones


@dataclass(frozen=True, slots=True)
class Bed:
    """What is measured on: engines, who plans and starts them, what sees the GPU; what is left undone."""

    config: Config
    stage: Callable[[Path], Stage]
    probe: GpuProbe
    not_done: tuple[str, ...] = ()


async def measured(name: str, bed: Bed) -> Piece:
    """A piece from its beginning to its end, whatever goes wrong in it."""
    piece, began = Piece(), time.monotonic()
    used_bytes, ours = _used(bed.probe), _children()
    with _reported(piece, ""):
        async with asyncio.timeout(LIMIT_S):
            await PIECES[name](bed, piece)
    piece.add(await _left(bed.probe, used_bytes, ours))
    piece.took_s = round(time.monotonic() - began, 1)
    return piece


async def boot(bed: Bed, piece: Piece) -> None:
    """Each engine boots and works, one after the other: planned bytes against measured ones."""

    async def done(engine: Alone, _: Callable[[], Stage]) -> None:
        piece.add(await engine.do(Kind.BOOT))
        piece.add(await engine.work())
        piece.add(await engine.do(Kind.STOP))

    await _each(bed, piece, done)


async def moves(bed: Bed, piece: Piece) -> None:
    """Each engine releases its KV cache, sleeps, wakes, and restarts by a plan that has learned."""

    async def done(engine: Alone, plan: Callable[[], Stage]) -> None:
        piece.add(await engine.do(Kind.BOOT))
        for kind in _rests(engine, piece):
            piece.add(await engine.do(kind))
        engine.learn((await engine.work()).measured_bytes or 0)
        piece.add(await engine.do(Kind.STOP))
        engine.use(plan())
        piece.add(await engine.do(Kind.BOOT))
        piece.add(await engine.work())
        piece.add(await engine.do(Kind.STOP))

    await _each(bed, piece, done)


async def traffic(bed: Bed, piece: Piece) -> None:
    """Requests to both engines on memory that holds one: all are answered, and the budget holds."""
    with socket_folder() as sockets:
        stage = bed.stage(sockets)
        engines = Engines(bed.config, stage, Hooks())
        try:
            async with _watched(bed.probe, stage, piece):
                engines.scheduler.start()
                await engines.scheduler.ready()
                for turn, names in enumerate(TURNS):
                    piece.add(await _turn(engines, turn, names))
        finally:
            await engines.close()
            for move in engines.scheduler.moves:
                note = move.wrong or move.why
                piece.add(
                    Line(move.engine, move.kind, not move.wrong, took_s=round(move.took_s, 3), note=note)
                )
        count = len(engines.scheduler.moves)
        piece.add(Line("", "moves", count > 1, note=f"{count}, the first boot included"))


PIECES: dict[str, Callable[[Bed, Piece], Awaitable[None]]] = {
    "boot": boot,
    "moves": moves,
    "traffic": traffic,
}


async def _each(
    bed: Bed, piece: Piece, work: Callable[[Alone, Callable[[], Stage]], Awaitable[None]]
) -> None:
    """That work with every engine; what goes wrong with one is a line, and the next has its turn."""
    with socket_folder() as sockets:
        stage = bed.stage(sockets)
        for name in stage.commands:
            engine = Alone(name, stage)
            try:
                with _reported(piece, name):
                    await work(engine, lambda: bed.stage(sockets))
            finally:
                await engine.close()


def _rests(engine: Alone, piece: Piece) -> tuple[Kind, ...]:
    """What is tried with a booted engine before it is stopped."""
    if any(layout.rest.get(engine.name) is State.ASLEEP for layout in engine.stage.layouts):
        return (Kind.RELEASE, Kind.WAKE, Kind.SLEEP, Kind.WAKE)
    piece.not_done.append(f"{engine.name} was not put to sleep: host RAM has no room for its weights")
    return ()


async def _turn(engines: Engines, turn: int, names: tuple[str, ...]) -> Line:
    """Requests to these engines at once, each answered by the engine that was asked."""
    began = time.monotonic()
    answers = await asyncio.gather(*(asked(engines.leased[name], REQUESTS, turn) for name in names))
    pairs = [(name, one) for name, found in zip(names, answers, strict=True) for one in found]
    good = [one for name, one in pairs if isinstance(one, Final) and one.engine == name]
    wrong = next((f"; {one}" for _, one in pairs if isinstance(one, CascadeError)), "")
    waited_s = max((use.queue_s for one in good for use in one.uses), default=0.0)
    note = f"{len(good)} of {len(pairs)} answered, the longest wait {waited_s:.1f} s{wrong}"
    took_s = round(time.monotonic() - began, 3)
    return Line(" and ".join(names), "answers", len(good) == len(pairs), took_s=took_s, note=note)


@asynccontextmanager
async def _watched(probe: GpuProbe, stage: Stage, piece: Piece) -> AsyncIterator[None]:
    """Ten looks a second at what is used; the most of it may not be above the budget."""
    before, looks = _used(probe), [0]

    async def look() -> None:
        while True:
            looks.append(await asyncio.to_thread(_used, probe) - before)
            await asyncio.sleep(LOOK_S)

    watch = asyncio.create_task(look())
    try:
        yield
    finally:
        watch.cancel()
        budget = stage.capacity[probe.devices()[0].uuid]
        piece.add(Line("", "most used", max(looks) <= budget, budget, max(looks), note=f"{len(looks)} looks"))


@contextmanager
def _reported(piece: Piece, engine: str) -> Iterator[None]:
    """What ends the work with an engine, as a line; all that it says on the screen."""
    try:
        yield
    except CascadeError as error:
        print(error.message, flush=True)
        piece.add(Line(engine, "ended", right=False, note=error.message.splitlines()[0]))
    except TimeoutError:
        piece.add(Line(engine, "ended", right=False, note=f"it was not done after {LIMIT_S:g} s"))


async def _left(probe: GpuProbe, before_bytes: int, before: set[int]) -> Line:
    """What is there that was not there before: neither processes nor memory."""
    until = time.monotonic() + witness.BACK_S
    while True:
        left_bytes, processes = _used(probe) - before_bytes, _children() - before
        right = left_bytes <= NOTICEABLE_BYTES and not processes
        if right or time.monotonic() > until:
            return Line("", "left", right, 0, left_bytes, note=f"{len(processes)} processes")
        await asyncio.sleep(LOOK_S)


def _used(probe: GpuProbe) -> int:
    return probe.devices()[0].used_bytes


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}
