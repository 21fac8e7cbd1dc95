"""The file of loads: a GPU, the engines on it, and who asks. `examples/vram_loads.yaml` explains it."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import yaml

from ...config.fields import unknown
from ...errors import ConfigError

GIB = 2**30
RECORDINGS = (".jsonl", ".csv", ".db")  # what may stand in place of a load's name

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Gpu(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The one GPU. `reserve_gib` of it no engine may take."""

    name: str
    vram_gib: Positive
    reserve_gib: NotNegative
    host_ram_gib: NotNegative

    @property
    def free_gib(self) -> float:
        """What engines may take."""
        return self.vram_gib - self.reserve_gib


class EngineSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an engine takes, and how fast it is while it has the GPU for itself.

    `decode_tok_s_one` is the speed of one request alone, `decode_tok_s_max` what many reach together.
    """

    weights_gib: Positive
    overhead_gib: NotNegative
    asleep_gib: NotNegative
    kv_gib_per_1k_tokens: Positive
    decode_tok_s_max: Positive
    decode_tok_s_one: Positive
    prefill_tok_s: Positive
    shape: str = ""
    max_num_seqs: Count = 64  # what models.yaml has where nothing is said
    # vLLM 0.32's default on an H200 (engine/arg_utils.py: 70 to 160 GiB and no A100).
    max_num_batched_tokens: Count = 8192

    @property
    def kv_token_bytes(self) -> float:
        """KV cache of one token."""
        return self.kv_gib_per_1k_tokens * GIB / 1000

    @property
    def base_bytes(self) -> int:
        """All it takes awake but the KV cache."""
        return bytes_of(self.weights_gib + self.overhead_gib)


class Duration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds: `fixed`, and `per_gib` for each GiB of weights."""

    fixed: NotNegative
    per_gib: NotNegative = 0.0


class Transitions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long moves take. `stop` is what vLLM 0.32 took to end after SIGTERM, with nothing under way."""

    kv_release: NotNegative
    kv_wake: NotNegative
    sleep: Duration
    wake: Duration
    boot: Duration
    stop: Duration = Duration(3.0)


class Lognormal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Token counts. `mean` is the mean of the counts, `sigma` the standard deviation of their logarithm.

    numpy's `lognormal(mean, sigma)` has the logarithm's mean there: a mean of 700 could then not be meant.
    """

    mean: Positive
    sigma: Annotated[float, msgspec.Meta(ge=0, le=4)]  # at 4 one draw in a million is 60,000 times the mean

    @property
    def mu(self) -> float:
        """The mean of the logarithm."""
        return math.log(self.mean) - self.sigma**2 / 2


class Slo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What users were promised, in seconds from the arrival: to the first token, and to the last."""

    ttft_s: Positive
    e2e_s: Positive


class Requests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request is like. An escalated one is answered as long as its draft was."""

    prompt_tokens: Lognormal
    draft_tokens: Lognormal
    slo: Slo


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`s` seconds of `rate` requests a second, of which the share `esc` escalates to `top` (the last tier).

    `batch`: so many arrive together in the mean, at the same rate overall. `swing`: the rate goes up and down
    by this share of it, once in the phase, as a sine that begins at its mean.
    """

    s: Positive
    rate: Positive
    esc: Share
    top: str | None = None
    batch: Annotated[float, msgspec.Meta(ge=1)] = 1.0
    swing: Share = 0.0


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks: phases that repeat, or a recording (a path, from where the file lies). `tiers[0]` drafts."""

    tiers: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    phases: tuple[Phase, ...] = ()
    recorded: str | None = None


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many may wait, and how long: what models.yaml has where nothing is said."""

    max_queue: Count = 512
    deadline_s: Positive = 120.0


class Loads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `bounds` and `goodput` are words for its reader."""

    gpu: Gpu
    engines: Annotated[dict[str, EngineSpec], msgspec.Meta(min_length=2)]
    transitions_s: Transitions
    requests: Requests
    loads: dict[str, Load]
    gateway: Gateway = Gateway()
    bounds: dict[str, str] = {}
    goodput: str = ""


def read_loads(path: Path) -> Loads:
    """The file, checked. Raises `ConfigError` that names the place and what belongs there."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}; name a file of loads with --file") from None
    try:
        loads = msgspec.convert(yaml.safe_load(_as_mapping(text)), Loads)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for problem in _problems(loads):
        raise ConfigError(f"{path}: {problem}")
    return loads


def chosen(loads: Loads, name: str) -> Load:
    """The load of that name; a recording (.jsonl, .csv, .db) is asked of the file's first two engines."""
    if name in loads.loads:
        return loads.loads[name]
    if Path(name).suffix in RECORDINGS:
        return Load(tuple(loads.engines)[:2], recorded=str(Path(name).absolute()))
    hint = f"a recording ends in {', '.join(RECORDINGS)}"
    raise ConfigError(f"--load {name} {unknown(name, loads.loads)}; {hint}")


def bytes_of(gib: float) -> int:
    """Whole bytes."""
    return round(gib * GIB)


def _as_mapping(text: str) -> str:
    """`lognormal(mean=700, sigma=0.8)` reads well, and is two broken keys to YAML."""
    return re.sub(r"lognormal\(mean=([\d.]+), *sigma=([\d.]+)\)", r"{mean: \1, sigma: \2}", text)


def _problems(loads: Loads) -> list[str]:
    """What the types cannot say."""
    found = [
        f"engines.{name}: decode_tok_s_one {one.decode_tok_s_one:g} is above decode_tok_s_max "
        f"{one.decode_tok_s_max:g}; many requests together are at least as fast as one"
        for name, one in loads.engines.items()
        if one.decode_tok_s_one > one.decode_tok_s_max
    ]
    for name, load in loads.loads.items():
        found += _load_problems(f"loads.{name}", load, loads.engines)
    return found


def _load_problems(place: str, load: Load, engines: Mapping[str, EngineSpec]) -> list[str]:
    found = [f"{place}.tiers: {tier} {unknown(tier, engines)}" for tier in load.tiers if tier not in engines]
    tops = [phase.top for phase in load.phases if phase.top is not None]
    found += [
        f"{place}.phases: top {top} {unknown(top, load.tiers[1:])}"
        for top in tops
        if top not in load.tiers[1:]
    ]
    if bool(load.phases) == (load.recorded is not None):
        found.append(f"{place}: needs either phases or recorded")
    if len(set(load.tiers)) < len(load.tiers):
        found.append(f"{place}.tiers: {', '.join(load.tiers)} has one twice")
    return found
