"""From how the engines stand to how the layout wants them: one safe step after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...errors import ConfigError
from .ledger import Ledger
from .standing import Standing
from .words import HOST, RESTS, Kind, Layout, Move, State

GIB = 2**30
DEPTH = {State.KV_RELEASED: 1, State.ASLEEP: 2, State.ABSENT: 3}  # the others are awake, or on their way
WAKES = 2  # tries; then it is ended and booted


class Mover:
    """Owns states and ledger: memory is booked before a move that takes it, and freed after one that gave it.

    That two do not boot or wake on one device at once is the shell's part: it holds the devices' locks.
    """

    def __init__(
        self, engines: Mapping[str, Standing], layouts: Sequence[Layout], capacity: Mapping[str, int]
    ) -> None:
        self.ledger = Ledger(capacity)
        self.layouts = layouts
        self.head_for(0)
        self._engines = engines
        for layout in layouts:
            self._check(layout)

    def head_for(self, target: int) -> None:
        """From now on that layout is how the engines should stand."""
        self.target, self.layout = target, self.layouts[target]

    def steps(self, now: float, why: str) -> Iterator[Move]:
        """Every move that can begin now. Those that free memory first: the others wait for them."""
        awake = self.layout.awake
        for name in [*[name for name in self._engines if name not in awake], *awake]:
            one, goal = self._engines[name], awake.get(name)
            if one.moving or one.state is State.FAILED or not one.profile.devices:
                continue
            self._steer(one, goal, now, why)
            kind = self._next(one, goal)
            if kind in (Kind.BOOT, Kind.WAKE) and not self._room(one):
                continue
            if kind is not None:
                yield self._begin(one, kind, now, why)

    def settled(self) -> bool:
        """Whether everybody stands where the layout has them, as far as that is possible."""
        return all(self._settled(one) for one in self._engines.values())

    def stuck(self) -> list[Standing]:
        """Those that should be awake while nothing moves any more: their room is held for good."""
        for one in self._engines.values():
            if one.moving or one.lost or (one.state is State.DRAINING and one.desk.taken):
                return []
        return [one for name in self.layout.awake if not self._settled(one := self._engines[name])]

    def missing(self, one: Standing) -> str:
        """What a stuck engine lacks, in words."""
        held = self.ledger.held(one.name)
        wanted = one.profile.takes(State.READY, self.layout.awake[one.name])
        free = {device: self.ledger.free(device) + held.get(device, 0) for device in wanted}
        lacks = [
            f"{device} has {free[device] / GIB:.1f} of {size / GIB:.1f} GiB"
            for device, size in wanted.items()
            if size > free[device]
        ]
        failed = [each.name for each in self._engines.values() if each.state is State.FAILED]
        holders = [name for name in failed if self.ledger.held(name)]
        return f"{', '.join(lacks)}; {', '.join(holders) or 'nobody known'} could not be ended"

    def squeeze(self, one: Standing) -> bool:
        """Have those that rest on its devices end: they keep more than was planned. False: nobody rests."""
        resting = (State.ASLEEP, State.KV_RELEASED)
        found = [each for each in self._neighbours(one) if each is not one and each.state in resting]
        for each in found:
            each.broken = True
        return bool(found)

    def done(self, one: Standing, kind: Kind, now: float, left_bytes: int | None = None) -> None:
        """The move did what it should: book what it left; for one asleep, what it was seen to keep."""
        one.moving, one.broken = None, False
        if kind in (Kind.BOOT, Kind.WAKE):
            one.failed_wakes = 0
            if kind is Kind.BOOT:
                one.pressure.forget()
                one.desk.places = one.profile.places_with(one.kv_bytes)
            one.stands(State.READY, now)
        elif kind is Kind.STOP:
            one.lost, one.failed_wakes = False, 0
            one.stands(State.FAILED if one.state is State.FAILED else State.ABSENT, now, one.why)
        else:
            one.stands(State.ASLEEP if kind is Kind.SLEEP else State.KV_RELEASED, now)
            if left_bytes is not None and kind is Kind.SLEEP:
                one.profile = replace(one.profile, asleep_bytes=left_bytes)
        self.ledger.hold(one.name, one.profile.takes(one.state, one.kv_bytes))
        for each in self._engines.values():
            each.blocked = False

    def undone(self, one: Standing, kind: Kind, why: str, now: float) -> None:
        """The move failed. What is booked stays booked until it is seen to be free.

        1. It did not boot: given up, and gone (whoever boots has ended it).
        2. It did not wake: once more, after others gave room; then it is ended and booted anew.
        3. It could not be ended: given up, with its memory.
        4. It kept its memory, or did not answer: it is ended.
        """
        one.moving, one.why = None, why
        if kind is Kind.BOOT:
            self.give_up(one, why, now)
        elif kind is Kind.WAKE:
            one.failed_wakes += 1
            one.broken = one.failed_wakes >= WAKES
        elif kind is Kind.STOP:
            one.lost = False
            one.stands(State.FAILED, now, why)
        else:
            one.broken = True

    def give_up(self, one: Standing, why: str, now: float) -> None:
        """It will not come back, and holds nothing."""
        one.moving, one.lost = None, False
        one.stands(State.FAILED, now, why)
        self.ledger.hold(one.name, {})

    def _steer(self, one: Standing, goal: int | None, now: float, why: str) -> None:
        """Close an engine that has to change, open one that may stay after all."""
        if one.state not in (State.READY, State.DRAINING):
            return
        stays = goal == one.kv_bytes or self._grows_later(one)
        if one.state is State.READY and not stays:
            one.stands(State.DRAINING, now, why)
        elif one.state is State.DRAINING and stays:
            one.stands(State.READY, now)

    def _next(self, one: Standing, goal: int | None) -> Kind | None:
        """1. Broken: end it. 2. Lost: end it where it may not come back as it was. 3. Its requests end."""
        if one.broken:
            return Kind.STOP
        if one.lost:
            booked = self.ledger.held(one.name) == one.profile.takes(State.READY, one.kv_bytes)
            return None if booked and goal == one.kv_bytes else Kind.STOP
        if one.state is State.READY or (one.state is State.DRAINING and one.desk.taken):
            return None
        return self._to_rest(one) if goal is None else _to_wake(one, goal)

    def _to_rest(self, one: Standing) -> Kind | None:
        rest = self._rest(one)
        return RESTS[rest] if DEPTH.get(one.state, 0) < DEPTH[rest] else None

    def _begin(self, one: Standing, kind: Kind, now: float, why: str) -> Move:
        """Book what the move needs, and begin it. Where host RAM is short, one that should sleep ends."""
        taken = dict(self.ledger.held(one.name))
        if kind in (Kind.BOOT, Kind.WAKE):
            one.kv_bytes = self.layout.awake[one.name]
            taken |= one.profile.takes(State.READY, one.kv_bytes)
        elif kind is Kind.SLEEP:
            taken |= {k: v for k, v in one.profile.takes(State.ASLEEP, 0).items() if k == HOST}
            if not self.ledger.fits(one.name, taken):
                return self._begin(one, Kind.STOP, now, why)
        if kind is Kind.BOOT:
            one.stands(State.BOOTING, now, why)
        self.ledger.hold(one.name, taken)
        one.moving = kind
        return Move(one.name, kind, one.kv_bytes, why)

    def _room(self, one: Standing) -> bool:
        """Whether it may boot or wake now: its memory is free.

        After a failed wake also nobody moves on its devices: the room that others give is waited for.
        """
        if one.failed_wakes and any(other.moving for other in self._neighbours(one)):
            return False
        awake = one.profile.takes(State.READY, self.layout.awake[one.name])
        return self.ledger.fits(one.name, dict(self.ledger.held(one.name)) | awake)

    def _grows_later(self, one: Standing) -> bool:
        """Whether it serves on until others have given it room for more KV cache, and are back."""
        if self.layout.awake.get(one.name, 0) <= one.kv_bytes:
            return False
        others = [each for each in self._engines.values() if each is not one]
        return any(each.moving or each.state is State.DRAINING for each in others) or not self._room(one)

    def _rest(self, one: Standing) -> State:
        """How it should rest: as the layout says, and deeper where a neighbour did not wake."""
        rest = self.layout.rest.get(one.name, State.ABSENT)
        lean = rest is State.KV_RELEASED and any(other.failed_wakes for other in self._neighbours(one))
        return State.ASLEEP if lean else rest

    def _neighbours(self, one: Standing) -> list[Standing]:
        devices = set(one.profile.devices)
        return [each for each in self._engines.values() if not devices.isdisjoint(each.profile.devices)]

    def _settled(self, one: Standing) -> bool:
        goal = self.layout.awake.get(one.name)
        if one.state is State.READY and one.kv_bytes == goal and not one.moving and not one.broken:
            return True  # nearly always, and this is asked at every event
        if one.state is State.FAILED or one.lost or one.blocked or not one.profile.devices:
            return True
        if one.moving or one.broken:
            return False
        if goal is not None:
            return one.state is State.READY and (one.kv_bytes == goal or self._grows_later(one))
        return DEPTH.get(one.state, 0) >= DEPTH[self._rest(one)]

    def _check(self, layout: Layout) -> None:
        """Raises where a layout does not fit: a plan that over-commits must not be begun."""
        total = dict.fromkeys(self.ledger.capacity, 0)
        for name, one in self._engines.items():
            state = State.READY if name in layout.awake else layout.rest.get(name, State.ABSENT)
            for device, size in one.profile.takes(state, layout.awake.get(name, 0)).items():
                total[device] += size
        for device, capacity in self.ledger.capacity.items():
            if device != HOST and total[device] > capacity:
                raise ConfigError(
                    f"{' and '.join(layout.awake)} awake take {total[device] / GIB:.1f} GiB of {device}, "
                    f"which has {capacity / GIB:.1f}; `gpu-cascade plan` says what would fit"
                )


def _to_wake(one: Standing, kv_bytes: int) -> Kind | None:
    """One that was booted with other KV bytes has to be ended first."""
    if one.state is State.ABSENT:
        return Kind.BOOT
    return Kind.WAKE if one.kv_bytes == kv_bytes and one.state is not State.DRAINING else Kind.STOP
