"""Which kept answers are asked again, when, and what comes of it."""

import asyncio
import logging

import msgspec
import pytest

from gpu_cascade.cascade.promise import Promise
from gpu_cascade.cascade.rules import Fixed
from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.events import Alarmed, Shadowed
from gpu_cascade.monitor.drift import Drift
from gpu_cascade.monitor.shadow import Plan, Shadow, chosen
from gpu_cascade.monitor.watch import Watch
from gpu_cascade.types import Request, Verdict

from ..cascades import cascade

SECRET = "xyzzy-canary"  # stands in every prompt and answer
SAMPLING = {"temperature": 0, "top_p": 0.9}
PROMISE = Promise(SAMPLING, frozenset(), lambda: True)


def ask(text="Is travel refundable?", **more):
    return Request([{"role": "user", "content": f"{text} {SECRET}"}], **more)


def fake(name, text, **more):
    return Fake(name, Line(text=f"{text} {SECRET}", **more))


async def kept(request, answerer=None):
    """What the cascade answers to it, kept under a certificate."""
    made = answerer or cascade(fake("small", "Yes."), fake("large", "Yes."), promise=PROMISE)
    return await made.answer(request)


async def until(happened):
    while not happened():
        await asyncio.sleep(0)


class Watching:
    """A shadow, what it told, whether its engine is idle, and how often its fallback was called."""

    def __init__(self, large=None, share=1.0, limit=4, alarm=0.001, agree=str.__eq__, **more):
        self.large = large or fake("large", "Yes.")
        self.events, self.idle, self.fallen = [], True, 0
        plan = Plan("policy", share, SAMPLING, more.pop("deadline_s", 60.0), limit)
        fallback = self.fall if more.pop("escalate", False) else None
        predict = more.pop("predict", lambda _: None)
        watch = more.pop("watch", None) or Watch("exact", share, Drift(0.05, alarm))
        self.shadow = Shadow(
            plan, self.large, agree, lambda: self.idle, self.events.append, watch, predict, fallback
        )

    def fall(self):
        self.fallen += 1

    async def offer(self, count=1, answerer=None, **more):
        """Offer that many kept answers, each to a request of its own; their ids."""
        requests = [ask(**more) for _ in range(count)]
        for request in requests:
            self.shadow.offer(request, await kept(request, answerer))
        return [request.id for request in requests]

    async def done(self, count=1):
        await until(lambda: self.shadow.watch.disagreement.n + self.shadow.failed >= count)

    @property
    def compared(self):
        return [event for event in self.events if isinstance(event, Shadowed)]


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


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.CUT, Fault.REFUSE])
async def test_a_failure_is_counted_and_says_nothing(fault):
    """The large engine fails: no comparison, no event, and the next one is asked."""
    watched = Watching(Fake("large", Line("twice", fault=fault), Line(text=f"Yes. {SECRET}")))

    await watched.offer(text="Ask twice")
    await watched.offer()
    await watched.done(2)

    assert (1, 1) == (watched.shadow.failed, len(watched.compared))


async def test_an_answer_that_takes_too_long_is_given_up():
    """After `deadline_s` the engine's work is ended and the failure counted."""
    watched = Watching(fake("large", "Yes.", fault=Fault.HANG), deadline_s=0.01)

    await watched.offer()
    await watched.done()

    assert (1, 0) == (watched.shadow.failed, watched.large.running)


async def test_a_comparator_that_breaks_is_logged_without_text(caplog):
    """Where it broke, not what about; the next one is asked all the same."""

    def breaks(kept_text, large_text):
        raise ValueError(large_text)

    watched = Watching(agree=breaks)
    await watched.offer(2)
    await watched.done(2)

    assert 2 == watched.shadow.failed
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


async def test_closing_leaves_nothing_behind():
    """What runs is cancelled at the engine, what waits is forgotten, and nothing more is taken."""
    watched = Watching(fake("large", "Yes.", fault=Fault.HANG))
    before = asyncio.all_tasks()

    await watched.offer(3)
    await until(lambda: watched.large.running)
    await watched.shadow.close()
    await watched.offer()
    watched.shadow.poke()

    assert (0, 0) == (watched.large.running, watched.shadow.waiting)
    assert before == asyncio.all_tasks()


async def test_drift_alarms_once(caplog):
    """Told and logged at the comparison that shows it; later ones are compared and change nothing."""
    watched = Watching(fake("large", "No."), limit=20)

    await watched.offer(20)
    await watched.done(20)

    (alarm,) = [event for event in watched.events if isinstance(event, Alarmed)]
    assert ("policy", "disagreement", 1000.0) == (alarm.cascade, alarm.kind, alarm.bound)
    assert alarm.statistic >= 1000
    assert alarm.n < 20
    assert isinstance(watched.events[alarm.n - 1], Shadowed)
    assert watched.events[alarm.n] is alarm
    assert [alarm.sentence] == [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert "Drafts are still kept." in alarm.sentence


async def test_the_fallback_is_taken_once():
    """`escalate_all`: at the alarm, and again at a start that finds the alarm stored."""
    watched = Watching(fake("large", "No."), limit=20, escalate=True)

    watched.shadow.start()
    assert 0 == watched.fallen
    await watched.offer(20)
    await watched.done(20)
    assert 1 == watched.fallen

    again = Watching(escalate=True, watch=watched.shadow.watch)
    again.shadow.start()
    assert (1, []) == (again.fallen, again.events)


async def test_no_alarm_while_answers_agree():
    """Twenty that agree leave the evidence below where it began."""
    watched = Watching(limit=20, escalate=True)

    await watched.offer(20)
    await watched.done(20)

    assert (0, 20) == (watched.fallen, len(watched.compared))
    assert watched.shadow.watch.drift.evidence < 1


async def test_no_text_gets_out(caplog):
    """Neither prompt nor answer stands in events, logs or state, in success, failure and alarm alike."""
    caplog.set_level(logging.DEBUG)
    lines = Line("fail", text=SECRET, fault=Fault.ERROR), Line(text=f"No. {SECRET}")
    watched = Watching(Fake("large", *lines), limit=20, escalate=True)

    await watched.offer(1, text="fail")
    await watched.offer(19)
    await watched.done(20)

    assert 1 == watched.shadow.failed
    assert 1 == watched.fallen
    shown = [repr(watched.events), caplog.text, repr(watched.shadow.state())]
    assert [] == [text for text in shown if SECRET in text]


async def test_the_state_is_plain():
    """What the state page shows: the plan, the numbers, the queue."""
    watched = Watching(fake("large", "No."), share=1.0)
    await watched.offer()
    await watched.done()

    state = msgspec.json.decode(msgspec.json.encode(watched.shadow.state()))

    assert (1.0, "warn", 1, 1.0) == (
        state["share"],
        state["on_alarm"],
        state["compared"],
        state["disagreement"],
    )
    assert (0, 0, 0) == (state["waiting"], state["dropped"], state["failed"])
