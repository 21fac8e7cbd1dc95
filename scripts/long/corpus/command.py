"""What vLLM itself answers, and whether the gateway answers the same.

    .venv/bin/python scripts/long/corpus/command.py record      writes benchmarks/gateway/corpus.jsonl
    .venv/bin/python scripts/long/corpus/command.py compare     asks engine and gateway, one after the other

Each boots one engine behind `gpu-cascade serve` (a minute, 4 GB) and takes some minutes on two cores. Both
ask the engine over its own socket: `compare` too, so that another machine's arithmetic is no difference of
ours; it says how many answers are still the recorded ones, and exits 1 where the gateway differs.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from corpus.asker import Asker, asker
from corpus.compare import apart, unchanged
from corpus.engine import WITHIN, YAML, socket
from corpus.everything import everything
from corpus.pair import FILE, read, write
from tests.serving import Serve

T = TypeVar("T")
Work = Callable[[Asker, Asker], Awaitable[int]]
BOOT_S = 500.0
SAY_S = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("record", "compare"))
    work = {"record": record, "compare": compare}[parser.parse_args().what]
    with tempfile.TemporaryDirectory() as folder:
        served = Serve(Path(folder), YAML)
        try:
            served.ready(within_s=BOOT_S)
            return asyncio.run(connected(served, work))
        finally:
            served.stop()


async def connected(served: Serve, work: Work) -> int:
    """The work, with the engine and the gateway to ask."""
    async with asker("http://engine", socket(served.sessions())) as engine, asker(served.url) as gateway:
        return await work(engine, gateway)


async def record(engine: Asker, _: Asker) -> int:
    """What the engine answers becomes the corpus."""
    write([await engine.pair(asked) for asked in telling(everything())])
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes")
    return 0


async def compare(engine: Asker, gateway: Asker) -> int:
    """Engine and gateway, each asked now."""
    recorded, wrong, as_recorded = read(), 0, 0
    for old in telling(recorded):
        new = await engine.pair(old.asked)
        as_recorded += unchanged(old, new, WITHIN)
        if found := apart(new, *await gateway.ask(new.asked), WITHIN):
            print(f"{old.asked.name}:", *found[:5], sep="\n  ", flush=True)
            wrong += 1
    refused = sum(old.asked.refused is not None for old in recorded)
    equal = len(recorded) - refused - wrong
    print(f"{len(recorded) - refused} pairs, {equal} equal through the gateway; {refused} refused by name")
    print(f"the engine answered {as_recorded} of {len(recorded)} as it did when they were recorded")
    return 1 if wrong else 0


def telling(these: Sequence[T]) -> Iterator[T]:
    """The same, saying now and then how far it is."""
    begun = said = time.monotonic()
    for number, one in enumerate(these):
        if time.monotonic() > said + SAY_S:
            said = time.monotonic()
            print(f"{number} of {len(these)} after {said - begun:.0f} s", file=sys.stderr, flush=True)
        yield one


if __name__ == "__main__":
    sys.exit(main())
