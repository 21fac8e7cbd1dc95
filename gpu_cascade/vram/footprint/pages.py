"""From a model's layers to the groups of its KV cache, as in vLLM 0.32 (v1/core/kv_cache_utils.py)."""

from collections import Counter
from dataclasses import dataclass, replace

from .kv import Group, KvShape
from .layer_kinds import Kind
from .shape import Layer, Shape

EVEN = 1.5  # up to this ratio of layers of two kinds, the fewer are padded to the more

# Bytes of one token in one head of a latent that is packed with its scales (mla_attention.py).
_PACKED_LATENT = {"fp8_ds_mla": 656, "nvfp4_ds_mla": 352}
_WHOLE = {"auto", "float16", "bfloat16", "half", "float", "float32"}


@dataclass(frozen=True, slots=True)
class Cache:
    """How the engine keeps what its layers remember.

    `dtype` is vLLM's kv-cache-dtype, `item_bytes` the model's own type. `kernel_tokens`: the least that an
    attention kernel takes. `hybrid`: kinds of layers are kept apart; without it windows are kept whole.
    """

    block_tokens: int
    kernel_tokens: int
    item_bytes: int
    dtype: str = "auto"
    tensor_parallel: int = 1
    hybrid: bool = True


@dataclass(frozen=True, slots=True)
class _Page:
    """One layer's part of a block. Layers of equal pages may share a block table."""

    kind: Kind
    bytes: int
    block_tokens: int
    window: int | None = None
    latent: bool = False
    states: int | None = None


def kv_shape(shape: Shape, cache: Cache, max_model_len: int, in_flight_tokens: int) -> KvShape:
    """The KV cache of a model of this shape."""
    dtype = shape.kv_dtype if cache.dtype == "auto" else cache.dtype
    cache = replace(_beside_states(shape, cache, dtype), dtype=dtype)
    layers = shape.layers if cache.hybrid else _kept_whole(shape.layers)
    groups = tuple(_grouped([_page(layer, shape, cache) for layer in layers]))
    estimated = shape.unknown or (None if token_rule(dtype) else f"{dtype} has a layout of its own")
    return KvShape(groups, max_model_len, in_flight_tokens, estimated)


def token_rule(dtype: str) -> bool:
    """Whether the bytes of a token in this kv-cache-dtype are known here; else 16 bits are taken."""
    return dtype in _WHOLE | _PACKED_LATENT.keys() or dtype.startswith(("fp8", "int", "nvfp4"))


def token_bytes(layer: Layer, dtype: str, item_bytes: int, tensor_parallel: int) -> int:
    """Bytes of one token in one layer on one device."""
    if layer.token_bytes is not None:
        return layer.token_bytes
    if layer.latent:  # whole on every device
        return _PACKED_LATENT.get(dtype) or layer.key_size * _item_bytes(dtype, item_bytes)
    heads = max(1, layer.kv_heads // tensor_parallel)
    sizes = (layer.key_size, layer.value_size)
    if dtype.startswith("nvfp4"):  # packed halves and a scale for each 16
        return heads * sum(size // 2 + size // 16 for size in sizes)
    if dtype.endswith("per_token_head"):  # a float32 scale each for key and value
        packed = 2 if dtype.startswith("int4") else 1
        return heads * (sum(size // packed for size in sizes) + 8)
    return heads * sum(sizes) * _item_bytes(dtype, item_bytes)


def _item_bytes(dtype: str, item_bytes: int) -> int:
    if dtype.startswith(("fp8", "int8")):
        return 1
    return 4 if dtype in ("float", "float32") else 2 if dtype in _WHOLE - {"auto"} else item_bytes


def _page(layer: Layer, shape: Shape, cache: Cache) -> _Page:
    if layer.kind is Kind.STATE:
        assert shape.state is not None
        kept = shape.state.on_device(cache.tensor_parallel, cache.item_bytes)
        return _Page(layer.kind, kept, cache.block_tokens, states=shape.state.blocks)
    each = token_bytes(layer, cache.dtype, cache.item_bytes, cache.tensor_parallel)
    tokens = cache.block_tokens
    if layer.window is not None and not layer.latent:  # windows get a block that their kernel takes unsplit
        tokens = max(cache.kernel_tokens, tokens // cache.kernel_tokens * cache.kernel_tokens)
    return _Page(layer.kind, each * tokens, tokens, layer.window, layer.latent)


def _beside_states(shape: Shape, cache: Cache, dtype: str) -> Cache:
    """Attention blocks beside recurrent states are at least as large as a state (platforms/interface.py)."""
    attention = [layer for layer in shape.layers if layer.kind is not Kind.STATE]
    if shape.state is None or not attention or len(attention) == len(shape.layers):
        return cache
    state = shape.state.on_device(cache.tensor_parallel, cache.item_bytes)
    unit = max(cache.kernel_tokens, cache.block_tokens)
    each = token_bytes(attention[0], dtype, cache.item_bytes, cache.tensor_parallel)
    return replace(cache, block_tokens=unit * max(1, -(-state // (unit * each))))


def _kept_whole(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Windows beside layers that see everything are kept like those."""
    if all(layer.kind is not Kind.FULL for layer in layers):
        return layers
    return tuple(
        replace(layer, kind=Kind.FULL, window=None) if layer.kind is Kind.SLIDING else layer
        for layer in layers
    )


def _grouped(pages: list[_Page]) -> list[Group]:
    """One group where all layers need blocks alike, else groups of equally many layers of one kind."""
    if not pages:
        return []
    if len({(page.kind, page.window, page.block_tokens) for page in pages}) == 1:
        return [_group(pages[0], sum(page.bytes for page in pages))]
    buckets = Counter(_even(pages))
    size = _layers_per_group(buckets)
    groups = []
    for page, layers in buckets.items():
        count = -(-layers // size)
        groups += [_group(page, len(range(first, layers, count)) * page.bytes) for first in range(count)]
    return groups


def _group(page: _Page, page_bytes: int) -> Group:
    return Group(page_bytes, page.block_tokens, page.window, page.states)


def _even(pages: list[_Page]) -> list[_Page]:
    """Pages of one size: smaller ones take more tokens where that comes out even, else they are padded."""
    largest = max(page.bytes for page in pages)
    even = []
    for page in pages:
        times, rest = divmod(largest, page.bytes)
        tokens = page.block_tokens * (1 if rest or page.kind is Kind.STATE else times)
        even.append(replace(page, bytes=largest, block_tokens=tokens))
    return even


def _layers_per_group(buckets: Counter[_Page]) -> int:
    fewest, most = min(buckets.values()), max(buckets.values())
    return most if most < fewest * EVEN else fewest
