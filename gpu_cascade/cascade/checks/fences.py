"""The code blocks of an answer in Markdown."""

from typing import NamedTuple


class Block(NamedTuple):
    """What stands between two fences; `tag` is the language, in small letters, "" where none is named."""

    tag: str
    body: str


def blocks(text: str) -> list[Block]:
    """The blocks between ``` fences, in order; one that is left open is none."""
    found: list[Block] = []
    tag: str | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        mark = line.strip()
        info = mark.lstrip("`").strip()
        if not mark.startswith("```") or "`" in info or (tag is not None and info):
            lines.append(line)
        elif tag is None:
            tag, lines = info.partition(" ")[0].lower(), []
        else:
            found.append(Block(tag, "\n".join(lines)))
            tag = None
    return found
