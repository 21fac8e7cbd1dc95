"""The books of memory: what each engine holds on each device. Deciding is reserving."""

from collections import Counter
from collections.abc import Mapping


class Ledger:
    """Bytes held by device and engine, never more than a device has.

    A rise is booked when it is decided, a fall when it was seen.
    """

    def __init__(self, capacity: Mapping[str, int]) -> None:
        self.capacity = dict(capacity)
        self._held: dict[str, dict[str, int]] = {}
        self._total: Counter[str] = Counter()

    def fits(self, engine: str, want: Mapping[str, int]) -> bool:
        """Whether `engine` may hold `want` in place of what it holds."""
        held = self._held.get(engine, {})
        return all(
            size <= self.capacity[device] - self._total[device] + held.get(device, 0)
            for device, size in want.items()
        )

    def hold(self, engine: str, want: Mapping[str, int]) -> None:
        """From now on `engine` holds `want`, and nothing else."""
        assert self.fits(engine, want), f"{engine} wants {want}, held are {dict(self._total)}"
        for device, size in self._held.get(engine, {}).items():
            self._total[device] -= size
        self._held[engine] = dict(want)
        self._total.update(want)

    def held(self, engine: str) -> Mapping[str, int]:
        """What `engine` holds, by device."""
        return self._held.get(engine, {})

    def free(self, device: str) -> int:
        """Bytes that nobody holds there."""
        return self.capacity[device] - self._total[device]
