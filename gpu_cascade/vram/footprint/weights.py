"""The bytes of a model's weights on each of its devices: from its files, or from its shape alone.

What vLLM 0.32 does with them: tensors that it has no use for stay in the file, floats take the model's type,
matrices are divided between devices, and what is small or needed whole is held by each.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hf_config import number, optional, text_of
from .implied import implied
from .layer_kinds import Kind
from .quantisation import Bits, of_checkpoint, online
from .shape import attention
from .tensors import Tensor, indexed_bytes, stored

VOCAB_UNIT = 64  # rows that an embedding is padded to (layers/vocab_parallel_embedding.py)

_EMBEDDING = re.compile(r"(^|\.)(embed_tokens|word_embeddings|tok_embeddings|wte|embed_in)\.weight$")
_HEAD = re.compile(r"(^|\.)(lm_head|embed_out)\.weight$")
_ELSEWHERE = re.compile(r"(^|\.)(vision|visual|vit|audio|multi_modal|mm_|connector|aligner|mlp1)")
_WHOLE = re.compile(
    r"norm|_a_proj|\.(gate|router|shared_expert_gate)\.(weight|bias)$|down_proj_bias$|position_embed"
)
_KEYS = re.compile(r"\.(k_proj|v_proj)\.")
_FUSED = re.compile(r"\.(qkv_proj|query_key_value|c_attn|Wqkv|W_pack|qkv)\.")
_DIVIDED_VECTOR = re.compile(r"\.((q|k|v|qkv|gate|up)_proj\.bias|sinks)$")
_UNUSED = re.compile(r"rotary_emb\.inv_freq|(^|\.)mtp\.")
_NUMBER = re.compile(r"\.\d+\.")
_LAYER = re.compile(r"(?:model\.|language_model\.|model\.language_model\.)*layers\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes on each device. `embeddings` is the part of it that looks tokens up and scores them.

    `estimated` says why it is an estimate; None where the files were read.
    """

    bytes: int
    embeddings: int
    estimated: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """How tensors are cut: over devices, floats to `item_bytes`, matrices to `bits` where vLLM quantises."""

    tensor_parallel: int
    heads: int
    kv_heads: int
    item_bytes: int
    bits: Bits | None


def weights_of(
    model_dir: Path,
    config: Mapping[str, Any],
    item_bytes: int,
    tensor_parallel: int,
    quantization: str | None,
) -> Weights:
    """What each of `tensor_parallel` devices holds. Raises `ModelError` for files that are broken."""
    text = text_of(config)
    split = _split(config, item_bytes, tensor_parallel, quantization)
    here = stored(model_dir)
    alike = _alike(implied(config) if here is None else here, text)
    embeddings = sum(count * share(one, split) for one, count in alike.items() if _is_table(one))
    total = sum(count * share(one, split) for one, count in alike.items())
    if here is not None:
        return Weights(total, embeddings)
    if told := indexed_bytes(model_dir):
        # Scaled, so that types and devices count as they do in the tensors themselves.
        total = _part(total, told, sum(count * one.bytes for one, count in alike.items()))
        return Weights(total, embeddings, "they are not here: their index says how many bytes there are")
    return Weights(total, embeddings, "they are not here: computed from config.json")


def _split(
    config: Mapping[str, Any], item_bytes: int, tensor_parallel: int, quantization: str | None
) -> Split:
    text = text_of(config)
    heads = optional(text, "num_attention_heads", "n_head") or 1
    kv_heads = attention(text, Kind.FULL).kv_heads if "num_attention_heads" in text or "n_head" in text else 1
    bits = None if of_checkpoint(config) else online(quantization)
    return Split(tensor_parallel, heads, kv_heads, item_bytes, bits)


def share(tensor: Tensor, split: Split) -> int:
    """Bytes of a tensor on each device."""
    stays = _stays_whole(tensor)
    size = _converted(tensor, split, linear=not stays)
    if stays or split.tensor_parallel == 1:
        return _padded(tensor, size)
    held = max(1, split.kv_heads // split.tensor_parallel)  # KV heads are repeated where there are too few
    if _KEYS.search(tensor.name):
        return _part(size, held, split.kv_heads)
    if _FUSED.search(tensor.name):
        queries = -(-split.heads // split.tensor_parallel)
        return _part(size, queries + 2 * held, split.heads + 2 * split.kv_heads)
    return _part(_padded(tensor, size), 1, split.tensor_parallel)


def _stays_whole(tensor: Tensor) -> bool:
    """Vectors, routers, down-projections to a latent, and encoders, some of which vLLM would divide."""
    vector = len(tensor.shape) < 2 and not _DIVIDED_VECTOR.search(tensor.name)
    return vector or bool(_WHOLE.search(tensor.name) or _ELSEWHERE.search(tensor.name))


def _converted(tensor: Tensor, split: Split, *, linear: bool) -> int:
    """In the type in which it is held. Scales of quantised tensors are floats that stay as they are."""
    if not tensor.is_float or "scale" in tensor.name:
        return tensor.bytes
    if split.bits is None or not linear or _is_table(tensor):
        return tensor.elements * split.item_bytes
    if split.bits.experts_only and ".experts." not in tensor.name:
        return tensor.elements * split.item_bytes
    return round(tensor.elements * split.bits.each / 8)


def _is_table(tensor: Tensor) -> bool:
    """Whether tokens are looked up or scored in it."""
    return bool(_EMBEDDING.search(tensor.name) or _HEAD.search(tensor.name))


def _padded(tensor: Tensor, size: int) -> int:
    """Embeddings are padded to whole units of rows."""
    if not _is_table(tensor):
        return size
    rows = tensor.shape[0]
    return size // rows * (-(-rows // VOCAB_UNIT) * VOCAB_UNIT)


def _part(size: int, count: int, of: int) -> int:
    return -(-size * count // of)


def _alike(tensors: Iterable[Tensor], text: Mapping[str, Any]) -> dict[Tensor, int]:
    """What vLLM loads, tensors that differ only in the number of a layer or expert as one, with their count.

    It does not load a second copy of tied embeddings, layers for drafting ahead, and tables. A large mixture
    has 90,000 tensors, of 30 kinds.
    """
    layers = number(text, "num_hidden_layers", "n_layer", "num_layers")
    counts = Counter(
        Tensor(_NUMBER.sub(".0.", one.name), one.shape, one.dtype, one.bytes)
        for one in tensors
        if (layer := _LAYER.match(one.name)) is None or int(layer[1]) < layers
    )
    tied = text["tie_word_embeddings"]
    return {
        one: count
        for one, count in counts.items()
        if not (_UNUSED.search(one.name) or (tied and _HEAD.search(one.name)))
    }
