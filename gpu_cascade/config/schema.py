"""The shape of models.yaml: what each section may hold, and what stands where nothing is written."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    Store,
    Threshold,
    Url,
    Variable,
    Words,
)

DEFAULT_STORE = "sqlite:///state/traces.db"


class Section(BaseModel):
    """A mapping of models.yaml: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


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
    args: Arguments = {}
    price_per_gpu_hour: Annotated[float, Field(ge=0)] | None = None
    boot_timeout_s: Seconds = 900


class CheckConfig(Section):
    """A check of a draft: a score below `min` escalates."""

    min: Annotated[float, Field(ge=0, le=1)] | None = None


class VerifyConfig(Section):
    """A second look at a draft by another engine."""

    by: Name
    when_asleep: Literal["keep", "escalate"] = "keep"


class StickyConfig(Section):
    """What an escalation means for the later turns of the same conversation."""

    mode: Annotated[Literal["off", "skip", "stricter"], OnOff] = "off"
    ttl_s: Seconds = 1800


class CascadeConfig(Section):
    """A name that clients put in `model`: tiers from cheap to good, and when to climb."""

    tiers: list[Name]
    signal: Literal["logprob_quantile"] = "logprob_quantile"
    threshold: Threshold = None
    calibration: FilePath | None = None
    sampling: Sampling = {"temperature": 0}
    checks: dict[Name, CheckConfig] = {}
    verify: VerifyConfig | None = None
    early_abort: Annotated[Literal["auto", "on", "off"], OnOff] = "auto"
    stream: Literal["hold", "commit", "race"] = "hold"
    sticky: StickyConfig = StickyConfig()
    gate: Annotated[Literal["off", "auto"], OnOff] = "off"


class VramConfig(Section):
    """Who holds GPU memory when. `auto` picks the cheapest way that fits."""

    mode: Literal["auto", "static", "sleep", "restart"] = "auto"
    sleep_level: Annotated[int, Field(ge=1, le=2)] = 1


class GatewayConfig(Section):
    """The one public address. Port 0 takes any free one."""

    host: Words = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    max_queue: Count = 512
    deadline_s: Seconds = 120
    hold_s: Annotated[float, Field(ge=0, le=86400)] = 5
    cors: list[Origin] = []


class TracesConfig(Section):
    """Where decisions are written, whether with text, and what happens when that is full."""

    store: Store = DEFAULT_STORE
    content: Bool = False
    on_full: Literal["refuse", "drop"] = "refuse"


class GovernanceConfig(Section):
    """Who needs a key. `auto`: nobody on loopback, everybody elsewhere."""

    keys: Annotated[Literal["auto", "off", "required"], OnOff] = "auto"


class Sections(Section):
    """A whole models.yaml, each section in its shape."""

    engines: dict[Name, EngineConfig]
    cascades: dict[Name, CascadeConfig]
    vram: VramConfig = VramConfig()
    gateway: GatewayConfig = GatewayConfig()
    traces: TracesConfig = TracesConfig()
    governance: GovernanceConfig = GovernanceConfig()
