"""PDF to blocks: lines by page, headings by their size, without the lines that every page repeats."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from .builder import Builder
from .document import Limits, Unreadable
from .from_text import compounds, pieces

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_LARGER = 1.15  # a heading's size by that of the text
_LONGEST_HEADING = 120  # characters
_NAMELESS = frozenset({"", "untitled"})
_EDGE = 2  # lines at the top and the bottom of a page that may be its header and footer
_REPEATED_PAGES = 3
_SHORT = 0.75  # a line shorter than that share of the page's longest ends a paragraph with its sentence
_ENDS = re.compile(r"[.!?:;][\"'”’)\]]*$")


class Line(NamedTuple):
    """A line of a page and the size of its largest letters, in points."""

    text: str
    size: float


def pdf(data: bytes, limits: Limits, builder: Builder) -> str | None:
    """Add the blocks of a PDF; the title that its metadata give. Raises `Unreadable`.

    A page that holds pictures only gives no block: nothing is read from pictures.
    """
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it is encrypted with a password; save a copy without one")
        count = len(reader.pages)
        if count > limits.pages:
            raise Unreadable(f"it has {count:,} pages, {limits.pages:,} may be; split it")
        pages = [_lines(page) for page in reader.pages]
        title = _title(reader)
    except DependencyError as error:
        raise Unreadable("it is encrypted with AES; install cryptography or save it without") from error
    except PyPdfError as error:
        raise Unreadable(
            f"it is broken ({type(error).__name__}); open it in a viewer and save it again"
        ) from error
    _blocks(_without_repeats(pages), builder)
    if not builder.blocks:
        raise Unreadable(f"its {count:,} pages hold no text, only pictures; index a copy that OCR has read")
    return title


def _title(reader: PdfReader) -> str | None:
    """What the metadata call it; None where they are broken, or name nothing."""
    try:
        title = str((reader.metadata and reader.metadata.title) or "").strip()
    except PyPdfError:
        return None
    return title if title.lower() not in _NAMELESS else None


def _lines(page: Any) -> list[Line]:
    """The lines of a page, blank ones with them."""
    lines, sizes = [""], [0.0]

    def visit(text: str, _cm: Any, matrix: Sequence[float], _font: Any, size: float) -> None:
        for place, piece in enumerate(text.translate(_LIGATURES).split("\n")):
            if place:
                lines.append("")
                sizes.append(0.0)
            lines[-1] += piece
            if piece.strip():
                sizes[-1] = max(sizes[-1], float(size) * abs(matrix[3] or matrix[1] or 1.0))

    page.extract_text(visitor_text=visit)
    return [Line(text.strip(), round(size, 1)) for text, size in zip(lines, sizes, strict=True)]


def _without_repeats(pages: list[list[Line]]) -> list[list[Line]]:
    """The pages without headers and footers: edge lines that over half of the pages share but for numbers."""
    seen = Counter(key for page in pages for key in {_key(page[place]) for place in _edges(page)})
    often = {key for key, count in seen.items() if count >= _REPEATED_PAGES and 2 * count > len(pages)}
    kept = []
    for page in pages:
        gone = {place for place in _edges(page) if _key(page[place]) in often}
        rest = [line for place, line in enumerate(page) if place not in gone]
        kept.append(rest if any(line.text for line in rest) else page)  # copies of one page are no header
    return kept


def _edges(page: list[Line]) -> set[int]:
    full = [place for place, line in enumerate(page) if line.text]
    return {*full[:_EDGE], *full[-_EDGE:]}


def _key(line: Line) -> str:
    return re.sub(r"\d+", "0", line.text)


def _blocks(pages: list[list[Line]], builder: Builder) -> None:
    levels = _levels([line for page in pages for line in page if line.text])
    known = compounds("\n".join(line.text for page in pages for line in page))
    for number, page in enumerate(pages, start=1):
        longest = max((len(line.text) for line in page), default=0)
        for level, run in groupby(page, key=lambda line: _level(line, levels)):
            if level is not None:
                builder.heading(level, " ".join(line.text for line in run), number)  # it may take two lines
                continue
            for piece in pieces(_paragraphs(run, longest), known):
                builder.add(piece.kind, piece.text, piece.marker, number)


def _level(line: Line, levels: dict[float, int]) -> int | None:
    return levels.get(line.size) if len(line.text) <= _LONGEST_HEADING else None


def _paragraphs(lines: Iterable[Line], longest: int) -> Iterator[str]:
    """The lines, with a blank one after each that ends a paragraph."""
    for line in lines:
        yield line.text
        if _ENDS.search(line.text) and len(line.text) < _SHORT * longest:
            yield ""


def _levels(lines: list[Line]) -> dict[float, int]:
    """Which sizes are headings, and of which level: those above that of most letters, the largest first."""
    letters: Counter[float] = Counter()
    for line in lines:
        letters[line.size] += len(line.text)
    body = letters.most_common(1)[0][0] if letters else 0.0
    larger = sorted((size for size in letters if size > body * _LARGER), reverse=True)
    return {size: level for level, size in enumerate(larger, start=1)}
