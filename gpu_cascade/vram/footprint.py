"""How many bytes an engine needs, from its files alone. Pure apart from reading those files.

Checked against vLLM 0.32: the KV arithmetic predicts the block count of a booted engine exactly.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ModelError

GIB = 2**30


def kv_bytes_per_token(hf_config: Mapping[str, Any], dtype_bytes: int = 2, tensor_parallel: int = 1) -> int:
    """Bytes of KV cache that one token takes on each of `tensor_parallel` devices (MHA, GQA, MQA)."""
    text = hf_config.get("text_config", hf_config)
    layers, heads = int(text["num_hidden_layers"]), int(text["num_attention_heads"])
    kv_heads = int(text.get("num_key_value_heads") or heads)
    head_dim = int(text.get("head_dim") or text["hidden_size"] // heads)
    return 2 * layers * max(1, kv_heads // tensor_parallel) * head_dim * dtype_bytes


def kv_cache_bytes(min_tokens: int, block_tokens: int, bytes_per_token: int, max_model_len: int = 0) -> int:
    """The KV cache, in whole blocks, that holds `min_tokens` and at least one request of `max_model_len`.

    One block more than that: vLLM keeps a null block back and refuses to boot where that takes the last
    request's room.
    """
    blocks = math.ceil(max(min_tokens, max_model_len) / block_tokens) + 1
    return blocks * block_tokens * bytes_per_token


def weights_bytes(model_dir: Path) -> int:
    """Bytes of weights in a model's folder: the index' total where there is one, else the files' sizes."""
    index = model_dir / "model.safetensors.index.json"
    if index.is_file():
        total = json.loads(index.read_text()).get("metadata", {}).get("total_size")
        if total:
            return int(total)
    sizes = [file.stat().st_size for file in model_dir.glob("*.safetensors")]
    if not sizes:
        raise ModelError(f"{model_dir} holds no .safetensors file; is it a model's folder?")
    return sum(sizes)


def utilization(weights_bytes: int, kv_bytes: int, overhead_bytes: int, total_bytes: int) -> float:
    """The share of a device that the engine will take, rounded up to two digits.

    Above 1.0 it does not fit. vLLM refuses to boot where less than this is free, even with KV bytes given.
    """
    return math.ceil(100 * (weights_bytes + kv_bytes + overhead_bytes) / total_bytes) / 100
