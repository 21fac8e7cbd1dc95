"""DOCX to blocks: the body in order, with insertions and without what was deleted, struck or hidden."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from .builder import Builder
from .document import Kind, Limits, Unreadable

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_GONE = frozenset({_FALLBACK, f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", f"{_W}instrText"})
_OFF = frozenset({"0", "false", "off", "none"})
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_OLE = b"\xd0\xcf\x11\xe0"  # how an encrypted DOCX and an old .doc begin


def docx(data: bytes, limits: Limits, builder: Builder) -> str | None:
    """Add the blocks of a Word document; the title of its properties. Raises `Unreadable`.

    Headers, footers, footnotes and comments are not read.
    """
    import docx as word
    from docx.opc.exceptions import OpcError

    _bound(data, limits)
    try:
        document = word.Document(io.BytesIO(data))
        styles = {style.style_id: str(style.name) for style in document.styles}
        for element in _elements(document.element.body):
            _block(element, styles, builder)
        return str(document.core_properties.title or "").strip() or None
    except (OpcError, SyntaxError, zipfile.BadZipFile, KeyError, ValueError, AttributeError) as error:
        raise Unreadable(
            f"it is broken ({type(error).__name__}); open it in Word and save it again"
        ) from error


def _bound(data: bytes, limits: Limits) -> None:
    """Raise `Unreadable` before anything is unpacked; zipfile reads no more of a part than it declares."""
    if data.startswith(_OLE):
        raise Unreadable("it is encrypted, or an old .doc; save it as .docx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Unreadable("it is no DOCX: it is not a ZIP archive; save it again as .docx") from error
    if unpacked > limits.unpacked_bytes:
        raise Unreadable(
            f"it unpacks from {len(data):,} to {unpacked:,} bytes, {limits.unpacked_bytes:,} may be; "
            f"take its pictures out or split it"
        )


def _elements(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, those in content controls too; not a generated table of contents."""
    for element in parent:
        if element.tag in {f"{_W}p", f"{_W}tbl"}:
            yield element
        elif element.tag == f"{_W}sdt":
            if element.find(f"{_W}sdtPr/{_W}docPartObj") is None:
                yield from _elements(element.iterchildren(f"{_W}sdtContent"))
        elif element.tag in {f"{_W}sdtContent", f"{_W}ins", f"{_W}customXml"}:
            yield from _elements(element)


def _block(element: Any, styles: dict[str, str], builder: Builder) -> None:
    if element.tag == f"{_W}tbl":
        for row in element.iter(f"{_W}tr"):
            builder.add("row", " | ".join(_cell(cell) for cell in row.iterchildren(f"{_W}tc")))
        return
    name = styles.get(_value(element.find(f"{_W}pPr/{_W}pStyle")), "")
    heading = _HEADING.match(name)
    if heading or name == "Title":
        builder.heading(int(heading[1]) if heading else 1, _text(element))
        return
    kind, marker = _listed(element, name)
    builder.add(kind, _text(element), marker)


def _listed(paragraph: Any, style: str) -> tuple[Kind, str]:
    """Whether it is an item, and how deep; the numbers that Word counts are not in the file."""
    numbering = paragraph.find(f"{_W}pPr/{_W}numPr")
    if numbering is None and not style.startswith("List "):
        return "paragraph", ""
    level = _value(numbering.find(f"{_W}ilvl")) if numbering is not None else "0"
    return "item", "  " * int(level or 0) + "- "


def _cell(cell: Any) -> str:
    return " ".join(" ".join(_text(paragraph) for paragraph in cell.iter(f"{_W}p")).split())


def _text(element: Any) -> str:
    """What stands in an element: `<w:t>`, tabs and line breaks, of runs that are to be seen."""
    if element.tag in _GONE or (element.tag == f"{_W}r" and _struck(element)):
        return ""
    if element.tag == f"{_W}t":
        return element.text or ""
    if element.tag in {f"{_W}br", f"{_W}cr"}:
        return "\n"
    if element.tag == f"{_W}tab":
        return " "
    return "".join(map(_text, element))


def _struck(run: Any) -> bool:
    """Struck or hidden by its own format."""
    marks = [run.find(f"{_W}rPr/{_W}{name}") for name in ("strike", "dstrike", "vanish")]
    return any(mark is not None and _value(mark) not in _OFF for mark in marks)


def _value(element: Any) -> str:
    return "" if element is None else str(element.get(f"{_W}val", ""))
