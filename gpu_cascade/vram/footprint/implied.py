"""The tensors that a config.json implies, for a model whose weights are not here.

Numbers of parameters are exact for the common families of decoders: tests hold them to published ones.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .hf_config import number, optional, text_of
from .layer_kinds import Kind, layer_kinds
from .quantisation import Bits, of_checkpoint
from .shape import attention
from .tensors import FLOAT_BYTES, Tensor

_UNGATED = ("bloom", "falcon", "gpt2", "gpt_neox", "gptj", "nemotron", "opt", "phi", "starcoder2")
_GATED_PHI = ("phi3", "phi4", "phimoe")
_FOUR_NORMS = ("gemma2", "gemma3", "gemma4", "glm4")
_GATED_ATTENTION = ("qwen3_next", "qwen3_5")
_HEAD_NORMS = ("gemma3", "gemma4", "qwen3")


@dataclass(frozen=True, slots=True)
class _Writer:
    """Names tensors as Hugging Face does. `bits`: those of the checkpoint's matrices, None for floats."""

    dtype: str
    bits: Bits | None

    def plain(self, name: str, *shape: int) -> Tensor:
        """What is never quantised: embeddings, norms, routers."""
        return Tensor(name, shape, self.dtype, math.prod(shape) * FLOAT_BYTES[self.dtype])

    def matrix(self, name: str, *shape: int) -> Tensor:
        """A linear layer, or as many of them as there are experts."""
        if self.bits is None or (self.bits.experts_only and ".experts." not in name):
            return self.plain(name, *shape)
        return Tensor(name, shape, "I8", round(math.prod(shape) * self.bits.each / 8))


def implied(config: Mapping[str, Any]) -> list[Tensor]:
    """Every tensor of the model. Raises `ModelError` where config.json lacks a number."""
    text = text_of(config)
    stored_as = (
        config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or text.get("torch_dtype")
    )
    writer = _Writer("F32" if stored_as == "float32" else "BF16", of_checkpoint(config))
    hidden, vocab = number(text, "hidden_size", "n_embd"), number(text, "vocab_size")
    found = [writer.plain("model.embed_tokens.weight", vocab, hidden)]
    for place, kind in enumerate(layer_kinds(text)):
        found += _layer(text, writer, f"model.layers.{place}", place, kind)
    found.append(writer.plain("model.norm.weight", hidden))
    if not text["tie_word_embeddings"]:
        found.append(writer.plain("lm_head.weight", vocab, hidden))
    return [*found, *_vision(config, writer)]


def _layer(text: Mapping[str, Any], writer: _Writer, at: str, place: int, kind: Kind) -> Iterator[Tensor]:
    """One decoder layer. A recurrent one of a family that is not known is taken for attention."""
    hidden, model = number(text, "hidden_size", "n_embd"), str(text.get("model_type"))
    recurrent = list(_recurrent(text, writer, f"{at}.mixer")) if kind is Kind.STATE else []
    if recurrent:
        yield from recurrent
    elif optional(text, "kv_lora_rank") and "qk_rope_head_dim" in text:
        yield from _latent(text, writer, f"{at}.self_attn")
    else:
        yield from _attention(text, writer, f"{at}.self_attn", kind)
    yield from _feed_forward(text, writer, f"{at}.mlp", place)
    for which in range(4 if model.startswith(_FOUR_NORMS) else 1 if model.startswith("cohere") else 2):
        yield writer.plain(f"{at}.norm{which}.weight", hidden)


def _attention(text: Mapping[str, Any], writer: _Writer, at: str, kind: Kind) -> Iterator[Tensor]:
    hidden, heads = number(text, "hidden_size", "n_embd"), number(text, "num_attention_heads", "n_head")
    layer = attention(text, Kind.SLIDING if kind is Kind.SLIDING else Kind.FULL)
    model = str(text.get("model_type"))
    queries = heads * layer.key_size * (2 if model.startswith(_GATED_ATTENTION) else 1)
    keys, values = layer.kv_heads * layer.key_size, layer.kv_heads * layer.value_size
    for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", values)):
        yield writer.matrix(f"{at}.{name}.weight", rows, hidden)
        if text.get("attention_bias", text.get("qkv_bias", model.startswith("qwen2"))):
            yield writer.plain(f"{at}.{name}.bias", rows)
    yield writer.matrix(f"{at}.o_proj.weight", hidden, heads * layer.value_size)
    if text.get("attention_bias"):
        yield writer.plain(f"{at}.o_proj.bias", hidden)
    if model.startswith(_HEAD_NORMS):
        yield writer.plain(f"{at}.q_norm.weight", layer.key_size)
        yield writer.plain(f"{at}.k_norm.weight", layer.key_size)
    if model == "gpt_oss":
        yield writer.plain(f"{at}.sinks", heads)


