"""What stands in a conversation's messages. Pure."""

from collections.abc import Mapping
from typing import Any


def text_of(message: Mapping[str, Any]) -> str:
    """The words of a message; its text parts joined."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join([part["text"] for part in content if isinstance(part.get("text"), str)])
    return content if isinstance(content, str) else ""
