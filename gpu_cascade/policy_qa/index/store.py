"""The writing end of the index: one program at a time, a document whole or not at all."""

import json
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ...database import transaction
from ...errors import Unavailable
from ...locks import try_lock
from ..documents.document import Document
from ..documents.split import Passage
from .schema import unusable, writer
from .words import key, words

MOST = 0xFFFF  # how often a word is counted in one passage


class Store:
    """The index at `path`, open for writing. Raises `ConfigError`, or `Unavailable` while another writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with ExitStack() as opened:
                self._lock = opened.enter_context(_locked(path))
                self.connection = writer(path)
                opened.pop_all()
        except (sqlite3.Error, OSError) as error:
            raise unusable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.connection.close()
        self._lock.close()

    def made(self) -> dict[str, tuple[str, str]]:
        """Of each path what it was made from: the content's SHA-256, and by what."""
        rows = self.connection.execute("SELECT path, sha256, made_by FROM documents")
        return {path: (sha256, made_by) for path, sha256, made_by in rows}

    def put(
        self, document: Document, sha256: str, made_by: str, groups: frozenset[str], passages: list[Passage]
    ) -> None:
        """Store a document in place of what was there. `groups` may see it."""
        own = None if document.groups is None else json.dumps(sorted(document.groups))
        effective = document.effective.isoformat() if document.effective else None
        row = (document.path, sha256, made_by, document.title, effective, document.version, own)
        with self._transaction():
            self.connection.execute("DELETE FROM documents WHERE path = ?", (document.path,))
            added = self.connection.execute(
                "INSERT INTO documents (path, sha256, made_by, title, effective, version, own_groups) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                row,
            ).fetchone()[0]
            self._grant(added, groups)
            for ordinal, passage in enumerate(passages):
                self._passage(added, ordinal, document.title, passage)

    def remove(self, path: str) -> None:
        """Forget a document; nothing happens where there is none of that path."""
        with self._transaction():
            self.connection.execute("DELETE FROM documents WHERE path = ?", (path,))

    def own_groups(self) -> dict[str, frozenset[str] | None]:
        """What each document says itself about who may see it; None where it is silent."""
        rows = self.connection.execute("SELECT path, own_groups FROM documents")
        return {path: None if own is None else frozenset(json.loads(own)) for path, own in rows}

    def grant(self, seen_by: Mapping[str, frozenset[str]]) -> None:
        """Who may see each path from now on, all at once. Only what differs is written."""
        with self._transaction():
            rows = self.connection.execute(
                "SELECT id, path, (SELECT json_group_array(name) FROM access WHERE document = id) "
                "FROM documents"
            )
            for document, path, names in rows.fetchall():
                if path in seen_by and seen_by[path] != frozenset(json.loads(names)):
                    self.connection.execute("DELETE FROM access WHERE document = ?", (document,))
                    self._grant(document, seen_by[path])

    def passages(self) -> int:
        """How many passages there are."""
        return int(self.connection.execute("SELECT count(*) FROM passages").fetchone()[0])

    def lacking(self, model: str) -> int:
        """How many passages `model` has no vector of."""
        sql = "SELECT count(*) FROM passages WHERE id NOT IN (SELECT passage FROM vectors WHERE model = ?)"
        return int(self.connection.execute(sql, (model,)).fetchone()[0])

    def without_vector(self, model: str, limit: int) -> list[tuple[int, str]]:
        """Passages that `model` has no vector of, and what it is to read: title, headings, text."""
        rows = self.connection.execute(
            "SELECT p.id, d.title, p.headings, p.text FROM passages p JOIN documents d ON d.id = p.document "
            "WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v.passage = p.id AND v.model = ?) "
            "ORDER BY p.id LIMIT ?",
            (model, limit),
        )
        return [(id_, described(title, json.loads(headings), text)) for id_, title, headings, text in rows]

    def put_vectors(self, model: str, vectors: Iterable[tuple[int, bytes]]) -> None:
        """Store vectors of passages."""
        with self._transaction():
            self.connection.executemany(
                "INSERT OR REPLACE INTO vectors (passage, model, vector) VALUES (?, ?, ?)",
                [(passage, model, vector) for passage, vector in vectors],
            )

    def drop_vectors_but(self, model: str) -> None:
        """Forget the vectors of other models."""
        with self._transaction():
            self.connection.execute("DELETE FROM vectors WHERE model != ?", (model,))

    def _grant(self, document: int, groups: frozenset[str]) -> None:
        rows = [(document, name) for name in sorted(groups)]
        self.connection.executemany("INSERT INTO access (document, name) VALUES (?, ?)", rows)

    def _passage(self, document: int, ordinal: int, title: str, passage: Passage) -> None:
        counted = Counter(map(key, words(described(title, passage.headings, passage.text))))
        keys, counts = array("Q", counted), array("H", (min(count, MOST) for count in counted.values()))
        headings = json.dumps(passage.headings, ensure_ascii=False)
        row = (document, ordinal, headings, passage.page, passage.text, keys.tobytes(), counts.tobytes())
        added = self.connection.execute(
            "INSERT INTO passages (document, ordinal, headings, page, text, keys, counts) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
            row,
        ).fetchone()[0]
        self.connection.executemany(
            "INSERT INTO sentences (passage, number, start, end) VALUES (?, ?, ?, ?)",
            [(added, number, *span) for number, span in enumerate(passage.sentences, start=1)],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with transaction(self.connection):
                yield
        except sqlite3.Error as error:
            raise unusable(self.path, error) from error


def described(title: str, headings: Iterable[str], text: str) -> str:
    """A passage with where it stands: what it is found by."""
    return "\n".join([title, *headings, text])


def _locked(path: Path) -> IO[bytes]:
    """The lock file beside the index, ours until it is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock").open("ab")
    if try_lock(lock.fileno()):
        return lock
    lock.close()
    raise Unavailable(f"another program writes the index {path}; wait until it is done")
