"""What the planner is asked: engines, each with what it takes and what it must be able to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..footprint.footprint import Footprint

REQUEST_TOKENS = 1024  # prompt and answer of a usual request: what KV caches are compared by
ESCALATED = 0.3  # the share of a tier's requests that climb, where nobody has measured it


class Mode(StrEnum):
    """Who holds memory when; what `vram.mode` says in models.yaml."""

    AUTO = "auto"  # the first of the others that fits
    STATIC = "static"  # everybody stays
    SLEEP = "sleep"  # engines take turns; asleep they keep a residue, and their weights in host RAM
    RESTART = "restart"  # engines take turns; nothing of a stopped one stays


class Change(StrEnum):
    """What may be done to an engine that does not fit; the least harm first.

    The first three leave every answer as it is. The others change what a calibration was made for.
    """

    MIN_TOKENS = "fewer tokens at once"
    EAGER = "no CUDA graphs"
    TENSOR_PARALLEL = "more GPUs for it"
    MAX_MODEL_LEN = "shorter context"
    KV_FP8 = "KV cache in fp8"
    WEIGHTS_FP8 = "weights in fp8"
    WEIGHTS_4BIT = "weights in 4 bits"


@dataclass(frozen=True, slots=True)
class Variant:
    """The same engine made otherwise: `what` is how one writes that in models.yaml."""

    change: Change
    what: str
    footprint: Footprint
    tensor_parallel: int = 1


@dataclass(frozen=True, slots=True)
class Want:
    """An engine that is to be placed. Token counts are at least 1.

    `footprint` is what it takes of each of its `tensor_parallel` devices. `weight`, above 0, is the share of
    all requests that reaches it. `drafts`: it is the first tier of a cascade, and stays before all others.
    `fills`: its KV cache takes what is free, as far as that is of use; else it is the least, as in RAM.
    """

    name: str
    footprint: Footprint
    min_tokens: int
    max_model_len: int
    max_num_seqs: int
    tensor_parallel: int = 1
    weight: float = 1.0
    drafts: bool = False
    fills: bool = True
    variants: tuple[Variant, ...] = ()

    @property
    def base_bytes(self) -> int:
        """All but the KV cache, on each device."""
        return self.footprint.resident(0)

    @property
    def floor_bytes(self) -> int:
        """The least KV cache: `min_tokens`, and one request of full length, which vLLM insists on."""
        return self.footprint.kv.bytes_for(max(self.min_tokens, self.max_model_len), self.max_model_len)

    @property
    def full_bytes(self) -> int:
        """The most KV cache that it gets: for `max_num_seqs` requests of full length, where it `fills`."""
        if not self.fills:
            return self.floor_bytes
        most = max(self.min_tokens, self.max_num_seqs * self.max_model_len)
        return self.footprint.kv.bytes_for(most, self.max_model_len)

    @property
    def usual_tokens(self) -> int:
        """Length of a usual request."""
        return min(REQUEST_TOKENS, self.max_model_len)

    @property
    def demand_bytes(self) -> float:
        """KV cache for its share of one usual request, on each device."""
        kv = self.footprint.kv
        return self.weight * max(kv.bytes_for(self.usual_tokens, self.usual_tokens) - kv.page_bytes, 1)


def tier_weights(cascades: Sequence[Sequence[str]]) -> dict[str, float]:
    """The share of requests that reaches each tier, where nobody has measured it.

    A cascade's first tier sees all, each later one `ESCALATED` of those before it. An engine of several
    cascades counts where it is asked most.
    """
    weights: dict[str, float] = {}
    for tiers in cascades:
        for place, name in enumerate(tiers):
            weights[name] = max(weights.get(name, 0.0), ESCALATED**place)
    return weights
