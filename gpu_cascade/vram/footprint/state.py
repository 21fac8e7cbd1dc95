"""The recurrent state that a layer of linear attention or of Mamba keeps of each request.

Shapes as vLLM 0.32 has them (model_executor/layers/mamba/mamba_utils.py), for the two families whose sizes
stand in config.json under known names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .hf_config import optional


@dataclass(frozen=True, slots=True)
class State:
    """Elements that a layer keeps of a request, over all devices. `wide`: the recurrent ones are float32.

    `blocks`: how many of them a request holds where prefixes are cached, which is vLLM's default.
    """

    convolution: int
    recurrent: int
    blocks: int
    wide: bool = False

    def on_device(self, tensor_parallel: int, item_bytes: int) -> int:
        """Bytes on each device, where the rest is in a type of `item_bytes`."""
        wide = 4 if self.wide else item_bytes
        return (self.convolution * item_bytes + self.recurrent * wide) // tensor_parallel


def state_of(text: Mapping[str, Any]) -> State | None:
    """None where the sizes are not told in a way that is known here."""
    return _gated_delta_net(text) or _mamba2(text)


def _gated_delta_net(text: Mapping[str, Any]) -> State | None:
    """Qwen3-Next, Qwen3.5 and their kin."""
    heads, value = optional(text, "linear_num_value_heads"), optional(text, "linear_value_head_dim")
    keys, key = optional(text, "linear_num_key_heads"), optional(text, "linear_key_head_dim")
    if not (heads and value and keys and key):
        return None
    kernel = optional(text, "linear_conv_kernel_dim") or 4
    return State((kernel - 1) * (2 * keys * key + heads * value), heads * value * key, 2, _wide(text))


def _mamba2(text: Mapping[str, Any]) -> State | None:
    """Bamba, Granite 4, Nemotron-H and their kin."""
    heads = optional(text, "mamba_n_heads", "mamba_num_heads")
    size = optional(text, "mamba_d_head", "mamba_head_dim")
    state = optional(text, "mamba_d_state", "ssm_state_size")
    if not (heads and size and state):
        return None
    groups = optional(text, "mamba_n_groups", "n_groups") or 1
    kernel = optional(text, "mamba_d_conv", "conv_kernel") or 4
    return State((kernel - 1) * (heads * size + 2 * groups * state), heads * size * state, 3, _wide(text))


def _wide(text: Mapping[str, Any]) -> bool:
    """Nemotron-H's is float32 where nobody says otherwise, others' where config.json says so."""
    default = "float32" if text.get("model_type") == "nemotron_h" else ""
    return (text.get("mamba_ssm_dtype") or text.get("mamba_ssm_cache_dtype") or default) == "float32"
