"""The numbers of a text, and whether an answer's number lies where it should."""

import math
import re

from ...types import Final, Request
from .base import Seen

# Not within a word ("CO2"); a sign only where it is none between two numbers ("3-4").
_RUN = re.compile(r"(?<![\w.])[-+−]?(?:\d[\d.,]*|\.\d+)(?:[eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PLAIN = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


def look(_: Request, draft: Final, *, low: float | None, high: float | None, unit: str | None) -> Seen:
    """1 where the last number (with `unit`: the last one beside it) lies from `low` to `high`, else 0.

    No number at all is a failure: 0. Unknown: its form is not read, such as "1.234,5".
    """
    word = _last(draft.text, unit)
    if word is None:
        return 0.0, f"no number{' with the unit' if unit else ''} in {len(draft.text)} characters"
    number = value(word)
    if number is None:
        return None, f"the last number, {len(word)} characters, has a form that is not read"
    inside = (low is None or low <= number) and (high is None or number <= high)
    return float(inside), f"the last number lies {'within' if inside else 'outside'} the bounds"


def value(word: str) -> float | None:
    """What a number is worth; "1,234.5" is 1234.5.

    None for other forms ("1.234,5", "10.0.0.1") and beyond what floats hold.
    """
    word = word.replace("−", "-")
    if _GROUPED.fullmatch(word):
        word = word.replace(",", "")
    elif not _PLAIN.fullmatch(word):
        return None
    number = float(word)
    return number if math.isfinite(number) else None


def values(text: str) -> set[float | str]:
    """What the numbers of a text are worth; one in a form that is not read is itself."""
    found: set[float | str] = set()
    for word in {run.rstrip(".,") for run in _RUN.findall(text)}:
        number = value(word)
        found.add(word if number is None else number)
    return found


def _last(text: str, unit: str | None) -> str | None:
    """The last number, without the full stop or comma that may follow it."""
    for run in reversed(list(_RUN.finditer(text))):
        word = run[0].rstrip(".,")
        if unit is None or _has_unit(text, run.start(), run.start() + len(word), unit):
            return word
    return None


def _has_unit(text: str, start: int, end: int, unit: str) -> bool:
    """Whether the unit stands right behind ("5 km") or before ("€5"), one blank between at most."""
    width = len(unit)
    after = text[end : end + width + 2].removeprefix(" ")
    if after.startswith(unit) and not (unit[-1].isalnum() and after[width : width + 1].isalnum()):
        return True
    before = text[max(0, start - width - 2) : start].removesuffix(" ")
    return before.endswith(unit) and not (unit[0].isalnum() and before[:-width][-1:].isalnum())
