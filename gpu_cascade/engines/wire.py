"""The OpenAI chat format as engines speak it: only the fields we read, decoded by type."""

from typing import Any

import msgspec

from ..types import TokenLogprob, ToolCall, ToolCallPiece

# Sent on to engines; everything else stays outside. One request-level field took a whole vLLM 0.32 server
# down (`skip_reading_prefix_cache` with prompt logprobs), so unknown ones are never passed through.
ENGINE_PARAMS = frozenset(
    {
        "add_generation_prompt",
        "add_special_tokens",
        "bad_words",
        "cache_salt",
        "chat_template_kwargs",
        "continue_final_message",
        "documents",
        "frequency_penalty",
        "ignore_eos",
        "include_stop_str_in_output",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "min_tokens",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "seed",
        "skip_special_tokens",
        "spaces_between_special_tokens",
        "stop",
        "stop_token_ids",
        "structured_outputs",
        "temperature",
        "thinking_token_budget",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "truncate_prompt_tokens",
        "truncation_side",
    }
)


# None of these can be part of a cycle, so the collector need not see them (`gc=False`).
class PromptDetails(msgspec.Struct, frozen=True, gc=False):
    """Where the prompt's tokens came from."""

    cached_tokens: int | None = None
    created_cache_tokens: int | None = None


class AnswerDetails(msgspec.Struct, frozen=True, gc=False):
    """What the answer's tokens were for."""

    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer. VLLM says more of the prompt's with `--enable-prompt-tokens-details`."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: AnswerDetails | None = None


class Logprobs(msgspec.Struct, frozen=True, gc=False):
    """One entry per generated token, the stop token included."""

    content: list[TokenLogprob] | None = None


class _Message(msgspec.Struct, frozen=True, gc=False):
    """What the assistant said. Engines differ in the reasoning's name."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    def thoughts(self) -> str:
        """The reasoning, under whichever name it came."""
        return self.reasoning or self.reasoning_content or ""


class Message(_Message, frozen=True, gc=False):
    """A whole message."""

    tool_calls: list[ToolCall] | None = None


class Piece(_Message, frozen=True, gc=False):
    """A stream's piece of one."""

    tool_calls: list[ToolCallPiece] | None = None


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One answer, or one piece of it."""

    index: int = 0
    message: Message = Message()
    delta: Piece = Piece()
    logprobs: Logprobs | None = None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


class ChatBody(msgspec.Struct, frozen=True, gc=False):
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
