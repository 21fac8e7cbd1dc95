"""Answers in one form, so that they can be compared: a stream put together, absent and null the same."""

from collections.abc import Mapping
from typing import Any

import msgspec

# Each answer's own, or the gateway's own.
ASIDE = frozenset({"id", "created", "system_fingerprint", "cascade"})
GROWING = frozenset({"content", "text", "arguments", "reasoning_content"})
OUR_NAMES = {"delta": "message", "reasoning": "reasoning_content"}
DONE = b"[DONE]"


class NotAStream(ValueError):
    """Bytes that no client could read as a stream of an answer."""


def whole(data: bytes, *, stream: bool) -> Any:
    """The answer, without what differs each time."""
    if not stream:
        return plain(msgspec.json.decode(data))
    *payloads, end = events(data)
    if end != DONE or DONE in payloads:
        raise NotAStream(f"{DONE.decode()} is not its end, once")
    answer: Any = None
    for payload in payloads:
        answer = joined(answer, plain(msgspec.json.decode(payload)))
    return answer


def events(data: bytes) -> list[bytes]:
    """The payloads of its events, comments left out. Each event is one `data:` line and an empty one."""
    blocks = data.split(b"\n\n")
    if blocks.pop():
        raise NotAStream("its last event has no end")
    said = [block for block in blocks if not block.startswith(b":")]
    if not all(block.startswith(b"data: ") and b"\n" not in block for block in said):
        raise NotAStream("one of its events is not a line of data")
    return [block[6:] for block in said]


def pieces(data: bytes) -> list[tuple[int, str]]:
    """The pieces of text of a stream, each with its choice; what shows nothing is left out."""
    chunks = [msgspec.json.decode(payload) for payload in events(data) if payload != DONE]
    said = [
        (choice["index"], choice.get("text") or choice.get("delta", {}).get("content") or "")
        for chunk in chunks
        for choice in chunk.get("choices", ())
    ]
    return [(choice, text) for choice, text in said if text]


def plain(value: Any) -> Any:
    """Without what is as good as absent, and without what is each answer's own."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name for name in value if name not in ASIDE and not _absent(name, value)}
    return {OUR_NAMES.get(name, name): _inside(name, value[name]) for name in kept}


def _absent(name: str, owner: Mapping[str, Any]) -> bool:
    """A call without arguments yet, and an answer of calls without text, may say so or not."""
    value = owner[name]
    may_be_empty = name == "arguments" or (name == "content" and owner.get("tool_calls"))
    return value is None or value == [] or (value == "" and bool(may_be_empty))


def _inside(name: str, value: Any) -> Any:
    """Alternatives of the older kind are named by their tokens, and a token may be `id`."""
    return value if name == "top_logprobs" else plain(value)


def joined(old: Any, new: Any, name: str = "") -> Any:
    """What a stream has said so far, and its next chunk."""
    if old is None or new is None:
        return new if old is None else old
    if isinstance(old, str) and name in GROWING:
        return old + new
    if isinstance(old, dict):
        return {key: joined(old.get(key), new.get(key), key) for key in {**old, **new}}
    if isinstance(old, list):
        return _by_index(old, new) if name in {"choices", "tool_calls"} else old + new
    return new


def _by_index(old: list[Any], new: list[Any]) -> list[Any]:
    found: dict[int, Mapping[str, Any]] = {one["index"]: one for one in old}
    for one in new:
        found[one["index"]] = joined(found.get(one["index"]), one)
    return [one for _, one in sorted(found.items())]
