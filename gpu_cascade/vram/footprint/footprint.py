"""What one engine takes of each of its devices, all parts together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from .arguments import Hardware, batched_tokens, beyond, captured_sizes, in_flight_tokens, is_on, whole
from .hf_config import read, text_of
from .kv import KvShape
from .overhead import Overhead, Work, on_cpu, on_gpu
from .pages import Cache, kv_shape
from .shape import Shape, shape_of
from .weights import Weights, weights_of

if TYPE_CHECKING:
    from ...config import EngineConfig

CPU_KERNEL_TOKENS, GPU_KERNEL_TOKENS = 32, 16  # what attention kernels take at the least
LATENT_BLOCK_TOKENS = 128  # the most of any kernel for MLA (16 to 128); it holds what smaller blocks need


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one engine takes of EACH of its devices, in bytes.

    `asleep`: what sleep mode leaves there. On the processor sleep frees nothing, its KV cache included.
    `asleep_host`: what sleep level 1 keeps in host memory, for all devices together. `learned`: measured, not
    computed. `estimated`: what is less sure than usual, as sentences; `kv.estimated` says it of the KV cache.
    Overhead always is an estimate, unless learned.
    """

    weights: int
    overhead: int
    kv: KvShape
    asleep: int
    asleep_host: int
    learned: bool = False
    estimated: tuple[str, ...] = ()

    def resident(self, kv_bytes: int) -> int:
        """All that it takes awake, with so much KV cache."""
        return self.weights + self.overhead + kv_bytes


def footprint(
    engine: "EngineConfig",
    model_dir: Path,
    *,
    cpu: bool,
    block_tokens: int,
    device_bytes: int,
    device_name: str = "",
) -> Footprint:
    """From an engine's section and its model's folder, where config.json may be the only file.

    `block_tokens` is vLLM's own, which the argument `block-size` overrules. Raises `ModelError` for files
    that are missing or broken and `ConfigError` where `tensor_parallel` does not divide the model's heads.
    """
    config = read(model_dir)
    shape, hardware = shape_of(config), Hardware(cpu, device_bytes, device_name)
    _check_heads(engine, shape)
    work = _work(engine, hardware, shape)
    item_bytes, parts = work.item_bytes, engine.tensor_parallel
    weights = weights_of(model_dir, config, item_bytes, parts, engine.quantization)
    overhead = _overhead(config, work, weights, hardware)
    offloaded = is_on(engine, "sleep-mode-offload-cudagraph")
    return Footprint(
        weights.bytes,
        overhead.bytes,
        _kv(engine, shape, work, hardware, block_tokens),
        weights.bytes + overhead.bytes if cpu else overhead.asleep(graphs_offloaded=offloaded),
        weights.bytes * parts,
        estimated=tuple(_estimated(engine, weights)),
    )


def utilization(used_bytes: int, total_bytes: int) -> float:
    """The share of a device that an engine takes, rounded up to two digits; above 1.0 it does not fit.

    vLLM refuses to boot where less than this is free, even with KV bytes given.
    """
    return math.ceil(100 * used_bytes / total_bytes) / 100


def _check_heads(engine: "EngineConfig", shape: Shape) -> None:
    if shape.heads % engine.tensor_parallel:
        fits = [str(count) for count in range(1, 65) if not shape.heads % count]
        raise ConfigError(
            f"{engine.model} has {shape.heads} attention heads, which tensor_parallel: "
            f"{engine.tensor_parallel} does not divide; it may be {', '.join(fits)}"
        )


def _work(engine: "EngineConfig", hardware: Hardware, shape: Shape) -> Work:
    length = engine.max_model_len or shape.max_model_len
    batched = batched_tokens(engine, hardware, length)
    # `auto` is 16 bits for every checkpoint: vLLM turns float32 ones into bfloat16, on the processor as well.
    item_bytes = 4 if engine.dtype == "float32" else 2
    sizes = captured_sizes(engine, batched)
    return Work(batched, engine.max_num_seqs, length, sizes, item_bytes, engine.tensor_parallel)


def _overhead(config: Mapping[str, Any], work: Work, weights: Weights, hardware: Hardware) -> Overhead:
    text, vision = text_of(config), "vision_config" in config
    if hardware.cpu:
        return on_cpu(text, work, weights.embeddings, vision=vision)
    return on_gpu(text, work, vision=vision)


def _kv(engine: "EngineConfig", shape: Shape, work: Work, hardware: Hardware, block_tokens: int) -> KvShape:
    """Kernels for a latent cache each have a block size of their own, and the GPU decides between them."""
    told = whole(engine, "block-size")
    guessed = told is None and any(layer.latent for layer in shape.layers)
    cache = _cache(engine, work, hardware, told or max(block_tokens, LATENT_BLOCK_TOKENS if guessed else 0))
    kv = kv_shape(shape, cache, work.max_model_len, in_flight_tokens(engine, hardware, work.batched_tokens))
    if guessed and kv.estimated is None:
        return replace(kv, estimated="how many tokens its blocks hold depends on the GPU's attention kernel")
    return kv


def _cache(engine: "EngineConfig", work: Work, hardware: Hardware, block_tokens: int) -> Cache:
    return Cache(
        block_tokens,
        CPU_KERNEL_TOKENS if hardware.cpu else GPU_KERNEL_TOKENS,
        work.item_bytes,
        str(engine.args.get("kv-cache-dtype") or "auto"),
        engine.tensor_parallel,
        hybrid=not is_on(engine, "disable-hybrid-kv-cache-manager"),
    )


def _estimated(engine: "EngineConfig", weights: Weights) -> list[str]:
    found = [] if weights.estimated is None else [f"weights: {weights.estimated}"]
    return [*found, *(f"args: {flag} is not counted" for flag in beyond(engine))]
