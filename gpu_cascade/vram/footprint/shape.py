"""What a model keeps of each token and of each request, layer by layer, as its config.json says it.

Heads, sizes and length as vLLM 0.32 takes them (transformers_utils/model_arch_config_convertor.py and
config/model.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .hf_config import number, optional, quantised, text_of
from .layer_kinds import Kind, layer_kinds, window
from .state import State, state_of

DEFAULT_LENGTH = 2048  # tokens; vLLM's where config.json names no length
INDEX_TOKEN_BYTES = 132  # of the index of DeepSeek-V3.2: 128 elements in fp8 and a scale of 4 bytes

# Families whose latent cache vLLM keeps as such; other models with a kv_lora_rank get keys and values.
_LATENT = (
    "axk1",
    "bailing_hybrid",
    "deepseek_",
    "glm4_moe_lite",
    "glm_moe_dsa",
    "kimi_",
    "longcat_flash",
    "pangu_ultra_moe",
)
# Kinds of RoPE that do not lengthen what max_position_embeddings says.
_UNSCALED = {"su", "longrope", "llama3", "yarn", "deepseek_yarn", "deepseek_llama_scaling"}
# Keys of models that keep more, or otherwise, than is computed here.
_UNKNOWN = {
    "block_configs": "its layers differ from each other",
    "compress_ratios": "it compresses its cache",
    "encoder": "it has an encoder",
    "hybrid_layer_pattern": "its layers differ from each other",
    "index_topk": "it keeps an index beside its cache",
    "rswa_window": "it keeps prompts and windows",
}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that keeps something. Sizes are elements of one token in one head.

    `latent`: one vector for all heads (MLA), whole on every device.
    """

    kind: Kind
    kv_heads: int = 0  # before devices share them
    key_size: int = 0
    value_size: int = 0
    window: int | None = None  # tokens
    latent: bool = False
    token_bytes: int | None = None  # where it is no product of heads, sizes and a type


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's memory of its requests. `kv_dtype`: what the checkpoint asks for where the user says `auto`.

    `state` is what a layer of `Kind.STATE` keeps. `unknown` says what has no closed form here; None where all
    has one.
    """

    layers: tuple[Layer, ...]
    heads: int
    max_model_len: int
    kv_dtype: str = "auto"
    state: State | None = None
    unknown: str | None = None


def shape_of(config: Mapping[str, Any]) -> Shape:
    """From a whole config.json. Raises `ModelError` where numbers are missing."""
    text = text_of(config)
    state = state_of(text)
    layers = tuple(_layers(text, state))
    heads = number(text, "num_attention_heads", "n_head") if any(one.kv_heads for one in layers) else 1
    unknown = _unknown(config, text, state)
    return Shape(layers, heads, length_of(config), _kv_dtype(config), state, unknown)


def _layers(text: Mapping[str, Any], state: State | None) -> Iterator[Layer]:
    """Layers of a state that is not known are taken for attention: more, unless requests are short."""
    for kind in layer_kinds(text):
        if kind is Kind.STATE and state is not None:
            yield Layer(kind)
        elif kind is not Kind.NONE:
            yield attention(text, Kind.FULL if kind is Kind.STATE else kind)
            if optional(text, "index_topk"):
                yield Layer(Kind.FULL, 1, latent=True, token_bytes=INDEX_TOKEN_BYTES)


def attention(text: Mapping[str, Any], kind: Kind) -> Layer:
    """A layer of attention of this kind, full or sliding."""
    seen = window(text) if kind is Kind.SLIDING else None
    rank = optional(text, "kv_lora_rank")
    if rank and str(text.get("model_type")).startswith(_LATENT):
        return Layer(kind, 1, rank + (optional(text, "qk_rope_head_dim") or 0), 0, seen, latent=True)
    size, heads = _head_size(text, kind), _kv_heads(text, kind)
    # Where there is a latent that vLLM does not keep, values are padded to the keys.
    value = size if rank else optional(text, "v_head_dim") or size
    return Layer(kind, heads, size, value, seen)


def _head_size(text: Mapping[str, Any], kind: Kind) -> int:
    if kind is Kind.FULL and _is_gemma4(text) and (size := optional(text, "global_head_dim")):
        return size
    if optional(text, "kv_lora_rank") and (rope := optional(text, "qk_rope_head_dim")):
        return rope + (optional(text, "qk_nope_head_dim") or 0)
    if size := optional(text, "head_dim", "hidden_size_per_head", "attention_head_dim"):
        return size
    return number(text, "hidden_size", "n_embd") // number(text, "num_attention_heads", "n_head")


def _kv_heads(text: Mapping[str, Any], kind: Kind) -> int:
    """Grouped, one for all (MQA), or as many as there are heads."""
    if text.get("multi_query") and not text.get("new_decoder_architecture"):  # Falcon, StarCoder
        return 1
    if kind is Kind.FULL and _is_gemma4(text) and text.get("attention_k_eq_v"):
        return number(text, "num_global_key_value_heads", "num_key_value_heads")
    inner = text.get("attn_config")  # DBRX
    if isinstance(inner, dict) and (heads := optional(inner, "kv_n_heads")):
        return heads
    names = ("n_head_kv", "num_kv_heads", "num_key_value_heads", "multi_query_group_num")
    return number(text, *names, "num_attention_groups", "num_attention_heads", "n_head")


def _is_gemma4(text: Mapping[str, Any]) -> bool:
    return str(text.get("model_type")).startswith("gemma4")


def length_of(config: Mapping[str, Any]) -> int:
    """The longest request in tokens that the model was made for, lengthened as its RoPE says."""
    text = text_of(config)
    names = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "max_sequence_length")
    told = [tokens for name in names if (tokens := optional(text, name))]
    length = float(optional(text, "model_max_length") or min(told, default=DEFAULT_LENGTH))
    ropes = list(_ropes(config))
    if "gemma3" not in str(config.get("model_type")):
        factors = [rope.get("factor") for rope in ropes if _rope_type(rope) not in _UNSCALED]
        length *= float(next((factor for factor in reversed(factors) if factor), 1))
    if any(_rope_type(rope) == "longrope" for rope in ropes):
        return optional(config, "original_max_position_embeddings") or int(length)
    return int(length)


def _ropes(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of the outermost part alone, as vLLM looks; one for each kind of layer where they differ."""
    rope = config.get("rope_parameters") or config.get("rope_scaling")
    if isinstance(rope, dict):
        nested = [part for part in rope.values() if isinstance(part, dict)]
        yield from nested or [rope]


