"""A file to a `Document`, by the ending of its name."""

from pathlib import Path, PurePosixPath

from .builder import Builder
from .decode import decode, tidy
from .document import Document, Limits, Unreadable
from .files import HTML, MARKDOWN, load
from .from_docx import docx
from .from_html import charset, html
from .from_markdown import markdown
from .from_pdf import pdf
from .from_text import text
from .front import Front, front


def read(path: Path, limits: Limits) -> Document:
    """The document at `path`, read in this process: for files that are trusted. Raises `Unreadable`."""
    return parse(path.name, load(path.parent, path.name, limits.file_bytes), limits)


def parse(path: str, data: bytes, limits: Limits) -> Document:
    """What `data`, the content of the file `path`, says. Raises `Unreadable` with a cure.

    Time and memory are bounded by `Bounded`, which calls this in a process of its own.
    """
    builder = Builder()
    try:
        said, title = _read(path, data, limits, builder)
    except RecursionError:
        raise Unreadable("it nests too deeply to be read; simplify it") from None
    if all(block.kind == "heading" for block in builder.blocks):
        under = " under its headings" if builder.blocks else ""
        raise Unreadable(f"it holds no text{under}; write some or delete it")
    named = tidy(said.title or title or builder.top() or "") or _from_name(path)
    return Document(path, named, tuple(builder.blocks), said.effective, said.version, said.groups, said.notes)


def _read(path: str, data: bytes, limits: Limits, builder: Builder) -> tuple[Front, str | None]:
    """Add the blocks of a file; its front matter, and the title that it gives otherwise."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".pdf":
        return Front(), pdf(data, limits, builder)
    if suffix == ".docx":
        return Front(), docx(data, limits, builder)
    return _text(suffix, data, builder)


def _text(suffix: str, data: bytes, builder: Builder) -> tuple[Front, str | None]:
    """Add the blocks of a text file; its front matter, and the title that the text itself gives."""
    decoded, note = decode(data, charset(data) if suffix in HTML else None)
    said, body = front(decoded)
    if note:
        said = Front(said.title, said.effective, said.version, said.groups, (*said.notes, note))
    if suffix in HTML:
        return said, html(body, builder)
    (markdown if suffix in MARKDOWN else text)(body, builder)
    return said, None


def _from_name(path: str) -> str:
    """A title from a file's name: remote-work_2024.md is called "remote work 2024"."""
    stem = PurePosixPath(path).stem
    return " ".join(stem.replace("-", " ").replace("_", " ").split()) or stem
