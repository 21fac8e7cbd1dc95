"""From a calibration to a cascade that keeps its word, or a sentence about what is no longer as it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..calibrate.artifact import Artifact, Step, differences, read
from ..calibrate.binding import Place, bound
from ..cascade.cascade import Cascade
from ..cascade.checks.build import Required, build
from ..cascade.promise import Promise
from ..cascade.rules import Band, Rule
from ..cascade.signals import SIGNALS, Signal
from ..cascade.tier import Drafting, Second
from ..config import CascadeConfig, Config
from ..engines.vllm_build import installed
from ..errors import ConfigError
from ..launch import find_model, started
from ..staging.machine import machine
from .engines import Tiers
from .streams import drafts, joined

UNSEEN = frozenset({"remote", "unknown"})
NOWHERE = Place("unknown", "unknown")  # no engine of the cascade runs here


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A cascade and the calibration it stands on."""

    cascade: Cascade
    artifact: Artifact


def checked(name: str, config: Config, *, fake: bool = False) -> Artifact:
    """The calibration of that cascade, which is for what is here.

    Raises `ConfigError` naming each part that differs from what was calibrated.
    """
    made = config.cascades[name]
    assert made.calibration is not None
    path = config.resolve(made.calibration)
    artifact = read(path)
    apart = differences(artifact.bound, bound_now(name, config, fake=fake))
    if apart:
        raise ConfigError(
            f"cascades.{name}.calibration: {path} was made for something else: {'; '.join(apart)}. "
            f"Run `gpu-cascade calibrate` again, or put it back"
        )
    return artifact


def by_calibration(name: str, config: Config, engines: Tiers, artifact: Artifact) -> Calibrated:
    """The cascade of that name as its calibration says."""
    made = config.cascades[name]
    tiers = [engines.leased[tier] for tier in made.tiers]
    promise = _promise(artifact, made.tiers, engines) if artifact.certified else None
    checks = build(made.checks, config.resolve)
    steps = artifact.steps if artifact.certified else []
    drafting = [_tier(step, made, checks, engines) for step in steps]
    gate = artifact.gate if made.gate == "auto" else None
    return Calibrated(joined(name, made, drafting, tiers, engines, promise=promise, gate=gate), artifact)


def bound_now(name: str, config: Config, *, fake: bool = False) -> dict[str, str]:
    """What a calibration of this cascade is bound to, as it is on this machine now."""
    cascade = config.cascades[name]
    ours = [] if fake else [tier for tier in cascade.tiers if tier in started(config)]
    folders = {tier: find_model(config, config.engines[tier].model or "") for tier in ours}
    return bound(cascade, config.engines, folders, _place(config) if ours else NOWHERE)


def _place(config: Config) -> Place:
    """Of unlike GPUs all kinds count: the planner may put a tier on any of them."""
    build_ = installed()
    kinds = {"cpu"} if build_.cpu else {room.name for room in machine(config, build_).rooms}
    return Place(minor(build_.version), " and ".join(sorted(kinds)))


def minor(version: str) -> str:
    """0.32.0+cpu is 0.32."""
    return ".".join(version.split(".")[:2])


def _tier(step: Step, made: CascadeConfig, checks: Sequence[Required], engines: Tiers) -> Drafting:
    band = Band(step.verify.width, step.verify.least) if step.verify else None
    threshold = float("inf") if step.threshold is None else step.threshold
    second = None
    if step.verify is not None and band is not None:
        unseen = made.verify is None or made.verify.when_asleep == "keep"
        second = Second(engines.judge(step.verify.by), band, keep_unseen=unseen)
    early = made.early_abort == "on" or (made.early_abort == "auto" and step.early_abort)
    rule = Rule(threshold, signal_of(step), band)
    return drafts(made, engines.leased[step.engine], rule, checks, second, early=early)


def signal_of(step: Step) -> Signal:
    """The signal that a step was certified with."""
    if step.learned is not None:
        return step.learned.signal()
    return SIGNALS[step.signal]


def _promise(artifact: Artifact, tiers: list[str], engines: Tiers) -> Promise:
    """In force while every engine that runs is of the version that was calibrated."""
    version = artifact.bound["vllm"]

    def stands() -> bool:
        running = [engines.version(tier) for tier in tiers]
        return version == NOWHERE.vllm or all(one in UNSEEN or minor(one) == version for one in running)

    return Promise(artifact.sampling, frozenset(artifact.params), stands)


def state(artifact: Artifact) -> dict[str, Any]:
    """What `GET /v1/cascade/state` shows of a calibration."""
    thresholds: Mapping[str, float | None] = {step.engine: step.threshold for step in artifact.steps}
    return {
        "certified": artifact.certified,
        "sentence": artifact.sentence,
        "made": artifact.made,
        "thresholds": thresholds,
        "signals": {step.engine: step.signal for step in artifact.steps},
    }
