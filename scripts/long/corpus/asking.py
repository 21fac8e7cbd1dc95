"""How the requests of the corpus are made: greedy and short unless they say otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

from .pair import CHAT, TEXT, Asked

Body = dict[str, Any]

MODEL = "small"
GREEDY: Body = {"temperature": 0, "max_tokens": 16}
FRANCE = "What is the capital of France? Answer in one short sentence."


def said(text: object, role: str = "user", **more: object) -> Body:
    """A message."""
    return {"role": role, "content": text, **more}


def chat(text: object = FRANCE, **more: object) -> Body:
    """A question of one message; what `more` says of sampling and length wins."""
    return turns(said(text), **more)


def turns(*messages: Mapping[str, Any], **more: object) -> Body:
    """A conversation."""
    return {"model": MODEL, "messages": list(messages), **GREEDY, **more}


def raw(prompt: object = "The capital of France is", **more: object) -> Body:
    """A text to be gone on with."""
    return {"model": MODEL, "prompt": prompt, **GREEDY, **more}


def both(bodies: Mapping[str, Body]) -> Iterator[Asked]:
    """Each whole and as a stream, every other stream with its usage at the end."""
    for place, (name, body) in enumerate(bodies.items()):
        yield Asked(name, path_of(body), body)
        options = {"stream_options": {"include_usage": True}} if place % 2 else {}
        yield Asked(f"{name}, streamed", path_of(body), {**body, "stream": True, **options})


def path_of(body: Mapping[str, Any]) -> str:
    """Where a body goes."""
    return TEXT if "prompt" in body else CHAT
