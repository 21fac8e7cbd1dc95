"""What nobody can beat, and how near the core comes to it on loads cut short."""

import pytest

from gpu_cascade.vram.simulate.arrivals import drawn
from gpu_cascade.vram.simulate.bounds import best_static, clairvoyant
from gpu_cascade.vram.simulate.journal import Fate
from gpu_cascade.vram.simulate.layouts import alone
from gpu_cascade.vram.simulate.load import Load, Phase
from gpu_cascade.vram.simulate.machine import Machine
from gpu_cascade.vram.simulate.policies import run_policy

from .toy import asked, example

LOADS = example()
THREE = ("small", "large", "huge")


def shortened(name, factor):
    """The load of the file with phases `factor` times as short."""
    load = LOADS.loads[name]
    return Load(load.tiers, tuple(Phase(one.s / factor, one.rate, one.esc, one.top) for one in load.phases))


def runs(load, seconds, seed=1):
    """The load as it is played, and the machine with one GPU and with one for each engine."""
    arrivals = drawn(load, LOADS.requests, seconds, seed)
    return arrivals, Machine(LOADS, load.tiers), Machine(LOADS, load.tiers, alone=True)


def test_the_best_static_split_is_the_best_of_all():
    """Three in four escalate to huge: it has huge resident, and no split of the planner's does better."""
    load = Load(THREE, (Phase(50, 4, 0.75, top="huge"), Phase(10, 4, 0.75, top="large")))
    arrivals, machine, _ = runs(load, 120)
    best = best_static(machine, arrivals)

    assert {"small", "huge"} == best.core.mover.layout.awake.keys()
    assert best.good >= run_policy(machine, arrivals, "static").good


def test_the_clairvoyant_bound_changes_for_nothing():
    """Turns of 30 s, far shorter than a boot: as good as a GPU for each, and far better than any policy."""
    load = Load(THREE, (Phase(30, 4, 0.5, top="large"), Phase(30, 4, 0.5, top="huge")))
    arrivals, machine, apart = runs(load, 180)
    bound = clairvoyant(machine, arrivals)

    assert bound.good == pytest.approx(run_policy(apart, arrivals, "static", [alone(apart)]).good, rel=0.03)
    assert bound.good > 1.2 * run_policy(machine, arrivals, "auto").good
    assert bound.good > 1.2 * best_static(machine, arrivals).good


def test_the_bound_answers_everybody_once():
    """Trying every split leaves no trace in what is kept."""
    load = Load(THREE, (Phase(20, 6, 0.5, top="large"), Phase(20, 6, 0.5, top="huge")))
    arrivals, machine, _ = runs(load, 80)
    run = clairvoyant(machine, arrivals)
    journal, slo = run.journal, LOADS.requests.slo

    assert len(arrivals) == journal.fate.count(Fate.ANSWERED) + journal.fate.count(Fate.LEFT)
    in_time = [
        first - at <= slo.ttft_s and end - at <= slo.e2e_s
        for first, end, at in zip(journal.first, journal.end, arrivals.at, strict=True)
    ]
    assert sum(in_time) == run.good


def test_nobody_asks():
    """An empty load has bounds too."""
    machine = Machine(LOADS, THREE)

    assert 0 == clairvoyant(machine, asked([])).good
    assert 0 == best_static(machine, asked([])).good


def test_where_all_fits_auto_is_as_good_as_the_best_split():
    """`day_night`, phases of 3 minutes: at least 0.98 of the best split."""
    arrivals, machine, _ = runs(shortened("day_night", 20), 720)

    assert run_policy(machine, arrivals, "auto").good >= 0.98 * best_static(machine, arrivals).good


def test_bursts_leave_memory_nothing_to_gain():
    """The large engine lacks speed, not memory: a GPU for each engine answers no more in time."""
    arrivals, machine, apart = runs(shortened("bursts_of_hard_questions", 1), 700)
    reached = run_policy(machine, arrivals, "auto").good

    assert reached >= 0.98 * best_static(machine, arrivals).good
    assert reached >= 0.98 * run_policy(apart, arrivals, "static", [alone(apart)]).good


def test_turns_are_worth_more_than_any_split():
    """`two_large_by_turns` with one change in it: over 0.85 of what a GPU for each has, most of the gain."""
    arrivals, machine, apart = runs(shortened("two_large_by_turns", 1), 3600)
    low, reached = run_policy(machine, arrivals, "static").good, run_policy(machine, arrivals, "auto").good
    high = run_policy(apart, arrivals, "static", [alone(apart)]).good

    assert reached >= 1.1 * low
    assert reached >= 0.85 * high
    assert reached - low >= 0.8 * (high - low)
