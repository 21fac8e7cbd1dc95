"""Where one engine stands in the scheduler's books."""

from dataclasses import dataclass, field

from .desk import Desk
from .pressure import Pressure
from .words import Kind, Profile, State


@dataclass(slots=True)
class Standing:
    """One engine. `moving`: what is being done to it; what it holds is in the ledger."""

    name: str
    profile: Profile
    desk: Desk
    state: State = State.ABSENT
    moving: Kind | None = None
    kv_bytes: int = 0  # of its KV cache, as it was booted
    lost: bool = False  # it broke off, and whoever keeps it alive is starting it again
    broken: bool = False  # it did not do as told, and has to be ended
    blocked: bool = False  # its room is held by something that cannot be ended
    failed_wakes: int = 0
    why: str = "not started"
    since: float = 0.0  # in this state
    pressure: Pressure = field(default_factory=Pressure)

    def stands(self, state: State, now: float, why: str = "") -> None:
        """Move to another state."""
        self.state, self.since, self.why = state, now, why

    @property
    def open(self) -> bool:
        """Whether it takes requests."""
        return self.state is State.READY
