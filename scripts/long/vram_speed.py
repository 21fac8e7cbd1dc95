"""What planning and simulating cost, in seconds of one core.

    .venv/bin/python scripts/long/vram_speed.py > benchmarks/vram/speed.txt        (a minute)

Plans: random questions of six engines on eight GPUs, some of which fit, some do not. Simulations: the load
that moves most, under `auto`. Exits 1 where something takes longer than is promised.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from gpu_cascade.simulation import Job, arrived, result
from gpu_cascade.vram.plan.plan import plan
from gpu_cascade.vram.simulate.load import chosen, read_loads
from gpu_cascade.vram.simulate.machine import Machine
from tests.vram.plan.made import random_question

ENGINES, GPUS, PLANS = 6, 8, 500
PLAN_S = 0.1  # what is promised
SIMULATED_S = {100_000: 30.0, 1_000_000: 300.0}
LOADS = Path(__file__).parents[2] / "examples" / "vram_loads.yaml"
LOAD = "two_large_by_turns"


def main() -> None:
    fit, unfit = [], []
    for fits, took_s in plans():
        (fit if fits else unfit).append(took_s)
    for what, took in (("fit", fit), ("do not fit, cures included", unfit)):
        print(f"{len(took)} plans that {what}: {1e3 * median(took):.1f} ms, at most {1e3 * max(took):.1f} ms")
    late = max(fit + unfit) > PLAN_S
    for requests, promised_s in SIMULATED_S.items():
        count, took_s = simulated(requests)
        print(f"{count:,} requests simulated in {took_s:.1f} s of {promised_s:g}")
        late |= took_s > promised_s
    sys.exit(int(late))


def plans() -> Iterator[tuple[bool, float]]:
    """Whether each of the plans fits, and its seconds."""
    seed = made = 0
    while made < PLANS:
        seed += 1
        wants, rooms, mode, host_ram_bytes = random_question(Random(seed), GPUS, ENGINES)
        if (len(wants), len(rooms)) == (ENGINES, GPUS):
            made += 1
            begun = time.process_time()
            found = plan(wants, rooms, mode, host_ram_bytes)
            yield found.fits, time.process_time() - begun


def simulated(requests: int) -> tuple[int, float]:
    """About so many requests: how many they were, and the seconds that they took."""
    loads = read_loads(LOADS)
    load = chosen(loads, LOAD)
    per_hour = len(arrived(loads, load, Job(LOADS, LOAD, (), hours=1.0)))
    begun = time.process_time()
    job = Job(LOADS, LOAD, (), hours=1.01 * requests / per_hour)
    arrivals = arrived(loads, load, job)
    result("auto", Machine(loads, load.tiers), arrivals, {})
    return len(arrivals), time.process_time() - begun


if __name__ == "__main__":
    main()
