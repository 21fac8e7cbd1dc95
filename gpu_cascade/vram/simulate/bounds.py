"""What no policy can know or do: the best static split in hindsight, and the best split at every moment."""

import math
from collections.abc import Sequence
from dataclasses import replace

from ..scheduler.core import Core
from ..scheduler.policy import Lru
from ..scheduler.words import Layout, State
from .arrivals import Arrivals
from .layouts import splits
from .machine import Machine
from .policies import run_policy, started
from .run import FOREVER, Run

EIGHTHS = 8  # of what is left for KV caches: what a static split is made of
INTERVAL_S = 10.0
QUARTERS = 4  # of it, where each split is tried in every interval
# Many requests that begin in an interval end after it. By what ends within it alone the first hour of
# `two_large_by_turns` (seed 1) stayed with an engine that nobody asked for any more, and had 25,273 in time;
# with 10 s more 26,672, as many as engines with a GPU each.
LOOK_S = 10.0


def best_static(machine: Machine, arrivals: Arrivals) -> Run:
    """The load under the split with the highest goodput over all of it; of equals the first."""
    tried = (run_policy(machine, arrivals, "static", [layout]) for layout in splits(machine, EIGHTHS))
    return max(tried, key=lambda run: run.good)


def clairvoyant(machine: Machine, arrivals: Arrivals) -> Run:
    """In every 10 s the split with which most requests are answered in time in these 10 s and the next.

    Moves take nothing. Generous: an engine that has to go answers to the end whom it has begun, and holds no
    memory meanwhile. Yet greedy: what ends later is not weighed. Of equals the split that stands stays.
    """
    layouts = splits(machine, QUARTERS)
    run, stands = started(machine, arrivals, _motionless(machine)), layouts[0]
    last_s = arrivals.at[-1] + machine.loads.requests.slo.e2e_s if len(arrivals) else 0.0
    for interval in range(math.ceil(last_s / INTERVAL_S)):
        since, until = interval * INTERVAL_S, (interval + 1) * INTERVAL_S
        tried = [stands, *(each for each in layouts if each is not stands)]
        stands = _best(run, tried, since, until + LOOK_S)
        _onward(run, stands, since, until)
    # What is still there cannot be in time any more.
    most = {name: max(layout.awake.get(name, 0) for layout in layouts) for name in machine.tiers}
    return _onward(run, Layout(most, {}), last_s, FOREVER)


def _best(run: Run, layouts: Sequence[Layout], since: float, until: float) -> Layout:
    return max(layouts, key=lambda layout: _onward(run.copy(), layout, since, until).good)


def _motionless(machine: Machine) -> Core:
    """A core whose engines run elsewhere, as far as it knows: it keeps their queues, and moves nobody."""
    profiles = {name: replace(profile, devices=()) for name, profile in machine.profiles.items()}
    return Core(profiles, [Layout({}, {})], {}, Lru(), machine.loads.gateway.max_queue)


def _onward(run: Run, layout: Layout, since: float, until: float) -> Run:
    """From `since` to `until` with those awake."""
    for name, one in run.core.engines.items():
        awake = name in layout.awake
        one.stands(State.READY if awake else State.ASLEEP, since)
        if awake:
            run.resize(name, layout.awake[name], since)
            run.act(run.core.back(name, since), since)
    run.until(until)
    return run