def _rope_type(rope: Mapping[str, Any]) -> str:
    return str(rope.get("rope_type") or rope.get("type"))


def _kv_dtype(config: Mapping[str, Any]) -> str:
    """A checkpoint may carry scales for a cache in 8 or 4 bits, and then means it to be used."""
    how = quantised(config)
    inner = how.get("quantization") if isinstance(how.get("quantization"), dict) else how
    scheme = how.get("kv_cache_scheme") or (inner or how).get("kv_cache_quant_algo")
    if isinstance(scheme, dict):
        return "nvfp4" if scheme.get("num_bits") == 4 else "fp8"
    return {"fp8": "fp8", "nvfp4": "nvfp4"}.get(str(scheme).lower(), "auto")


def _unknown(config: Mapping[str, Any], text: Mapping[str, Any], state: State | None) -> str | None:
    if config.get("is_encoder_decoder"):
        return _UNKNOWN["encoder"]
    if found := next((why for key, why in _UNKNOWN.items() if text.get(key)), None):
        return found
    if Kind.STATE in layer_kinds(text) or state is not None:
        return "it keeps recurrent states, and how vLLM pads them depends on the GPU"
    if optional(text, "kv_lora_rank") and not str(text.get("model_type")).startswith(_LATENT):
        return "whether vLLM keeps its latent vectors is not known here"
    return None
