"""Whether an answer rests on the numbered sentences of its prompt that it names.

The prompt numbers its sentences, a line each: `[2] Trips may be cancelled within 30 days.` The answer names
those it rests on and says what they say: `[2] within 30 days`; or that none of them does: `[none] not there`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...types import Final, Request
from .base import Seen
from .numbers import values

QUESTION = "Question: "  # the line of the prompt that asks
LONGEST_SAID = 600  # characters

_ANSWER = re.compile(r"\[(none|\d{1,3}(?:, ?\d{1,3}){0,7})\] ?([^\n]+)\s*")
_SENTENCE = re.compile(r"^\[(\d{1,3})\] (.+)$", re.MULTILINE)
_NAME = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w&'’-]+")  # not where a sentence begins
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Cited:
    """What an answer says, and the numbers of the sentences that it rests on; () where it says: none."""

    numbers: tuple[int, ...]
    said: str


def read(text: str) -> Cited | None:
    """An answer, taken apart; None for one that is not of the form."""
    found = _ANSWER.fullmatch(text)
    if found is None or len(found[2]) > LONGEST_SAID:
        return None
    numbers = () if found[1] == "none" else tuple(dict.fromkeys(map(int, found[1].split(","))))
    return Cited(numbers, found[2].strip())


def sentences(messages: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The numbered sentences of the last message."""
    return {int(number): text for number, text in _SENTENCE.findall(_last(messages))}


def look(request: Request, draft: Final) -> Seen:
    """The share of the answer's numbers, dates and names that stand in the sentences it names.

    What the question says itself counts as well. 0 for another form, for a sentence that is not there, for an
    answer that repeats the question or says nothing. A well-formed "none" passes. Names are words with a
    capital letter that do not begin a sentence; numbers in words are not seen.
    """
    cited = read(draft.text)
    if cited is None:
        return 0.0, f"{len(draft.text)} characters that do not name sentences as asked"
    if not cited.numbers:
        return 1.0, "says that no sentence answers"
    given = sentences(request.messages)
    unknown = [number for number in cited.numbers if number not in given]
    if unknown:
        return 0.0, f"names sentence {unknown[0]}, and the prompt has {len(given)}"
    asked = _asked(request.messages)
    if not _content(cited.said) or _WORD.findall(cited.said.lower()) == _WORD.findall(asked.lower()):
        return 0.0, "says nothing, or the question again"
    return _grounded(cited.said, "\n".join(given[number] for number in cited.numbers), asked)


def _grounded(said: str, source: str, asked: str) -> Seen:
    known = f"{source}\n{asked}".lower()
    figures, names = values(said), {name.lower() for name in _NAME.findall(said)}
    found = len(figures & values(known)) + sum(name in known for name in names)
    count = len(figures) + len(names)
    return (found / count if count else 1.0), f"{found} of {count} numbers and names are in what it names"


def _content(said: str) -> bool:
    """Whether it says anything: a word of two letters, or a number."""
    return any(len(word) > 1 or word.isdigit() for word in _WORD.findall(said))


def _asked(messages: Sequence[Mapping[str, Any]]) -> str:
    lines = [line for line in _last(messages).splitlines() if line.startswith(QUESTION)]
    return lines[-1].removeprefix(QUESTION) if lines else ""


def _last(messages: Sequence[Mapping[str, Any]]) -> str:
    content = messages[-1].get("content") if messages else ""
    return content if isinstance(content, str) else ""
