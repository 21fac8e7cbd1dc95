"""The scheduler's core: an event goes in, actions come out. Synchronous, and nothing but memory."""

from collections.abc import Mapping, Sequence

from ...errors import BOOT_RETRY_S, Busy, CascadeError, TierDown
from .desk import Desk
from .mover import Mover
from .policy import Choice, Policy, View
from .standing import Standing
from .words import Action, Grant, Kind, Layout, Profile, Refuse, State, Ticket


class Core:
    """Owns who is awake, the queues and the ledger: `start`, then one call for each thing that happens.

    Every call returns what is to be done, and what it returns is booked already: a granted place is taken,
    a move's memory is held. `now` is any clock in seconds that does not go back.
    """

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        layouts: Sequence[Layout],
        capacity: Mapping[str, int],
        policy: Policy,
        max_queue: int,
    ) -> None:
        self.engines = {name: Standing(name, one, Desk(one.places)) for name, one in profiles.items()}
        self.mover = Mover(self.engines, layouts, capacity)
        self.policy = policy
        self.waiting = 0
        self.look_at: float | None = None  # when `tick` is wanted, without anything else happening
        self._max_queue = max_queue
        self._since: float | None = None  # nothing has moved since
        self._why = "the first layout"
        self._actions: list[Action] = []

    def start(self, now: float) -> Sequence[Action]:
        """Bring up the first layout. Engines that run elsewhere are ready."""
        for one in self.engines.values():
            if not one.profile.devices:
                one.stands(State.READY, now)
        return self._work(now)

    def ask(self, ticket: Ticket, now: float) -> Sequence[Action]:
        """Somebody wants a place."""
        one = self.engines[ticket.engine]
        desk = one.desk
        desk.came(now)
        if one.open and desk.taken < desk.places and not desk.waiting:
            desk.taken += 1
            ticket.open = False
            return (Grant(ticket),)
        error = _down(one) if self.shut(one) else self._full(one)
        if error is not None:
            ticket.open = False
            return (Refuse(ticket, error),)
        desk.add(ticket)
        self.waiting += 1
        if one.open:  # a place may be free that late ones may not have
            self._assign(one, now)
            return self._out()
        # While something moves, one more who waits changes nothing.
        return () if self._since is None else self._work(now)

    def leave(self, ticket: Ticket) -> None:
        """Who waited is gone. One whose place had come already calls `give_back` instead."""
        if ticket.open:
            self.engines[ticket.engine].desk.leave(ticket)
            self.waiting -= 1

    def give_back(self, engine: str, now: float) -> Sequence[Action]:
        """A place is free again."""
        one = self.engines[engine]
        one.desk.left(now)
        if one.open and one.desk.waiting:
            self._assign(one, now)
            return self._out()
        if not one.desk.taken and (self.waiting or not one.open):
            return self._work(now)
        return ()

    def moved(
        self, engine: str, kind: Kind, now: float, *, wrong: str = "", left_bytes: int | None = None
    ) -> Sequence[Action]:
        """A move came to its end; not `wrong` only where it was seen to have done what it should.

        `left_bytes`: what an engine that went to sleep was seen to keep of each device; None: not seen.
        """
        one = self.engines[engine]
        if wrong:
            self.mover.undone(one, kind, wrong, now)
        else:
            self.mover.done(one, kind, now, left_bytes)
        return self._changed(one, now)

    def lost(self, engine: str, why: str, now: float) -> Sequence[Action]:
        """It broke off by itself, and whoever keeps it alive starts it again: nobody waits for that."""
        one = self.engines[engine]
        if one.moving is None and one.state not in (State.FAILED, State.ABSENT):
            one.lost = True
            one.stands(State.BOOTING, now, why)
        return self._changed(one, now)

    def back(self, engine: str, now: float) -> Sequence[Action]:
        """One that was lost answers again."""
        one = self.engines[engine]
        if one.lost and one.moving is None:
            one.lost = False
            one.stands(State.READY, now)
        return self._changed(one, now)

    def gave_up(self, engine: str, why: str, now: float) -> Sequence[Action]:
        """It will not come back."""
        one = self.engines[engine]
        self.mover.give_up(one, why, now)
        return self._changed(one, now)

    def pressed(self, engine: str, usage: float, preemptions: int, now: float) -> Sequence[Action]:
        """An engine said how much of its KV cache is in use, and how many requests it ever preempted."""
        one = self.engines[engine]
        one.pressure.seen(usage, preemptions, one.desk.waiting if one.open else 0, now)
        return self._work(now)

    def tick(self, now: float) -> Sequence[Action]:
        """Time has passed."""
        return self._work(now)

    def _changed(self, one: Standing, now: float) -> Sequence[Action]:
        self._serve(one, now)
        self._step(now)
        return self._settle(now)

    def shut(self, one: Standing) -> bool:
        """Whether nobody may wait for this engine."""
        if one.lost or one.blocked or one.state is State.FAILED:
            return True
        return not one.open and not self.policy.waits

    def _full(self, one: Standing) -> CascadeError | None:
        if self.waiting < self._max_queue:
            return None
        retry_s = min(60.0, max(1.0, one.desk.waiting * min(one.desk.gap_s, 1.0)))
        return Busy(
            f"{self.waiting} requests are waiting, the most that may (gateway.max_queue); "
            f"try again in {retry_s:.0f} s",
            retry_after_s=retry_s,
        )

    def _serve(self, one: Standing, now: float) -> None:
        """Give its places away where it takes requests; send those who wait away where it will take none."""
        if not one.desk.waiting:
            return
        if one.open:
            self._assign(one, now)
        elif self.shut(one):
            self._refuse_all(one)

    def _assign(self, one: Standing, now: float) -> None:
        """Free places to the next ones; each is taken here, before the one who waits knows of it."""
        while one.desk.taken < one.desk.places and (ticket := one.desk.next(now)):
            one.desk.taken += 1
            ticket.open = False
            self.waiting -= 1
            self._actions.append(Grant(ticket))

    def _refuse_all(self, one: Standing) -> None:
        error = _down(one)
        for ticket in one.desk.send_away():
            ticket.open = False
            self.waiting -= 1
            self._actions.append(Refuse(ticket, error))

    def _work(self, now: float) -> Sequence[Action]:
        """One pass over everything that is not about a single place."""
        if not self.mover.settled():
            self._step(now)
        return self._settle(now)

    def _settle(self, now: float) -> Sequence[Action]:
        """Where everybody stands as the layout has them, ask the policy for the next."""
        self.look_at = None
        if self.mover.settled():
            self._since = now if self._since is None else self._since
            choice = self._choose(now, self._since)
            self.look_at = choice.look_at
            if choice.layout is not None and choice.layout != self.mover.target:
                self.mover.head_for(choice.layout)
                self._since, self._why = None, choice.why
                self._step(now)
        return self._out()

    def _step(self, now: float) -> None:
        """Begin what can begin, open what is open again, and refuse whom nobody can serve."""
        self._actions.extend(self.mover.steps(now, self._why))
        for one in self.mover.stuck():
            if self.mover.squeeze(one):
                self._actions.extend(self.mover.steps(now, f"{one.name} needs what it keeps asleep"))
                continue
            one.blocked = True
            one.why = f"its room is not free, {self.mover.missing(one)}"
        if self.waiting:
            for one in self.engines.values():
                self._serve(one, now)

    def _choose(self, now: float, since: float) -> Choice:
        usable = {name: one for name, one in self.engines.items() if not self.shut(one)}
        return self.policy.choose(View(self.mover.layouts, self.mover.target, since, usable), now)

    def _out(self) -> Sequence[Action]:
        actions, self._actions = self._actions, []
        return actions


def _down(one: Standing) -> TierDown:
    why = f"{one.state}, {one.why}" if one.why else f"{one.state}"
    return TierDown(f"engine {one.name} is not ready: {why}", retry_after_s=BOOT_RETRY_S)
