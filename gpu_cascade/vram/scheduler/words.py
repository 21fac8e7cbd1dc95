"""The words of the scheduler: where an engine stands, what is asked of it, what is to be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ...errors import CascadeError

HOST = "host-ram"  # the ledger's name for the machine's memory, which sleep level 1 fills


class State(StrEnum):
    """Where an engine stands. What is being done to it is its `Kind` of move, beside this."""

    ABSENT = "absent"  # no process, no memory
    BOOTING = "booting"
    READY = "ready"
    DRAINING = "draining"  # no new requests; those under way end
    KV_RELEASED = "kv_released"  # weights stay, the KV cache is given back
    ASLEEP = "asleep"  # weights in host RAM, or nowhere
    FAILED = "failed"  # given up; only an operator tries again


class Kind(StrEnum):
    """What can be done to an engine."""

    BOOT = "boot"
    WAKE = "wake"  # from KV_RELEASED or ASLEEP, and a canary
    RELEASE = "release"
    SLEEP = "sleep"
    STOP = "stop"


RESTS: Mapping[State, Kind] = {
    State.KV_RELEASED: Kind.RELEASE,
    State.ASLEEP: Kind.SLEEP,
    State.ABSENT: Kind.STOP,
}


@dataclass(slots=True, eq=False)
class Ticket:
    """A request that wants a place on `engine`. `urgent`: it was escalated, its user has waited for a draft.

    `arrived` is a clock's seconds, the same clock as every `now`.
    """

    engine: str
    arrived: float
    urgent: bool = False
    open: bool = True  # neither granted, nor refused, nor left


@dataclass(frozen=True, slots=True)
class Grant:
    """The ticket has its place: it is taken already."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Refuse:
    """The ticket gets none."""

    ticket: Ticket
    error: CascadeError


@dataclass(frozen=True, slots=True)
class Move:
    """Do this to the engine, and say how it went. Room for what comes of it is held already."""

    engine: str
    kind: Kind
    kv_bytes: int  # on each of its devices, once awake
    why: str


Action = Grant | Refuse | Move


@dataclass(frozen=True, slots=True)
class Profile:
    """What an engine takes, in bytes on each of its devices, and how long its moves take, in seconds.

    No `devices`: it runs elsewhere, is always awake and takes nothing here. `place_bytes`: the KV cache of a
    usual request on each device, where `places` are bounded by it.
    """

    devices: tuple[str, ...]
    base_bytes: int = 0  # weights, activations, graphs: all but the KV cache
    asleep_bytes: int = 0
    asleep_host_bytes: int = 0  # host RAM while asleep, for all devices together
    places: int = 1  # requests at once
    place_bytes: int = 0
    boot_s: float = 60.0
    stop_s: float = 3.0
    sleep_s: float = 10.0
    wake_s: float = 5.0
    release_s: float = 0.5  # of the KV cache alone, and back

    def takes(self, state: State, kv_bytes: int) -> dict[str, int]:
        """Bytes by device while it stands like that; on the way to it too."""
        if state in (State.ABSENT, State.FAILED):
            return {}
        rests = {State.ASLEEP: self.asleep_bytes, State.KV_RELEASED: self.base_bytes}
        each = rests[state] if state in rests else self.base_bytes + kv_bytes
        taken = dict.fromkeys(self.devices, each) if each else {}
        if state is State.ASLEEP and self.asleep_host_bytes:
            taken[HOST] = self.asleep_host_bytes
        return taken

    def places_with(self, kv_bytes: int) -> int:
        """Requests at once with so much KV cache."""
        return min(self.places, max(1, kv_bytes // self.place_bytes)) if self.place_bytes else self.places

    def out_s(self, rest: State) -> float:
        """Seconds from awake to that rest."""
        return {State.ASLEEP: self.sleep_s, State.KV_RELEASED: self.release_s}.get(rest, self.stop_s)

    def in_s(self, rest: State) -> float:
        """Seconds from that rest to awake; 0 where it is awake."""
        return {
            State.ASLEEP: self.wake_s,
            State.KV_RELEASED: self.release_s,
            State.ABSENT: self.boot_s,
        }.get(rest, 0.0)


@dataclass(frozen=True, slots=True)
class Layout:
    """Who is awake with how many bytes of KV cache on each device, and how the others rest."""

    awake: Mapping[str, int]
    rest: Mapping[str, State]
