"""How an engine gives memory back and takes it again: vLLM's sleep mode, looked at after each step.

The calls are those of vLLM 0.32 (entrypoints/serve/dev, entrypoints/rl/online), taken by an engine that runs
with VLLM_SERVER_DEV_MODE=1. A 200 proves nothing: `/sleep` and `/wake_up` answer it where they do nothing.
Nor does `/is_sleeping` say that memory came back: that is seen on the device alone.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import aiohttp
import msgspec

from ..errors import EngineError, EngineLost
from .probe import Canary, Probe

# Nats. The canary is asked alone and with nothing in the prefix cache, so shapes and kernels are the same
# each time, and so is the logprob; 1e-3 is for sums added up in another order. Other shapes need
# more: one bit of a bfloat16 logit is 0.06 from 8 to 16 and 0.125 from 16 to 32, and a token of
# probability p moves by (1 - p) of that. vLLM allows the same at such a check (snapshot/types.py, 0.32).
TOLERANCE = 1e-3
SHOWN = 200  # characters of what an engine answered that go into an error

_ANEW = "end it and boot it again"
_ROOM = f"what it has mapped stays mapped: free memory on its device and wake it once more, or {_ANEW}"
_TOO_OLD = "it runs without VLLM_SERVER_DEV_MODE=1, or its vLLM has no such call: set `vram: {mode: restart}`"


class Rest(Enum):
    """How an engine was last sent to rest."""

    RELEASED = auto()  # weights stay, the KV cache is given back
    LEVEL1 = auto()  # weights in host RAM
    LEVEL2 = auto()  # weights nowhere


@dataclass(frozen=True, slots=True)
class Step:
    """One POST, its body as JSON."""

    path: str
    body: Mapping[str, str] | None = None


# A tag that is awake already makes the whole call a no-op with 200 (v1/executor/abstract.py), so a sequence
# that broke off can be begun anew.
WAKES: Mapping[Rest, tuple[Step, ...]] = {
    Rest.RELEASED: (Step("wake_up?tags=kv_cache"), Step("resume")),
    Rest.LEVEL1: (Step("wake_up"),),
    Rest.LEVEL2: (
        Step("wake_up?tags=weights"),
        Step("collective_rpc", {"method": "reload_weights"}),
        Step("wake_up?tags=kv_cache"),
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that one call may take.

    Level 1 copies all weights into RAM that it pins first: 1.5 GB/s were seen on an A100 (vLLM issue 48337),
    so 64 GiB take 46 s; slower machines get six times that. Level 2 wakes at the speed of the disk.
    """

    sleep_s: float = 300.0
    wake_s: float = 300.0
    release_s: float = 60.0
    look_s: float = 10.0
    canary_s: float = 60.0


