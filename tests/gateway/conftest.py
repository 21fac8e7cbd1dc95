"""A gateway on a real port over scripted engines."""

import contextlib
from dataclasses import dataclass
from functools import partial

import aiohttp
import openai
import pytest_asyncio

from gpu_cascade.cascade.direct import Direct
from gpu_cascade.cascade.sticky import Remembered, Sticking
from gpu_cascade.engines.fake import Fake, Line
from gpu_cascade.events import Hooks
from gpu_cascade.gateway.app import build
from gpu_cascade.gateway.guards import Door
from gpu_cascade.gateway.parts import Limits, Parts
from gpu_cascade.gateway.server import address, listen, serving
from gpu_cascade.traces import Traces
from gpu_cascade.types.wish import Sticky

from ..cascades import cascade

DRAFT = Line(text="Yes, within 30 days.", logprob=-0.25)
ANSWER = Line(text="Only with a receipt.", logprob=-0.1)


@dataclass
class Served:
    """A running gateway and its clients."""

    url: str
    http: aiohttp.ClientSession
    client: openai.AsyncOpenAI
    traces: Traces
    events: list
    missing: list
    routes: list

    async def ask(self, model="cascade", text="Is travel refundable?", **more):
        """One question through the official client."""
        messages = [{"role": "user", "content": text}]
        return await self.client.chat.completions.create(model=model, messages=messages, **more)

    async def post(self, body, **headers):
        """One raw request: status, headers, JSON."""
        async with self.http.post(f"{self.url}/v1/chat/completions", json=body, headers=headers) as response:
            return response.status, response.headers, await response.json()


class Switch:
    """The application behind the module's port: each test's own."""

    app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


async def no_engines():
    """What a gateway without any says."""
    return {"engines": {}}


async def up():
    return b"up 1\n", "text/plain"


async def found_in(traces, decision):
    return traces.get(decision)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port():
    """One listening server for a module: uvicorn takes 0.2 s to stop."""
    switch = Switch()
    taken = listen("127.0.0.1", 0)
    url = address(taken)
    async with serving(switch, taken):
        yield switch, url


@pytest_asyncio.fixture(loop_scope="module")
async def serve(port, tmp_path):
    """Put a gateway over `small` and `large` behind the port; gone at the end of the test."""
    switch, url = port
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            small=DRAFT,
            large=ANSWER,
            threshold=-0.9,
            key=None,
            cors=(),
            keys=None,
            made=None,
            sticky=Sticky.OFF,
            ttl_s=1800,
            pace=None,
            **limits,
        ):
            tiers = [
                engine if isinstance(engine, Fake) else Fake(name, engine)
                for name, engine in (("small", small), ("large", large))
            ]
            answerer = (
                made(*tiers, threshold=threshold) if made else cascade(*tiers, threshold=threshold, pace=pace)
            )
            models = {"cascade": Sticking(answerer, sticky, Remembered(ttl_s), b"secret")}
            models |= {tier.name: Direct(tier) for tier in tiers}
            traces = Traces(tmp_path / "traces.db", "refuse", limit=limits.pop("places", 100))
            traces.open()
            stack.callback(traces.close)
            events, missing = [], []
            parts = Parts(
                models=models,
                traces=traces,
                hooks=Hooks(events.append),
                limits=Limits(**{"deadline_s": 30, "hold_s": 5, **limits}),
                door=Door("127.0.0.1", key, cors, keys),
                state=no_engines,
                missing=lambda: missing,
                metrics=up,
                decision=partial(found_in, traces),
            )
            switch.app = build(parts)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key or "none", max_retries=0)
            await stack.enter_async_context(client)
            return Served(url, http, client, traces, events, missing, switch.app.routes)

        yield start
