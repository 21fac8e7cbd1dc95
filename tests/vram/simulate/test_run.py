"""Whole runs: nobody is lost, nothing is over-committed, and queues are as long as theory has them."""

from collections import Counter
from itertools import pairwise
from statistics import fmean

import msgspec
import pytest

from gpu_cascade.vram.scheduler.ledger import Ledger
from gpu_cascade.vram.scheduler.words import HOST, Kind, Layout, State
from gpu_cascade.vram.simulate.arrivals import drawn
from gpu_cascade.vram.simulate.journal import Fate
from gpu_cascade.vram.simulate.load import Gateway, Load, Phase
from gpu_cascade.vram.simulate.machine import Machine
from gpu_cascade.vram.simulate.policies import POLICIES, run_policy
from gpu_cascade.vram.simulate.run import Run
from gpu_cascade.vram.simulate.service import Engine

from .toy import asked, example

LOADS = example()
THREE = ("small", "large", "huge")
BY_TURNS = Load(THREE, (Phase(200, 8, 0.3, top="large"), Phase(200, 8, 0.3, top="huge")))
GIB = 2**30


def after(monkeypatch, owner, name, check):
    """From here on `check` looks at the object after each call of that method."""
    method = getattr(owner, name)

    def checked(self, *args):
        found = method(self, *args)
        check(self)
        return found

    monkeypatch.setattr(owner, name, checked)


def books_fit(ledger):
    assert all(ledger.free(device) >= 0 for device in ledger.capacity)


def cache_fits(engine):
    assert 0 <= engine.used <= engine.kv_tokens


def machine(tiers=THREE, **changes):
    return Machine(msgspec.structs.replace(LOADS, **changes), tiers)


@pytest.mark.parametrize("policy", POLICIES)
def test_every_request_ends_once_and_nothing_is_over(policy, monkeypatch):
    """Under every policy each request is answered, refused or has left, with its moments in order."""
    after(monkeypatch, Ledger, "hold", books_fit)
    after(monkeypatch, Engine, "enter", cache_fits)
    after(monkeypatch, Engine, "advance", cache_fits)
    arrivals = drawn(BY_TURNS, LOADS.requests, 800, 1)
    answers = Counter()
    monkeypatch.setattr(Run, "_answer", counting(Run._answer, answers))
    run = run_policy(machine(), arrivals, policy)
    journal = run.journal

    assert 0 == journal.fate.count(Fate.OPEN)
    assert journal.fate.count(Fate.ANSWERED) == len(answers) == answers.total()
    for each in answers:
        moments = [arrivals.at[each], journal.draft_place[each], journal.draft_end[each]]
        if arrivals.tops[each]:
            moments.append(journal.top_place[each])
        moments += [journal.first[each], journal.end[each]]
        assert all(sooner <= later for sooner, later in pairwise(moments))
    assert all(0 == engine.used for engine in run._engines.values())
    assert all(one.desk.idle for one in run.core.engines.values())


def counting(answer, answers):
    def counted(self, request, first, now):
        answers[request] += 1
        answer(self, request, first, now)

    return counted


def test_the_same_seed_gives_the_same_run():
    """Every moment of every request."""
    arrivals = drawn(BY_TURNS, LOADS.requests, 600, 3)
    one, other = (run_policy(machine(), arrivals, "auto") for _ in range(2))

    assert one.journal.first.tobytes() == other.journal.first.tobytes()
    assert one.journal.end.tobytes() == other.journal.end.tobytes()
    assert one.moves == other.moves


def test_a_kept_draft_is_shown_when_it_is_complete():
    """Its first token comes with its last; that of an escalated request comes from the larger model."""
    run = run_policy(machine(), asked([(0.0, 100, 50, 0), (50.0, 100, 50, 1)]), "static")
    journal = run.journal

    assert journal.first[0] == journal.draft_end[0] == journal.end[0]
    assert journal.draft_end[1] < journal.first[1] < journal.end[1]
    # 1.5B: one step for the prompt, 49 for the other tokens.
    assert 1 / 260 - 1 / 9000 + 100 / 90000 + 49 / 260 == pytest.approx(journal.end[0])


