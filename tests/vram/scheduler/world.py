"""A machine for the core to schedule: engines that take memory, and do not always do as they are told."""

from gpu_cascade.vram.scheduler.core import Core
from gpu_cascade.vram.scheduler.policy import Turns
from gpu_cascade.vram.scheduler.words import HOST, Grant, Kind, Layout, Move, Profile, Refuse, State, Ticket

GPU = "gpu0"
# In "bytes": draft and one of the large ones fit, both large ones do not.
PROFILES = {
    "draft": Profile((GPU,), 10, 2, 10, places=4, boot_s=40, sleep_s=5, wake_s=2),
    "large": Profile((GPU,), 50, 5, 50, places=2, boot_s=60, sleep_s=30, wake_s=9),
    "huge": Profile((GPU,), 60, 6, 60, places=2, boot_s=60, sleep_s=40, wake_s=10),
}
CAPACITY = {GPU: 100, HOST: 120}
BY_TURNS = (
    Layout({"draft": 10, "large": 20}, {"huge": State.ASLEEP}),
    Layout({"draft": 10, "huge": 10}, {"large": State.ASLEEP}),
)
BY_RESTART = (Layout({"draft": 10, "large": 20}, {}), Layout({"draft": 10, "huge": 10}, {}))
EVEN = Layout({"draft": 20, "large": 20}, {})
TILTED = Layout({"draft": 5, "large": 35}, {})
TWO = {name: PROFILES[name] for name in ("draft", "large")}
LEAN = {
    "a": Profile((GPU,), 30, 3, 30, places=2),
    "b": Profile((GPU,), 30, 3, 30, places=2),
}
LEAN_LAYOUTS = (Layout({"a": 40}, {"b": State.KV_RELEASED}), Layout({"b": 40}, {"a": State.KV_RELEASED}))


class World:
    """A core, the requests it was asked for, and what its engines really hold."""

    def __init__(self, profiles=PROFILES, layouts=BY_TURNS, capacity=CAPACITY, policy=None, max_queue=1000):
        self.core = Core(profiles, layouts, capacity, policy or Turns(), max_queue)
        self.profiles, self.capacity = profiles, capacity
        self.now, self.asked = 0.0, 0
        self.moves = {}  # engine -> the move under way
        self.granted, self.refused, self.left, self.waiting = [], [], [], []
        self.physical = {name: {} for name in profiles}
        self.history = []
        self.act(self.core.start(self.now))

    def act(self, actions):
        """Do what the core asked for, and see that it may."""
        for action in actions:
            if isinstance(action, Grant):
                self.closed(action.ticket)
                assert self.core.engines[action.ticket.engine].state in (State.READY, State.DRAINING)
                self.granted.append(action.ticket)
            elif isinstance(action, Refuse):
                self.closed(action.ticket)
                self.refused.append((action.ticket, action.error))
            else:
                self.begin(action)
        self.check()

    def closed(self, ticket):
        assert ticket in self.waiting, "answered twice, or never asked"
        self.waiting.remove(ticket)

    def begin(self, move):
        assert isinstance(move, Move)
        assert move.engine not in self.moves, "two moves at once"
        self.moves[move.engine] = move
        self.history.append((self.now, move.engine, move.kind))
        if move.kind in (Kind.BOOT, Kind.WAKE):
            self.takes(move.engine, State.READY, move.kv_bytes)
        if move.kind is Kind.SLEEP:
            host = {k: v for k, v in self.profiles[move.engine].takes(State.ASLEEP, 0).items() if k == HOST}
            self.physical[move.engine] |= host

    def takes(self, engine, state, kv_bytes):
        held = self.physical[engine] if state is State.READY else {}
        self.physical[engine] = {**held, **self.profiles[engine].takes(state, kv_bytes)}

    def check(self):
        """Nothing is ever over: neither the books nor the memory."""
        for device, capacity in self.capacity.items():
            assert self.core.mover.ledger.free(device) >= 0
            assert sum(held.get(device, 0) for held in self.physical.values()) <= capacity
        for name, one in self.core.engines.items():
            assert 0 <= one.desk.taken <= one.desk.places, name

    # What can happen.

    def ask(self, engine, *, urgent=False):
        self.asked += 1
        ticket = Ticket(engine, self.now, urgent)
        self.waiting.append(ticket)
        self.act(self.core.ask(ticket, self.now))
        return ticket

    def leave(self, ticket):
        self.waiting.remove(ticket)
        self.left.append(ticket)
        self.core.leave(ticket)
        ticket.open = False

    def give_back(self, ticket):
        self.granted.remove(ticket)
        self.act(self.core.give_back(ticket.engine, self.now))

    def end(self, engine, *, ok=True, residue=None):
        """A move comes to its end; an engine that goes to sleep may keep more than was thought."""
        move = self.moves.pop(engine)
        one = self.core.engines[engine]
        if ok:
            state = {Kind.SLEEP: State.ASLEEP, Kind.RELEASE: State.KV_RELEASED, Kind.STOP: State.ABSENT}
            held = self.profiles[engine].takes(state.get(move.kind, State.READY), move.kv_bytes)
            if residue is not None and move.kind is Kind.SLEEP:
                held = {**held, GPU: residue}
            self.physical[engine] = held
        elif move.kind is Kind.BOOT:
            self.physical[engine] = {}
        wrong = "" if ok else f"{move.kind} failed"
        left_bytes = self.physical[engine].get(GPU, 0) if ok else None
        self.act(self.core.moved(engine, move.kind, self.now, wrong=wrong, left_bytes=left_bytes))
        return one

    def lose(self, engine):
        """It breaks off: its memory is gone, until it is back."""
        self.physical[engine] = {}
        self.act(self.core.lost(engine, "killed by signal 9", self.now))

    def back(self, engine):
        one = self.core.engines[engine]
        assert one.lost
        self.takes(engine, State.READY, one.kv_bytes)
        self.act(self.core.back(engine, self.now))

    def wait(self, seconds):
        self.now += seconds
        self.act(self.core.tick(self.now))

    def run(self, seconds=100_000.0):
        """Everything that is under way ends well, and time goes on, until nothing more happens."""
        until = self.now + seconds
        while self.now < until:
            if self.moves:
                engine = next(iter(self.moves))
                self.now += self.profiles[engine].boot_s
                self.end(engine)
            elif lost := next((n for n, one in self.core.engines.items() if one.lost), None):
                self.back(lost)
            elif self.core.look_at is not None and self.core.look_at < until:
                self.now = max(self.now, self.core.look_at)
                self.act(self.core.tick(self.now))
            else:
                return

    def states(self):
        return {name: one.state for name, one in self.core.engines.items()}
