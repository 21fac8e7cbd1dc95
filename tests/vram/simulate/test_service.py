"""The modelled engine against what can be worked out by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .toy import A_S, B_S, PROMPT_S, engine, served


def test_one_request_alone_takes_its_prompt_then_a_step_for_each_further_token():
    """The first token comes with the step that reads the prompt."""
    first, end = served(engine(), [(5.0, 50, 20)])

    assert first[0] == pytest.approx(5 + A_S + 50 * PROMPT_S)
    assert end[0] == pytest.approx(first[0] + 19 * (A_S + B_S))


@pytest.mark.parametrize("n", [2, 7, 30])
def test_equal_requests_share_every_step(n):
    """n requests of one prompt token and m answer tokens: one step reads all, then m - 1 steps of a + b n."""
    first, end = served(engine(), [(0.0, 1, 41)] * n)

    # The first prompt begins a step of its own; the others come into the next one, beside it.
    both = (A_S + PROMPT_S) + (A_S + B_S + (n - 1) * PROMPT_S)
    assert first[n - 1] == pytest.approx(both)
    assert end[n - 1] == pytest.approx(both + 39 * (A_S + n * B_S) + (A_S + (n - 1) * B_S))


def test_a_long_prompt_is_read_in_chunks():
    """100 tokens a step: 250 take three steps, and the chunks leave room for those that decode."""
    first, _ = served(engine(), [(0.0, 250, 1)])

    assert first[0] == pytest.approx(3 * A_S + 250 * PROMPT_S)


def test_prompts_slow_those_that_decode():
    """While prompts are read, a token takes a whole step with its chunk."""
    first, end = served(engine(), [(0.0, 1, 5), (0.1, 99, 1)])

    # 1: its first token after one step. In 0.089 s until the other comes it would have ended.
    assert end[0] == pytest.approx(first[0] + 4 * (A_S + B_S))
    first, end = served(engine(), [(0.0, 1, 5), (first[0], 99, 1)])
    chunk_s = A_S + B_S + 99 * PROMPT_S
    assert end[0] == pytest.approx(first[0] + chunk_s + 3 * (A_S + B_S))
    assert first[1] == pytest.approx(first[0] + chunk_s)


def test_a_backlog_of_prompts_is_read_in_order():
    """Each first token comes after all prompts before it, whatever their lengths."""
    prompts = [300, 5, 200, 1]
    first, _ = served(engine(), [(0.0, prompt, 2) for prompt in prompts])

    read_s = sum(prompts) * PROMPT_S
    assert sorted(first, key=first.get) == [0, 1, 2, 3]
    assert read_s < first[3] < read_s + 12 * (A_S + 4 * B_S)


def test_many_reach_the_stated_speed_together():
    """With n decoding, tokens come at n / (a + b n) a second: half of the most at n = a / b."""
    n, tokens = 10, 2001
    _, end = served(engine(), [(0.0, 1, tokens)] * n)

    speed = n * tokens / max(end.values())
    assert speed == pytest.approx(n / (A_S + B_S * n), rel=0.01)


def test_a_request_waits_outside_until_it_fits():
    """100 tokens of KV cache hold one of 60: the second enters when the first has left, the third behind."""
    first, end = served(engine(kv_tokens=100), [(0.0, 50, 10), (0.0, 50, 10), (0.0, 1, 1)])

    assert first[1] == pytest.approx(end[0] + A_S + 51 * PROMPT_S)
    assert first[2] == pytest.approx(first[1])


def test_what_never_fits_is_not_taken():
    """A request longer than the whole KV cache is refused, and leaves nothing behind."""
    one = engine(kv_tokens=100)

    assert not one.enter(0, 90, 11, 0.0)
    assert math.inf == one.at


def test_a_larger_cache_lets_those_in_who_wait():
    """After a resize nobody waits for the next answer to end."""
    one = engine(kv_tokens=100)
    one.enter(0, 50, 50, 0.0)
    one.enter(1, 50, 50, 0.0)
    one.resize(200, 0.01)

    assert 200 == one.used


JOBS = st.lists(
    st.tuples(st.floats(0, 3), st.integers(1, 250), st.integers(1, 40)), min_size=1, max_size=40
).map(sorted)


@settings(max_examples=200)
@given(JOBS, st.integers(290, 2000))
def test_everybody_is_answered_and_the_cache_is_never_over(jobs, kv_tokens):
    """Whatever comes: each request has one first token and one end, not before it could have them."""
    first, end = served(engine(kv_tokens=kv_tokens), jobs)

    assert set(range(len(jobs))) == first.keys() == end.keys()
    for number, (at, prompt, tokens) in enumerate(jobs):
        assert first[number] - at >= prompt * PROMPT_S
        assert end[number] - first[number] >= (tokens - 1) * A_S - 1e-9


def stepped(jobs, budget=100):
    """The same engine step by step, as vLLM does it: nothing begins before the step under way has ended."""
    now, coming, prompts, decoding, end = 0.0, list(enumerate(jobs)), [], {}, {}
    while coming or prompts or decoding:
        if not prompts and not decoding:
            now = max(now, coming[0][1][0])
        while coming and coming[0][1][0] <= now:
            number, (_, prompt, tokens) = coming.pop(0)
            prompts.append([number, prompt, tokens])
        running, carried = len(decoding), 0
        read = []
        while prompts and carried < budget - running:
            part = min(prompts[0][1], budget - running - carried)
            carried += part
            prompts[0][1] -= part
            if not prompts[0][1]:
                read.append(prompts.pop(0))
        now += A_S + B_S * running + carried * PROMPT_S
        decoding = {number: left - 1 for number, left in decoding.items()}
        decoding |= {number: tokens - 1 for number, _, tokens in read}
        end |= {number: now for number, left in decoding.items() if not left}
        decoding = {number: left for number, left in decoding.items() if left}
    return end


@settings(max_examples=100)
@given(JOBS)
def test_the_fluid_is_as_fast_as_counting_every_step(jobs):
    """The last answer of a crowd ends within a few steps of where counting every step ends it."""
    _, end = served(engine(), jobs)
    counted = stepped(jobs)

    longest_step_s = A_S + 40 * B_S + 100 * PROMPT_S
    assert max(end.values()) == pytest.approx(max(counted.values()), rel=0.1, abs=2 * longest_step_s)


def test_a_copy_goes_its_own_way():
    """What happens to a copy does not happen to the engine it was made of."""
    one = engine()
    one.enter(0, 10, 10, 0.0)
    other = one.copy()
    other.enter(1, 10, 10, 0.0)
    while other.at < math.inf:
        other.advance()

    assert 20 == one.used
    assert 0 == other.used
    assert {} == one.began
