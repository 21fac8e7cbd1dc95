"""What the client asked, from the bytes of its body: every field is used, or refused by name."""

from .chat import read_chat
from .completion import read_completion
from .request import Asked

__all__ = ["Asked", "read_chat", "read_completion"]
