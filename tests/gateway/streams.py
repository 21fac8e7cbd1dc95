"""Random streams: two engines that send anything anyhow, and what a client may see of them."""

import json
import random
from dataclasses import dataclass

from hypothesis import strategies as st

from gpu_cascade.cascade.cascade import Cascade
from gpu_cascade.cascade.commit import Committing
from gpu_cascade.cascade.race import Race
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.cascade.tier import Tier
from gpu_cascade.engines.fake_words import END_OF_TURN, Word, called
from gpu_cascade.types import FunctionCall, TokenLogprob, TopLogprob

from .asked_here import asked, put_together
from .upstream import Script

FLOOR, SURE, UNSURE = -0.9, -0.25, -2.0
RULE = Rule(FLOOR, SIGNALS["min_logprob"])
MODES = ("hold", "early", "commit", "race")
DRAFT, ANSWER = "abéß漢😀", "ABÖΩ字🎈"  # no letter in common, so whatever is mixed is seen
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]


@dataclass
class Example:
    """A request and what both engines send. `first`: how many tokens decide where drafts are shown live."""

    mode: str
    first: int
    small: Script
    large: Script
    tools: bool
    usage: bool
    stop: bool


def drawn(dice, letters, tools):
    """An answer: unsure tokens and missing numbers now and then, broken somewhere every other time."""
    texts = ["".join(dice.choices(letters + " \n", k=dice.randrange(5))) for _ in range(dice.randrange(13))]
    numbers = dice.choices([SURE] * dice.choice([5, 20, 80]) + [UNSURE, None], k=60)
    if tools:
        arguments = json.dumps({"q": "".join(texts), "n": 1}, ensure_ascii=False)
        words = called([FunctionCall("find", arguments)], numbers)
    else:
        words = [word(text, text, number) for text, number in zip(texts, numbers, strict=False)]
        words.append(word(END_OF_TURN, "", SURE))
    reason = dice.choice(["stop", "stop", "length"])
    if reason == "length":
        words.pop()
    script = Script(words, "tool_calls" if tools and reason == "stop" else reason, dice.randint(1, 5))
    script.splits = [dice.randrange(10_000) for _ in range(dice.randrange(9))]
    if dice.random() < 0.5:
        script.breaks = dice.randrange(10_000)
        script.bad = dice.choice([None, None, "garbage", "error"])
    return script


def word(token, text, number):
    """One token and what the client sees of it; the first bytes of a character come as ""."""
    raw = list(token.encode())
    return Word(TokenLogprob(token, number, raw, [TopLogprob(token, number, raw)]), text)


def examples():
    """Any example. One seed draws what the engines send: drawn singly, its bytes would take minutes."""
    return st.builds(_example, st.sampled_from(MODES), st.integers(0, 2**63))


def _example(mode, seed):
    dice = random.Random(seed)
    tools = dice.random() < 0.25
    small, large = drawn(dice, DRAFT, tools), drawn(dice, ANSWER, tools)
    return Example(mode, dice.randint(1, 6), small, large, tools, dice.random() < 0.5, dice.random() < 0.2)


def cascade(example, small, large):
    """The cascade that the example asks for."""
    more = {"sampling": {"temperature": 0}}
    if example.mode == "race":
        return Race("cascade", [Tier(small, RULE, streamed=True)], large, rival=large, **more)
    if example.mode == "commit":
        return Cascade("cascade", [Committing(small, RULE, example.first)], large, **more)
    return Cascade("cascade", [Tier(small, RULE, early=example.mode == "early")], large, **more)


async def check(example, small, large):
    """One example through the whole gateway: what is sent is right, whatever the engines did."""
    small.says, large.says = example.small, example.large
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], "stream": True}
    body |= {"stream_options": {"include_usage": True}} if example.usage else {}
    body |= {"tools": TOOLS} if example.tools else {}
    body |= {"stop": ["§"]} if example.stop else {}

    reply = await asked(cascade(example, small.client, large.client), body)

    assert 1 == reply.ended
    assert len(reply.answered) <= 1
    if reply.status != 200:
        assert json.loads(reply.data)["error"]["message"]
        assert not sound(example)
        return
    seen = put_together(reply.payloads, example.usage)
    if seen.error is None:
        _right(example, seen, reply)
    else:
        assert not reply.answered
        _broken(example, seen)


def _right(example, seen, reply):
    """A whole answer: of one engine, whole, recorded, and of the right one."""
    tier, verdict = seen.cascade["tier"], seen.cascade["verdict"]
    script = example.small if tier == "small" else example.large
    assert said(script) == (seen.text, list(map(tuple, seen.calls.values())))
    assert script.reason == seen.finish_reason
    (event,) = reply.answered
    assert (tier, verdict) == (event.decision.tier, event.decision.verdict)
    kept_text = event.answer if not seen.calls else json.loads(event.answer)[0]["tool_calls"][0]["function"]
    assert kept_text == (
        seen.text if not seen.calls else dict(zip(("name", "arguments"), *seen.calls.values(), strict=True))
    )
    if tier == "large":
        assert not set(DRAFT[2:]) & set(reply.data.decode())
    if verdict == "degraded":
        assert not sound(example)
    elif example.mode != "race" and example.small.breaks is None:
        assert (tier == "small") == keeps(example)
    elif tier == "small":
        assert example.small.breaks is None
        assert keeps(example)


def _broken(example, seen):
    """An error after the start: what was shown begins one answer, a draft only where it stands."""
    assert seen.error["message"]
    assert not sound(example)
    shown = (seen.text, "".join(arguments for _, arguments in seen.calls.values()))
    stands = example.mode == "commit" and live(example) and surely(example)
    assert _begins(example.large, shown) or (stands and _begins(example.small, shown))


def _begins(script, shown):
    text, calls = said(script)
    return text.startswith(shown[0]) and "".join(arguments for _, arguments in calls).startswith(shown[1])


def sound(example):
    return example.small.breaks is None and example.large.breaks is None


def said(script):
    """Text and calls of the whole answer."""
    final = script.final
    return final.text, [(call.function.name, call.function.arguments) for call in final.tool_calls]


def own(script):
    """The numbers of the answer's own tokens, told from the script: up to the last that says something."""
    if script.final.tool_calls:
        return [w.token.logprob for w in script.words if any(p.function.arguments for p in w.calls)]
    says = [place for place, w in enumerate(script.words) if w.text]
    return [w.token.logprob for w in script.words[: says[-1] + 1]] if says else []


def live(example):
    """Whether the draft could be shown before its end."""
    readable = not example.tools and not example.stop
    return readable and len(own(example.small)) > example.first and not example.small.final.blank


def surely(example):
    """Whether the tokens that decide are sure enough."""
    numbers = own(example.small)[: example.first if example.mode == "commit" else None]
    return bool(numbers) and None not in numbers and min(numbers) >= FLOOR


def keeps(example):
    """Whether the draft stands, told from the script alone."""
    ends_well = not example.small.final.blank and example.small.reason != "length"
    shown = example.mode == "commit" and live(example)
    return surely(example) and (shown or ends_well)
