"""Every load of a file under every policy and bound: what the scheduler's core is worth, and where it loses.

    .venv/bin/python scripts/long/simulate.py         (half an hour on one core, less on more; 200 MB each)

Writes benchmarks/vram/simulate.json (every figure) and simulate.md (tables made of it). No engine is started.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean

import msgspec

from gpu_cascade.errors import CascadeError
from gpu_cascade.simulation import CHOICES, Job, simulate
from gpu_cascade.vram.simulate.load import read_loads
from gpu_cascade.vram.simulate.result import Cause

ROOT = Path(__file__).parents[2]
LOADS = ROOT / "examples" / "vram_loads.yaml"
OUT = ROOT / "benchmarks" / "vram"
SEEDS = (1, 2, 3, 4, 5)
COMPARED = ("best-static", "auto", "lru", "clairvoyant")

Runs = dict[str, list[dict[str, dict]]]  # load -> for each seed -> policy -> its result


def main() -> None:
    begun, loads = time.monotonic(), list(read_loads(LOADS).loads)
    with ProcessPoolExecutor() as pool:
        jobs = {load: [pool.submit(ran, load, seed) for seed in SEEDS] for load in loads}
        done = {load: [job.result() for job in ran_for] for load, ran_for in jobs.items()}
    runs: Runs = {load: [run for run, _ in ran_for] for load, ran_for in done.items()}
    used_s = sum(used for ran_for in done.values() for _, used in ran_for)
    spent = f"{used_s:.0f} s of processor time in {time.monotonic() - begun:.0f} s"
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "simulate.json").write_bytes(msgspec.json.format(msgspec.json.encode(runs), indent=1) + b"\n")
    (OUT / "simulate.md").write_text("\n".join(page(runs, spent)) + "\n", encoding="utf-8")


def ran(load: str, seed: int) -> tuple[dict[str, dict], float]:
    """Every policy's result, and seconds of processor time."""
    used = time.process_time()
    numbers = simulate(Job(LOADS, load, CHOICES, seed)).numbers
    print(f"{load}, seed {seed}: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    return {result["policy"]: result for result in numbers["results"]}, time.process_time() - used


def page(runs: Runs, spent: str) -> Iterable[str]:
    yield "# Policies on the loads of `examples/vram_loads.yaml`\n"
    yield f"From `scripts/long/simulate.py`: 4 simulated hours, {len(SEEDS)} seeds, {spent}.\n"
    yield "## Requests a second answered within both promises: mean of the seeds (least to most)\n"
    yield from table(("load", *CHOICES), (goodput(load, seeds) for load, seeds in runs.items()))
    yield "## What `auto` is worth: mean of the seeds (least to most)\n"
    yield "The gain is from `best-static` to `clairvoyant`; `-` where the bound leaves less than 1 % of it.\n"
    names = (
        "load",
        "auto / best-static",
        "clairvoyant / best-static",
        "auto / clairvoyant",
        "share of the gain",
    )
    yield from table(names, (worth(load, seeds) for load, seeds in runs.items()))
    yield "## Requests not in time, by the first cause that holds: share of all, mean of the seeds\n"
    yield from table(("load", "cause", *COMPARED), losses(runs))
    yield "## Moves, and the longest wait for a place in seconds, over all seeds\n"
    yield from table(("load", *CHOICES), (moves(load, seeds) for load, seeds in runs.items()))


def goodput(load: str, seeds: Sequence[dict[str, dict]]) -> tuple[str, ...]:
    return load, *(spread(lambda seed, name=name: seed[name]["goodput"], seeds, 3) for name in CHOICES)


def worth(load: str, seeds: Sequence[dict[str, dict]]) -> tuple[str, ...]:
    def ratio(over: str, under: str) -> str:
        return spread(lambda seed: seed[over]["goodput"] / seed[under]["goodput"], seeds, 3)

    def share(seed: dict[str, dict]) -> float:
        low, reached, high = (seed[name]["goodput"] for name in ("best-static", "auto", "clairvoyant"))
        return (reached - low) / (high - low)

    pairs = [(seed["clairvoyant"]["goodput"], seed["best-static"]["goodput"]) for seed in seeds]
    gain = min(high / low for high, low in pairs) - 1
    ratios = (ratio("auto", "best-static"), ratio("clairvoyant", "best-static"), ratio("auto", "clairvoyant"))
    return load, *ratios, spread(share, seeds, 3) if gain >= 0.01 else "-"


def losses(runs: Runs) -> Iterable[tuple[str, ...]]:
    for load, seeds in runs.items():
        for cause in Cause:
            key = cause.name.lower()
            shares = [
                mean(seed[name]["lost"][key] / seed[name]["requests"] for seed in seeds) for name in COMPARED
            ]
            if any(shares):
                yield load, cause, *(f"{share:.2%}" for share in shares)


def moves(load: str, seeds: Sequence[dict[str, dict]]) -> tuple[str, ...]:
    return load, *(
        f"{sum(len(seed[name]['moves']) for seed in seeds)}, {longest(name, seeds):.0f}" for name in CHOICES
    )


def longest(name: str, seeds: Sequence[dict[str, dict]]) -> float:
    return max(waits["max"] for seed in seeds for waits in seed[name]["waits_s"].values() if waits)


def spread(figure: Callable[[dict[str, dict]], float], seeds: Sequence[dict[str, dict]], digits: int) -> str:
    found = [figure(seed) for seed in seeds]
    return f"{mean(found):.{digits}f} ({min(found):.{digits}f} to {max(found):.{digits}f})"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    try:
        main()
    except CascadeError as error:
        sys.exit(error.message)
