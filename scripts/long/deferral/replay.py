"""From the record to its tables, without an engine, in under a minute.

    .venv/bin/python scripts/long/deferral/replay.py [FOLDER] [--json FILE] [--write]

FOLDER holds what record.py wrote (benchmarks/deferral/ without one); any part of it will do. `--json` writes
every figure, `--write` the tables as FOLDER/TABLES.md.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from outcomes import Outcomes, outcomes
from pairs import Pair, pair
from recorded import FOLDER, PAIRS, sets
from seeds import Chain, chain
from tables import document
from threadpoolctl import threadpool_limits

from gpu_cascade.errors import CascadeError


@dataclasses.dataclass(frozen=True)
class Replayed:
    """Every figure; None for a table that too few rows were answered for."""

    pairs: dict[str, Pair | None]
    chains: dict[str, Chain | None]
    outcomes: list[Outcomes]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure, as JSON")
    parser.add_argument("--write", action="store_true", help="the tables as FOLDER/TABLES.md")
    args = parser.parse_args(argv)
    try:
        found = replayed(args.folder)
    except CascadeError as error:
        print(error.message, file=sys.stderr)
        return error.exit_code
    text = document(found.pairs, found.chains, found.outcomes)
    print(text)
    if args.json:
        args.json.write_text(json.dumps(plain(found), indent=1) + "\n")
    if args.write:
        (args.folder / "TABLES.md").write_text(text + "\n")
    return 0


def replayed(folder: Path) -> Replayed:
    """The figures of a folder, each set and pair on a core of its own."""
    paths = sets(folder)
    # Processes that fork with threads of an algebra library in them may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=_alone) as pool:
        pairs = {
            f"{path.stem} {small} > {large}": pool.submit(pair, path, (small, large))
            for path in paths
            for small, large in PAIRS
        }
        chains = {path.stem: pool.submit(chain, path) for path in paths}
        told = [pool.submit(outcomes, path) for path in folder.glob("routellm.csv")]
        return Replayed(_done(pairs), _done(chains), [one for each in told for one in each.result()])


def _done(asked: dict[str, Future[Any]]) -> dict[str, Any]:
    return {name: one.result() for name, one in asked.items()}


def _alone() -> None:
    """One thread for each process: threads that wait for each other spin, and take five times as long."""
    threadpool_limits(1)


def plain(found: Any) -> Any:
    """Dataclasses and keys that are no text, as JSON takes them."""
    if dataclasses.is_dataclass(found):
        return {one.name: plain(getattr(found, one.name)) for one in dataclasses.fields(found)}
    if isinstance(found, dict):
        return {_key(key): plain(value) for key, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [plain(one) for one in found]
    return found


def _key(key: Any) -> str:
    return " > ".join(key) if isinstance(key, tuple) else str(key)


if __name__ == "__main__":
    sys.exit(main())
