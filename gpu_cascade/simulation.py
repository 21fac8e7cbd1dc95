"""What `simulate` does: a load from a file, under each policy that is named, as tables or as numbers."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config.fields import unknown
from .errors import ConfigError
from .vram.simulate.arrivals import Arrivals, drawn
from .vram.simulate.bounds import best_static, clairvoyant
from .vram.simulate.layouts import alone, given
from .vram.simulate.load import Load, Loads, chosen, read_loads
from .vram.simulate.machine import Machine
from .vram.simulate.policies import POLICIES, run_policy
from .vram.simulate.recorded import recorded
from .vram.simulate.result import Result, summed
from .vram.simulate.show import render

if TYPE_CHECKING:
    from rich.console import Group

BOUNDS = ("best-static", "dedicated", "clairvoyant")
CHOICES = (*POLICIES, *BOUNDS)


@dataclass(frozen=True, slots=True)
class Job:
    """One simulation: a load of a file under some policies.

    `split`: GiB of KV cache by engine, for `static`; the planner's where it is empty.
    """

    file: Path
    load: str
    policies: tuple[str, ...]
    seed: int = 1
    hours: float = 4.0
    split: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it: for a terminal, for a program."""

    tables: "Group"
    numbers: dict[str, Any]


def split_of(text: str) -> dict[str, float]:
    """GiB of KV cache by engine from `small=4,large=50`. Raises `ConfigError` for anything else."""
    found = re.findall(r"([\w.-]+)=(\d+(?:\.\d+)?)(?:,|$)", text)
    if not found or ",".join("=".join(pair) for pair in found) != text:
        raise ConfigError(f"--split {text} is no split; write GiB of KV cache by engine: small=4,large=50")
    return {name: float(gib) for name, gib in found}


def simulate(job: Job) -> Simulated:
    """Run the load under each policy. Raises `ConfigError` before the first one where that cannot be done."""
    for policy in job.policies:
        if policy not in CHOICES:
            raise ConfigError(f"--policy {policy} {unknown(policy, CHOICES)}")
    if job.split and "static" not in job.policies:
        raise ConfigError(f"--split is for --policy static, and {', '.join(job.policies)} was asked for")
    loads = read_loads(job.file)
    load = chosen(loads, job.load)
    arrivals = arrived(loads, load, job)
    machine = Machine(loads, load.tiers)
    results = [result(policy, machine, arrivals, job.split) for policy in job.policies]
    title = f"{job.load}: {len(arrivals)} requests, seed {job.seed}, on one {loads.gpu.name}"
    asked = {"file": str(job.file), "load": job.load, "seed": job.seed}
    return Simulated(render(title, results), asked | {"results": [asdict(one) for one in results]})


def arrived(loads: Loads, load: Load, job: Job) -> Arrivals:
    """The requests of the load: `hours` of its phases, or the whole recording."""
    if load.recorded:
        return recorded(job.file.parent / load.recorded, load.tiers)
    return drawn(load, loads.requests, job.hours * 3600, job.seed)


def result(policy: str, machine: Machine, arrivals: Arrivals, split: Mapping[str, float]) -> Result:
    """What came of the load under one policy, or within one bound."""
    if policy == "best-static":
        return summed(policy, best_static(machine, arrivals))
    if policy == "clairvoyant":
        return summed(policy, clairvoyant(machine, arrivals))
    if policy == "dedicated":
        each = replace(machine, alone=True)
        return summed(policy, run_policy(each, arrivals, "static", [alone(each)]))
    layouts = [given(machine, split)] if split and policy == "static" else []
    return summed(policy, run_policy(machine, arrivals, policy, layouts))
