"""What a client may ask of a cascade for one request."""

from dataclasses import dataclass
from enum import StrEnum


class Sticky(StrEnum):
    """What an escalated turn means for the next one of its conversation."""

    OFF = "off"
    SKIP = "skip"  # no draft
    STRICTER = "stricter"  # a draft that must be surer


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client asked of the cascade itself, for one request; None: as configured.

    `tier` answers and no other; no tier above `max_tier` is asked; by `due` (`time.monotonic()` seconds)
    everything should be over, and what would not be is not begun; `confidence` replaces the threshold, in
    the signal's unit, for a learned rule as a probability.
    """

    tier: str | None = None
    max_tier: str | None = None
    due: float | None = None
    confidence: float | None = None
    sticky: Sticky | None = None
    explain: bool = False

    def named(self) -> list[str]:
        """What of it is set, as clients spell it, beside `explain`, which decides nothing."""
        spelt = {
            "tier": self.tier,
            "max_tier": self.max_tier,
            "max_latency_ms": self.due,
            "confidence": self.confidence,
            "sticky": self.sticky,
        }
        return [name for name, value in spelt.items() if value is not None]

    @property
    def overrides(self) -> bool:
        """Whether it is decided otherwise than was configured, conversations aside."""
        return any(name != "sticky" for name in self.named())


NO_WISH = Wish()
