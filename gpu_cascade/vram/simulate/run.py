"""The event loop: users, engines and the scheduler's core, one event after the other."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from ..scheduler.core import Core
from ..scheduler.words import Action, Grant, Kind, Move, Refuse, State, Ticket
from .arrivals import Arrivals
from .journal import Fate, empty_journal
from .load import Slo
from .service import Engine
from .watch import Watch

FOREVER = sys.float_info.max


@dataclass(slots=True, eq=False)
class Ask(Ticket):
    """The ticket of a request; `urgent` where its draft was not kept."""

    request: int = -1


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change in a run. `lasts`: seconds of a move of an engine that stands like that.

    `deadline_s` after their arrival those who still wait for a place leave.
    """

    arrivals: Arrivals
    tiers: tuple[str, ...]
    slo: Slo
    deadline_s: float
    kv_token_bytes: Mapping[str, float]
    lasts: Callable[[str, Kind, State], float]


class Run:
    """A load under way. `good`: requests answered within both promises so far."""

    def __init__(self, setting: Setting, engines: Mapping[str, Engine], core: Core) -> None:
        self.setting, self.core = setting, core
        self.journal = empty_journal(len(setting.arrivals))
        self.good = 0
        self.moves: list[tuple[float, Move]] = []
        self.watch = Watch(core.engines, 0.0)
        self._engines = dict(engines)
        self._next = 0  # the request that arrives next
        self._timers: list[tuple[float, int, Move | Ask]] = []  # heap: ends of moves, ends of patience
        self._numbers = count()

    def copy(self) -> "Run":
        """Another one from here on, which writes into the same journal.

        Whoever goes on with this one loses nothing: a request's entries are written anew as it goes on.
        """
        memo: dict[int, object] = {}
        other = copy(self)
        other.core = deepcopy(self.core, memo)
        other._timers = deepcopy(self._timers, memo)
        other._engines = {name: engine.copy() for name, engine in self._engines.items()}
        other.watch = Watch(other.core.engines, 0.0)
        return other

    def until(self, end: float) -> None:
        """Everything that happens up to `end`, that moment included."""
        core, timers, look, engines = self.core, self._timers, self.watch.look, list(self._engines.items())
        arrive_at, arrivals = self.setting.arrivals.at, len(self.setting.arrivals)
        while True:
            at, engine, name = math.inf, None, ""
            if self._next < arrivals:
                at = arrive_at[self._next]
            for each, one in engines:
                if one.at < at:
                    at, engine, name = one.at, one, each
            due = timers[0][0] if timers else math.inf
            if core.look_at is not None and core.look_at < due:
                due = core.look_at
            if due > end and at > end:
                return
            if due <= at:
                self._due(due)
            elif engine is None:
                self._arrive(at)
            else:
                self._advance(name, engine, at)
            look(min(due, at))

    def act(self, actions: Sequence[Action], now: float) -> None:
        """Do what the core asked for."""
        for action in actions:
            if isinstance(action, Grant):
                self._enter(action.ticket, now)
            elif isinstance(action, Refuse):
                self._close(action.ticket, Fate.REFUSED)
            else:
                self.moves.append((now, action))
                state = self.core.engines[action.engine].state
                self._later(now + self.setting.lasts(action.engine, action.kind, state), action)

    def resize(self, engine: str, kv_bytes: int, now: float) -> None:
        """That engine's KV cache is so large from here on."""
        self._engines[engine].resize(int(kv_bytes / self.setting.kv_token_bytes[engine]), now)

    def _arrive(self, now: float) -> None:
        request, self._next = self._next, self._next + 1
        self._ask(Ask(self.setting.tiers[0], now, request=request), now)

    def _ask(self, ticket: Ask, now: float) -> None:
        self.journal.away[ticket.request] = not self.core.engines[ticket.engine].open
        actions = self.core.ask(ticket, now)
        if actions:
            self.act(actions, now)
        if ticket.open:
            self._later(self.setting.arrivals.at[ticket.request] + self.setting.deadline_s, ticket)

    def _enter(self, ticket: Ticket, now: float) -> None:
        """It has its place. What is too long for the KV cache is refused by the engine."""
        assert isinstance(ticket, Ask)
        request, arrivals = ticket.request, self.setting.arrivals
        (self.journal.top_place if ticket.urgent else self.journal.draft_place)[request] = now
        engine = self._engines[ticket.engine]
        if not engine.enter(request, arrivals.prompts[request], arrivals.tokens[request], now):
            self._close(ticket, Fate.REFUSED)
            self.act(self.core.give_back(ticket.engine, now), now)

    def _advance(self, name: str, engine: Engine, now: float) -> None:
        """Something happened in an engine: some answers may be complete."""
        for request in engine.advance():
            first = engine.began.pop(request)
            actions = self.core.give_back(name, now)
            if actions:
                self.act(actions, now)
            if name == self.setting.tiers[0]:
                self._judge(request, now)
            else:
                self._answer(request, first, now)

    def _judge(self, request: int, now: float) -> None:
        """A draft is complete. Nothing of it was shown before: its first token comes with its last."""
        self.journal.draft_end[request] = now
        top = self.setting.arrivals.tops[request]
        if top:
            self._ask(Ask(self.setting.tiers[top], now, True, request=request), now)
        else:
            self._answer(request, now, now)

    def _answer(self, request: int, first: float, now: float) -> None:
        journal, slo, arrived = self.journal, self.setting.slo, self.setting.arrivals.at[request]
        journal.first[request], journal.end[request], journal.fate[request] = first, now, Fate.ANSWERED
        if first - arrived <= slo.ttft_s and now - arrived <= slo.e2e_s:
            self.good += 1

    def _later(self, at: float, what: Move | Ask) -> None:
        heappush(self._timers, (at, next(self._numbers), what))

    def _due(self, now: float) -> None:
        """A move has ended, or somebody's patience, or the core wants to look."""
        if not self._timers or self._timers[0][0] > now:
            self.act(self.core.tick(now), now)
            return
        what = heappop(self._timers)[2]
        if isinstance(what, Move):
            self._moved(what, now)
        elif what.open:
            self.core.leave(what)
            self._close(what, Fate.LEFT)

    def _moved(self, move: Move, now: float) -> None:
        if move.kind in (Kind.BOOT, Kind.WAKE):
            self.resize(move.engine, move.kv_bytes, now)
        self.act(self.core.moved(move.engine, move.kind, now), now)

    def _close(self, ticket: Ticket, fate: Fate) -> None:
        assert isinstance(ticket, Ask)
        ticket.open = False
        self.journal.fate[ticket.request] = fate
