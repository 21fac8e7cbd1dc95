"""What was measured as markdown, between the markers of docs/performance.md. Pure but for `write`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from gpu_cascade.errors import CascadeError

from .machine import MIB
from .memory import Memory
from .rounds import Slice
from .summary import Figure, Row

BEGIN, END = "<!-- gateway -->", "<!-- /gateway -->"
DASH = "–"

Cell = tuple[str, Callable[[Row], str]]


class Results(msgspec.Struct):
    """Everything that a run found. `left_out`: what could not be measured, and why."""

    date: str
    commit: str
    machine: Mapping[str, str | int]
    versions: Mapping[str, str]
    left_out: Mapping[str, str]
    rounds: int
    slice_s: float
    busy_shares: Sequence[float]  # of both cores, before each round: what others ran
    memory: Memory | None
    rss_bytes: Mapping[str, int]  # of each gateway, after the rounds
    rows: Sequence[Row]
    slices: Sequence[Slice]


def spread(figure: Figure | None, digits: int) -> str:
    """The median, and the least to the most."""
    if figure is None:
        return DASH
    middle, least, most = (f"{one:,.{digits}f}" for one in (figure.median, figure.least, figure.most))
    return f"{middle} ({least} to {most})"


RATE: Sequence[Cell] = (
    ("answers/s", lambda row: spread(row.rate, 0)),
    ("of direct", lambda row: spread(row.ratio, 4)),
    ("CPU µs/answer", lambda row: spread(row.cpu_us, 0)),
    ("p50 ms", lambda row: spread(row.p50_ms, 2)),
    ("p99 ms", lambda row: spread(row.p99_ms, 2)),
    ("large asked", lambda row: spread(row.escalated, 2)),
)
ALONE: Sequence[Cell] = (
    ("added p50 ms", lambda row: spread(row.added_p50_ms, 3)),
    ("p50 ms", lambda row: spread(row.p50_ms, 3)),
    ("p99 ms", lambda row: spread(row.p99_ms, 2)),
    *RATE[:3],
)
PACED: Sequence[Cell] = (
    ("first token p50 ms", lambda row: spread(row.first_p50_ms, 1)),
    ("added ms", lambda row: spread(row.added_first_ms, 1)),
    ("first token p99 ms", lambda row: spread(row.first_p99_ms, 1)),
    ("CPU µs/chunk", lambda row: spread(row.piece_cpu_us, 0)),
)
TABLES: Mapping[str, tuple[str, Sequence[Cell]]] = {
    "whole": ("Whole answers of 33 KB, 32 connections", RATE),
    "alone": ("Whole answers of 33 KB, 1 connection", ALONE),
    "plain": ("Whole answers without logprobs for the client, 32 connections", RATE),
    "stream": ("Streams of 64 chunks, unpaced, 32 connections", RATE),
    "paced": ("Streams of 64 chunks, the first after 50 ms, one every 5 ms, 32 connections", PACED),
}


def tables(results: Results) -> str:
    """The page's part that a run makes."""
    return "\n\n".join([_head(results), *_loads(results.rows), _memory(results), *_left_out(results)])


def _head(results: Results) -> str:
    on = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    busy = ", ".join(f"{share:.0%}" for share in results.busy_shares)
    return (
        f"{results.date}, commit {results.commit}: {on['processor']}, {on['cores']} cores, "
        f"{on['memory_mib']:,} MiB, {on['system']}, Python {on['python']}; {versions}. "
        f"{results.rounds} rounds, {results.slice_s:.0f} s for each row; others used {busy} of both cores "
        "just before a round. Medians (least to most)."
    )


def _loads(rows: Sequence[Row]) -> Iterator[str]:
    for load, (title, columns) in TABLES.items():
        mine = [row for row in rows if row.load == load]
        cells = ([_name(row), *(cell(row) for _, cell in columns)] for row in mine)
        yield f"### {title}\n\n{table(['through', *(name for name, _ in columns)], cells)}"


def _name(row: Row) -> str:
    return f"{row.lane} ({row.bad} failed)" if row.bad else row.lane


def _memory(results: Results) -> str:
    lines = [(f"{name}, after the rounds", size) for name, size in results.rss_bytes.items()]
    if (found := results.memory) is not None:
        lines += [
            ("gpu-cascade, fresh", found.fresh_bytes),
            (f"gpu-cascade, after {found.requests:,} requests", found.after_bytes),
            (f"gpu-cascade, while {found.held:,} streams are held", found.held_bytes),
        ]
    cells = ([what, f"{size / MIB:,.0f}"] for what, size in lines)
    return f"### Resident memory\n\n{table(('', 'MiB'), cells)}"


def _left_out(results: Results) -> Iterator[str]:
    if results.left_out:
        yield "\n".join(["Left out:", *(f"- {what}: {why}" for what, why in results.left_out.items())])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in markdown."""
    lines = (columns, ["---"] * len(columns), *rows)
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def write(page: Path, results: Results) -> None:
    """Put the tables between the page's markers; `CascadeError` where they are missing."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CascadeError(f"{page} has no place for the tables: put {BEGIN} and {END} where they belong")
    page.write_text(f"{before}{BEGIN}\n{tables(results)}\n{END}{after}", encoding="utf-8")
