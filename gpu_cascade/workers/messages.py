"""What a gateway worker and the supervisor tell and ask each other. Plain data."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from ..events import Answered, Failed
from ..types import Decision, Request
from ..vram.credits.messages import Refused

Count = Annotated[int, msgspec.Meta(ge=0)]
# Of one message: a record with its text (`traces.content`) holds a body of up to 16 MiB.
LONGEST_BYTES = 64 << 20


class Hello(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The first word: which worker it is."""

    number: int


class Serving(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """It takes connections."""


class Recorded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A request was answered. `placed`: one of the places that the worker was given is used up by it."""

    record: Answered
    placed: bool


class Missed(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A request was not answered."""

    failed: Failed


class Load(msgspec.Struct, frozen=True, array_like=True):
    """What a worker has of one engine: requests that run there, and its part of the busy time so far."""

    running: Count
    busy_s: float


class Loads(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """That of each engine, as it is now."""

    engines: dict[str, Load]


class Offered(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A kept answer that the monitor of the cascade has chosen."""

    cascade: str
    request: Request
    text: str
    decision: Decision


View = Literal["state", "metrics", "decision"]


class Look(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What the supervisor knows is asked for. `id` is the worker's own; `about` names a decision."""

    id: int
    view: View
    about: str = ""


class Places(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """So many places more for records; `trouble` says why records cannot be written, if they cannot."""

    count: Count
    trouble: str | None


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """One engine: which version runs, and whether it takes requests."""

    version: str
    awake: bool


class News(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """How things stand. `missing` as `/readyz` has it; cascades that are `stopped` draft no more."""

    engines: dict[str, Standing]
    missing: list[str]
    stopped: list[str]


class Beside(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """How many requests of other workers run on each engine."""

    running: dict[str, Count]


class Seen(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What was asked for; empty where there is none."""

    id: int
    body: bytes


ToSupervisor = Hello | Serving | Recorded | Missed | Loads | Offered | Look
ToWorker = Places | News | Beside | Seen | Refused
SUPERVISOR_HEARS: msgspec.msgpack.Decoder[ToSupervisor] = msgspec.msgpack.Decoder(ToSupervisor)
WORKER_HEARS: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
RECORD: msgspec.msgpack.Decoder[Answered] = msgspec.msgpack.Decoder(Answered)


def running(loads: Mapping[str, Load]) -> dict[str, int]:
    """The requests of these loads, by engine."""
    return {engine: load.running for engine, load in loads.items()}
