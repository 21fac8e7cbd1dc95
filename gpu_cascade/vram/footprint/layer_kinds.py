"""What each layer of a model remembers: all tokens, a window of them, a state of fixed size, or nothing.

As transformers 5.19 fills in what config.json leaves out, and as vLLM 0.32's models then build their layers.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from .hf_config import number, optional


class Kind(StrEnum):
    """What a layer keeps of a request."""

    FULL = "full"  # keys and values of all tokens
    SLIDING = "sliding"  # of the last `window` tokens
    STATE = "state"  # a recurrent state, as large for one token as for a million
    NONE = "none"  # nothing: a feed-forward layer of its own, or one that reads another's cache


# Layers of `chunked_attention` (Llama 4) are kept whole: vLLM turns its hybrid manager off for them.
_NAMES = {
    **dict.fromkeys(("full_attention", "attention", "chunked_attention", "hybrid", "*"), Kind.FULL),
    "sliding_attention": Kind.SLIDING,
    **dict.fromkeys(("moe", "mlp", "-", "E"), Kind.NONE),
}
_STATE_MODELS = ("falcon_mamba", "mamba", "rwkv", "xlstm")


def layer_kinds(text: Mapping[str, Any]) -> list[Kind]:
    """One for each layer, from the first on. A name that nobody knows counts as a state."""
    count = number(text, "num_hidden_layers", "n_layer", "num_layers")
    names = _named(text, count)
    kinds = [_NAMES.get(name, Kind.STATE) for name in names[:count]] if names else _repeated(text, count)
    if not window(text):
        kinds = [Kind.FULL if kind is Kind.SLIDING else kind for kind in kinds]
    if _qwen(text) and len(set(kinds)) > 1:  # vLLM 0.32 gives no layer of theirs a window of its own
        kinds = [Kind.FULL if kind is Kind.SLIDING else kind for kind in kinds]
    # The last layers of Gemma 3n and 4 read the cache of an earlier one.
    shared = optional(text, "num_kv_shared_layers") or 0
    return [*kinds[: count - shared], *[Kind.NONE] * shared]


def window(text: Mapping[str, Any]) -> int | None:
    """How many tokens back a sliding layer sees; None where no layer slides."""
    if text.get("use_sliding_window") is False or (_qwen(text) and not text.get("use_sliding_window")):
        return None
    tokens = optional(text, "sliding_window")
    # vLLM counts the token itself on top for Cohere (models/commandr.py).
    return tokens + 1 if tokens and text.get("model_type") == "cohere2" else tokens


def _qwen(text: Mapping[str, Any]) -> bool:
    return str(text.get("model_type")).startswith(("qwen2", "qwen3"))


def _named(text: Mapping[str, Any], count: int) -> list[str] | None:
    """The kinds where config.json tells them layer by layer, in one of the spellings there are."""
    if names := text.get("layer_types") or text.get("layers_block_type"):
        return list(names)
    if pattern := text.get("hybrid_override_pattern"):  # Nemotron-H: M*-E
        return list(pattern)
    full = _full_places(text, count)
    return None if full is None else ["attention" if place in full else "state" for place in range(count)]


def _full_places(text: Mapping[str, Any], count: int) -> set[int] | None:
    """Which layers are attention in a hybrid that tells no more than this; None where it is none."""
    if kinds := text.get("attn_type_list"):  # MiniMax-01: 1 is attention
        return {place for place, kind in enumerate(kinds) if kind == 1}
    if isinstance(linear := text.get("linear_attn_config"), dict):  # Kimi Linear counts from 1
        return {place - 1 for place in linear.get("full_attn_layers") or ()}
    for name in ("full_attn_idxs", "attn_layer_indices"):  # LFM2, Bamba
        if (places := text.get(name)) is not None:
            return set(places)
    if every := optional(text, "full_attention_interval"):  # Qwen3-Next
        return set(range(every - 1, count, every))
    if every := optional(text, "attn_layer_period"):  # Jamba
        return set(range(optional(text, "attn_layer_offset") or 0, count, every))
    return set() if str(text.get("model_type")).startswith(_STATE_MODELS) else None


def _repeated(text: Mapping[str, Any], count: int) -> list[Kind]:
    """The kinds where at most a pattern is told: every so many layers one sees everything."""
    if _qwen(text) and isinstance(first := text.get("max_window_layers"), int):
        return [Kind.SLIDING if place >= first else Kind.FULL for place in range(count)]
    every = optional(text, "sliding_window_pattern", "_sliding_window_pattern")
    if every:
        return [Kind.SLIDING if (place + 1) % every else Kind.FULL for place in range(count)]
    return [Kind.SLIDING] * count
