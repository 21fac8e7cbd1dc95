"""Where the sentences of a text begin and end: English and German, by rules, without a model."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

LONGEST = 1000  # characters; beyond it a "sentence" is a list without full stops, and is cut between words

NEAR = 80  # characters before a full stop that are looked at

_STOP = re.compile(r"(?P<mark>[.!?…]+)[\"'”’“«»)\]*]*\s+(?=(?P<next>\S+))")
_INK = re.compile(r"\S")
_WORD = re.compile(r"[\w.&-]+$")
_OPENING = "\"'“”„‘«»([*_–—-"
# Words with a full stop after which a sentence goes on, in lower case; _NUMBERED: before a number alone.
_ABBREVIATIONS = re.compile(
    r"mr|mrs|ms|dr|prof|rev|hon|st|sr|jr|gen|col|capt|lt|sgt|rep|sen|gov|pres|messrs|mt|vs|cf|al"
    r"|approx|dept|est|e\.g|i\.e|eg|ie|viz|resp|incl|excl|ext|tel|bzw|ca|evtl"
    r"|ggf|inkl|exkl|vgl|sog|z\.b|d\.h|u\.a|u\.u|o\.ä|z\.t|i\.d\.r|i\.v\.m|i\.s\.d|v\.a|s\.o|s\.u"
    r"|zzgl|abzgl|hr|fr|frl|dipl|ing|mag|gem|lt|max|min|mind|bspw|allg|ggü|jan|feb|febr|apr|jun|jul"
    r"|aug|sep|sept|okt|oct|nov|dez|dec"
)
_NUMBERED = re.compile(
    r"no|nos|nr|sec|sect|fig|figs|art|arts|abs|para|paras|par|pp|p|vol|ch|ziff|lit|rn|kap|bd|s|§"
)
_FIRMS = frozenset({"inc", "ltd", "corp", "co", "bros"})
# After a dotted acronym ("5 p.m.", "U.S.") these begin a sentence; other capitals are mostly names.
_STARTERS = re.compile(
    r"the|a|an|if|you|your|this|that|these|those|it|its|in|on|at|we|our|they|please|when|where|for"
    r"|each|all|any|no|to|do|there|he|she|as|by|after|before|once|der|die|das|ein|eine|wenn|sie|es"
    r"|dies|diese|dieser|wir|ihr|bitte|im|am|für|alle|jede|jeder|bei|nach|vor"
)
_MONTHS = re.compile(
    r"januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember"
    r"|jahrhundert|quartal"
)
# Before "3." these make it a German ordinal: "am 3. Tag".
_ORDINAL_AFTER = re.compile(
    r"am|im|vom|zum|zur|der|die|das|den|dem|des|bis|ab|seit|und|oder|beim|jeder|jede|jedes|jeden"
    r"|jedem|ein|eine|einen"
)


class Span(NamedTuple):
    """A sentence: characters `start` to `end`, without blanks around it."""

    start: int
    end: int


def spans(text: str) -> list[Span]:
    """The sentences of a block's text, in order; every character but blanks lies in exactly one.

    A line break ends one. What is longer than 1,000 characters is cut, after a semicolon or comma where there
    is one. `text[start:end]` is the sentence word for word.
    """
    return _spans(text, _sentences)


def lines(text: str) -> list[Span]:
    """The lines of code or a table's row: each is quoted whole, up to 1,000 characters."""
    return _spans(text, lambda line: iter([(0, len(line))]))


def _spans(text: str, parts: Callable[[str], Iterator[tuple[int, int]]]) -> list[Span]:
    found: list[Span] = []
    start = 0
    for line in text.split("\n"):
        for begin, end in parts(line):
            found.extend(_cut(text, start + begin, start + end))
        start += len(line) + 1
    return found


def _sentences(line: str) -> Iterator[tuple[int, int]]:
    start = 0
    for stop in _STOP.finditer(line):
        if _ends(line[max(start, stop.start() - NEAR) : stop.start()], stop["mark"], stop["next"]):
            yield start, stop.end()
            start = stop.end()
    yield start, len(line)


def _ends(before: str, mark: str, after: str) -> bool:
    """Whether a sentence ends at `mark`.

    Not (1) where the text goes on in lower case. A single full stop does not end one (2) after an
    abbreviation, (3) after a lone letter, (4) in an enumeration or a German ordinal, (5) after a dotted
    acronym or a firm's "Inc.", unless a usual first word follows.
    """
    following = after.lstrip(_OPENING)
    if following[:1].islower():
        return False
    found = _WORD.search(before)
    if mark != "." or not found:
        return True
    word, rest = found[0].lower().lstrip("."), before[: len(before) - len(found[0])].split()
    if _ABBREVIATIONS.fullmatch(word) or (_NUMBERED.fullmatch(word) and following[:1].isdigit()):
        return False
    if word.isdecimal():
        return len(word) > 3 or not _ordinal(rest, following)
    if len(word) == 1 and word.isalpha():
        return False
    dotted = word in _FIRMS or ("." in word and all(len(part) == 1 for part in word.split(".")))
    return not dotted or bool(_STARTERS.fullmatch(following.rstrip(",.").lower()))


def _ordinal(rest: list[str], following: str) -> bool:
    """Whether a number with a full stop counts something: at the start of a line, or in German."""
    if not rest:
        return True
    counted = _MONTHS.fullmatch(following.rstrip(",.;").lower())
    return bool(counted or _ORDINAL_AFTER.fullmatch(rest[-1].lower().lstrip("(")))


def _cut(text: str, start: int, end: int) -> Iterator[Span]:
    """The span without blanks around it, in pieces of at most `LONGEST`; none where it is blank."""
    while inked := _INK.search(text, start, end):
        start, stop = inked.start(), end
        if end - start > LONGEST:
            window = text[start : start + LONGEST]
            places = (max(window.rfind("; "), window.rfind(", ")), window.rfind(" "), LONGEST - 1)
            stop = start + 1 + next(place for place in places if place > 0)
        yield Span(start, start + len(text[start:stop].rstrip()))
        start = stop
