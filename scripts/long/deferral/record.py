"""Real engines answer the published questions, and everything that decides is kept in benchmarks/deferral/.

    .venv/bin/python scripts/long/deferral/record.py --data FOLDER [SET …] [--limit N …]

Resumable: what stands in benchmarks/deferral/ is not asked again, and a kill costs only what was under way.
FOLDER holds the data sets as published (benchmarks/deferral/README.md says which). Hours on two cores;
the times are kept, so nothing else should run beside it.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from questions import SETS

from gpu_cascade.calibrate.collect import Collecting, Collector, Progress
from gpu_cascade.calibrate.journal import Journal, write_rows
from gpu_cascade.calibrate.rows import Row, read
from gpu_cascade.config import load
from gpu_cascade.errors import CascadeError
from gpu_cascade.wiring import Engines, Options, engines_alone

HERE = Path(__file__).parent
OUT = HERE.parents[2] / "benchmarks" / "deferral"
TIERS = ("s135m", "q0_5b", "q1_5b")
JUDGED = {"q0_5b": ["s135m"], "q1_5b": ["s135m", "q0_5b"]}
JUDGED_ROWS = 300  # of each set: an opinion of a short draft costs as much as an answer
AT_ONCE = 8
SAY_S = 30.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=list(SETS), help=f"of {', '.join(SETS)}; all without")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the published data sets")
    parser.add_argument(
        "--limit", type=int, nargs="+", help="at most so many questions of each set; several: as many rounds"
    )
    args = parser.parse_args()
    try:
        asyncio.run(record(args.sets, args.data, args.limit))
    except CascadeError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    return 0


async def record(names: list[str], data: Path, limits: list[int] | None) -> None:
    async with engines_alone(load(HERE / "models.yaml"), Options()) as engines:
        for limit in limits or [sys.maxsize]:
            for name in names:
                await one_set(name, data, limit, engines)


async def one_set(name: str, data: Path, limit: int, engines: Engines) -> None:
    questions, count = SETS[name]
    rows = recorded(name, list(questions(data))[:count])
    journal_path = HERE / "state" / f"{name}.journal.jsonl"
    journal_path.parent.mkdir(parents=True, exist_ok=True)
    with Journal(journal_path, rows) as journal:
        told = Told(name, lambda: keep(name, journal.rows()))
        for part, judged in ((rows[: min(limit, JUDGED_ROWS)], JUDGED), (rows[:limit], {})):
            wanted = {row.id for row in part}
            plan = Collecting(
                {tier: engines.leased[tier] for tier in TIERS}, {"temperature": 0}, judged, AT_ONCE
            )
            await Collector(plan, journal, told, wanted).run()
        told.keep()


def recorded(name: str, questions: list[Row]) -> list[Row]:
    """The questions, with the answers that an earlier run has left."""
    path = OUT / f"{name}.jsonl"
    before = {row.id: row for row in read(path)} if path.exists() else {}
    return [before.get(row.id, row) for row in questions]


def keep(name: str, rows: list[Row]) -> None:
    """Everything that was answered so far."""
    OUT.mkdir(parents=True, exist_ok=True)
    write_rows(OUT / f"{name}.jsonl", [row for row in rows if row.tiers])


class Told:
    """Says every half minute how far it is, and keeps what is there."""

    def __init__(self, name: str, keep: Callable[[], None]) -> None:
        self._name, self.keep = name, keep
        self._begun, self._said = time.monotonic(), 0.0

    def __call__(self, progress: Progress) -> None:
        """Hear of one more answer."""
        now = time.monotonic()
        if progress.done == 0:
            self._begun = now
        elif now - self._said > SAY_S or not progress.left:
            self._said = now
            self.keep()
            left_min = (now - self._begun) / progress.done * progress.left / 60
            where = f"{self._name} {progress.tier}: {progress.done} done, {progress.left} left"
            print(f"{where}, about {left_min:.0f} min", flush=True)


if __name__ == "__main__":
    sys.exit(main())
