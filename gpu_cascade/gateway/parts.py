"""What the gateway stands on, handed in by whoever builds it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ..engines.base import Answerer
from ..errors import BadRequest, UnknownModel
from ..events import Hooks
from ..governance import Caller
from ..traces import Record
from .guards import Door


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a request may take, how long a stream stays silent before its first comment (seconds)."""

    deadline_s: float
    hold_s: float
    keep_text: bool = False  # whether decision records hold prompt and answer


class Place(Protocol):
    """A place for one decision record, given back where there is none."""

    async def keep(self, record: Record) -> None:
        """Hand it over; afterwards it is kept, whatever becomes of the process that answers."""


class Records(Protocol):
    """Where decision records go: the store, or the process that owns it."""

    def reserve(self) -> AbstractContextManager[Place]:
        """A place, before the answer begins. Raises `StoreFull` where there is none."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway stands on. `missing` names what keeps it from being ready, empty when it is."""

    models: Mapping[str, Answerer]
    traces: Records
    hooks: Hooks
    limits: Limits
    door: Door
    state: Callable[[], Awaitable[Mapping[str, Any]]]
    missing: Callable[[], list[str]]
    metrics: Callable[[], Awaitable[tuple[bytes, str]]]
    decision: Callable[[str], Awaitable[Record | None]]

    def names(self, caller: Caller) -> list[str]:
        """What exists for that caller: the cascades first."""
        return [name for name in self.models if caller.may_use(name)]

    def model(self, name: str, caller: Caller) -> Answerer:
        """The engine or cascade of that name. Raises `UnknownModel`, also where it is not for that caller."""
        names = self.names(caller)
        if name not in names:
            raise UnknownModel(f"there is no model {name!r} here; known: {', '.join(names)}", param="model")
        return self.models[name]

    def refuse_tier(self, name: str | None, caller: Caller) -> None:
        """Raises `BadRequest` where the caller fixes a tier that it may not ask for by name either."""
        if name is not None and name in self.models and not caller.may_use(name):
            known = ", ".join(self.names(caller))
            raise BadRequest(f"cascade.tier is {name!r}; this key may use {known}", param="cascade.tier")
