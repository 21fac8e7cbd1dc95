"""Reading a draft while it is written: broken off exactly where its end would have said no."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.cascade.hold import hold
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.cascade.tier import Tier
from gpu_cascade.engines.base import BROKEN_OFF
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.engines.leased import Leased
from gpu_cascade.engines.meter import BusyMeter
from gpu_cascade.types import Delta, Final, Reason, Request, TopLogprob, Use, Verdict, weighed

from ..cascades import cascade
from ..coroutines import finished
from ..places import places

ASK = Request([{"role": "user", "content": "Is travel refundable?"}], {"max_tokens": 32}, logprobs=0)
LONG = "one two three four five six seven eight nine ten"


class Written:
    """An engine that writes these tokens in pieces of `every`, then its stop token."""

    name = "small"

    def __init__(self, numbers, every=1, stop=-5.0, finish_reason="stop", alternatives=()):
        self.tokens = [self._token(f"t{i} ", n, alternatives) for i, n in enumerate(numbers)]
        self.stop = self._token("<|im_end|>", stop, alternatives)
        self.every, self.finish_reason = every, finish_reason

    def _token(self, text, number, alternatives):
        return weighed(text, number, [TopLogprob(text, number), *alternatives])

    def final(self):
        text = "".join(token.token for token in self.tokens)
        tokens = (*self.tokens, self.stop) if self.finish_reason == "stop" else tuple(self.tokens)
        return Final(text, self.finish_reason, self.name, tokens, uses=(Use(self.name, 9, len(tokens)),))

    async def answer(self, request):
        return self.final()

    async def stream(self, request):
        for start in range(0, len(self.tokens), self.every):
            piece = self.tokens[start : start + self.every]
            last = start + self.every >= len(self.tokens) and self.finish_reason == "stop"
            yield Delta("".join(t.token for t in piece), tokens=(*piece, *([self.stop] if last else [])))
        yield self.final()


async def test_a_draft_below_the_threshold_is_broken_off():
    """The engine stops at the token after the bad one, and what it had done is paid for."""
    small = Fake("small", Line(text=LONG, logprob=[-0.1, -0.1, -3.0, *[-0.1] * 8]))

    held = await hold(small, ASK, SIGNALS["min_logprob"], floor=-0.9)

    assert (-3.0, 3) == (held.bound, held.tokens_read)
    assert (BROKEN_OFF, 4) == (held.final.finish_reason, held.final.answered_by.completion_tokens)
    assert 0 == small.running


async def test_the_cost_of_a_broken_off_draft_is_counted():
    """The lease is given back; engine-seconds and tokens of the rejected draft stand in the answer."""
    leases = places(small=1)
    meter = BusyMeter()
    small = Leased(Fake("small", Line(text=LONG, logprob=-2.0, token_s=0.001)), leases, meter)

    final = await cascade(small, Fake("large"), early=True).answer(ASK)

    spent = final.uses[0]
    assert ["small", "large"] == [use.engine for use in final.uses]
    assert (Verdict.ESCALATED, Reason.SINKING) == (final.decision.verdict, final.decision.reason)
    assert 0 < spent.completion_tokens < 11
    assert spent.engine_s == pytest.approx(meter.busy_s)
    assert spent.engine_s > 0
    assert leases.core.engines["small"].desk.idle


async def test_the_judgement_says_where_it_was_broken_off():
    """How far the draft was read, and what its signal could still have been."""
    small = Fake("small", Line(text=LONG, logprob=[-0.1, -2.5, *[-0.1] * 9]))

    final = await cascade(small, Fake("large"), early=True).answer(ASK)

    judgement = final.decision.judged[0]
    assert (2, False) == (judgement.tokens_read, judgement.keep)
    assert (-2.5, -0.9) == (judgement.signal, judgement.threshold)


async def test_the_stop_token_sinks_no_draft():
    """It is none of the answer's own tokens, however unsure the engine was of stopping there."""
    held = await hold(Written([-0.1, -0.2], stop=-8.0), ASK, SIGNALS["min_logprob"], floor=-0.9)

    assert held.bound is None
    assert "t0 t1 " == held.final.text


@pytest.mark.parametrize("params", [{"stop": ["."]}, {"structured_outputs": {"choice": ["a"]}}])
async def test_a_draft_whose_own_tokens_are_unknown_is_read_to_its_end(params):
    """With a stop string or a grammar only the whole draft says which tokens count."""
    request = Request(ASK.messages, {"max_tokens": 32, **params}, 0)

    held = await hold(Written([-5.0, -5.0, -5.0]), request, SIGNALS["min_logprob"], floor=-0.9)

    assert held.bound is None


async def test_a_mean_without_a_limit_is_read_to_its_end():
    """Whatever comes next could save it, as long as nobody says how much may come."""
    request = Request(ASK.messages, {}, 0)

    held = await hold(Written([-5.0, -5.0, -5.0]), request, SIGNALS["chow_average"], floor=-0.9)

    assert held.bound is None


OTHERS = [TopLogprob("?", -9.0 - place / 10) for place in range(10)]
ODD = (-0.9, -0.90000001, 0.0, -9999.0, math.nan, None)


def numbers(chance):
    """Logprobs of a draft: sure, unsure, at the threshold's edge, now and then none at all."""
    usual = [
        -chance.expovariate(chance.choice([0.3, 2, 20]))
        for _ in range(1 + min(50, int(chance.expovariate(0.1))))
    ]
    return [chance.choice(ODD) if chance.random() < 0.01 else number for number in usual]


@settings(max_examples=10_000)
@given(st.integers(0, 2**63), st.integers(1, 9), st.sampled_from(sorted(SIGNALS)), st.floats(-20, 2))
def test_breaking_off_never_changes_the_verdict(seed, every, signal, threshold):
    """Read as it streams or at its end: the same drafts are kept, whatever the tokens, pieces and signal."""
    chance = random.Random(seed)
    reason, stop = chance.choice(["stop", "length"]), -chance.expovariate(0.3)
    engine = Written(numbers(chance), every, stop, reason, alternatives=OTHERS)
    rule = Rule(threshold, SIGNALS[signal])
    ask = Request(ASK.messages, {"max_tokens": len(engine.tokens) + chance.choice([1, 5, 100])}, 0)

    early = finished(Tier(engine, rule, early=True).draft(ask)).judgement
    late = finished(Tier(engine, rule).draft(ask)).judgement

    assert early.keep == late.keep
    if early.reason is Reason.SINKING:
        assert late.reason in {Reason.UNSURE, Reason.NO_EVIDENCE, Reason.INCOMPLETE}
