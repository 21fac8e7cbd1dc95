"""What the gateway stands on, handed in by whoever builds it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..engines.base import Answerer
from ..events import Hooks
from ..traces import Traces
from .guards import Door


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, how long a stream stays silent before its first comment (seconds)."""

    deadline_s: float
    hold_s: float
    keep_text: bool = False  # whether decision records hold prompt and answer


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway stands on. `missing` names what keeps it from being ready, empty when it is."""

    models: Mapping[str, Answerer]
    traces: Traces
    hooks: Hooks
    limits: Limits
    door: Door
    state: Callable[[], Awaitable[Mapping[str, Any]]]
    missing: Callable[[], list[str]]
    metrics: Callable[[], tuple[bytes, str]]
