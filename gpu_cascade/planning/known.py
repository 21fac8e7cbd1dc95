"""The config.json of well-known models, by hub id: enough to plan for one before it is fetched.

Numbers are those of the models' own files; a test holds the parameters that follow from them to the published
counts.
"""

import re
from collections.abc import Mapping
from typing import Any

_QWEN25 = {
    "0.5": (24, 896, 14, 2, 4864, 151936, True),
    "1.5": (28, 1536, 12, 2, 8960, 151936, True),
    "3": (36, 2048, 16, 2, 11008, 151936, True),
    "7": (28, 3584, 28, 4, 18944, 152064, False),
    "14": (48, 5120, 40, 8, 13824, 152064, False),
    "32": (64, 5120, 40, 8, 27648, 152064, False),
    "72": (80, 8192, 64, 8, 29568, 152064, False),
}
_QWEN3 = {
    "0.6": (28, 1024, 16, 8, 3072, 151936, True),
    "1.7": (28, 2048, 16, 8, 6144, 151936, True),
    "4": (36, 2560, 32, 8, 9728, 151936, True),
    "8": (36, 4096, 32, 8, 12288, 151936, False),
    "14": (40, 5120, 40, 8, 17408, 151936, False),
    "32": (64, 5120, 64, 8, 25600, 151936, False),
}
_LLAMA31 = {
    "8": (32, 4096, 32, 8, 14336, 128256, False),
    "70": (80, 8192, 64, 8, 28672, 128256, False),
}
_SMOLLM2 = {
    "135": (30, 576, 9, 3, 1536, 49152, True),
    "360": (32, 960, 15, 5, 2560, 49152, True),
}
_END = r"(?:-Instruct)?(?P<awq>-AWQ)?"
_FAMILIES: tuple[tuple[str, Mapping[str, tuple[int, int, int, int, int, int, bool]], dict[str, Any]], ...] = (
    (
        rf"Qwen/Qwen2\.5-(?:Coder-)?(?P<size>[\d.]+)B{_END}",
        _QWEN25,
        {"model_type": "qwen2", "max_position_embeddings": 32768},
    ),
    (
        r"Qwen/Qwen3-(?P<size>[\d.]+)B(?P<awq>-AWQ)?",
        _QWEN3,
        {"model_type": "qwen3", "max_position_embeddings": 40960, "head_dim": 128},
    ),
    (
        rf"meta-llama/(?:Meta-)?Llama-3\.1-(?P<size>\d+)B{_END}",
        _LLAMA31,
        {"model_type": "llama", "max_position_embeddings": 131072},
    ),
    (
        rf"HuggingFaceTB/SmolLM2-(?P<size>\d+)M{_END}",
        _SMOLLM2,
        {"model_type": "llama", "max_position_embeddings": 8192},
    ),
)
_AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}


def known_config(hub_id: str) -> dict[str, Any] | None:
    """What the model's config.json says of its memory; None for a model that is not known here."""
    for pattern, sizes, common in _FAMILIES:
        found = re.fullmatch(pattern, hub_id)
        if found and found["size"] in sizes:
            return common | _shape(*sizes[found["size"]]) | _quantised(awq=found["awq"] is not None)
    return None


def _shape(
    layers: int, hidden: int, heads: int, kv_heads: int, inner: int, vocabulary: int, tied: bool
) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        "torch_dtype": "bfloat16",
    }


def _quantised(*, awq: bool) -> dict[str, Any]:
    return {"quantization_config": _AWQ} if awq else {}
