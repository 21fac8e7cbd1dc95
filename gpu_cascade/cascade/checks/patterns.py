"""Patterns of models.yaml on text that a model wrote: the time for one search is bounded."""

import regex

from ...types import Final, Request
from .base import Seen

# Python's own `re` cannot be stopped: `^(\w+\s?)*$` takes it 6 s on eight words and an exclamation mark, ten
# times what seven take. `regex` stops after so much time; plain patterns read 100,000 characters in 1 ms.
LIMIT_S = 0.01


def matches(pattern: regex.Pattern[str], text: str, *, whole: bool = False) -> bool | None:
    """Whether `pattern` fits somewhere in `text`, or all of it; None where time ran out."""
    try:
        found = pattern.fullmatch if whole else pattern.search
        return found(text, timeout=LIMIT_S) is not None
    except TimeoutError:
        return None


def look(_: Request, draft: Final, *, pattern: regex.Pattern[str], whole: bool) -> Seen:
    """1 where the draft, without blanks around it, matches; else 0; unknown where time ran out."""
    found = matches(pattern, draft.text.strip(), whole=whole)
    if found is None:
        return None, f"the pattern was not done after {LIMIT_S * 1000:g} ms"
    return float(found), f"{'matches' if found else 'does not match'}, {len(draft.text)} characters"