def _recurrent(text: Mapping[str, Any], writer: _Writer, at: str) -> Iterator[Tensor]:
    """A layer of one of the two families that state.py knows, without its vectors; nothing of another."""
    hidden = number(text, "hidden_size")
    if keys := optional(text, "linear_num_key_heads"):
        key = keys * number(text, "linear_key_head_dim")
        heads = number(text, "linear_num_value_heads")
        value = heads * number(text, "linear_value_head_dim")
        inner, inward, mixed = value, 2 * key + 2 * value + 2 * heads, 2 * key + value
    elif heads := optional(text, "mamba_n_heads", "mamba_num_heads") or 0:
        inner = heads * number(text, "mamba_d_head", "mamba_head_dim")
        state = number(text, "mamba_d_state", "ssm_state_size")
        grouped = 2 * state * (optional(text, "mamba_n_groups", "n_groups") or 1)
        inward, mixed = 2 * inner + grouped + heads, inner + grouped
    else:
        return
    yield writer.matrix(f"{at}.in_proj.weight", inward, hidden)
    kernel = optional(text, "linear_conv_kernel_dim", "mamba_d_conv", "conv_kernel") or 4
    yield writer.plain(f"{at}.conv1d.weight", mixed, kernel)
    yield writer.matrix(f"{at}.out_proj.weight", hidden, inner)


def _latent(text: Mapping[str, Any], writer: _Writer, at: str) -> Iterator[Tensor]:
    """Multi-head latent attention, as DeepSeek-V2 and V3 have it."""
    hidden, heads = number(text, "hidden_size"), number(text, "num_attention_heads")
    rank, rope = number(text, "kv_lora_rank"), number(text, "qk_rope_head_dim")
    key, value = number(text, "qk_nope_head_dim"), number(text, "v_head_dim")
    if low := optional(text, "q_lora_rank"):
        yield writer.matrix(f"{at}.q_a_proj.weight", low, hidden)
        yield writer.plain(f"{at}.q_a_layernorm.weight", low)
        yield writer.matrix(f"{at}.q_b_proj.weight", heads * (key + rope), low)
    else:
        yield writer.matrix(f"{at}.q_proj.weight", heads * (key + rope), hidden)
    yield writer.matrix(f"{at}.kv_a_proj_with_mqa.weight", rank + rope, hidden)
    yield writer.plain(f"{at}.kv_a_layernorm.weight", rank)
    yield writer.matrix(f"{at}.kv_b_proj.weight", heads * (key + value), rank)
    yield writer.matrix(f"{at}.o_proj.weight", hidden, heads * value)


def _feed_forward(text: Mapping[str, Any], writer: _Writer, at: str, place: int) -> Iterator[Tensor]:
    hidden = number(text, "hidden_size", "n_embd")
    experts = optional(text, "num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts")
    if not experts or _is_dense(text, place):
        yield from _mlp(text, writer, at, optional(text, "intermediate_size", "n_inner") or 4 * hidden)
        return
    yield from _experts(text, writer, at, experts)


def _experts(text: Mapping[str, Any], writer: _Writer, at: str, experts: int) -> Iterator[Tensor]:
    """A mixture, its router, and the experts that every token sees."""
    hidden = number(text, "hidden_size")
    size = optional(text, "moe_intermediate_size") or number(text, "intermediate_size")
    yield writer.plain(f"{at}.gate.weight", experts, hidden)
    yield writer.matrix(f"{at}.experts.gate_up_proj", experts, 2 * size, hidden)
    yield writer.matrix(f"{at}.experts.down_proj", experts, hidden, size)
    if text.get("model_type") == "gpt_oss":
        yield writer.plain(f"{at}.gate.bias", experts)
        yield writer.plain(f"{at}.experts.gate_up_proj_bias", experts, 2 * size)
        yield writer.plain(f"{at}.experts.down_proj_bias", experts, hidden)
    if text.get("topk_method") == "noaux_tc":
        yield writer.plain(f"{at}.gate.e_score_correction_bias", experts)
    shared = optional(text, "shared_expert_intermediate_size")
    if shared:
        yield writer.plain(f"{at}.shared_expert_gate.weight", 1, hidden)
    if shared := shared or size * (optional(text, "n_shared_experts") or 0):
        yield from _mlp(text, writer, f"{at}.shared_experts", shared)


def _is_dense(text: Mapping[str, Any], place: int) -> bool:
    """Whether this layer of a mixture of experts has none."""
    every = optional(text, "decoder_sparse_step", "moe_layer_freq") or 1
    if place < (optional(text, "first_k_dense_replace") or 0) or place in (text.get("mlp_only_layers") or ()):
        return True
    return bool((place + 1) % every if "decoder_sparse_step" in text else place % every)


def _mlp(text: Mapping[str, Any], writer: _Writer, at: str, size: int) -> Iterator[Tensor]:
    hidden, model = number(text, "hidden_size", "n_embd"), str(text.get("model_type"))
    gated = model.startswith(_GATED_PHI) or not model.startswith(_UNGATED)
    for name in ("gate_proj", "up_proj") if gated else ("up_proj",):
        yield writer.matrix(f"{at}.{name}.weight", size, hidden)
        if text.get("mlp_bias"):
            yield writer.plain(f"{at}.{name}.bias", size)
    yield writer.matrix(f"{at}.down_proj.weight", hidden, size)
    if text.get("mlp_bias"):
        yield writer.plain(f"{at}.down_proj.bias", hidden)


def _vision(config: Mapping[str, Any], writer: _Writer) -> Iterator[Tensor]:
    """An encoder of pictures, roughly: attention and a feed-forward layer of three matrices."""
    about = config.get("vision_config")
    if isinstance(about, dict) and (hidden := optional(about, "hidden_size", "embed_dim")):
        depth = optional(about, "num_hidden_layers", "depth", "num_layers") or 0
        size = optional(about, "intermediate_size") or 4 * hidden
        yield writer.plain("vision_tower.weight", depth, 4 * hidden + 3 * size, hidden)
