"""Texts of several callers, embedded together: a batch of eight takes little longer than one."""

import asyncio
from collections.abc import Sequence

from ..errors import Busy
from .embedder import Owned

WINDOW_S = 0.005  # for so long the first one waits for others
MOST = 32  # texts in a batch
WAITING = 256  # texts that may wait; a caller more is told to come back


Vector = Sequence[float]
_Waiting = tuple[str, "asyncio.Future[Vector]"]


class Together:
    """Owns an encoder: starts it, gathers who comes within 5 ms into one batch, and closes it."""

    def __init__(self, encoder: Owned) -> None:
        self.name = encoder.name
        self._encoder = encoder
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to load the model. Raises `ModelError`."""
        await asyncio.to_thread(self._encoder.start)

    async def embed(self, text: str) -> Vector:
        """The text's vector. Raises `ModelError`, or `Busy` where too many wait; may be cancelled."""
        if len(self._waiting) >= WAITING:
            raise Busy(f"{WAITING} texts wait to be embedded; ask again in a second", retry_after_s=1.0)
        vector: asyncio.Future[Vector] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, vector))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await vector

    async def close(self) -> None:
        """End the encoder; whoever still waits gets a `ModelError`."""
        await asyncio.to_thread(self._encoder.close)
        if self._task:
            await self._task

    async def _work(self) -> None:
        """Batches, until nobody waits."""
        await asyncio.sleep(WINDOW_S)
        while self._waiting:
            batch = [(text, vector) for text, vector in self._waiting[:MOST] if not vector.done()]
            del self._waiting[:MOST]
            if batch:
                await self._batch(batch)

    async def _batch(self, batch: list[_Waiting]) -> None:
        try:
            vectors = await asyncio.to_thread(self._encoder.embed, [text for text, _ in batch])
            found = list(zip(batch, vectors, strict=True))
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            for _, waiting in batch:
                if not waiting.done():  # its caller may have left meanwhile
                    waiting.set_exception(error)
            return
        for (_, waiting), vector in found:
            if not waiting.done():
                waiting.set_result(vector)
