"""Asks awake engines every few seconds how full their KV caches are, and tells the scheduler."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp

from ..engines.probe import Probe

EVERY_S = 5.0


class KvWatch:
    """Asks each of `probes` whose engine is `awake`, and passes share and preemptions on to `tell`."""

    def __init__(
        self,
        probes: Mapping[str, Probe],
        awake: Callable[[str], bool],
        tell: Callable[[str, float, int], None],
    ) -> None:
        self._probes, self._awake, self._tell = probes, awake, tell
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Ask again and again."""
        self._task = asyncio.create_task(self._go_on(), name="kv watch")

    async def look(self) -> None:
        """Ask each once. One that does not answer, or goes while it is asked, is not told of."""
        for name, probe in self._probes.items():
            if not self._awake(name):
                continue
            try:
                usage, preemptions = await probe.kv_usage()
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue
            if usage is not None and self._awake(name):
                self._tell(name, usage, preemptions)

    async def close(self) -> None:
        """Ask no more, and drop the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(probe.close() for probe in self._probes.values()))

    async def _go_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)
