"""How two vLLM engines best share a processor: the demo pair in each form, timed alone and together.

    .venv/bin/python scripts/long/cpu_threads.py        (about ten minutes on two cores)

Figures are small / large, medians of the rounds. Leave the machine alone meanwhile.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from importlib import metadata
from itertools import count
from pathlib import Path

from gpu_cascade.config import Config, load
from gpu_cascade.engines.child import EngineProcess
from gpu_cascade.engines.openai_http import Address, OpenAIHttp
from gpu_cascade.launch import socket_folder, vllm_engines
from gpu_cascade.types import Request

CONFIG = Path(__file__).parents[2] / "examples" / "cpu" / "models.yaml"
ROUNDS = 3
TURNS = 6
LONG = "word and another thing " * 200  # about 800 tokens
MP = {"distributed-executor-backend": "mp"}  # vLLM's own form: a core and a worker process

# What is in the environment wins over what gpu-cascade would choose.
FORMS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "core and worker, vLLM's own threads": ({"VLLM_CPU_OMP_THREADS_BIND": "auto"}, MP),
    "one process, threads that wait awake": ({"OMP_WAIT_POLICY": "active"}, {}),
    "one process, threads that wait asleep (gpu-cascade)": ({}, {}),
}
COLUMNS = ("boots, s", "alone, tokens/s", "800 tokens of prompt, s", "both at once, tokens/s", "12 turns, s")
fresh = count()  # a prompt is never the same: the prefix cache would answer


async def main() -> None:
    versions = f"vLLM {metadata.version('vllm-cpu')}, {os.cpu_count()} cores, median of {ROUNDS} rounds"
    print(f"{versions}, load before {os.getloadavg()[0]:.1f}\n")
    print("| form |", " | ".join(COLUMNS), "|")
    print("|---" * (1 + len(COLUMNS)) + "|", flush=True)
    for form, (env, args) in FORMS.items():
        figures = await measured(env, args)
        print("|", " | ".join([form, *figures]), "|", flush=True)


async def measured(env: dict[str, str], args: dict[str, str]) -> list[str]:
    """One row: both engines booted in this form, timed, stopped."""
    os.environ.update(env)
    try:
        with socket_folder() as sockets:
            engines = vllm_engines(with_args(load(CONFIG), args), sockets)
            clients = [client_of(engine) for engine in engines]
            try:
                boots = [await timed(engine.boot) for engine in engines]
                return [pair(boots), *await figures_of(*clients)]
            finally:
                await asyncio.gather(*(client.close() for client in clients))
                await asyncio.gather(*(engine.stop() for engine in engines))
    finally:
        for name in env:
            del os.environ[name]


def with_args(config: Config, args: dict[str, str]) -> Config:
    engines = {
        name: engine.model_copy(update={"args": {**engine.args, **args}})
        for name, engine in config.engines.items()
    }
    return config.model_copy(update={"engines": engines})


def client_of(engine: EngineProcess) -> OpenAIHttp:
    return OpenAIHttp(engine.name, Address("http://engine/v1", engine.name, engine.socket))


async def figures_of(small: OpenAIHttp, large: OpenAIHttp) -> list[str]:
    alone = [await median(lambda c=client: speed(c)) for client in (small, large)]
    prefill = [await median(lambda c=client: timed(lambda: ask(c, LONG, 1))) for client in (small, large)]
    both = [await asyncio.gather(speed(small), speed(large)) for _ in range(ROUNDS)]
    start = time.monotonic()
    for _ in range(TURNS):
        await ask(small, "A story.", 16)
        await ask(large, "A story.", 16)
    turns = time.monotonic() - start
    together = [statistics.median(round_[place] for round_ in both) for place in (0, 1)]
    return [pair(alone), pair(prefill), pair(together), f"{turns:.1f}"]


async def ask(client: OpenAIHttp, prompt: str, tokens: int) -> int:
    """An answer of at most so many tokens; how many there were."""
    messages = [{"role": "user", "content": f"{next(fresh)} {prompt}"}]
    final = await client.answer(Request(messages, {"max_tokens": tokens, "temperature": 0}, logprobs=0))
    return final.answered_by.completion_tokens


async def speed(client: OpenAIHttp) -> float:
    """Tokens per second of one answer."""
    start = time.monotonic()
    made = await ask(client, "Tell me a long story about a dragon and a village.", 48)
    return made / (time.monotonic() - start)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    start = time.monotonic()
    await work()
    return time.monotonic() - start


async def median(measure: Callable[[], Awaitable[float]]) -> float:
    return statistics.median([await measure() for _ in range(ROUNDS)])


def pair(values: list[float]) -> str:
    return " / ".join(f"{value:.1f}" for value in values)


if __name__ == "__main__":
    asyncio.run(main())
