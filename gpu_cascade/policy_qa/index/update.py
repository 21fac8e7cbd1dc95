"""Bringing the index up to date with a folder: only what changed is read, and what is gone goes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ...embedding.embedder import Embedder
from ..documents.document import PARSER, Document, Limits, Skipped, Unreadable
from ..documents.files import Listing, listing, load
from ..documents.split import Cut, split
from .folders import Folders
from .report import Report
from .store import Store
from .vectors import fill

Parse = Callable[[str, bytes], Document]  # raises `Unreadable`: `documents.bounded.Bounded`
# How many are done, of how many, and the path that comes now or the model that embeds.
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class _Done:
    """What has been done so far."""

    indexed: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[Skipped] = field(default_factory=list)


def update(
    folder: Path,
    store: Store,
    parse: Parse,
    cut: Cut,
    limits: Limits,
    progress: Progress,
    embedder: Embedder | None,
) -> Report:
    """Bring `store` up to date with `folder`, and say what was done. Raises `ConfigError`, `ModelError`.

    A document is read again when its content, the parser, the budget or the tokenizer changed. Who may see
    what is applied to all that is stored before anything is read, so a restriction never waits for a long
    update. Each document is replaced in one transaction: broken off, the next update goes on from there.
    A document that can no longer be read goes from the index.
    """
    started = time.monotonic()
    found = listing(folder)
    folders = Folders(folder, found.access)
    done = _Done(skipped=[*folders.broken, *found.skipped])
    _forget(store, found, done)
    store.grant(folders.seen_by(store.own_groups()))
    _read(folder, store, found.files, _Work(parse, cut, limits, folders), progress, done)
    embedded = fill(store, embedder, progress) if embedder else 0
    return Report(
        tuple(done.indexed),
        done.unchanged,
        tuple(done.removed),
        tuple(done.skipped),
        tuple(done.notes),
        found.others,
        store.passages(),
        embedded,
        time.monotonic() - started,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """How a file becomes a stored document."""

    parse: Parse
    cut: Cut
    limits: Limits
    folders: Folders

    @property
    def made_by(self) -> str:
        return f"parser {PARSER}, {self.cut.budget_tokens} tokens of {self.cut.tokenizer}"


def _forget(store: Store, found: Listing, done: _Done) -> None:
    for path in sorted(set(store.made()) - set(found.files)):
        store.remove(path)
        done.removed.append(path)


def _read(folder: Path, store: Store, files: list[str], work: _Work, progress: Progress, done: _Done) -> None:
    known = store.made()
    for place, path in enumerate(files):
        progress(place, len(files), path)
        try:
            data = load(folder, path, work.limits.file_bytes)
            made = (sha256(data).hexdigest(), work.made_by)
            if known.get(path) == made:
                done.unchanged += 1
                continue
            document = work.parse(path, data)
        except Unreadable as error:
            store.remove(path)
            done.skipped.append(Skipped(path, error.message))
            continue
        groups = work.folders.groups(path, document.groups)
        store.put(document, *made, groups, split(document.blocks, work.cut))
        done.indexed.append(path)
        done.notes += [Skipped(path, note) for note in document.notes]
    progress(len(files), len(files), "")
