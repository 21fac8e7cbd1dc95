"""Small questions to a vLLM server on its socket: alive, warm, and what it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from ..errors import EngineError
from ..types import Request
from .openai_http import Address, OpenAIHttp

HEALTH_S = 5.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What a booted engine says of itself. `blocks` of KV cache count the null block in, as vLLM does."""

    version: str
    blocks: int
    block_tokens: int


@dataclass(frozen=True, slots=True)
class Canary:
    """The first token that an engine says to a fixed question, and its logprob in nats.

    Every weight has a part in it; what is in the KV cache has none.
    """

    token: str
    logprob: float


class Probe:
    """Asks one engine; opens its connection on first use, `close` ends it."""

    def __init__(self, name: str, socket: Path) -> None:
        self._client = OpenAIHttp(name, Address("http://engine/v1", name, socket))
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def healthy(self) -> bool:
        """Whether /health answers 200 within 5 s."""
        try:
            return (await self.call("GET", "health", HEALTH_S))[0] == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def canary(self) -> Canary:
        """A first answer, so that no user waits for the warm-up; raises `EngineError` where it is none.

        With logprobs: it is those that are slow at first. After a canary without them the next request took
        3 s instead of 0.4 s on two cores (vLLM 0.32).
        """
        question = Request(
            [{"role": "user", "content": "Hello"}], {"max_tokens": 3, "temperature": 0}, logprobs=0
        )
        final = await self._client.answer(question)
        if not final.tokens or any(token.logprob is None for token in final.tokens):
            raise EngineError("it answered without logprobs")
        first = final.tokens[0]
        assert first.logprob is not None
        return Canary(first.token, first.logprob)

    async def facts(self) -> Facts:
        """Version and KV blocks, as the engine reports them."""
        _, version = await self.call("GET", "version", HEALTH_S)
        _, metrics = await self.call("GET", "metrics", HEALTH_S)
        return Facts(
            _quoted("version", version), _label("num_gpu_blocks", metrics), _label("block_size", metrics)
        )

    async def kv_usage(self) -> tuple[float | None, int]:
        """The share of the KV cache that is in use, None where it is not told; preemptions since the boot.

        Raises as `call` does.
        """
        _, metrics = await self.call("GET", "metrics", HEALTH_S)
        usage = _metric("kv_cache_usage_perc", metrics)  # a share in spite of its name
        return usage, int(_metric("num_preemptions_total", metrics) or 0)

    async def call(
        self, method: str, path: str, limit_s: float, body: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and text of one call, `body` as JSON.

        Raises aiohttp's errors, `OSError`, or `TimeoutError` after `limit_s`: the engine may be at it still.
        """
        if self._session is None:
            # A connection for each call: after a 500 vLLM's server closes it without saying so, and the next
            # call on it looked like an engine that broke off (seen with 0.32: a wake after a failed release).
            connector = aiohttp.UnixConnector(str(self._socket), force_close=True)
            self._session = aiohttp.ClientSession(connector=connector)
        async with self._session.request(
            method,
            f"http://engine/{path}",
            data=None if body is None else msgspec.json.encode(body),
            headers=None if body is None else {"content-type": "application/json"},
            timeout=aiohttp.ClientTimeout(limit_s),
        ) as response:
            return response.status, await response.text()

    async def close(self) -> None:
        """Drop both connections."""
        await self._client.close()
        if self._session is not None:
            await self._session.close()


def _quoted(key: str, json_text: str) -> str:
    found = re.search(rf'"{key}"\s*:\s*"([^"]+)"', json_text)
    return found[1] if found else "unknown"


def _metric(name: str, metrics: str) -> float | None:
    found = re.search(rf"^vllm:{name}(?:\{{.*\}})? ([-+.eE\d]+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else None


def _label(name: str, metrics: str) -> int:
    """A number among the labels of vLLM's cache_config_info; 0 where it has none."""
    found = re.search(rf'^vllm:cache_config_info\{{.*\b{name}="(\d+)"', metrics, re.MULTILINE)
    return int(found[1]) if found else 0
