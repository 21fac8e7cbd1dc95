"""Front matter: what the first lines of a text file, between `---` and `---`, say about it."""

import datetime
import re
import tomllib
from dataclasses import dataclass

from .access import granted
from .bounded_yaml import day, mapping
from .document import Unreadable

# Blank lines before it are allowed: a restricted document must not become public by one.
_OPENS = re.compile(r"\s*(---|\+\+\+)[ \t]*\n")
_CLOSES = {
    "---": re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE),
    "+++": re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE),
}
_EFFECTIVE = ("effective", "effective_date", "effective-date")


@dataclass(frozen=True, slots=True)
class Front:
    """What front matter says; None where it does not."""

    title: str | None = None
    effective: datetime.date | None = None
    version: str | None = None
    groups: frozenset[str] | None = None
    notes: tuple[str, ...] = ()


def front(text: str) -> tuple[Front, str]:
    """The front matter of a text (YAML, or TOML between `+++`), and the text after it.

    Raises `Unreadable` where it cannot be read: it may be what keeps the document from everybody's eyes.
    """
    opened = _OPENS.match(text)
    if not opened:
        return Front(), text
    closed = _CLOSES[opened[1]].search(text, opened.end())
    if not closed:
        raise Unreadable(
            f"its front matter begins with {opened[1]} and does not end; close it with {opened[1]}, "
            f"or write a rule at the top of a text as ***"
        )
    try:
        return _told(_said(opened[1], text[opened.end() : closed.start()])), text[closed.end() :]
    except Unreadable as error:
        raise Unreadable(f"its front matter cannot be used: {error.message}") from error


def _said(fence: str, text: str) -> dict[str, object]:
    if fence == "---":
        return mapping(text)
    try:
        said = tomllib.loads(text, parse_float=str)  # as written: 1.10 is not 1.1
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unreadable(f"it is not TOML ({error}); correct it") from error
    if len({key.lower() for key in said}) < len(said):
        raise Unreadable("a key is given twice; keep one")
    return {key.lower(): value for key, value in said.items()}


def _told(said: dict[str, object]) -> Front:
    named = next((said[key] for key in _EFFECTIVE if said.get(key) is not None), None)
    effective = day(named)
    notes = (
        ()
        if named is None or effective
        else (f"effective: {str(named)[:40]!r} is no date; write 2024-03-01",)
    )
    return Front(_word(said.get("title")), effective, _word(said.get("version")), granted(said), notes)


def _word(value: object) -> str | None:
    """A title or version as text; None for what is blank or no single value."""
    plain = isinstance(value, (str, int, datetime.date)) and not isinstance(value, bool)
    return (" ".join(str(value).split()) or None) if plain else None
