"""The older completions as engines speak them, read as if they were chats."""

from typing import Any

import msgspec

from ..types import TokenLogprob, TopLogprob, weighed
from .wire import ChatBody, Choice, Logprobs, Message, Piece, Usage


class _TextLogprobs(msgspec.Struct, frozen=True):
    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float | None] | None] | None = None

    def as_chat(self) -> Logprobs:
        tops = self.top_logprobs or [None] * len(self.tokens)
        places = zip(self.tokens, self.token_logprobs, tops, strict=True)
        return Logprobs([_token(token, value, top or {}) for token, value, top in places])


class _TextChoice(msgspec.Struct, frozen=True):
    index: int = 0
    text: str = ""
    logprobs: _TextLogprobs | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None

    def as_chat(self) -> Choice:
        logprobs = self.logprobs.as_chat() if self.logprobs else None
        ends = (self.finish_reason, self.stop_reason)
        return Choice(self.index, Message(self.text), Piece(self.text), logprobs, *ends)


class _TextBody(msgspec.Struct, frozen=True):
    choices: list[_TextChoice] = []
    usage: Usage | None = None
    error: Any = None


_decode_text = msgspec.json.Decoder(_TextBody).decode


def decode_text(data: bytes) -> ChatBody:
    """An answer of the older `/v1/completions`, whole or a chunk, as if it were one of a chat.

    Raises `msgspec.MsgspecError`, or `ValueError` where its lists of logprobs are not equally long.
    """
    body = _decode_text(data)
    return ChatBody([choice.as_chat() for choice in body.choices], body.usage, body.error)


def _token(token: str, logprob: float | None, top: dict[str, float | None]) -> TokenLogprob:
    return weighed(token, logprob, [TopLogprob(text, value) for text, value in top.items()])
