"""Thousands of random streams through the whole gateway: the test of `tests/gateway/test_streams.py`, long.

    PYTHONPATH=. .venv/bin/python scripts/long/streams.py [--examples 5000] [--seed 0]

Each example is a request and what two engines send over their sockets: any split of bytes, any chunking of
tokens, tool calls, characters of several bytes, a connection or an event that breaks anywhere; for hold,
early abort, commit and race. It ends with code 1 at the first answer that is not right, and shows it.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

from tests.gateway.streams import examples
from tests.gateway.test_streams import Machine


def run(machine: Machine, count: int, start: int) -> Counter[str]:
    """So many examples; how many of each mode."""
    seen: Counter[str] = Counter()

    @seed(start)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(examples())
    def one(example):
        seen[example.mode] += 1
        machine.check(example)

    one()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Machine(Path(folder)) as machine:
        seen = run(machine, args.examples, args.seed)
    told = ", ".join(f"{count} {mode}" for mode, count in sorted(seen.items()))
    print(f"{sum(seen.values())} streams ({told}), all right, in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
