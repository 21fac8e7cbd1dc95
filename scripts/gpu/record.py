"""What was found: lines, the file that keeps them, and the table that docs/vram.md shows of it."""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gpu_cascade.errors import CascadeError
from gpu_cascade.vram.footprint import GIB

BEGIN, END = "<!-- gpu_check -->", "<!-- /gpu_check -->"
NOTHING = "Nothing was measured on a GPU yet: `scripts/gpu_check` does it, and writes its table here."
COLUMNS = ("piece", "engine", "what", "planned GiB", "measured GiB", "seconds", "")


class Line(msgspec.Struct, frozen=True):
    """One thing that was looked at; None where a figure does not apply or nobody could tell."""

    engine: str
    what: str
    right: bool
    planned_bytes: int | None = None
    measured_bytes: int | None = None
    took_s: float | None = None
    note: str = ""

    def cells(self) -> list[str]:
        """As text."""
        sizes = (
            "" if size is None else f"{size / GIB:.2f}" for size in (self.planned_bytes, self.measured_bytes)
        )
        took = "" if self.took_s is None else f"{self.took_s:.1f}"
        said = self.note if self.right else f"FAILED {self.note}".strip()
        return [self.engine, self.what, *sizes, took, said]


class Piece(msgspec.Struct):
    """A part of the check, and what it could not do, as sentences."""

    lines: list[Line] = []
    not_done: list[str] = []
    took_s: float = 0.0

    @property
    def right(self) -> bool:
        """Whether all that was looked at is as it should be."""
        return all(line.right for line in self.lines)

    def add(self, line: Line) -> None:
        """One more, shown at once."""
        self.lines.append(line)
        print("  " + "  ".join(cell.ljust(9) for cell in line.cells()).rstrip(), flush=True)


class Record(msgspec.Struct):
    """One GPU on one day. `vllm` and `gpu_cascade` are versions, `models` the shape of each engine."""

    gpu: str
    total_bytes: int
    date: str
    vllm: str
    gpu_cascade: str
    models: dict[str, str] = {}
    not_done: list[str] = []
    pieces: dict[str, Piece] = {}

    @property
    def right(self) -> bool:
        """Whether every piece is."""
        return all(piece.right for piece in self.pieces.values())

    def done(self, name: str) -> bool:
        """Whether that piece ran, and nothing in it failed."""
        return name in self.pieces and self.pieces[name].right

    def file(self, folder: Path) -> Path:
        """Where it is kept."""
        return folder / f"{re.sub('[^a-z0-9]+', '-', self.gpu.lower()).strip('-')}-{self.date}.json"

    def found(self, folder: Path) -> "Record":
        """What of the same day, GPU and versions is kept there already, else itself.

        Raises `CascadeError` where the file cannot be read.
        """
        file = self.file(folder)
        if not file.is_file():
            return self
        kept = read(file)
        same = (kept.vllm, kept.gpu_cascade) == (self.vllm, self.gpu_cascade)
        return kept if same else self

    def keep(self, folder: Path) -> None:
        """Write it; a reader sees the old file or the new one."""
        folder.mkdir(parents=True, exist_ok=True)
        fresh = self.file(folder).with_suffix(".new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        fresh.rename(self.file(folder))


def read(file: Path) -> Record:
    """Raises `CascadeError` where it is no record."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError) as error:
        raise CascadeError(f"{file} is no record of gpu_check ({error}); move it away") from error


def write_table(page: Path, folder: Path) -> None:
    """The newest record of each GPU, between the page's markers; `CascadeError` where they are missing."""
    newest = {record.gpu: record for record in map(read, sorted(folder.glob("*.json")))}
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CascadeError(f"{page} has no place for the table: put {BEGIN} and {END} where it belongs")
    shown = "\n\n".join(map(_shown, newest.values())) or NOTHING
    page.write_text(f"{before}{BEGIN}\n{shown}\n{END}{after}", encoding="utf-8")


def _shown(record: Record) -> str:
    models = ", ".join(f"{name}: {model}" for name, model in record.models.items())
    head = (
        f"{record.gpu}, {record.date}, vLLM {record.vllm}, gpu-cascade {record.gpu_cascade}, random weights "
        f"({models}); `scripts/gpu_check`:"
    )
    rows = [[name, *line.cells()] for name, piece in record.pieces.items() for line in piece.lines]
    left = record.not_done + [each for piece in record.pieces.values() for each in piece.not_done]
    table = [_row(row) for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)]
    return "\n".join([head, "", *table, "", f"Not done: {'; '.join(left) or 'nothing was left'}."])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
