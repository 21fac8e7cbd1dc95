"""The fields that chats and completions share: OpenAI's, and those of vLLM that are safe to pass on."""

from typing import Annotated, Literal

import msgspec

from .fields import Count, Known, Penalty, StreamOptions, StructuredOutputs, Texts, TokenIds
from .wish import CascadeWish


class Sampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is asked, how it samples, and how the answer is sent."""

    model: str
    cascade: CascadeWish | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=16)] | None = None
    user: Known = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    min_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    max_tokens: Count = None
    min_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    stop: str | Annotated[list[str], msgspec.Meta(max_length=16)] | None = None
    stop_token_ids: TokenIds = None
    include_stop_str_in_output: bool | None = None
    ignore_eos: bool | None = None
    seed: int | None = None
    frequency_penalty: Penalty = None
    presence_penalty: Penalty = None
    repetition_penalty: Annotated[float, msgspec.Meta(gt=0, le=2)] | None = None
    logit_bias: dict[str, Annotated[float, msgspec.Meta(ge=-100, le=100)]] | None = None
    bad_words: Texts = None
    skip_special_tokens: bool | None = None
    spaces_between_special_tokens: bool | None = None
    add_special_tokens: bool | None = None
    truncate_prompt_tokens: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    truncation_side: Literal["left", "right"] | None = None
    thinking_token_budget: Annotated[int, msgspec.Meta(ge=-1)] | None = None
    structured_outputs: StructuredOutputs | None = None
    cache_salt: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
