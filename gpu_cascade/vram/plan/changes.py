"""What can be done to an engine that does not fit, one change at a time. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from .want import Change, Variant, Want

SHORTEST_TOKENS = 1024  # no context shorter than this is proposed
HARMLESS = (Change.MIN_TOKENS, Change.EAGER, Change.TENSOR_PARALLEL)  # every answer stays as it is


@dataclass(frozen=True, slots=True)
class Step:
    """A change of `want`: to a variant of it, or to so many tokens (at once, or of one request)."""

    change: Change
    want: Want
    variant: Variant | None = None
    tokens: int = 0

    @property
    def what(self) -> str:
        """How one writes it in models.yaml."""
        here = f"engines.{self.want.name}"
        if self.variant is not None:
            return f"{here}.{self.variant.what}"
        if self.change is Change.MIN_TOKENS:
            return f"{here}.kv.min_tokens: {self.tokens} (from {self.want.min_tokens})"
        what = f"{here}.max_model_len: {self.tokens} (from {self.want.max_model_len})"
        if self.tokens < self.want.min_tokens:
            what += f", kv.min_tokens: {self.tokens} (from {self.want.min_tokens})"
        return what

    @property
    def saves_bytes(self) -> int:
        """What it frees on each GPU of the engine, where nothing else was changed."""
        after = self.apply(self.want)
        return self.want.base_bytes + self.want.floor_bytes - after.base_bytes - after.floor_bytes

    @property
    def loss(self) -> float:
        """How much of the engine is given up: 1 is nothing, 2 half of its tokens or twice its GPUs."""
        after = self.apply(self.want)
        tokens = (self.want.min_tokens + self.want.max_model_len) / (after.min_tokens + after.max_model_len)
        return tokens * after.tensor_parallel / self.want.tensor_parallel

    def apply(self, want: Want) -> Want:
        """The engine after it; other steps may have been applied before."""
        if self.variant is not None:
            return _varied(want, self.want, self.variant)
        tokens = min(want.min_tokens, self.tokens)
        if self.change is Change.MIN_TOKENS:
            return replace(want, min_tokens=tokens)
        return replace(want, max_model_len=self.tokens, min_tokens=tokens)


def steps(change: Change, want: Want) -> Iterator[Step]:
    """The ways to make this change to the engine, the gentlest first; of token counts only the utmost."""
    if change is Change.MIN_TOKENS and want.min_tokens > want.max_model_len:
        yield Step(change, want, tokens=want.max_model_len)
    elif change is Change.MAX_MODEL_LEN and want.max_model_len > SHORTEST_TOKENS:
        yield Step(change, want, tokens=SHORTEST_TOKENS)
    for variant in sorted(want.variants, key=lambda one: one.tensor_parallel):
        if variant.change is change:
            yield Step(change, want, variant=variant)


def _varied(want: Want, original: Want, variant: Variant) -> Want:
    """Only what the variant changes of the original: fp8 weights leave a KV cache in fp8 as it is."""
    changed = {
        field.name: getattr(variant.footprint, field.name)
        for field in fields(original.footprint)
        if getattr(variant.footprint, field.name) != getattr(original.footprint, field.name)
    }
    footprint = replace(want.footprint, **changed)
    return replace(want, footprint=footprint, tensor_parallel=variant.tensor_parallel)
