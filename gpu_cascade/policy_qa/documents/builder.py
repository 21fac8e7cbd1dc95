"""The blocks of a document as a reader meets them, each under the headings that stand open."""

from .decode import tidy, visible
from .document import Block, Kind


class Builder:
    """Collects blocks. The one place where text is tidied and headings are nested."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._open: list[tuple[int, str]] = []

    def heading(self, level: int, text: str, page: int | None = None) -> None:
        """Open a heading; it closes those of its level and deeper ones. A blank one is none."""
        said = " ".join(tidy(text).split())
        if not said:
            return
        self._open = [(above, title) for above, title in self._open if above < level]
        self._open.append((level, said))
        self._put("heading", said, page, "")

    def add(self, kind: Kind, text: str, marker: str = "", page: int | None = None) -> None:
        """Add a block; blank text adds none. Code keeps its blanks, all else is tidied."""
        said = visible(text).strip("\n").rstrip() if kind == "code" else tidy(text)
        if said.strip():
            self._put(kind, said, page, marker)

    def _put(self, kind: Kind, text: str, page: int | None, marker: str) -> None:
        self.blocks.append(Block(kind, text, tuple(title for _, title in self._open), page, marker))

    def top(self) -> str | None:
        """The first heading, if it is the outermost of all: what a document without a title is called."""
        headings = [block for block in self.blocks if block.kind == "heading"]
        alone = headings and all(block.headings[0] == headings[0].text for block in headings)
        return headings[0].text if alone else None
