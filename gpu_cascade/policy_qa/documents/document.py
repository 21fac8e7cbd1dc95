"""What a file says: its blocks in order, each under its headings, and what its front matter says."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ...errors import CascadeError

PARSER = 1  # raised when a reader changes what it reads: documents indexed before are then read again

Kind = Literal["heading", "paragraph", "item", "row", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """One heading, paragraph, list item, table row or piece of code.

    `text` has no markup; a line break in it was one in the document, and cells of a row are parted by " | ".
    `headings` are those above it, outermost first; a heading's own include itself. `page` counts from 1 and
    is None where the format has none. `marker` stands before an item: "- ", "2. ", indented where nested.
    """

    kind: Kind
    text: str
    headings: tuple[str, ...] = ()
    page: int | None = None
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read. `effective` and `version` are None where it does not say.

    `groups` says who may see it, as its front matter does: None where that is silent, so that the folder
    decides. `notes` are sentences for the operator on what was read with doubts.
    """

    path: str
    title: str
    blocks: tuple[Block, ...]
    effective: date | None = None
    version: str | None = None
    groups: frozenset[str] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not in the index, and a sentence that says why and what helps."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may take. Beyond it the file is skipped and the rest goes on."""

    file_bytes: int = 100 * 1024**2
    unpacked_bytes: int = 200 * 1024**2  # of a DOCX: the sum over its parts
    pages: int = 3000
    seconds: float = 60.0
    memory_bytes: int = 2 * 1024**3  # address space of the process that reads


class Unreadable(CascadeError):
    """This file cannot be indexed; the message is the `why` of a `Skipped`."""
