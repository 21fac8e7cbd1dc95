"""A small machine with round numbers, and what one can do with it."""

from pathlib import Path

import msgspec

from gpu_cascade.vram.simulate.arrivals import Arrivals
from gpu_cascade.vram.simulate.load import EngineSpec, Loads, read_loads
from gpu_cascade.vram.simulate.service import Engine

EXAMPLE = Path(__file__).parents[3] / "examples" / "vram_loads.yaml"

# A step takes 10 ms and 1 ms for each that decodes; a prompt token 1 ms.
SPEC = EngineSpec(
    weights_gib=10,
    overhead_gib=0,
    asleep_gib=0,
    kv_gib_per_1k_tokens=1,
    decode_tok_s_max=1000,
    decode_tok_s_one=1000 / 11,
    prefill_tok_s=1000,
    max_num_batched_tokens=100,
)
A_S, B_S, PROMPT_S = 0.010, 0.001, 0.001


def engine(kv_tokens=1_000_000, **changes):
    return Engine(msgspec.structs.replace(SPEC, **changes), kv_tokens)


def served(one, jobs):
    """Hand the engine (arrival, prompt, tokens) in order; the first tokens and ends of each, in seconds."""
    first, end, waiting = {}, {}, list(enumerate(jobs))
    while waiting or one.at < float("inf"):
        if waiting and waiting[0][1][0] <= one.at:
            number, (at, prompt, tokens) = waiting.pop(0)
            assert one.enter(number, prompt, tokens, at)
            continue
        at = one.at
        for number in one.advance():
            first[number], end[number] = one.began.pop(number), at
        assert one.used <= one.kv_tokens
    assert 0 == one.used
    return first, end


def example(**changes) -> Loads:
    return msgspec.structs.replace(read_loads(EXAMPLE), **changes)


def asked(rows, duration_s=100.0):
    """Arrivals from (at, prompt, tokens, top)."""
    found = Arrivals(duration_s)
    for row in rows:
        found.add(*row)
    return found
