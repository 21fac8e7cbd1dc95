"""The OpenAI chat format as engines speak it: only the fields we read, decoded by type."""

from typing import Any

import msgspec

from ..types import TokenLogprob

# Sent on to engines; everything else stays outside. One request-level field took a whole vLLM 0.32 server
# down (`skip_reading_prefix_cache` with prompt logprobs), so unknown ones are never passed through.
ENGINE_PARAMS = frozenset(
    {
        "chat_template_kwargs",
        "frequency_penalty",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "presence_penalty",
        "seed",
        "stop",
        "structured_outputs",
        "temperature",
        "top_k",
        "top_p",
    }
)


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one answer."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0


class Logprobs(msgspec.Struct, frozen=True):
    """One entry per generated token, the stop token included."""

    content: list[TokenLogprob] | None = None


class Message(msgspec.Struct, frozen=True):
    """What the assistant said; also the shape of a stream's delta. Engines differ in the reasoning's name."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    def thoughts(self) -> str:
        """The reasoning, under whichever name it came."""
        return self.reasoning or self.reasoning_content or ""


class Choice(msgspec.Struct, frozen=True):
    """One answer, or one piece of it."""

    message: Message = Message()
    delta: Message = Message()
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class ChatBody(msgspec.Struct, frozen=True):
    """A whole answer, or one chunk of a stream; `error` where the engine broke off inside a 200."""

    choices: list[Choice] = []
    usage: Usage | None = None
    error: Any = None


decode_chat = msgspec.json.Decoder(ChatBody).decode


class SseReader:
    """Cuts a byte stream into the payloads of its `data:` lines, wherever the network split it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads completed by `data`. Comments, other fields and blank lines are left out."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]
