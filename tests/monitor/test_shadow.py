"""Which kept answers are asked again, when, and what comes of it."""

import asyncio

import pytest

from gpu_cascade.cascade.rules import Fixed
from gpu_cascade.engines.fake import Fault
from gpu_cascade.monitor.shadow import chosen
from gpu_cascade.types import Verdict

from ..cascades import cascade
from .watching import PROMISE, SECRET, Watching, ask, fake, kept, until


async def test_a_kept_answer_is_asked_again():
    """The large model gets the same question, and whether the two agree is told with what it cost."""
    watched = Watching()

    (name,) = await watched.offer()
    await watched.done()

    (event,) = watched.events
    assert ("policy", name, True, 1.0, None) == (
        event.cascade,
        event.id,
        event.agreed,
        event.probability,
        event.predicted,
    )
    assert ("large", 3) == (event.use.engine, event.use.completion_tokens)
    assert 1 == watched.shadow.watch.disagreement.n


async def test_it_is_asked_as_the_last_tier_would_have_been():
    """The client's parameters, the cascade's where it is silent; by the monitor, under an id of its own."""
    watched = Watching()
    request = ask(params={"max_tokens": 9, "temperature": 0.7}, logprobs=3, caller="ann")

    watched.shadow.offer(request, await kept(ask()))
    await watched.done()

    (seen,) = watched.large.seen
    assert request.messages == seen.messages
    assert {"max_tokens": 9, "temperature": 0.7, "top_p": 0.9} == seen.params
    assert (None, "monitor", f"{request.id}-shadow") == (seen.logprobs, seen.caller, seen.id)
    assert 0 < seen.left_s() <= 60


async def test_another_answer_is_a_disagreement():
    """By the comparator that was handed in, the kept answer first."""
    seen = []
    watched = Watching(fake("large", "No."), agree=lambda *texts: bool(seen.append(texts)))

    await watched.offer()
    await watched.done()

    assert [(f"Yes. {SECRET}", f"No. {SECRET}")] == seen
    assert [False] == [event.agreed for event in watched.compared]
    assert 1.0 == watched.shadow.watch.disagreement.value


async def test_what_calibration_expected_is_held_against_what_came():
    """The predicted probability of agreeing goes with the event and into z."""
    watched = Watching(predict=lambda decision: 0.9 if decision.certified else None)

    await watched.offer()
    await watched.done()

    assert [0.9] == [event.predicted for event in watched.compared]
    assert watched.shadow.watch.reliability.z is not None


@pytest.mark.parametrize(
    ("answerer", "verdict"),
    [
        (cascade(fake("small", "?", logprob=-3.0), fake("large", "!"), promise=PROMISE), Verdict.ESCALATED),
        (cascade(fake("small", "Yes."), fake("large", "!"), threshold=Fixed.KEEP_ALL), Verdict.FORCED),
        (cascade(fake("small", "Yes."), fake("large", "!")), Verdict.KEPT),
    ],
    ids=["escalated", "kept by policy", "not certified"],
)
async def test_only_what_calibration_speaks_for_is_asked_again(answerer, verdict):
    """The last tier's answer, one kept blindly, one outside the certificate: nothing to compare."""
    watched = Watching()
    request = ask()

    final = await kept(request, answerer)
    watched.shadow.offer(request, final)

    assert verdict is final.decision.verdict
    assert 0 == watched.shadow.waiting


async def test_a_middle_tiers_kept_draft_is_asked_again():
    """In a chain of three the second tier's draft stands: the verdict is "escalated", and it was kept."""
    tiers = fake("small", "?", logprob=-3.0), fake("medium", "Yes."), fake("large", "!")
    watched = Watching()

    await watched.offer(answerer=cascade(*tiers, promise=PROMISE))
    await watched.done()

    assert [True] == [event.agreed for event in watched.compared]


async def test_the_share_is_kept():
    """Exactly those that the hash of the id chooses, close to the share of 1,000, and the same ones again."""
    watched = Watching(share=0.1, limit=1000)
    watched.idle = False
    final = await kept(ask())

    names = [f"gc-{number}" for number in range(1000)]
    for name in names:
        watched.shadow.offer(ask(id=name), final)

    assert sum(chosen(name, "policy", 0.1) for name in names) == watched.shadow.waiting
    assert 70 <= watched.shadow.waiting <= 130
    assert all(chosen(name, "policy", 1.0) for name in names)


def test_cascades_choose_for_themselves():
    """Two cascades do not ask the same requests again."""
    names = [f"gc-{number}" for number in range(1000)]
    both = [name for name in names if chosen(name, "a", 0.1) and chosen(name, "b", 0.1)]

    assert len(both) < 30


async def test_nothing_is_asked_while_the_engine_is_busy():
    """Kept answers wait, and go one after the other once something ended and there is room."""
    watched = Watching()
    watched.idle = False

    await watched.offer(3)
    watched.shadow.poke()
    assert ([], 3) == (watched.large.seen, watched.shadow.waiting)

    watched.idle = True
    watched.shadow.poke()
    await watched.done(3)
    assert 0 == watched.shadow.waiting


async def test_one_at_a_time():
    """While one is asked the others wait, however often anybody pokes."""
    watched = Watching(fake("large", "Yes.", fault=Fault.HANG))

    await watched.offer(3)
    await until(lambda: watched.large.running)
    watched.shadow.poke()
    await asyncio.sleep(0)

    assert (1, 2) == (watched.large.running, watched.shadow.waiting)
    await watched.shadow.close()


async def test_it_stops_when_clients_come():
    """Idle time that ends between two questions ends the asking; the rest waits for the next."""

    def busy_from_now_on(kept_text, large_text):
        watched.idle = False
        return True

    watched = Watching(agree=busy_from_now_on)
    await watched.offer(3)
    await watched.done()
    await asyncio.sleep(0)

    assert (1, 2) == (len(watched.large.seen), watched.shadow.waiting)


async def test_the_oldest_makes_room():
    """Four may wait; of six the first two are dropped, and counted."""
    watched = Watching(limit=4)
    watched.idle = False

    names = await watched.offer(6)
    watched.idle = True
    watched.shadow.poke()
    await watched.done(4)

    assert names[2:] == [event.id for event in watched.compared]
    assert 2 == watched.shadow.dropped
