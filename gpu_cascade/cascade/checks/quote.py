"""Whether what a draft quotes, and the numbers it names, stand in the prompt."""

import re
from collections.abc import Iterator

from ...types import Final, Request
from .base import Seen
from .numbers import values

# Each piece is searched for in the whole prompt: 10 in 10,000 characters take 1 ms, so many 80 ms at most.
LONGEST_SOURCE = 200_000  # characters, about 50,000 tokens
MOST_PIECES = 100

_MARKS = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛", "'"))
_QUOTED = re.compile(r'"([^"]+)"|“([^“”]+)”|„([^„“”]+)[“”]|«([^«»]+)»|»([^«»]+)«')
_LEFT_OUT = re.compile(r"\[?(?:…|\.\.\.)\]?")
_ENUMERATED = re.compile(r"^[ \t]*\d{1,3}[.)](?=\s)|\[\d{1,3}\]", re.MULTILINE)
_WORD = re.compile(r"\w+|[^\w\s]")


def look(request: Request, draft: Final, *, words: int, with_numbers: bool) -> Seen:
    """The share of quotations and numbers that are found in the prompt; unknown where there is none.

    A quotation is text of at least `words` words between quotation marks. It must stand in one message of
    the prompt word for word: blanks, the kind of quotation marks, and punctuation at its ends do not count,
    and what "…" leaves out is left out. With `with_numbers` each different number must stand there too: a
    date counts as its numbers, "1,000" equals "1000"; enumeration ("2.") and references ("[2]") are no
    numbers, and numbers in words are not seen. What the assistant said earlier is no source.
    """
    quoted = [pieces for found in _QUOTED.finditer(draft.text) if (pieces := _pieces(found, words))]
    named = values(_ENUMERATED.sub(" ", draft.text)) if with_numbers else set[float | str]()
    if not quoted and not named:
        return None, "nothing to look up"
    messages = list(_sources(request))
    length, count = sum(map(len, messages)), sum(map(len, quoted))
    if length > LONGEST_SOURCE or count > MOST_PIECES:
        return None, f"too much to look up: {count} quoted pieces in a prompt of {length} characters"
    spoken = _spoken(quoted, messages)
    known = len(named & values("\n".join(messages))) if named else 0
    evidence = f"{spoken} of {len(quoted)} quotations and {known} of {len(named)} numbers are in the prompt"
    return (spoken + known) / (len(quoted) + len(named)), evidence


def _sources(request: Request) -> Iterator[str]:
    for message in request.messages:
        content = message.get("content") if message.get("role") != "assistant" else None
        for part in content if isinstance(content, list) else [{"text": content}]:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def _normal(text: str) -> str:
    """Words and punctuation, each between two blanks: so "3 days" is not found in "13 days"."""
    return f" {' '.join(_WORD.findall(text.translate(_MARKS)))} "


def _pieces(found: re.Match[str], words: int) -> list[str]:
    """What stands between the marks, cut where something is left out; [] where it has too few words."""
    text = found[found.lastindex or 0]
    if len(text.split()) < words:
        return []
    pieces = (piece.strip(" \t\n.,;:!?") for piece in _LEFT_OUT.split(text))
    return [_normal(piece) for piece in pieces if piece]


def _spoken(quoted: list[list[str]], messages: list[str]) -> int:
    """How many quotations stand in the prompt with every piece; two blanks part one message from the next."""
    source = "".join(map(_normal, messages)) if quoted else ""
    return sum(all(piece in source for piece in pieces) for pieces in quoted)
