"""An engine that boots and dies as scripted, a clock that jumps, and a listener to wait with."""

import asyncio
from dataclasses import dataclass, field

from gpu_cascade.engines.supervise import Clock, Patience, Supervised
from gpu_cascade.events import Hooks

PATIENCE = Patience(steady_s=300, boots=5, look_every_s=5, hung_s=30)


class Scripted:
    """An engine whose boots go as scripted, then succeed; it lives until `die` is set."""

    def __init__(self, name, *boots):
        self.name = name
        self.boots = list(boots)
        self.booted = 0
        self.stopped = 0
        self.answers = True
        self.die = asyncio.Event()

    async def boot(self):
        self.booted += 1
        fate = self.boots.pop(0) if self.boots else None
        if isinstance(fate, Exception):
            raise fate
        if fate is not None:
            await fate.wait()
        self.die.clear()

    async def healthy(self):
        return self.answers

    async def wait_exit(self):
        await self.die.wait()
        return "it was killed by signal 9"

    async def stop(self):
        self.stopped += 1
        return []


@dataclass
class Hours:
    """A clock that moves when somebody sleeps, and remembers how long each sleep was."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds):
        self.at += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)

    def clock(self):
        return Clock(now=lambda: self.at, sleep=self.sleep)


class Seen:
    """Every event, and a way to wait for a state."""

    def __init__(self):
        self.events = []
        self._news = asyncio.Event()

    def __call__(self, event):
        self.events.append(event)
        self._news.set()

    async def until(self, state, times=1):
        """Until `state` was told `times` times; the last of them."""
        async with asyncio.timeout(10):
            while len(found := [e for e in self.events if e.state == state]) < times:
                self._news.clear()
                await self._news.wait()
        return found[times - 1]


class Still(Hours):
    """A clock on which looks at health take no turn: only the back-off passes."""

    async def sleep(self, seconds):
        if seconds == PATIENCE.look_every_s:
            await asyncio.Event().wait()
        await super().sleep(seconds)


def supervised(engine, seen, hours=None, locks=(), patience=PATIENCE):
    return Supervised(engine, list(locks), Hooks(seen), patience, (hours or Still()).clock())
