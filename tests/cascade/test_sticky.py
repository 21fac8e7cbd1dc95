"""Conversations that stick: what is remembered, for whom and for how long, and what the next turn is like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.cascade.sticky import Remembered, Sticking, key_of
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.types import Final, Reason, Request, Verdict
from gpu_cascade.types.wish import Sticky, Wish

from ..cascades import cascade
from .clock import Clock

ANSWER = "Only with a receipt."
UNSURE, SURE, FAIRLY = -2.0, -0.1, -0.6  # the threshold is -0.9, the stricter one -0.45


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def small(first=UNSURE, later=SURE):
    return Fake(
        "small", Line(match="first", text="Perhaps.", logprob=first), Line(text="Yes.", logprob=later)
    )


class Talk:
    """A conversation with a cascade that sticks."""

    def __init__(self, draft, mode=Sticky.SKIP, memory=None, caller="ann", streams=False):
        self.draft, self.top = draft, Fake("large", Line(text=ANSWER))
        made = cascade(draft, self.top)
        self.sticking = Sticking(made, mode, memory or Remembered(60, Clock()), b"secret")
        self.messages, self.caller, self.streams = [], caller, streams

    async def ask(self, text="first", **wish):
        """One turn; its verdict and reason."""
        request = Request([*self.messages, user(text)], caller=self.caller, wish=Wish(**wish))
        if self.streams:
            final = [piece async for piece in self.sticking.stream(request)][-1]
        else:
            final = await self.sticking.answer(request)
        self.messages = [*request.messages, assistant(final.text)]
        self.last = final
        return final.decision.verdict, final.decision.reason


@pytest.mark.parametrize("streams", [False, True])
async def test_after_an_escalated_turn_the_next_one_gets_no_draft(streams):
    """`skip`: it goes up at once, and so does the one after it: a higher tier answered again."""
    talk = Talk(small(), streams=streams)

    turns = [await talk.ask(text) for text in ("first", "second", "third")]

    assert (Verdict.ESCALATED, Reason.UNSURE) == turns[0]
    assert [(Verdict.SKIPPED, Reason.STICKY)] * 2 == turns[1:]
    assert 1 == len(talk.draft.seen)
    assert not talk.last.decision.certified


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("later", "verdict"), [(FAIRLY, Verdict.ESCALATED), (SURE, Verdict.KEPT), (UNSURE, Verdict.ESCALATED)]
)
async def test_after_an_escalated_turn_the_next_draft_must_be_surer(later, verdict, streams):
    """`stricter`: half as far from certainty as the threshold; the reason says so either way."""
    talk = Talk(small(later=later), Sticky.STRICTER, streams=streams)
    await talk.ask()

    assert (verdict, Reason.STICKY) == await talk.ask("second")
    assert -0.45 == talk.last.decision.judged[0].threshold


async def test_a_kept_stricter_draft_releases_the_conversation():
    """The turn after it is judged as any other; so is that turn, asked once more."""
    talk = Talk(small(later=-0.4), Sticky.STRICTER)
    await talk.ask()
    before = talk.messages
    await talk.ask("second")

    assert (Verdict.KEPT, Reason.SURE) == await talk.ask("third")
    assert -0.9 == talk.last.decision.judged[0].threshold
    talk.messages = before
    assert (Verdict.KEPT, Reason.SURE) == await talk.ask("second")


async def test_a_stricter_draft_without_proof_keeps_its_own_reason():
    """Only what a threshold decided is the conversation's doing."""
    engine = Fake("small", Line(match="first", text="Perhaps.", logprob=UNSURE), Line(text=" "))
    talk = Talk(engine, Sticky.STRICTER)
    await talk.ask()

    assert (Verdict.ESCALATED, Reason.INCOMPLETE) == await talk.ask("second")


async def test_a_kept_turn_leaves_nothing():
    """Nothing escalated, nothing sticks."""
    talk = Talk(small(first=SURE))
    await talk.ask()

    assert (Verdict.KEPT, Reason.SURE) == await talk.ask("second")


async def test_a_tier_that_was_down_makes_nothing_stick():
    """It says nothing about the conversation: when it is back it drafts."""
    error = Line(match="first", fault=Fault.ERROR)
    talk = Talk(Fake("small", error, Line(text="Yes.", logprob=SURE)))

    assert (Verdict.ESCALATED, Reason.TIER_DOWN) == await talk.ask()
    assert (Verdict.KEPT, Reason.SURE) == await talk.ask("second")


async def test_it_ends_with_its_time():
    """After `ttl_s` without a turn that went up the conversation is as any other."""
    clock = Clock()
    talk = Talk(small(), memory=Remembered(60, clock))
    await talk.ask()
    clock.now += 60

    assert (Verdict.KEPT, Reason.SURE) == await talk.ask("second")