class Sleeper:
    """Puts one engine to rest and wakes it; nobody else may do so meanwhile, and its requests have ended.

    Every method raises `EngineError` where the engine did not do it, and `EngineLost` where it is not there.
    Before a rest the engine answers a canary; after it the answer must be the same, else it woke with other
    weights. An engine that was ended and booted in between is taken as it then is.
    """

    def __init__(
        self, name: str, socket: Path, limits: Limits = Limits(), *, tolerance: float = TOLERANCE
    ) -> None:
        self.name = name
        self._limits, self._tolerance = limits, tolerance
        self._probe = Probe(name, socket)
        self._rest: Rest | None = None
        self._canary: Canary | None = None

    async def sleep(self, level: int) -> None:
        """Give back weights and KV cache: level 1 keeps the weights in host RAM, level 2 nowhere.

        Refused after a wake that failed: vLLM would answer 200 and keep what that wake had mapped.
        """
        if not await self._awake() and self._rest is not Rest.RELEASED:
            raise EngineError(
                f"{self.name} sleeps already, perhaps in part, and would keep what it has; {_ANEW}"
            )
        self._rest = Rest.LEVEL2 if level == 2 else Rest.LEVEL1
        await self._post(Step(f"sleep?level={level}&mode=wait"), self._limits.sleep_s, _ANEW)
        await self._look("sleep", asleep=True)

    async def release_kv(self) -> None:
        """Give back the KV cache alone."""
        if not await self._awake():
            raise EngineError(f"{self.name} rests already and gives no KV cache back; wake it first")
        self._rest = Rest.RELEASED
        await self._post(Step("pause?mode=wait"), self._limits.release_s, _ANEW)
        await self._post(Step("release_kv_cache_memory"), self._limits.release_s, _ANEW)
        await self._look("release_kv_cache_memory", asleep=True)

    async def wake(self) -> None:
        """Take everything back, and answer as before the rest. After an error it may be tried again."""
        for step in WAKES[self._rest or Rest.LEVEL1]:
            await self._post(step, self._limits.wake_s, _ROOM)
        await self._look("wake_up", asleep=False)
        found = await self._ask_canary()
        if self._canary is not None:
            compare(self.name, self._canary, found, self._tolerance)
        self._rest = None

    async def is_sleeping(self) -> bool:
        """What it says of itself; true as well while it is paused or awake in part."""
        with self._ours("GET /is_sleeping", self._limits.look_s):
            status, text = await self._probe.call("GET", "is_sleeping", self._limits.look_s)
        if status != 200:
            raise self._refused("GET /is_sleeping", status, text, _ANEW)
        try:
            return msgspec.json.decode(text, type=_Asleep).is_sleeping
        except msgspec.MsgspecError as error:
            raise EngineError(
                f"{self.name} answered {text[:SHOWN]!r} to GET /is_sleeping; {_TOO_OLD}"
            ) from error

    async def close(self) -> None:
        """Drop the connections."""
        await self._probe.close()

    async def _awake(self) -> bool:
        """Whether it is; then its canary is kept, asked as after the rest: with nothing in the cache."""
        if await self.is_sleeping():
            return False
        await self._post(Step("reset_prefix_cache"), self._limits.look_s, _ANEW)
        self._canary = await self._ask_canary()
        return True

    async def _ask_canary(self) -> Canary:
        with self._ours("the canary", self._limits.canary_s):
            async with asyncio.timeout(self._limits.canary_s):
                return await self._probe.canary()

    async def _look(self, call: str, *, asleep: bool) -> None:
        if await self.is_sleeping() is not asleep:
            says = "is awake" if asleep else "still sleeps"
            raise EngineError(f"{self.name} answered 200 to POST /{call} and says that it {says}; {_ANEW}")

    async def _post(self, step: Step, limit_s: float, cure: str) -> None:
        what = f"POST /{step.path}"
        with self._ours(what, limit_s):
            status, text = await self._probe.call("POST", step.path, limit_s, step.body)
        if status != 200:
            raise self._refused(what, status, text, cure)

    def _refused(self, what: str, status: int, text: str, cure: str) -> EngineError:
        shown = text[:SHOWN] or "no words"
        return EngineError(
            f"{self.name} answered {status} to {what} ({shown}); {_TOO_OLD if status == 404 else cure}"
        )

    @contextmanager
    def _ours(self, what: str, limit_s: float) -> Iterator[None]:
        """Foreign errors become ours at this border."""
        try:
            yield
        except TimeoutError as error:
            raise EngineError(
                f"{self.name} did not answer {what} in {limit_s:g} s and may be at it still; {_ANEW}"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineLost(f"{self.name} broke off at {what} ({type(error).__name__})") from error


class _Asleep(msgspec.Struct, frozen=True):
    is_sleeping: bool


def compare(name: str, before: Canary, after: Canary, tolerance: float) -> None:
    """Raises `EngineError` unless it is the same token, and its logprob at most `tolerance` nats away."""
    apart = abs(after.logprob - before.logprob)
    if after.token == before.token and apart <= tolerance:  # false for NaN
        return
    was, now = (f"{canary.token!r} at {canary.logprob:.4f}" for canary in (before, after))
    raise EngineError(
        f"{name} woke with other weights: its canary was {was} nats and is {now}, "
        f"which may differ by {tolerance:g}; {_ANEW}"
    )
