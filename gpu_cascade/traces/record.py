"""What is kept of one answer, as a row of the store and as JSON. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ..events import Answered
from ..types import Decision, Judgement, Reason, Use, Verdict

Record = Answered  # the store keeps what happened, as it was told

COLUMNS = {
    "id": "TEXT PRIMARY KEY",
    "at": "REAL",  # Unix seconds at arrival
    "caller": "TEXT",
    "model": "TEXT",  # as the client asked
    "tier": "TEXT",
    "verdict": "TEXT",
    "reason": "TEXT",
    "certified": "INTEGER",
    "confidence": "REAL",  # of the last draft; nats for logprob signals
    "threshold": "REAL",  # that draft's
    "finish_reason": "TEXT",
    "total_s": "REAL",
    "first_token_s": "REAL",
    "judged": "TEXT",  # JSON, one object per draft
    "uses": "TEXT",  # JSON, one object per engine asked
    "prompt": "TEXT",  # prompt and answer only with `traces.content: true`
    "answer": "TEXT",
}

_ENCODE = msgspec.json.Encoder().encode
_JUDGED = msgspec.json.Decoder(tuple[Judgement, ...])  # made once: making one costs more than using it
_USES = msgspec.json.Decoder(tuple[Use, ...])


def threshold(record: Record) -> float | None:
    """What the last draft was measured against; None where nothing was."""
    judged = record.decision.judged
    return judged[-1].threshold if judged else None


def to_row(record: Record) -> tuple[Any, ...]:
    """The record in the order of `COLUMNS`. A number that is not finite becomes NULL within the JSON."""
    decision = record.decision
    return (
        record.id,
        record.at,
        _writable(record.caller),
        _writable(record.model),
        decision.tier,
        decision.verdict.value,
        decision.reason.value,
        decision.certified,
        decision.confidence,
        threshold(record),
        record.finish_reason,
        record.total_s,
        record.first_token_s,
        _ENCODE(decision.judged).decode(),
        _ENCODE(record.uses).decode(),
        _writable(record.prompt),
        _writable(record.answer),
    )


def _writable(text: str | None) -> str | None:
    """The text with lone surrogates as "?": a JSON client can send them, SQLite refuses the whole batch."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def from_row(row: Sequence[Any]) -> Record:
    """A record as it was before `to_row`."""
    kept = dict(zip(COLUMNS, row, strict=True))
    decision = Decision(
        kept["tier"],
        Verdict(kept["verdict"]),
        Reason(kept["reason"]),
        _JUDGED.decode(kept["judged"]),
        bool(kept["certified"]),
    )
    uses = _USES.decode(kept["uses"])
    told = ("id", "at", "caller", "model", "finish_reason", "total_s", "first_token_s", "prompt", "answer")
    return Record(decision=decision, uses=uses, **{name: kept[name] for name in told})


def record_json(record: Record) -> dict[str, Any]:
    """The record as plain JSON values (`GET /v1/cascade/decisions/{id}`). Text only where it was kept."""
    row = dict(zip(COLUMNS, to_row(record), strict=True))
    row["judged"], row["uses"] = record.decision.judged, record.uses
    for name in ("prompt", "answer"):
        if row[name] is None:
            del row[name]
    # There and back: dataclasses become objects, and what is not finite becomes null, as JSON wants it.
    plain: dict[str, Any] = msgspec.json.decode(_ENCODE(row))
    return plain
