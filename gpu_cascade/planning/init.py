"""`gpu-cascade init`: a commented models.yaml for this machine, with the largest models that fit."""

import shlex
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from .. import launch
from ..config import Config, from_pair, load
from ..errors import ConfigError, DoesNotFit, ModelError
from ..staging.machine import Machine
from ..vram.footprint import GIB
from ..vram.plan.plan import Plan
from ..vram.plan.want import Mode
from .command import planned
from .machine import here


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models, and how much of each: tokens and requests at once, first of the small one."""

    small: str
    large: str
    max_model_len: int = 8192
    min_tokens: tuple[int, int] = (32768, 16384)
    max_num_seqs: tuple[int, int] = (64, 32)
    tensor_parallel: int = 1
    threshold: float = -0.9
    eager: bool = False


# The largest first. What they take stands in the table at the top of the repository's models.yaml.
_SMALL = "Qwen/Qwen2.5-1.5B-Instruct"
ON_GPUS = (
    Pair(_SMALL, "Qwen/Qwen2.5-72B-Instruct", tensor_parallel=2),
    Pair(_SMALL, "Qwen/Qwen2.5-32B-Instruct"),
    Pair(_SMALL, "Qwen/Qwen2.5-14B-Instruct"),
    Pair(_SMALL, "Qwen/Qwen2.5-7B-Instruct-AWQ"),
    Pair("Qwen/Qwen2.5-0.5B-Instruct", _SMALL, min_tokens=(16384, 16384)),
)
_ON_CPU = Pair(
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "Qwen/Qwen2.5-Coder-0.5B-Instruct",
    max_model_len=2048,
    max_num_seqs=(8, 8),
    threshold=-1.35,
    eager=True,
)
ON_CPU = tuple(replace(_ON_CPU, min_tokens=(tokens, tokens)) for tokens in (16384, 8192, 4096, 2048))


@dataclass(frozen=True, slots=True)
class Written:
    """A models.yaml that was written, and what it comes to on this machine."""

    path: Path
    pair: Pair
    plan: Plan
    missing: tuple[str, ...]  # the models that are not on this machine

    @property
    def next(self) -> str:
        """The command that comes next: it fetches what is missing, else it serves."""
        if self.missing:
            return f"gpu-cascade models pull {' '.join(self.missing)}"
        named = "" if self.path == Path("models.yaml") else f" --config {shlex.quote(str(self.path))}"
        return f"gpu-cascade serve{named}"


def init(path: Path, *, force: bool = False) -> Written:
    """Write `path` for this machine: the first pair whose models stay in memory, else one that takes turns.

    Raises `ConfigError` where the file is there already and not `force`, or cannot be written, and
    `DoesNotFit` where not even the smallest pair fits.
    """
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; --force writes over it, --config names another file")
    beside = from_pair("small", "large").model_copy(update={"base": path.absolute().parent})
    on = here(beside)
    fresh = path.with_name(f".{path.name}.new")
    try:
        pair, plan = _chosen(fresh, on)
        fresh.write_text(text(pair, on), encoding="utf-8")
        fresh.rename(path)  # a reader sees the old file or the new one
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; name another with --config") from None
    finally:
        fresh.unlink(missing_ok=True)
    missing = tuple(model for model in (pair.small, pair.large) if not _is_here(beside, model))
    return Written(path, pair, plan, missing)


def _is_here(config: Config, model: str) -> bool:
    try:
        launch.find_model(config, model)
    except ModelError:
        return False
    return True


def _chosen(fresh: Path, on: Machine) -> tuple[Pair, Plan]:
    """The best pair by what its own file comes to, read back as `serve` will read it."""
    tried: list[tuple[Pair, Plan]] = []
    for pair in ON_CPU if on.build.cpu else ON_GPUS:
        fresh.write_text(text(pair, on), encoding="utf-8")
        plan = planned(load(fresh), on)
        if plan.fits and plan.mode is Mode.STATIC:
            return pair, plan
        tried.append((pair, plan))
    in_turns = next(((pair, plan) for pair, plan in tried if plan.fits), None)
    if in_turns is None:
        raise DoesNotFit(f"no pair of models fits on this machine; the smallest: {tried[-1][1].why}")
    return in_turns


def text(pair: Pair, on: Machine) -> str:
    """The file. What is not said in it keeps its default."""
    return f"""\
# What gpu-cascade serves, written by `gpu-cascade init` for {_described(on)}.
# `gpu-cascade plan` says what goes where. Every key there is: docs/configuration.md.

engines:
  small:                                  # answers first
{_engine(pair, pair.small, 0)}
  large:                                  # answers where the small one was unsure
{_engine(pair, pair.large, 1)}
cascades:
  cascade:                                # the name that clients put in `model`
    tiers: [small, large]
    threshold: {f"{pair.threshold}":<27}# a draft at least this sure stays, in nats per token; measured by
                                          # nobody: `gpu-cascade calibrate` finds one that keeps a promise

# vram:
#   mode: auto                            # auto: engines take turns only where they do not all fit

# gateway:
#   host: 127.0.0.1                       # another address than loopback needs an API key
#   port: 8000
"""


def _engine(pair: Pair, model: str, which: int) -> str:
    """The keys of one engine."""
    lines = [
        (f"model: {model}", "hub id or folder"),
        (f"max_model_len: {pair.max_model_len}", "longest prompt and answer together, in tokens"),
        (f"kv: {{min_tokens: {pair.min_tokens[which]}}}", "room for so many tokens at once, at the least"),
        (f"max_num_seqs: {pair.max_num_seqs[which]}", "requests that run at once"),
    ]
    if which == 1 and pair.tensor_parallel > 1:
        lines.append((f"tensor_parallel: {pair.tensor_parallel}", "GPUs that share it"))
    if pair.eager:
        lines.append(("args: {enforce-eager: true}", "compiling costs more than it saves on a CPU"))
    return "\n".join(f"    {key:<37} # {why}" for key, why in lines) + "\n"


def _described(on: Machine) -> str:
    """2 x NVIDIA L40S (45 GiB), or host memory."""
    if on.build.cpu:
        return f"the processor and {on.rooms[0].total_bytes / GIB:.0f} GiB of memory"
    kinds = Counter((room.name, round(room.total_bytes / GIB)) for room in on.rooms)
    return " + ".join(f"{count} x {name} ({gib} GiB)" for (name, gib), count in kinds.items())
