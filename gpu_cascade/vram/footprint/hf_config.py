"""A model's config.json as vLLM sees it: the text model in its wrapper, and its class's own values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ModelError

# Where a wrapper around a text model (vision, audio) keeps the text model's own numbers.
_INNER = ("text_config", "llm_config", "language_config", "thinker_config")
_GEMMA: dict[str, Any] = {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256}
_EVERY_FOURTH = {"full_attention_interval": 4}

# What transformers 5.19 puts where config.json says nothing: what memory follows from and files leave out.
_CLASS: dict[str, dict[str, Any]] = {
    "llama": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 32000,
        "max_position_embeddings": 2048,
    },
    "mistral": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
        "sliding_window": 4096,
    },
    "ministral": {"sliding_window": 4096},
    "gemma": {"head_dim": 256},
    "gemma2": _GEMMA | {"sliding_window": 4096, "sliding_window_pattern": 2},
    "gemma3_text": _GEMMA
    | {
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
    },
    "gemma4_text": _GEMMA | {"sliding_window": 512, "sliding_window_pattern": 6},
    "cohere2": {"sliding_window": 4096, "sliding_window_pattern": 4},
    "gpt_oss": {"head_dim": 64, "sliding_window": 128, "sliding_window_pattern": 2},
    "qwen3": {"head_dim": 128},
    "qwen3_next": _EVERY_FOURTH,
    "qwen3_5_text": _EVERY_FOURTH,
    "qwen3_5_moe_text": _EVERY_FOURTH,
    "glm4": {"head_dim": 128},
}
_TIED = ("bloom", "cohere", "falcon", "gemma", "gpt2", "opt")  # models whose class ties embeddings and head


def read(model_dir: Path) -> dict[str, Any]:
    """The folder's config.json. Raises `ModelError` where there is none that can be read."""
    try:
        config = json.loads((model_dir / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{model_dir} has no readable config.json ({error}); is it a model's folder?"
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"{model_dir}/config.json is not a JSON object; is it a model's folder?")
    return config


def text_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The text model's part, with its class's own values where a key is missing.

    `tie_word_embeddings` may stand in either part, and else follows from the class.
    """
    inner: Mapping[str, Any] = config
    while found := next((inner[key] for key in _INNER if isinstance(inner.get(key), dict)), None):
        inner = found
    kind = str(inner.get("model_type", ""))
    tied = inner.get("tie_word_embeddings", config.get("tie_word_embeddings", kind.startswith(_TIED)))
    return _CLASS.get(kind, {}) | dict(inner) | {"tie_word_embeddings": tied}


def number(text: Mapping[str, Any], *names: str) -> int:
    """The first of `names` that is there and above 0; raises `ModelError` where none is."""
    found = optional(text, *names)
    if found is None:
        raise ModelError(
            f"config.json of a {text.get('model_type', 'nameless')} model has no {names[0]}, so its memory "
            f"cannot be computed; is the file complete?"
        )
    return found


def optional(text: Mapping[str, Any], *names: str) -> int | None:
    """The first of `names` that is there and above 0: vLLM takes 0 and null for missing."""
    for name in names:
        value = text.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return int(value)
    return None


def quantised(config: Mapping[str, Any]) -> dict[str, Any]:
    """How the checkpoint is quantised; empty where it is not."""
    text = text_of(config)
    for part in (config, text):
        for key in ("quantization_config", "compression_config"):
            if isinstance(part.get(key), dict):
                return dict(part[key])
    return {}
