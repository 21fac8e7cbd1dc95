"""Predicted memory against real vLLM engines on the processor: KV blocks and tokens exactly, bytes roughly.

    .venv/bin/python scripts/long/footprint.py > benchmarks/vram/footprint.txt    (half an hour, busy)

Engines boot one after the other, each with its own KV cache. Exits 1 where a predicted number of blocks or
tokens, or a number of parameters by config.json alone, is not what is really there. `taken` is the
proportional set size of the engine's processes after four prompts of 400 tokens at once.
"""

import asyncio
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gpu_cascade.config import EngineConfig, KvConfig, load
from gpu_cascade.engines.child import EngineProcess
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.engines.probe import Probe
from gpu_cascade.engines.vllm_build import installed
from gpu_cascade.launch import socket_folder
from gpu_cascade.staging.machine import machine
from gpu_cascade.staging.stage import staged
from gpu_cascade.staging.wants import model_folder, taken
from gpu_cascade.types import Request
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.hf_config import read
from gpu_cascade.vram.footprint.implied import implied
from gpu_cascade.vram.footprint.tensors import Tensor, stored
from gpu_cascade.vram.gpu.proc import pss_bytes

CONFIG = Path(__file__).parents[2] / "examples" / "cpu" / "models.yaml"
MODELS = (
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "Qwen/Qwen2.5-Coder-0.5B-Instruct",
    "Qwen/Qwen2.5-Coder-1.5B-Instruct",
)
# What models.yaml says: the smallest cache that boots, one in blocks of 32, a length of no whole blocks.
SIZES = (
    {"max_model_len": 2048, "kv": KvConfig(min_tokens=1)},
    {"max_model_len": 2048, "kv": KvConfig(min_tokens=9000), "args": {"block-size": 32}},
    {"max_model_len": 3000, "kv": KvConfig(min_tokens=20000), "dtype": "float32"},
)
COLUMNS = ("model", "KV bytes", "blocks", "tokens", "parameters", "GiB computed", "GiB taken")
LONG = "word and another thing " * 100  # about 400 tokens
AT_ONCE, LIMIT_S = 4, 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """Computed and reported, side by side."""

    model: str
    kv_bytes: int
    blocks: tuple[int, int]
    tokens: tuple[int, int]
    parameters: tuple[int, int]
    bytes: tuple[int, int]

    @property
    def right(self) -> bool:
        """Whether all that is exact is."""
        return all(computed == there for computed, there in (self.blocks, self.tokens, self.parameters))

    def cells(self) -> list[str]:
        """The row as text; both numbers where they differ."""
        pairs = [
            f"{one:,}" if one == other else f"{one:,} computed, {other:,} there"
            for one, other in (self.blocks, self.tokens, self.parameters)
        ]
        return [self.model, f"{self.kv_bytes:,}", *pairs, *(f"{size / GIB:.2f}" for size in self.bytes)]


async def main() -> int:
    print("|", " | ".join(COLUMNS), "|")
    print("|---" * len(COLUMNS) + "|", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as state:
        os.environ["GPU_CASCADE_STATE"] = state
        for model in MODELS:
            for said in SIZES:
                row = await measured(EngineConfig(model=model, max_num_seqs=8, **said))
                print("|", " | ".join(row.cells()), "|" if row.right else "| WRONG", flush=True)
                rows.append(row)
    return 0 if all(row.right for row in rows) else 1


async def measured(engine: EngineConfig) -> Row:
    """One engine booted, asked, measured and stopped."""
    config = load(CONFIG).model_copy(update={"engines": {"one": engine}})
    model_dir = model_folder(config, "one")
    found = taken(config, "one", machine(config, installed()))  # nothing is learned: the state is new
    kv_bytes = found.kv.bytes_for(engine.kv.min_tokens, found.kv.max_model_len)
    with socket_folder() as sockets:
        process = EngineProcess(staged(config, sockets).commands["one"](kv_bytes))
        try:
            await process.boot()
            blocks, tokens = await reported(process)
            await work(process)
            held = sum(pss_bytes(pid) or 0 for pid in process.members())
        finally:
            await process.stop()
    return Row(
        model_dir.name,
        kv_bytes,
        (found.kv.blocks(kv_bytes), blocks),
        (found.kv.tokens(kv_bytes), tokens),
        (parameters(implied(read(model_dir))), parameters(stored(model_dir) or [])),
        (found.resident(kv_bytes), held),
    )


def parameters(tensors: list[Tensor]) -> int:
    return sum(one.elements for one in tensors)


async def reported(process: EngineProcess) -> tuple[int, int]:
    """Blocks and tokens as vLLM reports them."""
    probe = Probe(process.name, process.socket)
    try:
        _, metrics = await probe.call("GET", "metrics", LIMIT_S)
    finally:
        await probe.close()
    labels = re.search(r"^vllm:cache_config_info\{(.*)\}", metrics, re.MULTILINE)
    assert labels is not None, "vLLM reports no cache_config_info"
    named = dict(re.findall(r'(\w+)="([^"]*)"', labels[1]))
    return int(named["num_gpu_blocks"]), int(named["kv_cache_size_tokens"])


async def work(process: EngineProcess) -> None:
    """Long prompts, several at once, each one new to the prefix cache."""
    client = OpenAIHttp(process.name, Address("http://engine/v1", process.name, process.socket))
    try:
        asked = [[{"role": "user", "content": f"{one} {LONG}"}] for one in range(AT_ONCE)]
        params = {"max_tokens": 16, "temperature": 0}
        await asyncio.gather(*(client.answer(Request(one, params, logprobs=5)) for one in asked))
    finally:
        await client.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
