"""What the client asked, from the bytes of its body: every field is used, or refused by name."""

from .chat import read_chat
from .completion import read_completion
from .request import Asked
from .wish import Headers

__all__ = ["Asked", "Headers", "read_chat", "read_completion"]
