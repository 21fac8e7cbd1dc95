"""What stands in `messages`: roles we know, and what each may hold. The engines' templates judge the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import BadRequest

ROLES = ("system", "developer", "user", "assistant", "tool")
# Not file: what lies on the engine's disk is not the client's. Not http: the engine would fetch it from the
# inside of the network that it stands in.
IMAGES = "data:image/"


def check_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    """`BadRequest` for the first message that no engine can be asked with."""
    for place, message in enumerate(messages):
        wrong = _wrong(message)
        if wrong is not None:
            param = f"messages[{place}]"
            raise BadRequest(f"{param}.{wrong}", param=param)


def _wrong(message: Mapping[str, Any]) -> str | None:
    """What is wrong with it, None where nothing is."""
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        cure = "; what a function answered is of role tool" if role == "function" else ""
        return f"role is {role!r}; it must be one of {', '.join(ROLES)}{cure}"
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        return "tool_call_id must name the call that is answered"
    if role == "assistant" and message.get("tool_calls") is not None:
        return _wrong_calls(message["tool_calls"]) or (None if content is None else _wrong_content(content))
    return _wrong_content(content)


def _wrong_content(content: object) -> str | None:
    if isinstance(content, str):
        return None
    if not isinstance(content, list):
        return "content must be a string or a list of parts"
    return next((wrong for part in content if (wrong := _wrong_part(part)) is not None), None)


def _wrong_part(part: object) -> str | None:
    """Whether the engine's model can see is the engine's to say: it refuses images that it cannot."""
    if not isinstance(part, dict):
        return "content has a part that is no object"
    kind = part.get("type", "text")
    if kind == "image_url":
        return _wrong_image(part.get("image_url"))
    if kind != "text":
        return f"content has a part of type {kind!r}; text and image_url are taken"
    return None if isinstance(part.get("text"), str) else "content has a part of type text without text"


def _wrong_image(image: object) -> str | None:
    url = image.get("url") if isinstance(image, dict) else None
    if isinstance(url, str) and url.startswith(IMAGES):
        return None
    return f"content has an image whose image_url.url does not begin with {IMAGES}: send the image itself"


def _wrong_calls(calls: object) -> str | None:
    if isinstance(calls, list) and calls and all(_is_call(call) for call in calls):
        return None
    return "tool_calls must be a list of calls, each with id and function: {name, arguments}"


def _is_call(call: object) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
        return False
    function = call["function"]
    parts = (call.get("id"), function.get("name"), function.get("arguments"))
    return all(isinstance(part, str) for part in parts)
