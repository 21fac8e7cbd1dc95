"""How many bits a weight has: by the checkpoint, or by what vLLM makes of it while it loads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .hf_config import optional, quantised

SCALE_BITS = 20  # of one group of 4-bit weights: a scale in 16 bits and a zero point in 4


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits of a weight, its part of the scales counted in; `experts_only`: other layers stay as they are."""

    each: float
    experts_only: bool = False


# By the first letters of `quantization`, where the checkpoint itself is not quantised
# (vLLM 0.32, layers/quantization/online; bitsandbytes keeps a float32 for each 64 weights of 4 bits).
_ONLINE = {
    "bitsandbytes": Bits(4.5),
    "experts_int8": Bits(8, experts_only=True),
    "fp8": Bits(8),
    "int8": Bits(8),
    "mxfp4": Bits(4.25),
    "mxfp8": Bits(8.25),
    "nvfp4": Bits(4.5),
}


def online(quantization: str | None) -> Bits | None:
    """What vLLM makes of the matrices of a checkpoint in floats; None where they stay."""
    name = (quantization or "").lower()
    return next((bits for start, bits in _ONLINE.items() if name.startswith(start)), None)


def of_checkpoint(config: Mapping[str, Any]) -> Bits | None:
    """What config.json says of the matrices; None where they are floats."""
    how = quantised(config)
    method = str(how.get("quant_method", "")).lower()
    if not how:
        return None
    if method == "mxfp4":  # gpt-oss: a scale of 8 bits for each 32 weights
        return Bits(4.25, experts_only=True)
    if how.get("load_in_4bit"):
        return Bits(4.5)
    told = [bits for bits in _told(how) if bits]
    if told:
        bits = max(told)
        return Bits(bits + SCALE_BITS / (optional(how, "group_size") or 128) if bits <= 4 else bits)
    return Bits(4.5 if "fp4" in f"{method} {how.get('quant_algo')}".lower() else 8)


def _told(how: Mapping[str, Any]) -> Iterator[int | None]:
    """Under `bits` (GPTQ, AWQ), or in each group of layers (compressed-tensors)."""
    yield optional(how, "bits", "w_bit")
    groups = how.get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else ():
        weights = group.get("weights") if isinstance(group, dict) else None
        yield optional(weights, "num_bits") if isinstance(weights, dict) else None
