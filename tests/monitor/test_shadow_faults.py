"""What a shadow does when something fails, and what it says at an alarm."""

import asyncio
import logging

import msgspec
import pytest

from gpu_cascade.engines.fake import Fake, Fault, Line
from gpu_cascade.events import Alarmed, Shadowed

from .watching import SECRET, Watching, fake, until


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
