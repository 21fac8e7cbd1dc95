"""5,000 runs of random events against the scheduler's core: the long form of a test of the suite.

    .venv/bin/python scripts/long/scheduler.py > benchmarks/vram/scheduler.txt        (half a minute)

A run that breaks a rule ends it with the seed: books or memory over the capacity, a request answered twice or
never, somebody who waits for good. tests/vram/scheduler says what can happen.
"""

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.vram.scheduler.chance import SETTINGS, Chance

RUNS = 5000


def main() -> None:
    begun, moves, ends = time.process_time(), Counter(), Counter()
    for seed in range(RUNS):
        chance = Chance(seed)
        try:
            chance.run()
        except AssertionError as error:
            sys.exit(f"seed {seed}: {error}")
        world = chance.world
        moves.update(str(kind) for _, _, kind in world.history)
        ends.update(asked=world.asked, refused=len(world.refused), gone=len(world.left))
    print(f"{RUNS:,} runs over {', '.join(sorted(SETTINGS))}: nothing lost, doubled, over or stuck")
    print(f"moves: {told(moves)}")
    print(f"requests: {told(ends)}")
    print(f"{time.process_time() - begun:.0f} s of processor time")


def told(counts: Counter) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


if __name__ == "__main__":
    main()