def test_moves_take_their_time():
    """Asked for huge while large is awake and idle: large goes to sleep, then huge boots."""
    run = run_policy(machine(), asked([(0.0, 100, 50, 2)]), "auto")

    (slept, sleep), (booted, boot) = run.moves
    assert [("large", Kind.SLEEP), ("huge", Kind.BOOT)] == [(one.engine, one.kind) for one in (sleep, boot)]
    assert booted - slept == pytest.approx(0.3 + 61 * 0.65)
    assert run.journal.top_place[0] == pytest.approx(booted + 45 + 68 * 0.4)
    assert run.journal.away[0]


def test_static_refuses_whom_it_has_not():
    """Nobody waits for an engine that never comes."""
    run = run_policy(machine(), asked([(0.0, 100, 50, 2)]), "static")

    assert Fate.REFUSED == run.journal.fate[0]


def test_who_waits_past_the_deadline_leaves():
    """60 s after its arrival a request that waits for a boot of 112 s is gone; the boot goes on."""
    run = run_policy(machine(gateway=Gateway(deadline_s=60)), asked([(0.0, 100, 50, 2)]), "auto")

    assert Fate.LEFT == run.journal.fate[0]
    assert State.READY == run.core.engines["huge"].state


def test_too_many_who_wait_are_refused():
    """Two may wait: of five that ask for a sleeping engine at once, three are sent away."""
    rows = [(0.0, 100, 50, 2)] * 5
    run = run_policy(machine(gateway=Gateway(max_queue=2)), asked(rows), "auto")

    assert 3 == run.journal.fate.count(Fate.REFUSED)


def test_what_is_too_long_for_the_cache_is_refused_and_leaves_its_place():
    """A prompt of 2,000 tokens on a KV cache of 1,000; the next one is served."""
    layout = Layout({"small": 27 * GIB // 1000, "large": GIB}, {})
    run = run_policy(machine(), asked([(0.0, 2000, 50, 0), (1.0, 100, 50, 0)]), "static", [layout])

    assert [Fate.REFUSED, Fate.ANSWERED] == list(run.journal.fate)
    assert run.core.engines["small"].desk.idle


def test_one_place_waits_as_pollaczek_and_khinchine_have_it():
    """M/G/1: the mean wait is rate · E[S²] / (2 (1 - rate · E[S])); 60,000 requests come within 5 % of it."""
    one = msgspec.structs.replace(LOADS.engines["small"], max_num_seqs=1)
    crowd = Gateway(max_queue=10**6, deadline_s=1e9)
    one_by_one = machine(("small", "large"), engines=LOADS.engines | {"small": one}, gateway=crowd)
    arrivals = drawn(Load(("small", "large"), (Phase(1000, 0.75, 0),)), LOADS.requests, 80_000, 2)
    run = run_policy(one_by_one, arrivals, "static")
    journal = run.journal

    served = [end - place for end, place in zip(journal.draft_end, journal.draft_place, strict=True)]
    waits = [place - at for place, at in zip(journal.draft_place, arrivals.at, strict=True)]
    rate = len(arrivals) / 80_000
    expected = rate * fmean(s * s for s in served) / (2 * (1 - rate * fmean(served)))
    assert expected == pytest.approx(fmean(waits), rel=0.05)


def test_host_ram_holds_what_sleeps():
    """While large sleeps its weights are booked in host RAM, and nothing else is."""
    run = run_policy(machine(), asked([(0.0, 100, 50, 2)]), "auto")

    assert LOADS.gpu.host_ram_gib - 61 == run.core.mover.ledger.free(HOST) / GIB
    assert State.ASLEEP == run.core.engines["large"].state


def test_seconds_in_states_and_moves():
    """From the first request to the last event; the first boots came before and do not count."""
    run = run_policy(machine(), asked([(0.0, 100, 50, 2)]), "auto")
    spent = run.watch.seconds()

    assert spent["large"]["sleep"] == pytest.approx(0.3 + 61 * 0.65)
    assert spent["huge"]["boot"] == pytest.approx(45 + 68 * 0.4)
    assert 1 == len({round(sum(states.values()), 6) for states in spent.values()})
    assert "boot" not in spent["small"]