async def test_two_callers_never_share():
    """The same words of somebody else are another conversation; so are those to another cascade."""
    memory = Remembered(60, Clock())
    ann = Talk(small(), memory=memory)
    await ann.ask()
    bob = Talk(small(), memory=memory, caller="bob")
    bob.messages = ann.messages

    assert (Verdict.KEPT, Reason.SURE) == await bob.ask("second")
    assert (Verdict.SKIPPED, Reason.STICKY) == await ann.ask("second")
    assert key_of(b"s", "ann", "a", ann.messages) != key_of(b"s", "ann", "b", ann.messages)


async def test_one_request_may_say_otherwise():
    """`off` neither heeds nor leaves anything; a mode of its own sticks where the cascade's would not."""
    sticks, loose = Talk(small()), Talk(small(), Sticky.OFF)
    await sticks.ask()
    await loose.ask(sticky=Sticky.STRICTER)

    assert (Verdict.KEPT, Reason.SURE) == await sticks.ask("second", sticky=Sticky.OFF)
    assert (Verdict.KEPT, Reason.STICKY) == await loose.ask("second", sticky=Sticky.STRICTER)


@pytest.mark.parametrize(
    "wish", [{"tier": "small"}, {"confidence": -1.0}], ids=["a tier", "a threshold of its own"]
)
async def test_what_the_client_decided_itself_does_not_stick(wish):
    """There it has said how this turn is to be answered."""
    talk = Talk(small())
    await talk.ask()
    await talk.ask("second", **wish)

    assert [UNSURE, SURE] == [
        talk.draft.line_for(said.messages[-1]["content"]).logprob for said in talk.draft.seen
    ]


async def test_a_completion_has_no_turns():
    """A raw prompt is no conversation."""
    talk = Talk(small())
    request = Request([user("first")], raw=True)

    await talk.sticking.answer(request)

    assert [None] == [said.stuck for said in talk.draft.seen]


def test_memory_is_bounded_and_the_oldest_goes():
    """What was remembered again is the newest; what is over makes room first."""
    clock = Clock()
    memory = Remembered(60, clock, kept=2)
    for key in (b"a", b"b", b"a", b"c"):
        memory.remember(key)

    assert [True, False, True] == [memory.recall(key) for key in (b"a", b"b", b"c")]
    clock.now += 61
    for key in (b"d", b"e"):
        memory.remember(key)
    assert memory.recall(b"d")


def test_what_is_forgotten_is_not_recalled():
    """Also what never was there."""
    memory = Remembered(60, Clock())
    memory.remember(b"a")

    memory.forget(b"a")
    memory.forget(b"b")

    assert not memory.recall(b"a")


def key(*messages):
    return key_of(b"secret", "ann", "cascade", messages)


def test_spellings_of_one_conversation_are_one():
    """Parts or a string, white space around it, fields that say nothing: clients differ."""
    plain = key(user("Hello"), assistant("Hi"))

    assert plain == key(user([{"type": "text", "text": " Hello\n"}]), {**assistant("Hi "), "refusal": None})
    assert key(assistant("")) == key({"role": "assistant", "content": None, "tool_calls": []})


def test_the_system_message_and_the_secret_count():
    """Another instruction is another conversation, and nobody can tell a key without the secret."""
    system = {"role": "system", "content": "Be brief."}

    assert key(system, user("Hello")) != key(user("Hello"))
    assert key(user("Hello")) != key_of(b"other", "ann", "cascade", [user("Hello")])


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("ab:1", max_size=3)), max_size=4), st.data())
def test_no_two_conversations_share_a_key(said, data):
    """Where one message ends and the next begins cannot be moved by what stands in them."""
    other = data.draw(st.lists(st.tuples(st.sampled_from("ab"), st.text("ab:1", max_size=3)), max_size=4))
    keys = [key(*({"role": role, "content": text} for role, text in talk)) for talk in (said, other)]

    assert (said == other) == (keys[0] == keys[1])


@pytest.mark.parametrize("name", SIGNALS)
@given(threshold=st.floats(-50, 50))
def test_stricter_is_stricter_and_never_looser(name, threshold):
    """For every signal; where a best value exists, it can still be reached."""
    signal = SIGNALS[name]
    stricter = signal.stricter(threshold)

    assert stricter >= threshold
    if signal.best is not None and threshold < signal.best:
        assert threshold < stricter <= signal.best


async def test_a_stream_is_remembered_before_its_end_goes_out():
    """The next turn may come as soon as the client has read this one."""
    memory = Remembered(60, Clock())
    stream = Talk(small(), memory=memory).sticking.stream(Request([user("first")], caller="ann"))

    async for piece in stream:
        if isinstance(piece, Final):
            break

    assert memory.recall(key(user("first"), assistant(ANSWER)))
    await stream.aclose()
