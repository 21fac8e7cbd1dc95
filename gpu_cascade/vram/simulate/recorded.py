"""Who asked when, from a recording: JSON lines, CSV, or the decisions that `serve` keeps."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...errors import ConfigError
from ...traces.record import Record
from ...traces.store import read_recent
from .arrivals import Arrivals
from .load import Count

EVERYTHING = 2**62  # of a store


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request. `at` in seconds from anywhere; `top` is a tier, the last one where it is not said."""

    at: float
    prompt_tokens: Count
    draft_tokens: Count
    escalated: bool
    top: str = ""


def recorded(path: Path, tiers: Sequence[str]) -> Arrivals:
    """The requests of a recording in order, the first at 0 s.

    Raises `ConfigError` that names file and line; a request for an engine without a draft is left out.
    """
    rows = sorted(_rows(path), key=lambda row: row.at)
    if not rows:
        raise ConfigError(f"{path} holds no request with a draft; record some, or name a load with --load")
    found = Arrivals(rows[-1].at - rows[0].at)
    for row in rows:
        top = tiers.index(row.top) if row.top in tiers[1:] else len(tiers) - 1
        found.add(row.at - rows[0].at, row.prompt_tokens, row.draft_tokens, top if row.escalated else 0)
    return found


def _rows(path: Path) -> Iterator[Row]:
    if path.suffix == ".db":
        yield from _decided(read_recent(path, EVERYTHING))
        return
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = path.suffix == ".csv"
            lines: Iterable[Any] = csv.DictReader(file) if table else file
            for number, line in enumerate(lines, 2 if table else 1):
                yield _row(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def _row(line: str | dict[str, str], place: str) -> Row:
    """A line of JSON, or the cells of a table, where an empty one says nothing."""
    try:
        if isinstance(line, str):
            return msgspec.json.decode(line, type=Row)
        return msgspec.convert({name: cell for name, cell in line.items() if cell}, Row, strict=False)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{place}: {error}; a row has at, prompt_tokens, draft_tokens, escalated and, if need be, top"
        ) from None


def _decided(records: Iterable[Record]) -> Iterator[Row]:
    """Answers that began with a draft whose tokens were counted."""
    for record in records:
        decision = record.decision
        drafts = [use for use in record.uses if decision.judged and use.engine == decision.judged[0].engine]
        if drafts and drafts[0].prompt_tokens and drafts[0].completion_tokens:
            prompt, tokens = drafts[0].prompt_tokens, drafts[0].completion_tokens
            yield Row(record.at, prompt, tokens, decision.tier != drafts[0].engine, decision.tier)
