"""Keys as JSON and as a table: whose they are, never what they are."""

from collections.abc import Iterable
from typing import Any

from rich.table import Table

from .keys import Key

_DATES = ("created", "last_used", "revoked")
_COLUMNS = ("id", "name", "role", "team", "groups", "cascades", *_DATES)


def as_json(key: Key) -> dict[str, Any]:
    """Plain values. `cascades` is null where all may be used."""
    caller = key.caller
    cascades = None if caller.cascades is None else sorted(caller.cascades)
    told = (caller.name, caller.role.value, caller.team, sorted(caller.groups), cascades)
    return dict(zip(_COLUMNS, (key.id, *told, key.created, key.last_used, key.revoked), strict=True))


def table(keys: Iterable[Key]) -> Table:
    """A row for each key; of times the day."""
    drawn = Table()
    for name in _COLUMNS:
        drawn.add_column(name.replace("_", " "), overflow="fold", no_wrap=name in _DATES)
    for key in keys:
        plain = as_json(key)
        if plain["cascades"] is None:
            plain["cascades"] = "all"
        drawn.add_row(*[_cell(name, value) for name, value in plain.items()])
    return drawn


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return text[:10] if name in _DATES else text
