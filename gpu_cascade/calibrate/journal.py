"""What was answered so far, on disk line by line: a collection that was killed goes on where it stopped."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from ..errors import BadRows
from .rows import Opinion, Row, TierAnswer, encode, with_answer


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: the answer of `tier`, or what `judge` thinks of it."""

    id: str
    tier: str
    answer: TierAnswer | None = None
    judge: str | None = None
    opinion: Opinion | None = None


_decode = msgspec.json.Decoder(_Entry).decode


class Journal:
    """Rows in memory, and behind them a file that each answer is added to before it counts."""

    def __init__(self, path: Path, rows: Sequence[Row]) -> None:
        self.path = path
        self._rows = {row.id: row for row in rows}
        self._file: BinaryIO | None = None

    def __enter__(self) -> "Journal":
        """Read what an earlier run left and open the file for more."""
        try:
            whole = self._replay() if self.path.exists() else 0
            self._file = self.path.open("ab")
            self._file.truncate(whole)  # a kill in the middle of a line leaves a torn one
        except OSError as error:
            raise BadRows(f"{self.path} cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()

    def rows(self) -> list[Row]:
        """Every row with what was answered so far, in the order of the questions."""
        return list(self._rows.values())

    def answered(self, row_id: str, tier: str, answer: TierAnswer) -> None:
        """An answer is there."""
        self._add(_Entry(row_id, tier, answer))

    def judged(self, row_id: str, tier: str, judge: str, opinion: Opinion) -> None:
        """What `judge` thinks of the answer of `tier`."""
        self._add(_Entry(row_id, tier, judge=judge, opinion=opinion))

    def _add(self, entry: _Entry) -> None:
        assert self._file is not None
        self._file.write(encode(entry) + b"\n")
        self._file.flush()
        self._take(entry)

    def _take(self, entry: _Entry) -> None:
        row = self._rows.get(entry.id)
        if row is None:  # the questions were cut since: what was answered stays in the file, unused
            return
        answer = entry.answer
        if answer is None and entry.judge and entry.opinion and entry.tier in row.tiers:
            before = row.tiers[entry.tier]
            answer = msgspec.structs.replace(before, p_true={**before.p_true, entry.judge: entry.opinion})
        if answer is not None:
            self._rows[entry.id] = with_answer(row, entry.tier, answer)

    def _replay(self) -> int:
        """Take every whole line; the number of bytes they fill."""
        whole = 0
        for number, line in enumerate(self.path.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break
            try:
                self._take(_decode(line))
            except msgspec.MsgspecError as error:
                raise BadRows(f"{self.path}:{number}: {error}; move the file away to begin anew") from None
            whole += len(line)
        return whole


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """All rows into `path`, by one rename when they are on disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.writelines(encode(row) + b"\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadRows(f"{path} cannot be written: {error.strerror}") from None
