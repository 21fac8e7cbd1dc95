"""An engine's busy time is shared whole among its requests, by the tokens they processed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.engines.meter import BusyMeter

TIMES = st.floats(0, 1000, allow_subnormal=False)
STEPS = st.lists(st.tuples(TIMES, st.booleans(), st.integers(0, 40), st.integers(0, 10_000)), max_size=60)


def play(meter, steps):
    """Begins, progress and ends in any order, everything ended at last; the shares by key."""
    now, running, shares = 0.0, [], {}
    for number, (passed_s, starts, pick, tokens) in enumerate(steps):
        now += passed_s
        if starts or not running:
            meter.begin(number, now)
            running.append(number)
            continue
        key = running[pick % len(running)]
        if pick % 3 == 0:
            meter.progress(key, tokens)
        else:
            running.remove(key)
            shares[key] = meter.end(key, tokens, now)
    for key in running:
        now += 1.5
        shares[key] = meter.end(key, key, now)
    return shares


@given(STEPS)
def test_shares_add_up_to_the_busy_time(steps):
    """Whatever the order and the tokens: nothing is lost, nothing is shared twice, nobody earns."""
    meter = BusyMeter()
    shares = play(meter, steps)
    assert sum(shares.values()) == pytest.approx(meter.busy_s, rel=1e-9)
    assert meter.shared_s == pytest.approx(meter.busy_s, rel=1e-9)
    assert min(shares.values(), default=0.0) >= 0
    assert meter.running == 0


@given(STEPS)
def test_nothing_is_remembered_of_ended_requests(steps):
    """Memory is bound by what runs: after any history a lone request takes exactly its own time."""
    meter = BusyMeter()
    play(meter, steps)
    assert not meter._runs
    meter.begin("alone", 1e6)
    assert meter.end("alone", 7, 1e6 + 3) == pytest.approx(3)


def test_idle_time_belongs_to_nobody():
    """Only the time in which a request runs is busy."""
    meter = BusyMeter()
    meter.begin("a", 10.0)
    assert meter.end("a", 5, 12.0) == 2.0
    meter.begin("b", 20.0)
    assert meter.end("b", 5, 21.0) == 1.0
    assert meter.busy_s == 3.0


def test_equal_requests_share_equally():
    """Four that begin and end together and do the same pay the same."""
    meter = BusyMeter()
    for key in "abcd":
        meter.begin(key, 0.0)
    assert [meter.end(key, 100, 8.0) for key in "abcd"] == pytest.approx([2.0] * 4)


def test_twice_the_tokens_cost_twice_as_much():
    """Of two streams over the same time, the one that brought out twice the tokens pays two thirds."""
    meter = BusyMeter()
    meter.begin("one", 0.0)
    meter.begin("two", 0.0)
    meter.progress("one", 90)
    meter.progress("two", 200)
    assert meter.end("one", 100, 3.0) == pytest.approx(1.0)
    assert meter.end("two", 200, 3.0) == pytest.approx(2.0)


def test_without_progress_the_mean_stands_for_the_unknown():
    """Answers that are not streamed, 32 at a time: in the long run twice the tokens cost about twice."""
    meter = BusyMeter()
    paid = {100: 0.0, 200: 0.0}
    for number in range(5000):
        if number >= 32:
            tokens = 200 if number % 2 else 100
            paid[tokens] += meter.end(number - 32, tokens, float(number))
        meter.begin(number, float(number))
    assert 1.8 < paid[200] / paid[100] < 2.1


def test_prompts_that_no_stream_reports_are_expected():
    """Progress counts what came out; the prompt joins at the end, so its mean stands for it before."""
    meter = BusyMeter()
    meter.begin("earlier", 0.0)
    meter.progress("earlier", 10)
    meter.end("earlier", 1010, 1.0)
    for key in "ab":
        meter.begin(key, 2.0)
        meter.progress(key, 10)
    assert meter.end("a", 1010, 4.0) == pytest.approx(1.0)
    assert meter.end("b", 1010, 4.0) == pytest.approx(1.0)


def test_an_aborted_request_pays_for_what_it_did():
    """Aborted before its first token it pays nothing while others work, and all of its time alone."""
    meter = BusyMeter()
    meter.begin("works", 0.0)
    meter.begin("gone", 0.0)
    meter.progress("works", 50)
    assert meter.end("gone", 0, 2.0) == 0.0
    assert meter.end("works", 100, 4.0) == 4.0
    meter.begin("gone", 5.0)
    assert meter.end("gone", 0, 6.0) == 1.0


def test_a_clock_that_stands_still_harms_nothing():
    """Requests shorter than the clock's step cost nothing."""
    meter = BusyMeter()
    meter.begin("a", 1.0)
    meter.begin("b", 1.0)
    assert [meter.end("a", 5, 1.0), meter.end("b", 5, 1.0)] == [0.0, 0.0]


@given(STEPS)
def test_two_meters_that_know_of_each_other_share_one_engine(steps):
    """Each process has the part of the time that its requests have; together it is the time of one meter."""
    whole, meters = BusyMeter(), (BusyMeter(), BusyMeter())
    now, running = 0.0, {}
    for number, (passed_s, starts, pick, tokens) in enumerate(steps):
        now += passed_s
        if starts or not running:
            running[number] = meters[pick % 2]
            running[number].begin(number, now)
            whole.begin(number, now)
        else:
            key = list(running)[pick % len(running)]
            running.pop(key).end(key, tokens, now)
            whole.end(key, tokens, now)
        for meter, other in (meters, meters[::-1]):
            meter.beside(other.running, now)

    assert sum(meter.busy_s for meter in meters) == pytest.approx(whole.busy_s, rel=1e-9)
