"""A request to an endpoint in this process, and what came back: checked as an SDK would read it."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

from openai.types.chat import ChatCompletionChunk

from gpu_cascade.events import Answered, Hooks
from gpu_cascade.gateway.chat import chat_completions
from gpu_cascade.gateway.guards import CALLER, Door
from gpu_cascade.gateway.http import LEAVING, Leaving
from gpu_cascade.gateway.parts import Limits, Parts
from gpu_cascade.governance import OPERATOR

HEADERS = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]


class Ledger:
    """A store that always has room."""

    @contextlib.contextmanager
    def reserve(self):
        yield self

    async def keep(self, event):
        """The listeners have it already."""


@dataclass
class Reply:
    """What was sent. `events`: what the listeners heard."""

    status: int = 0
    data: bytes = b""
    ended: int = 0
    events: list = field(default_factory=list)

    @property
    def answered(self):
        return [event for event in self.events if isinstance(event, Answered)]

    @property
    def payloads(self):
        """The data of each event; comments are left out. An event that was cut is an error here."""
        assert self.data.endswith(b"\n\n")
        events = self.data[:-2].split(b"\n\n")
        assert all(event.startswith((b"data: ", b": ")) and b"\n" not in event for event in events)
        return [event[6:] for event in events if event.startswith(b"data: ")]


async def asked(answerer, body, gone=None, **limits):
    """The reply of an answerer behind a chat endpoint; `gone`: set when the client leaves."""
    reply, leaving = Reply(), Leaving()
    parts = Parts(
        {"cascade": answerer},
        Ledger(),
        Hooks(reply.events.append),
        Limits(**{"deadline_s": 30, "hold_s": 5, "keep_text": True, **limits}),
        Door("127.0.0.1"),
        None,
        list,
        None,
        None,
    )
    inbox = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive():
        return inbox.pop()

    async def leave():
        await gone.wait()
        leaving.left()

    async def send(message):
        reply.status = message.get("status", reply.status)
        reply.data += message.get("body", b"")
        reply.ended += message["type"] == "http.response.body" and not message.get("more_body", False)

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": HEADERS}
    scope |= {CALLER: OPERATOR, LEAVING: leaving}
    client = asyncio.create_task(leave()) if gone else None
    await chat_completions(parts)(scope, receive, send)
    if client:
        client.cancel()
    return reply


@dataclass
class Streamed:
    """What the chunks of a stream say, put together."""

    text: str = ""
    calls: dict = field(default_factory=dict)
    finish_reason: str | None = None
    cascade: dict | None = None
    usage: dict | None = None
    error: dict | None = None


def put_together(payloads, include_usage):
    """Every chunk in OpenAI's shape and in its place, one `[DONE]` or one error at the end."""
    *before, last = payloads
    found = Streamed()
    for payload in before:
        _add(found, json.loads(payload), include_usage)
    if last == b"[DONE]":
        assert found.finish_reason
        assert (found.usage is not None) == include_usage
    else:
        found.error = json.loads(last)["error"]
        assert found.usage is found.finish_reason is None
    return found


def _add(found, payload, include_usage):
    chunk = ChatCompletionChunk.model_validate(payload)
    assert "error" not in payload
    assert include_usage == ("usage" in payload)
    if not chunk.choices:  # usage comes last, once
        assert found.finish_reason
        assert found.usage is None
        found.usage = payload["usage"]
        return
    assert found.finish_reason is None  # nothing after the finish chunk
    (choice,) = chunk.choices
    found.text += choice.delta.content or ""
    for piece in choice.delta.tool_calls or []:
        _call(found.calls, piece)
    found.finish_reason = choice.finish_reason
    found.cascade = payload.get("cascade")
    assert (found.cascade is None) == (found.finish_reason is None)


def _call(calls, piece):
    """Id, type and name once, with the first piece; the arguments appended."""
    begun = piece.index not in calls
    assert begun == bool(piece.id) == bool(piece.type) == bool(piece.function.name)
    call = calls.setdefault(piece.index, [piece.function.name, ""])
    call[1] += piece.function.arguments or ""
