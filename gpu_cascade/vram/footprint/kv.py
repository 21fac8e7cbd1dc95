"""The KV cache as vLLM 0.32 lays it out: blocks, what one costs, how many a request needs.

Follows v1/kv_cache_interface.py and v1/core/kv_cache_utils.py for the layouts that vLLM chooses by itself;
tests/vram/footprint/golden_kv.json holds it to what those compute.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that share block tables. `page_bytes`: one block over all of them, on one device.

    `window`: tokens that are kept of a request, None for all. `states`: blocks that a request holds however
    long it is, None where it holds more the longer it is.
    """

    page_bytes: int
    block_tokens: int
    window: int | None = None
    states: int | None = None

    def blocks(self, tokens: int, in_flight_tokens: int) -> int:
        """Blocks that a request of so many tokens holds here at most."""
        if self.states is not None:
            return self.states
        if self.window is None:
            return _ceil(tokens, self.block_tokens)
        # One more: the window need not begin where a block does.
        return _ceil(min(self.window - 1 + in_flight_tokens, tokens), self.block_tokens) + 1


@dataclass(frozen=True, slots=True)
class KvShape:
    """How an engine's KV cache grows on each of its devices. All sizes follow from it; none is measured.

    `in_flight_tokens`: what vLLM may have scheduled and not yet settled, which sliding windows keep room for.
    `estimated` says why these numbers are no more than an estimate; None where they are vLLM's own.
    """

    groups: tuple[Group, ...]
    max_model_len: int
    in_flight_tokens: int
    estimated: str | None = None

    @property
    def block_tokens(self) -> int:
        """Tokens per block, as vLLM reports it: the fewest of any group."""
        return min((group.block_tokens for group in self.groups), default=1)

    @property
    def page_bytes(self) -> int:
        """Bytes of one block on one device: groups take turns in the same block, so the largest counts."""
        return max((group.page_bytes for group in self.groups), default=0)

    def blocks(self, kv_bytes: int) -> int:
        """What vLLM makes of so many bytes and reports as num_gpu_blocks, the null block counted in."""
        # Without a cache at all vLLM still makes the null block.
        return max(0, kv_bytes) // self.page_bytes if self.page_bytes else 1

    def tokens(self, kv_bytes: int) -> int:
        """What vLLM reports as kv_cache_size_tokens: tokens of requests of `max_model_len`."""
        # In floats and in this order, or the last token differs.
        return int(self.blocks(kv_bytes) / self._per_request(self.max_model_len) * self.max_model_len)

    def bytes_for(self, tokens: int, max_model_len: int) -> int:
        """The least whole blocks that hold `tokens` in requests of `max_model_len`, and one such request.

        One block more than that: vLLM keeps a null block back, and refuses to boot where that takes the last
        request's room.
        """
        each = self._per_request(max_model_len)
        return (max(each, _ceil(tokens * each, max_model_len)) + 1) * self.page_bytes

    def concurrent(self, kv_bytes: int, tokens_each: int) -> int:
        """Requests of that length that fit at once, beside the null block."""
        return max(0, self.blocks(kv_bytes) - 1) // self._per_request(tokens_each)

    def _per_request(self, tokens: int) -> int:
        return max(1, sum(group.blocks(tokens, self.in_flight_tokens) for group in self.groups))


def _ceil(amount: int, unit: int) -> int:
    return -(-amount // unit)
