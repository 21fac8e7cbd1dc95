"""Lines to paragraphs and list items: plain text, and the pages of a PDF."""

import re
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from .builder import Builder
from .document import Kind

_BULLET = re.compile(r"[ \t]*(?P<sign>[-*•◦▪‣·–—]|\d{1,3}[.)]|[a-zA-Z][.)]|\([a-z0-9]{1,3}\))[ \t]+(?=\S)")
_SIGNS = "-*•◦▪‣·–—"
_BROKEN = re.compile(r"([^\W\d_]+)-$")  # a word cut at the end of a line
_BEGUN = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


class Piece(NamedTuple):
    """A paragraph or an item, put together from its lines."""

    kind: Kind
    marker: str
    text: str


def text(said: str, builder: Builder) -> None:
    """Add the blocks of plain text: no headings are guessed in it."""
    for piece in pieces(said.split("\n"), compounds(said)):
        builder.add(piece.kind, piece.text, piece.marker)


def pieces(lines: Iterable[str], known: Set[str]) -> Iterator[Piece]:
    """Paragraphs end at a blank line, items begin with a bullet, a number or a letter; lines are joined."""
    open_piece: Piece | None = None
    for line in lines:
        bullet = _BULLET.match(line)
        if open_piece and (bullet or not line.strip()):
            yield open_piece
            open_piece = None
        if bullet:
            marker = "- " if bullet["sign"] in _SIGNS else f"{bullet['sign']} "
            open_piece = Piece("item", marker, line[bullet.end() :].strip())
        elif line.strip():
            open_piece = _longer(open_piece or Piece("paragraph", "", ""), line.strip(), known)
    if open_piece:
        yield open_piece


def _longer(piece: Piece, line: str, known: Set[str]) -> Piece:
    cut, begun = _BROKEN.search(piece.text), _BEGUN.match(line)
    if not cut or not begun or not begun[0][0].islower():
        return piece._replace(text=f"{piece.text} {line}".lstrip())
    # "long-" and "term" are one word in two ways; what the rest of the document writes decides.
    with_hyphen = f"{cut[1]}-{begun[0]}".lower() in known and f"{cut[1]}{begun[0]}".lower() not in known
    return piece._replace(text=(piece.text if with_hyphen else piece.text[:-1]) + line)


def compounds(said: str) -> frozenset[str]:
    """The words of a text in lower case, compounds with their hyphens."""
    return frozenset(word.lower() for word in _COMPOUND.findall(said))
