"""What happened, as frozen records, and the list of those who want to know.

Logs, metrics and the decision store are listeners; nothing that serves a request knows them.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from .errors import whereabouts
from .types import Decision, Use

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was answered. Times in seconds; `at` is Unix time at arrival."""

    id: str
    at: float
    caller: str
    model: str
    decision: Decision
    uses: tuple[Use, ...]
    finish_reason: str
    total_s: float
    first_token_s: float
    prompt: str | None = None  # only with `traces.content: true`
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A request was not answered. `status` is the HTTP status the client got, 499 where it had left."""

    id: str
    model: str
    status: int


@dataclass(frozen=True, slots=True)
class EngineChanged:
    """An engine moved to another state."""

    engine: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A kept answer was also asked of the large model, for the record alone.

    `probability` is that of being chosen for it, `predicted` that of agreeing as the decision had it.
    """

    cascade: str
    id: str
    agreed: bool
    probability: float
    predicted: float | None
    use: Use


@dataclass(frozen=True, slots=True)
class Alarmed:
    """What calibration promised no longer holds: `statistic` reached `bound` after `n` looks. Told once."""

    cascade: str
    kind: str
    statistic: float
    bound: float
    n: int
    sentence: str


@dataclass(frozen=True, slots=True)
class EngineMoved:
    """An engine was booted, stopped, put to sleep or woken: why, and what went `wrong`, if anything did."""

    engine: str
    kind: str
    why: str
    took_s: float
    wrong: str = ""


Event = Answered | Failed | EngineChanged | EngineMoved | Shadowed | Alarmed
Hook = Callable[[Event], None]


class Hooks:
    """Tells every listener what happened; a listener that fails is logged and never stops an answer."""

    def __init__(self, *hooks: Hook) -> None:
        self._hooks = list(hooks)

    def add(self, hook: Hook) -> None:
        """Hand `hook` every later event."""
        self._hooks.append(hook)

    def tell(self, event: Event) -> None:
        """Call each listener in the order they were added."""
        for hook in self._hooks:
            try:
                hook(event)
            except Exception as error:  # noqa: BLE001 - a broken listener must not cost an answer
                log.error("a listener failed on %s\n%s", type(event).__name__, whereabouts(error))
