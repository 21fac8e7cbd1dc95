"""Labelled rows: questions, what would be right, and what each tier answered. JSON lines, one row each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ..cascade.tokens import Evidence
from ..errors import BadRows

Logprob = Annotated[float, msgspec.Meta(le=1e-6)]  # engines round: a certain token may come as 1e-9
Scorer = Literal["exact", "f1", "number", "choice", "json_schema"]
MAX_BYTES = 4 << 30


class Token(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One token of an answer, the stop token left out. In nats; `top` are the largest at that place."""

    logprob: Logprob
    top: tuple[float, ...] = ()


class TierAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one engine answered. `tokens` None: it sent no usable logprobs. `score` in [0, 1], None unscored.

    `engine_s` is this answer's share of the engine's busy time; `p_true` what other engines thought of the
    answer, each with what asking cost.
    """

    text: str
    finish_reason: str
    tokens: tuple[Token, ...] | None
    engine_s: float
    score: float | None = None
    prompt_tokens: int = 0
    passed: bool = True  # the cascade's checks, at their minima
    p_true: Mapping[str, "Opinion"] = {}

    def evidence(self) -> Evidence | None:
        """What its tokens say, as the live path sees it; None without tokens."""
        if not self.tokens:
            return None
        logprobs = [token.logprob for token in self.tokens]
        cut = self.finish_reason == "length"
        return Evidence(logprobs, [token.top for token in self.tokens], self.prompt_tokens, cut)


class Opinion(msgspec.Struct, frozen=True, gc=False):
    """P(True) of an answer in another engine's eyes; None where it said neither yes nor no."""

    p: float | None
    engine_s: float


class Row(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One question. `gold` None: nobody said what is right. Rows of one `group` are not independent."""

    id: str
    messages: list[dict[str, Any]]
    params: dict[str, Any] = {}  # what the client would send with them: max_tokens, structured_outputs
    gold: list[str] | None = None
    scorer: Scorer = "exact"
    group: str = ""  # its own id where nothing is written
    tiers: Mapping[str, TierAnswer] = {}

    @property
    def cluster(self) -> str:
        """The group it belongs to: a document, a user, a conversation; itself where it stands alone."""
        return self.group or self.id


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Row).decode


def read(path: Path) -> list[Row]:
    """Every row of a file.

    Raises `BadRows` naming file, line and what is wrong there: not JSON, NaN, a missing field, an id twice.
    """
    rows = [_row(path, number, line) for number, line in _lines(path)]
    if not rows:
        raise BadRows(f"{path} has no rows; each line is one question with `id`, `messages` and `gold`")
    _refuse_twins(path, rows)
    return rows


def gold_missing(rows: Iterable[Row]) -> list[str]:
    """The ids of rows that nobody labelled."""
    return [row.id for row in rows if not row.gold]


def with_answer(row: Row, tier: str, answer: TierAnswer) -> Row:
    """The row with one tier's answer added or replaced."""
    return msgspec.structs.replace(row, tiers={**row.tiers, tier: answer})


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadRows(f"{path} has {path.stat().st_size / 2**30:.1f} GiB; at most 4 are read, split it")
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise BadRows(f"{path} cannot be read: {error.strerror}") from None


def _row(path: Path, number: int, line: bytes) -> Row:
    try:
        row = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRows(f"{path}:{number}: {_sentence(str(error))}") from None
    if not row.id or not row.messages:
        raise BadRows(f"{path}:{number}: {'id' if not row.id else 'messages'} is empty")
    return row


def _sentence(error: str) -> str:
    """The decoder's words, and for the two commonest slips what to do."""
    if "malformed" in error or "unexpected" in error:
        return f"not a JSON object on one line ({error}); NaN and Infinity are not JSON, leave the key out"
    return f"{error}; rows are described in docs/deferral.md"


def _refuse_twins(path: Path, rows: Sequence[Row]) -> None:
    twins = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twins:
        shown = ", ".join(twins[:5]) + (" …" if len(twins) > 5 else "")
        raise BadRows(f"{path}: {len(twins)} ids stand more than once ({shown}); ids must differ")
