"""When to change who is awake. Pure: a view of the engines goes in, a layout or None comes out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .standing import Standing
from .words import Layout, State

LEAD = 1.25  # how much more must be asked of those that would come than of those that would go
EARLY = 0.05  # of a change's cost: before a claim is so old, those who came with it are not all counted
QUIET_GAPS = 3.0  # after so many mean gaps without a request an engine is done
LOOK_S = 1.0  # rates fade without an event: look again


class View(NamedTuple):
    """What a policy sees: the layouts, which one stands and since when, and the engines that can be used."""

    layouts: Sequence[Layout]
    current: int
    since: float
    engines: Mapping[str, Standing]

    @property
    def awake(self) -> Mapping[str, int]:
        """Those that the current layout has awake, with their KV bytes."""
        return self.layouts[self.current].awake

    def claims(self) -> list[tuple[float, str]]:
        """Those somebody waits for though they are not awake: since when, and who; the oldest first."""
        awake = self.awake
        waited = [one for name, one in self.engines.items() if one.desk.waiting and name not in awake]
        return sorted([(one.desk.oldest() or 0.0, one.name) for one in waited])

    def with_awake(self, name: str) -> list[int]:
        """The layouts that have `name` awake."""
        return [index for index, layout in enumerate(self.layouts) if name in layout.awake]


class Choice(NamedTuple):
    """Go to this layout, and why; or stay (None) and look again at `look_at`."""

    layout: int | None = None
    why: str = ""
    look_at: float | None = None


STAY = Choice()


class Policy(Protocol):
    """Asked whenever nothing moves and somebody may want a change."""

    @property
    def waits(self) -> bool:
        """Whether requests wait for an engine that is not awake; else they are refused."""

    def choose(self, view: View, now: float, /) -> Choice:
        """The layout to go to."""


class Static:
    """Everything stays where it is."""

    waits = False

    def choose(self, _view: View, _now: float) -> Choice:
        """Never a change."""
        return STAY


class Lru:
    """What llama-swap does: whoever is asked for comes in at once, and the longest unused goes."""

    waits = True

    def choose(self, view: View, _now: float) -> Choice:
        """The layout with the longest waiting whose leavers were unused for longest."""
        claims = view.claims()
        found = view.with_awake(claims[0][1]) if claims else []
        if not found:
            return STAY
        return Choice(min(found, key=lambda index: _last_use(view, index)), f"{claims[0][1]} was asked for")


@dataclass(frozen=True, slots=True)
class Turns:
    """Engines take turns. A turn ends for those who wait where that costs nothing or pays.

    1. Those that would go are idle, and less than one request is expected for them during the change, or none
       came for `QUIET_GAPS` of their mean gaps;
    2. `LEAD` times as much is asked of those that would come as of those that would go, the turn has
       lasted one change, and the oldest has waited for `EARLY` of one;
    3. the oldest has waited for `patience_s`, and the turn has lasted `least_turns` changes.

    So where k engines are wanted and not awake, nobody waits longer than the change under way, then k times
    (the longer of patience and least turn, the longest request, one change).
    """

    patience_s: float = 30.0
    least_turns: float = 1.0
    waits: bool = True

    def choose(self, view: View, now: float) -> Choice:
        """The change that is due, or when one may be."""
        claims = view.claims()
        swap = _swap(view, claims[0][1]) if claims else None
        if swap is None:
            return STAY
        (oldest, name), cost_s = claims[0], swap.cost_s()
        quiet_at, pays_at = swap.quiet_at(cost_s), max(view.since + cost_s, oldest + EARLY * cost_s)
        due_at = max(oldest + self.patience_s, view.since + self.least_turns * cost_s)
        if now >= quiet_at:
            return Choice(swap.layout, f"{name} is asked for, {_named(swap.going)} idle")
        if now >= pays_at and (wanted := swap.wanted(now)) > LEAD * (lost := swap.lost(now)):
            return Choice(swap.layout, f"{wanted:.2f} requests/s wait, {lost:.2f} would")
        if now >= due_at:
            return Choice(swap.layout, f"somebody has waited {now - oldest:.0f} s for {name}")
        return Choice(look_at=min([at for at in (quiet_at, pays_at, due_at, now + LOOK_S) if at > now]))


class _Swap(NamedTuple):
    """A change of layout that is thought of: who would go, and who come."""

    layout: int
    rest: Mapping[str, State]
    going: list[Standing]
    coming: list[Standing]

    def cost_s(self) -> float:
        """Seconds in which neither those that go nor those that come answer."""
        out_s = sum([one.profile.out_s(self.rest.get(one.name, State.ABSENT)) for one in self.going])
        return out_s + sum([one.profile.in_s(one.state) for one in self.coming])

    def quiet_at(self, cost_s: float) -> float:
        """When those that go count as done; never while somebody is with them."""
        return max([_quiet_at(one, cost_s) for one in self.going], default=-math.inf)

    def wanted(self, now: float) -> float:
        """Requests a second for those that come."""
        return sum([one.desk.rate(now) for one in self.coming])

    def lost(self, now: float) -> float:
        """Requests a second for those that go."""
        return sum([one.desk.rate(now) for one in self.going])


def _swap(view: View, name: str) -> _Swap | None:
    """To the layout with `name` awake that serves most of those who wait, and then changes least."""
    awake, engines = view.awake, view.engines

    def worth(index: int) -> tuple[int, int, int]:
        goal = view.layouts[index].awake
        waiting = sum(engines[each].desk.waiting for each in goal if each in engines and each not in awake)
        sized = sum(engines[each].kv_bytes == size for each, size in goal.items() if each in engines)
        return waiting, len(goal.keys() & awake.keys()), sized  # who has another KV cache has to restart

    found = view.with_awake(name)
    if not found:
        return None
    index = max(found, key=worth) if len(found) > 1 else found[0]
    goal = view.layouts[index]
    going = [engines[each] for each in awake if each not in goal.awake and each in engines]
    coming = [engines[each] for each in goal.awake if each not in awake and each in engines]
    return _Swap(index, goal.rest, going, coming)


def _quiet_at(one: Standing, cost_s: float) -> float:
    desk = one.desk
    if not desk.idle:
        return math.inf
    return desk.used + (QUIET_GAPS * desk.gap_s if desk.gap_s < cost_s else 0.0)


def _last_use(view: View, index: int) -> float:
    """When somebody last used one of those that would go."""
    goal = view.layouts[index].awake
    going = [view.engines[name] for name in view.awake if name not in goal and name in view.engines]
    return max((one.desk.used for one in going), default=-math.inf)


def _named(engines: Sequence[Standing]) -> str:
    names = " and ".join(one.name for one in engines)
    return f"{names} {'is' if len(engines) == 1 else 'are'}" if names else "nobody has to go: all"
