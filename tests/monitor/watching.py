"""A shadow to test with: what it told, and what its large engine answers."""

import asyncio

from gpu_cascade.cascade.promise import Promise
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.events import Shadowed
from gpu_cascade.monitor.drift import Drift
from gpu_cascade.monitor.shadow import Plan, Shadow
from gpu_cascade.monitor.watch import Watch
from gpu_cascade.types import Request

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
