"""The best passages that fit a budget, as they are read: by document, in order, neighbours in one piece."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..index.reader import Stored
from ..index.store import described


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Passages that follow each other in one document, under one heading or under it and the one above."""

    passages: tuple[Stored, ...]


def join(ranked: Iterable[Stored], budget_tokens: int, count: Callable[[str], int]) -> tuple[Excerpt, ...]:
    """Of passages, best first, those that fit the budget; the document of the best one first.

    A passage is taken whole or not at all, and one that does not fit gives way to those after it. It is
    counted with its title and headings: what a prompt adds to that is not in the budget.
    """
    documents: dict[str, list[Stored]] = {}
    for passage in ranked:
        tokens = count(described(passage.title, passage.headings, passage.text))
        if tokens <= budget_tokens:
            budget_tokens -= tokens
            documents.setdefault(passage.path, []).append(passage)
    return tuple(excerpt for taken in documents.values() for excerpt in _excerpts(taken))


def _excerpts(taken: list[Stored]) -> list[Excerpt]:
    """The passages of one document in order, neighbours together."""
    runs: list[list[Stored]] = []
    for passage in sorted(taken, key=lambda passage: passage.ordinal):
        if runs and _neighbours(runs[-1][-1], passage):
            runs[-1].append(passage)
        else:
            runs.append([passage])
    return [Excerpt(tuple(run)) for run in runs]


def _neighbours(first: Stored, second: Stored) -> bool:
    """Whether one follows the other under the same heading, or one's heading is right above the other's."""
    one, two = first.headings, second.headings
    return second.ordinal == first.ordinal + 1 and (one == two or one == two[:-1] or one[:-1] == two)
