"""What `calibrate` leaves and `serve` applies: the thresholds, what was promised of them, and for what."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..cascade.gate import Gate
from ..cascade.learned import Learned, Sigmoid
from ..errors import ConfigError
from .certificate import Kind
from .rows import Scorer

VERSION = 1


class Verify(msgspec.Struct, frozen=True):
    """Drafts up to `width` below the threshold stay where engine `by` gives them P(True) >= `least`."""

    by: str
    width: float
    least: float


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One drafting tier. `threshold` None: nothing of it is kept. `learned`: where it is the signal."""

    engine: str
    signal: str
    threshold: float | None
    learned: Learned | None = None
    verify: Verify | None = None
    early_abort: bool = False


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate, as numbers."""

    kind: Kind
    target_loss: float
    confidence: float
    rows: int
    groups: int
    p_value: float
    observed_loss: float
    kept: int
    escalation: float
    cluster_upper: float | None
    seed: int


class Baseline(msgspec.Struct, frozen=True):
    """What the monitor holds live answers against: how often kept drafts and the last tier disagreed.

    `agrees` maps a kept draft's signal to the probability that they agree, by drafting tier.
    """

    disagreement: float
    comparator: Scorer
    rows: int
    agrees: dict[str, Sigmoid] = {}


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """One calibration. Not certified: everything escalates, without a draft.

    `params` are the names of request parameters that the rows carried; `bound` is what may not change, part
    by part (`binding.py`). `first_tokens`: so many tokens of a draft decide; None: all of it.
    """

    version: Literal[1] = 1
    made: str
    cascade: str
    certified: bool
    sentence: str
    sampling: dict[str, float | int]
    params: list[str]
    steps: list[Step]
    promised: Promised
    bound: dict[str, str]
    watched: Baseline | None = None
    gate: Gate | None = None
    first_tokens: int | None = None
    notes: list[str] = []


def read(path: Path) -> Artifact:
    """The artifact in a file. Raises `ConfigError` for one that is missing, broken or of a newer version."""
    try:
        data = path.read_bytes()
        newer = msgspec.json.decode(data, type=dict[str, Any]).get("version", 0) != VERSION
        if newer:
            raise ConfigError(f"{path} is no calibration of version {VERSION}; run `gpu-cascade calibrate`")
        return msgspec.json.decode(data, type=Artifact)
    except OSError as error:
        raise ConfigError(
            f"the calibration {path} cannot be read: {error.strerror}; `gpu-cascade calibrate` makes it"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no calibration: {error}; run `gpu-cascade calibrate` again") from None


def write(path: Path, artifact: Artifact) -> None:
    """Into the file, by one rename. Raises `ConfigError` where it cannot be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(artifact), indent=2) + b"\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is no longer as it was calibrated, each part with both values."""
    parts = sorted({*then, *now})
    return [
        f"{part} was {then.get(part, 'absent')} and is {now.get(part, 'absent')}"
        for part in parts
        if then.get(part) != now.get(part)
    ]
