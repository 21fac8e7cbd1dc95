"""The reading end of the index: it gives what the caller's groups may see, and decides that in the query."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from ..documents.access import PUBLIC
from ..documents.sentences import Span
from .bm25 import Postings, Row, best
from .schema import reader, unusable
from .words import key, words

MOST_WORDS = 256  # different words of a question that are looked for; the rest is left out

# ?1 is a JSON list of the caller's groups, the public one among them.
_SEEN = "SELECT document FROM access WHERE name IN (SELECT value FROM json_each(?1))"
_STORED = f"""
    SELECT p.id, d.path, d.title, d.effective, d.version, p.ordinal, p.headings, p.page, p.text,
        (SELECT json_group_array(json_array(s.start, s.end)) FROM
            (SELECT start, end FROM sentences WHERE passage = p.id ORDER BY number) s)
    FROM passages p JOIN documents d ON d.id = p.document
    WHERE p.document IN ({_SEEN})
"""  # noqa: S608 - our own words

_LISTED = f"SELECT path, title, effective, version FROM documents WHERE id IN ({_SEEN}) ORDER BY path"  # noqa: S608 - our own words
_VECTORS = f"""
    SELECT v.passage, v.vector FROM vectors v JOIN passages p ON p.id = v.passage
    WHERE v.model = ?2 AND p.document IN ({_SEEN}) ORDER BY v.passage
"""  # noqa: S608 - our own words


class Hit(NamedTuple):
    """A passage that was found, and its score."""

    passage: int
    score: float


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as a list of them shows it."""

    path: str
    title: str
    effective: date | None
    version: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A passage with its document. `sentences` are places in `text`, in order; quotes are cut from them.

    Show people `path` and `ordinal`: `id` counts documents too that they may not see.
    """

    id: int
    path: str
    title: str
    effective: date | None
    version: str | None
    ordinal: int
    headings: tuple[str, ...]
    page: int | None
    text: str
    sentences: tuple[Span, ...]


class Reader:
    """An index open for reading, also while it is written. One thread at a time may use it.

    Callers name their groups; what is public they see without any. The words of all passages are kept in
    memory and read again after a change of the index. Methods raise `ConfigError` or `Unavailable`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._trouble():
            self.connection = reader(path)
        self._postings: Postings | None = None
        self._version = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.connection.close()

    def version(self) -> int:
        """A number that changes with every change of the index."""
        with self._trouble():
            return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def visible(self, groups: frozenset[str]) -> frozenset[int]:
        """The ids of the documents that somebody in `groups` may see."""
        with self._trouble():
            return frozenset(row[0] for row in self.connection.execute(_SEEN, (_names(groups),)))

    def documents(self, groups: frozenset[str]) -> list[Listed]:
        """The documents that may be seen, by path."""
        with self._trouble():
            rows = self.connection.execute(_LISTED, (_names(groups),)).fetchall()
        return [Listed(path, title, _day(effective), version) for path, title, effective, version in rows]

    def document(self, path: str, groups: frozenset[str]) -> list[Stored]:
        """The passages of a document in order; [] where there is none, or none to be seen."""
        return self._stored("AND d.path = ?2 ORDER BY p.ordinal", groups, path)

    def passages(self, ids: Sequence[int], groups: frozenset[str]) -> list[Stored]:
        """These passages in the order asked for, without those that are gone or not to be seen."""
        rows = self._stored("AND p.id IN (SELECT value FROM json_each(?2))", groups, json.dumps(list(ids)))
        found = {stored.id: stored for stored in rows}
        return [found[id_] for id_ in ids if id_ in found]

    def vectors(self, model: str, groups: frozenset[str]) -> list[tuple[int, bytes]]:
        """Of each passage that may be seen its id and its vector by `model`, as `vectors.pack` wrote it."""
        with self._trouble():
            return self.connection.execute(_VECTORS, (_names(groups), model)).fetchall()

    def search_text(self, query: str, groups: frozenset[str], limit: int) -> list[Hit]:
        """The `limit` passages that fit the words of `query` best, by BM25 over what may be seen.

        The scores are the same whether or not there are documents that may not be seen. Any text is a query:
        it has no syntax, and without a known word it finds nothing. Equal scores come in the order of paths.
        """
        import numpy as np

        asked = list(dict.fromkeys(map(key, words(query))))[:MOST_WORDS]
        with self._trouble(), self._moment():
            postings = self._fresh()
            seen = np.isin(postings.documents, list(self.visible(groups)))
        scores = postings.scores(asked, seen)
        return [Hit(int(postings.passages[place]), float(scores[place])) for place in best(scores, limit)]

    def _fresh(self) -> Postings:
        """The postings as the index is now."""
        version = self.version()
        if self._postings is None or version != self._version:
            rows = self.connection.execute(
                "SELECT p.id, p.document, p.keys, p.counts FROM passages p "
                "JOIN documents d ON d.id = p.document ORDER BY d.path, p.ordinal"
            )
            self._postings, self._version = Postings(map(Row._make, rows)), version
        return self._postings

    def _stored(self, where: str, groups: frozenset[str], value: str) -> list[Stored]:
        with self._trouble():
            rows = self.connection.execute(f"{_STORED} {where}", (_names(groups), value)).fetchall()
        return [_stored(*row) for row in rows]

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Several queries that see the index as it was at one moment."""
        self.connection.execute("BEGIN")
        try:
            self.connection.execute("SELECT 1 FROM documents LIMIT 1").fetchone()  # the snapshot begins
            yield
        finally:
            self.connection.execute("ROLLBACK")

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise unusable(self.path, error) from error


def _names(groups: frozenset[str]) -> str:
    return json.dumps(sorted(groups | PUBLIC))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _stored(
    id_: int,
    path: str,
    title: str,
    effective: str | None,
    version: str | None,
    ordinal: int,
    headings: str,
    page: int | None,
    text: str,
    sentences: str,
) -> Stored:
    spans = tuple(Span(start, end) for start, end in json.loads(sentences))
    when, under = _day(effective), tuple(json.loads(headings))
    return Stored(id_, path, title, when, version, ordinal, under, page, text, spans)
