"""The shape of models.yaml: what each section may hold, and what stands where nothing is written."""

from typing import Annotated, Literal

from pydantic import Field

from .checks import ChecksConfig
from .fields import (
    Arguments,
    Bool,
    Count,
    FilePath,
    Name,
    OnOff,
    Origin,
    Sampling,
    Seconds,
    SignalName,
    Store,
    Threshold,
    Url,
    Variable,
    Words,
)
from .section import Section

DEFAULT_STORE = "sqlite:///state/traces.db"


class KvConfig(Section):
    """How much KV cache an engine gets: room for at least `min_tokens` tokens."""

    min_tokens: Count = 16384


class EngineConfig(Section):
    """One engine: `model` is started here, `url` is attached to. Exactly one of them is set."""

    model: Words | None = None
    url: Url | None = None
    name: Words | None = None
    api_key_env: Variable | None = None
    max_model_len: Count | None = None
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    kv: KvConfig = KvConfig()
    quantization: Words | None = None
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] = 1
    max_num_seqs: Annotated[int, Field(ge=1, le=65536)] = 64
    args: Arguments = Field(default={})
    price_per_gpu_hour: Annotated[float, Field(ge=0)] | None = None
    boot_timeout_s: Seconds = 900


class VerifyConfig(Section):
    """A second look by another engine at drafts up to `width` below the threshold.

    They stay where it says with a probability of at least `min` that they are right. A calibration brings
    both numbers; beside a threshold written by hand they are written too.
    """

    by: Name
    width: Annotated[float, Field(gt=0, le=1e6)] | None = None
    min: Annotated[float, Field(ge=0, le=1)] | None = None
    when_asleep: Literal["keep", "escalate"] = "keep"


class MonitorConfig(Section):
    """What share of kept answers the last tier is asked as well, in its idle time, and what an alarm does."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.02
    alarm: Annotated[float, Field(gt=0, lt=1)] = 0.001
    on_alarm: Literal["warn", "escalate_all"] = "warn"


class StickyConfig(Section):
    """What an escalation means for the later turns of the same conversation."""

    mode: Annotated[Literal["off", "skip", "stricter"], OnOff] = "off"
    ttl_s: Seconds = 1800


class CascadeConfig(Section):
    """A name that clients put in `model`: tiers from cheap to good, and when to climb."""

    tiers: list[Name]
    signal: SignalName = "logprob_quantile"
    threshold: Threshold = None
    calibration: FilePath | None = None
    sampling: Sampling = Field(default={"temperature": 0})
    checks: ChecksConfig = ChecksConfig()
    verify: VerifyConfig | None = None
    early_abort: Annotated[Literal["auto", "on", "off"], OnOff] = "auto"
    stream: Literal["hold", "commit", "race"] = "hold"
    commit_after: Count = 16
    sticky: StickyConfig = StickyConfig()
    gate: Annotated[Literal["off", "auto"], OnOff] = "off"
    monitor: MonitorConfig | None = None

    @property
    def first_tokens(self) -> int | None:
        """How many tokens of a draft decide; None: all of it."""
        return self.commit_after if self.stream == "commit" else None


class VramConfig(Section):
    """Who holds GPU memory when. `auto` picks the cheapest way that fits.

    `budget_gib`: what engines may take of each GPU, or of this machine's RAM where there is none.
    """

    mode: Literal["auto", "static", "sleep", "restart", "kvcached"] = "auto"
    sleep_level: Annotated[int, Field(ge=1, le=2)] = 1
    budget_gib: Annotated[float, Field(gt=0, le=1e6)] | None = None
    patience_s: Seconds = 30


class GatewayConfig(Section):
    """The one public address. Port 0 takes any free one."""

    host: Words = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_queue: Count = 512
    deadline_s: Seconds = 120
    hold_s: Annotated[float, Field(ge=0, le=86400)] = 5
    cors: list[Origin] = Field(default=[])


class TracesConfig(Section):
    """Where decisions are written, whether with text, and what happens when that is full."""

    store: Store = DEFAULT_STORE
    content: Bool = False
    on_full: Literal["refuse", "drop"] = "refuse"


class GovernanceConfig(Section):
    """Who needs a key. `auto`: nobody on loopback, everybody elsewhere. `required`: everybody."""

    keys: Literal["auto", "required"] = "auto"


class Sections(Section):
    """A whole models.yaml, each section in its shape."""

    engines: dict[Name, EngineConfig]
    cascades: dict[Name, CascadeConfig]
    vram: VramConfig = VramConfig()
    gateway: GatewayConfig = GatewayConfig()
    traces: TracesConfig = TracesConfig()
    governance: GovernanceConfig = GovernanceConfig()
