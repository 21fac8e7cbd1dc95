"""HTML to blocks: what a reader of the page would read, without menus and what is hidden."""

import re

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from .builder import Builder

_DROPPED = re.compile(
    r"^(?:script|style|noscript|template|nav|footer|svg|canvas|iframe|object|select|input|textarea"
    r"|video|audio|img|s|del|strike|head)$"
)
_BLOCKS = re.compile(
    r"^(?:address|article|aside|blockquote|body|caption|center|dd|details|div|dl|dt|fieldset|figcaption|figure"
    r"|form|header|hgroup|html|legend|li|main|ol|p|pre|section|summary|table|tbody|td|tfoot|th"
    r"|thead|tr|ul|h1|h2|h3|h4|h5|h6|hr)$"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_BLANK = re.compile(r"\s+")


def charset(data: bytes) -> str | None:
    """The encoding that a page declares in its first 2,048 bytes."""
    found = _CHARSET.search(data[:2048])
    return found[1].decode() if found else None


def html(text: str, builder: Builder) -> str | None:
    """Add the blocks of a page: of its one `<main>` or `<article>` where it has one. The page's `<title>`."""
    page = BeautifulSoup(text, "lxml")
    title = page.title.get_text() if page.title else ""
    mains = page.find_all("main") or page.find_all("article")
    _Walk(builder).children(mains[0] if len(mains) == 1 else page)
    return " ".join(title.split()) or None


def fragment(text: str, builder: Builder) -> None:
    """Add the blocks of a piece of HTML inside of another text."""
    if "<" in text:
        _Walk(builder).children(BeautifulSoup(text, "lxml"))


class _Walk:
    """One pass over a tree: inline text gathers until a block begins or ends."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.text: list[str] = []
        self.marker = ""

    def children(self, tag: Tag) -> None:
        for child in tag.children:
            if isinstance(child, Tag):
                self.tag(child)
            elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
                self.text.append(_BLANK.sub(" ", child))  # comments and doctypes are preformatted
        if _BLOCKS.match(tag.name) or isinstance(tag, BeautifulSoup):
            self.flush()

    def tag(self, tag: Tag) -> None:
        if _DROPPED.match(tag.name) or _unseen(tag):
            return
        if _BLOCKS.match(tag.name):
            self.flush()
        if tag.name == "br":
            self.text.append("\n")
        elif tag.name in {"h1", "h2", "h3", "h4", "h5", "h6"}:
            self.builder.heading(int(tag.name[1]), _words(tag))
        elif tag.name == "tr":
            cells = tag.find_all(["td", "th"], recursive=False)
            self.builder.add("row", " | ".join(map(_words, cells)))
        elif tag.name == "pre":
            self.builder.add("code", tag.get_text())
        elif tag.name in {"ul", "ol"}:
            self.list(tag)
        else:
            self.children(tag)

    def list(self, tag: Tag) -> None:
        outer, number = self.marker, _start(tag)
        for child in tag.find_all(True, recursive=False):
            self.marker = " " * len(outer)
            if child.name == "li":
                self.marker += "- " if number is None else f"{number}. "
                number = None if number is None else number + 1
            self.tag(child)
        self.marker = outer

    def flush(self) -> None:
        """Close the block that is being gathered."""
        text = "".join(self.text)
        self.text = []
        if text.strip():
            self.builder.add("item" if self.marker else "paragraph", text, self.marker)
            self.marker = " " * len(self.marker)


def _words(tag: Tag) -> str:
    """The text of a heading or a cell, its own line breaks and blocks read as blanks."""
    for gone in [child for child in tag.find_all(True) if _DROPPED.match(child.name) or _unseen(child)]:
        gone.decompose()
    return " ".join(tag.get_text(" " if tag.find([_BLOCKS, "br"]) else "").split())


def _unseen(tag: Tag) -> bool:
    if tag.decomposed:  # with its parent
        return False
    return (
        tag.has_attr("hidden")
        or tag.get("role") == "navigation"
        or bool(_HIDDEN.search(str(tag.get("style", ""))))
    )


def _start(tag: Tag) -> int | None:
    """The number of the first item; None for a list without numbers."""
    if tag.name == "ul":
        return None
    said = str(tag.get("start", "1"))
    return int(said) if said.isdecimal() and len(said) < 10 else 1
